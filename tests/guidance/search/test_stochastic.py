"""Check draws without replacement against their law."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

import guidance
from guidance.decoding import Request
from guidance.logits import Pipeline
from guidance.search.beam import Beam
from guidance.search.stochastic import StochasticBeams, truncate_gumbels, weigh
from tests.guidance.search.test_beams import PROMPT, compile_grammar, search, text_of
from tests.reference.tiny_world import Table, list_texts

SPREAD = 1.0


def draw(seed, num_beams, *, compiled=None, temperature=1.0):
    """Return the texts of one search."""
    pipeline = Pipeline(guidance.Sampling(temperature=temperature, seed=seed, n=num_beams))
    (found,) = search(Table(8, SPREAD), StochasticBeams(num_beams=num_beams), pipeline=pipeline, compiled=compiled)
    return found


def test_gumbels_keep_their_largest():
    """The largest child has exactly its parent's number, and the others are below it."""
    values = np.random.default_rng(0).gumbel(size=50)
    found = truncate_gumbels(values, -3.0)
    assert found.max() == -3.0
    assert found.argmax() == values.argmax()
    assert (np.argsort(found) == np.argsort(values)).all()


@pytest.mark.parametrize("grammar", ["free", "masked"])
def test_first_text_is_a_plain_draw(grammar):
    """The first of several is distributed as the law: chi-square over all texts."""
    compiled = compile_grammar(grammar)
    texts = list_texts(Table(8, SPREAD), Pipeline(guidance.Sampling()), PROMPT, max_tokens=3, compiled=compiled)
    num_draws = 2000
    counts = Counter(text_of(draw(seed, 2, compiled=compiled)[0]) for seed in range(num_draws))
    assert chi_square(counts, texts, num_draws) < 4.5


def chi_square(counts, texts, num_draws):
    """Return how many standard deviations the chi-square statistic lies above its mean; rare texts are put together."""
    expected = {text: math.exp(value) * num_draws for text, value in texts.items()}
    common = [text for text, value in expected.items() if value >= 5]
    rest = sum(value for value in expected.values() if value < 5)
    total = sum((counts[text] - expected[text]) ** 2 / expected[text] for text in common)
    if rest:
        others = num_draws - sum(counts[text] for text in common)
        total += (others - rest) ** 2 / rest
    freedom = len(common) - (0 if rest else 1)
    return (total - freedom) / math.sqrt(2 * freedom)


def test_as_many_beams_as_texts_return_every_text_once():
    """Nothing is left out and nothing comes twice; the weights are the probabilities."""
    compiled = compile_grammar("masked")
    texts = list_texts(Table(8, SPREAD), Pipeline(guidance.Sampling()), PROMPT, max_tokens=3, compiled=compiled)
    found = draw(3, len(texts), compiled=compiled)
    assert sorted(text_of(beam) for beam in found) == sorted(texts)
    for beam in found:
        assert beam.weight == pytest.approx(math.exp(texts[text_of(beam)]), rel=1e-4)
    assert sorted(found, key=lambda beam: -beam.score) == list(found)


def test_weighted_sum_is_an_unbiased_estimate():
    """The mean length over the law lies within four standard errors of the estimates' mean."""
    compiled = compile_grammar("masked")
    texts = list_texts(Table(8, SPREAD), Pipeline(guidance.Sampling()), PROMPT, max_tokens=3, compiled=compiled)
    exact = sum(math.exp(value) * len(text) for text, value in texts.items())
    sums = [sum(beam.weight * len(text_of(beam)) for beam in draw(seed, 3, compiled=compiled)) for seed in range(400)]
    assert abs(np.mean(sums) - exact) < 4 * np.std(sums) / math.sqrt(len(sums))


def test_weight_of_a_certain_text_is_its_probability():
    """Far above the threshold q is one."""
    assert weigh(math.log(0.3), -50.0) == pytest.approx(0.3)


def test_beams_of_a_prompt_do_not_depend_on_its_neighbours():
    """The same seed gives the same texts alone and beside another prompt."""
    pipeline = Pipeline(guidance.Sampling(seed=4, n=3))
    options = StochasticBeams(num_beams=3)
    together = search(Table(8), options, pipeline=pipeline, prompts=[(2, 2), PROMPT])
    (alone,) = search(Table(8), options, pipeline=pipeline, prompts=[PROMPT])
    assert [text_of(beam) for beam in together[1]] == [text_of(beam) for beam in alone]
    assert isinstance(alone[0], Beam)
    assert isinstance(alone[0].request, Request)
