"""Check searches together with steering, streams, interruption and log-probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch

import guidance
from grammars import regex
from guidance.decoding import Decoder, Request, StopReason
from guidance.logits import Companion, Pipeline, Processor, Stage
from guidance.search import Beams, BestOf, Contrastive, DiverseBeams, StochasticBeams
from tests.guidance.search.test_beams import PROMPT, best_texts, search, text_of
from tests.reference.tiny_world import SIZE, VOCABULARY, Table, list_texts, make_model

SEARCHES = [
    Beams(num_beams=3),
    DiverseBeams(num_groups=2, beams_per_group=2),
    StochasticBeams(num_beams=3),
    Contrastive(k=3),
    BestOf(num_samples=3),
]
SAMPLING = guidance.Sampling(temperature=1.0, seed=2)


class Beside(Companion):
    """Hold an expert's cache."""

    num_bytes = 0

    def __init__(self, table, prompts):
        self.table = table
        self.cache, self.logits = table.prefill(prompts)

    def read(self, token_ids, lengths=None, *, num_logits=1):
        """Read."""
        self.logits = self.table.decode_step(self.cache, token_ids, lengths)

    def select(self, rows):
        """Keep."""
        self.cache.select(rows)
        self.logits = self.logits[list(rows)]

    def drop(self, counts):
        """Forget; nothing here needs it."""
        raise NotImplementedError

    def fork(self):
        """Copy; nothing here needs it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Expert(Processor):
    """Add an expert's logits."""

    stage: ClassVar[Stage] = Stage.COMBINE
    table: Any

    def open(self, prompts):
        """Read the prompts."""
        return Beside(self.table, prompts)

    def process(self, states, logits, context):
        """Add."""
        return logits + 0.8 * context.companion.logits


@pytest.mark.parametrize("grammar", [None, "((a|b)[bc]?|cd|e)f?|g", "ab[c-f]d?"])
def test_experts_follow_the_beams(grammar):
    """Beams over two tables together are beams over their sum, forced beginnings included."""
    base, expert, both = Table(1), Table(2), Table(0)
    both.table = base.table + 0.8 * expert.table
    compiled = None if grammar is None else regex(grammar).compile(VOCABULARY)
    prompts = [PROMPT, (5,)]
    steered = Pipeline(guidance.Sampling(temperature=0.0), [Expert(expert)])
    found = search(base, Beams(num_beams=SIZE**3), pipeline=steered, compiled=compiled, prompts=prompts, max_tokens=4)
    for prompt, (beam,) in zip(prompts, found, strict=True):
        plain = Pipeline(guidance.Sampling(temperature=0.0))
        texts = list_texts(both, plain, prompt, max_tokens=4, compiled=compiled)
        assert text_of(beam) == best_texts(texts, 1.0)[0]
        assert beam.total == pytest.approx(texts[text_of(beam)], abs=1e-4)


@pytest.mark.parametrize("options", SEARCHES)
def test_prompts_of_a_batch_are_found_as_alone(model, options):
    """Neighbours change no token, with a grammar and without."""
    prompts = ["hello", "a much longer prompt than the others", "x"]
    for output in (None, regex('{"a": (true|tea|an), "b": (the|in)+}')):
        together = guidance.generate(model, prompts, output, search=options, sampling=SAMPLING, max_tokens=40)
        for prompt, result in zip(prompts, together, strict=True):
            alone = guidance.generate(model, prompt, output, search=options, sampling=SAMPLING, max_tokens=40)
            assert result.token_ids == alone.token_ids


@pytest.mark.parametrize("options", SEARCHES)
def test_log_probabilities_are_those_of_the_law(model, options):
    """They are what one pass over the text says; base ones agree where nothing is masked."""
    result = guidance.generate(model, "hello", search=options, sampling=SAMPLING, max_tokens=6, base_log_probs=True)
    tokens = [*model.encode("hello"), *result.token_ids]
    with torch.inference_mode():
        logits = model.language_model.network(torch.tensor([tokens])).logits[0, :, : model.vocabulary.size]
    start = len(tokens) - len(result.token_ids)
    expected = [float(torch.log_softmax(logits[i - 1], -1)[tokens[i]]) for i in range(start, len(tokens))]
    assert result.log_probs == pytest.approx(expected, abs=1e-3)
    assert result.base_log_probs == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("options", SEARCHES)
def test_streams_end_with_the_found_text(model, options):
    """A stream of a search yields its result at the end."""
    *_, last = guidance.stream(model, "hello", search=options, sampling=SAMPLING, max_tokens=6)
    found = guidance.generate(model, "hello", search=options, sampling=SAMPLING, max_tokens=6)
    assert last.result.token_ids == found.token_ids
    assert last.text == found.text


@pytest.mark.parametrize("options", SEARCHES)
def test_interrupt_returns_the_best_so_far(model, monkeypatch, options):
    """Ctrl-C in the middle keeps what there is, and the model stays usable."""
    before = guidance.generate(model, "hello", search=options, sampling=SAMPLING, max_tokens=20)
    step, calls = model.language_model.decode_step, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return step(*args, **kwargs)

    monkeypatch.setattr(model.language_model, "decode_step", interrupted)
    result = guidance.generate(model, "hello", search=options, sampling=SAMPLING, max_tokens=20)
    assert result.stop_reason is StopReason.CANCELLED
    assert 0 < len(result.token_ids) < 20
    monkeypatch.undo()
    again = guidance.generate(model, "hello", search=options, sampling=SAMPLING, max_tokens=20)
    assert again.token_ids == before.token_ids


@pytest.mark.parametrize("options", SEARCHES)
def test_stop_strings_end_searched_texts(model, options):
    """The text ends before the stop, also where it straddles tokens."""
    output = regex("is there an answer(s| here)")
    result = guidance.generate(model, "hello", output, search=options, sampling=SAMPLING, stop="e a")
    assert (result.text, result.stop_reason) == ("is ther", StopReason.STOP)


def test_mirostat_moves_with_what_an_expert_says():
    """Version 1 needs the law before truncation, which steered draws know as well."""
    pipeline = Pipeline(guidance.Sampling(seed=1, mirostat=1, mirostat_tau=1.0), [Expert(Table(2))])
    requests = [Request(prompt_ids=PROMPT, pipeline=pipeline, max_tokens=6, row=row) for row in range(3)]
    decoder = Decoder(make_model(Table(1)), requests)
    for _ in decoder.run():
        pass
    assert all(row.states[-1] != 2.0 for row in decoder.rows if row.token_ids)
