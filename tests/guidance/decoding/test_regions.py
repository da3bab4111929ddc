"""Check that regions keep their own limits and temperatures, and that nothing changes outside of them."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

import guidance
from fsm.parts.regions import regions_of
from grammars import Tag, capture, free_text, reasoned, regex, tags
from guidance.errors import BudgetError
from guidance.logits import Pipeline


def count_inside(model, grammar, result, name):
    """Count the tokens of an output that were read where the region lies, the one that enters it left out."""
    compiled = grammar.compile(model.vocabulary)
    matcher = compiled.matcher()
    inside = 0
    for token in result.token_ids:
        inside += any(region.name == name for region, _ in regions_of(compiled).at(matcher._position))
        matcher.advance(token)
    return inside


@pytest.mark.parametrize(("limit", "temperature"), [(8, 0.0), (8, 3.0), (9, 1.0), (12, 3.0), (40, 1.0)])
def test_reasoning_ends_within_its_limit(model, limit, temperature):
    """Free text up to a stop takes at most so many tokens, the stop included, and the answer still comes."""
    grammar = reasoned(regex("[ab]{2}"), max_tokens=limit)
    for seed in range(2):
        sampling = guidance.Sampling(temperature=temperature, seed=seed)
        result = guidance.generate(model, "the", grammar, sampling=sampling, max_tokens=120)
        assert result.stop_reason == "accepted"
        assert count_inside(model, grammar, result, "reasoning") <= limit
        assert set(result.captures) == {"reasoning", "answer"}
        assert result.text == f"<think>{result.captures['reasoning']}</think>\n\n{result.captures['answer']}"


def test_a_limit_leaves_short_texts_alone(model):
    """Where the region ends early by itself, the text is what it is without a limit."""
    free, bound = (
        "x" + capture("word", free_text(until=["e", "t", "a", " "]), max_tokens=limit) + "!" for limit in (None, 100)
    )
    for seed in range(2):
        sampling = guidance.Sampling(seed=seed, temperature=0.5)
        assert (
            guidance.generate(model, "in", free, sampling=sampling, max_tokens=90).token_ids
            == guidance.generate(model, "in", bound, sampling=sampling, max_tokens=90).token_ids
        )


def test_each_occurrence_has_the_limit(model):
    """Tags that repeat have their limit each."""
    item = Tag(begin="<", end=">", name="inner", max_tokens=4)
    grammar = tags([item], at_least=3, at_most=3, is_end=True)
    result = guidance.generate(model, "the", grammar, sampling=guidance.Sampling(seed=1), max_tokens=80)
    assert result.stop_reason == "accepted"
    assert len(result.captures["inner"]) == 3
    assert all(len(model.encode_text(text + ">")) <= 4 + 1 for text in result.captures["inner"])


def test_a_limit_that_cannot_be_kept_is_refused(model):
    """A region whose shortest text is longer than its limit is named before anything runs."""
    with pytest.raises(BudgetError, match="capture 'reasoning': got max_tokens=7, expected at least 8"):
        guidance.generate(model, "the", reasoned("x", max_tokens=7), max_tokens=100)


def test_an_endless_region_at_the_global_limit_ends(model):
    """The whole text's own limit is kept in free text too, with many tokens to refuse."""
    grammar = capture("all", free_text(until="\n\n--\n\n"))
    for seed in range(3):
        result = guidance.generate(model, "the", grammar, sampling=guidance.Sampling(seed=seed), max_tokens=16)
        assert result.stop_reason == "accepted"
        assert len(result.token_ids) <= 16


def test_a_region_is_drawn_at_its_own_temperature(model):
    """Tokens inside have the law of their temperature, tokens outside that of the request."""
    grammar = capture("cold", regex("[a-e]"), temperature=0.25) + capture("hot", regex("[a-e]"), temperature=4.0)
    grammar = grammar + regex("[a-e]")
    count = 200
    results = guidance.generate(
        model, "the", grammar, sampling=guidance.Sampling(temperature=1.5, n=count, seed=5), max_tokens=5
    )
    letters = [model.encode_text(letter)[0] for letter in "abcde"]

    def law(prefix: str, temperature: float) -> list[float]:
        _, logits = model.language_model.prefill([[*model.encode("the"), *model.encode_text(prefix)]])
        return torch.softmax(logits[0, -1, letters].double() / temperature, dim=-1).tolist()

    seen = Counter(result.text[0] for result in results)
    for letter, share in zip("abcde", law("", 0.25), strict=True):
        assert abs(seen[letter] / count - share) < 4 * math.sqrt(share * (1 - share) / count) + 1e-3
    first = seen.most_common(1)[0][0]
    chosen = [result for result in results if result.text[0] == first]
    hot = Counter(result.text[1] for result in chosen)
    for letter, share in zip("abcde", law(first, 4.0), strict=True):
        assert abs(hot[letter] / len(chosen) - share) < 4 * math.sqrt(share * (1 - share) / len(chosen)) + 1e-3
    for result in results[:40]:
        for place, temperature in enumerate((0.25, 4.0, 1.5)):
            shares = dict(zip("abcde", law(result.text[:place], temperature), strict=True))
            assert result.log_probs[place] == pytest.approx(math.log(shares[result.text[place]]), abs=1e-3)


@pytest.mark.parametrize("base", [0.0, 1.0, 0.7])
@pytest.mark.parametrize("extra", [{}, {"top_k": 3}, {"temperature_last": True, "top_p": 0.9}])
def test_a_pipeline_at_another_temperature_is_the_pipeline_of_that_temperature(base, extra):
    """Changing the temperature gives the law that the other temperature gives from the start."""
    if base == 0.0 and extra:
        return  # a greedy request has no truncation to keep
    logits = torch.linspace(-2, 3, 7)[None, None]
    tempered = Pipeline(guidance.Sampling(temperature=base, **extra)).at_temperature(1.7)
    expected = Pipeline(guidance.Sampling(temperature=1.7, **extra))
    for pipeline in (tempered, expected):
        assert pipeline.sampling.temperature == 1.7
    found, wanted = (p.process([[p.start(())]], logits, None).logits.softmax(-1) for p in (tempered, expected))
    assert torch.allclose(found, wanted, atol=1e-6)


def test_greedy_regions_take_the_most_likely_token(model):
    """A temperature of 0 inside a drawn text takes the best token there."""
    grammar = capture("best", regex("[a-e]{3}"), temperature=0.0) + regex("[a-e]{3}")
    results = guidance.generate(model, "the", grammar, sampling=guidance.Sampling(n=12, seed=2), max_tokens=8)
    greedy = guidance.generate(model, "the", grammar, max_tokens=8)
    assert {result.captures["best"] for result in results} == {greedy.captures["best"]}
    assert len({result.text for result in results}) > 1
