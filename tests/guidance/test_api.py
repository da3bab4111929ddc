"""Check generation and streaming from the caller's side."""

from __future__ import annotations

import math

import pytest

import guidance
from guidance.decoding import StopReason
from guidance.errors import GrammarError, OutputError, PromptError

TEXTS = ("the true answer", "the answer is here")


def test_generate_returns_one_result_per_prompt(model):
    """One prompt gives a result, a list gives a list, and n gives lists of n."""
    several = guidance.Sampling(n=2)
    assert isinstance(guidance.generate(model, "a", max_tokens=2), guidance.Result)
    assert [type(r) for r in guidance.generate(model, ["a", "b"], max_tokens=2)] == [guidance.Result] * 2
    assert [len(r) for r in guidance.generate(model, ["a", "b"], sampling=several, max_tokens=2)] == [2, 2]
    assert len(guidance.generate(model, "a", sampling=several, max_tokens=2)) == 2
    assert guidance.generate(model, []) == []


def test_free_text_is_its_own_value(model):
    """Nothing and str both mean text."""
    for output in (None, str):
        result = guidance.generate(model, "hello", output, max_tokens=5)
        assert result.value == result.text
        assert result.stop_reason is StopReason.LENGTH


def test_grammar_output_is_its_text(model, finite_grammar):
    """A grammar's value is the text it accepted."""
    result = guidance.generate(model, "hello", finite_grammar(TEXTS))
    assert result.value == result.text
    assert result.text in TEXTS
    assert result.log_prob == pytest.approx(math.fsum(result.log_probs))


def test_same_seed_gives_the_same_text_and_another_seed_another(model):
    """Texts are a function of the seed."""

    def text(seed):
        return guidance.generate(model, "hello", sampling=guidance.Sampling(seed=seed), max_tokens=20).token_ids

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_stream_ends_with_the_result_generate_gives(model, finite_grammar):
    """Deltas join to the text; only the last event carries the result."""
    grammar = finite_grammar(TEXTS)
    events = list(guidance.stream(model, "hello", grammar))
    whole = guidance.generate(model, "hello", grammar)
    assert "".join(event.delta for event in events) == whole.text == events[-1].text
    assert [event.result is None for event in events] == [True] * (len(events) - 1) + [False]
    assert events[-1].result.token_ids == whole.token_ids
    assert all(whole.text.startswith(event.partial) for event in events)


def test_stream_never_splits_a_character(model, finite_grammar):
    """Bytes of an unfinished character wait for the rest."""
    text = "naïve 漢字 🙂🙂"
    events = list(guidance.stream(model, "hello", finite_grammar((text, "n"))))
    assert all("\N{REPLACEMENT CHARACTER}" not in event.text for event in events)
    assert events[-1].text in (text, "n")


def test_stream_can_be_left_early(model):
    """Closing the iterator needs no ceremony."""
    events = guidance.stream(model, "hello", max_tokens=100)
    next(events)
    events.close()


def test_stream_interrupted_returns_what_there_is(model, monkeypatch):
    """Ctrl-C ends a stream with a cancelled result."""
    step = model.language_model.decode_step
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return step(*args, **kwargs)

    monkeypatch.setattr(model.language_model, "decode_step", interrupted)
    *_, last = guidance.stream(model, "hello", max_tokens=50)
    assert last.result.stop_reason is StopReason.CANCELLED


@pytest.mark.parametrize("prompt", [3, None, b"bytes"])
def test_generate_refuses_a_prompt_that_is_not_text(model, prompt):
    """The message names the type it got, alone and in a list."""
    for given in (prompt, [prompt]):
        with pytest.raises(PromptError, match=f"got {type(prompt).__name__} .*expected a string"):
            guidance.generate(model, given)


def test_generate_refuses_an_empty_prompt(model):
    """Without a single token there is nothing to start from."""
    with pytest.raises(PromptError, match="expected at least one"):
        guidance.generate(model, "")


def test_generate_refuses_no_tokens(model):
    """A budget below one token is an error."""
    with pytest.raises(PromptError, match="expected at least 1"):
        guidance.generate(model, "a", max_tokens=0)


@pytest.mark.parametrize(("prompt", "sampling"), [(["a", "b"], guidance.Sampling()), ("a", guidance.Sampling(n=2))])
def test_stream_refuses_several_outputs(model, prompt, sampling):
    """A stream is of one output."""
    with pytest.raises(PromptError, match="use generate"):
        guidance.stream(model, prompt, sampling=sampling)


def test_generate_refuses_an_unknown_type(model):
    """A class without fields has no grammar."""

    class Nothing:
        """Have no fields."""

    with pytest.raises(GrammarError, match="expected a type with a JSON Schema"):
        guidance.generate(model, "a", Nothing)


def test_value_of_a_text_cut_short_is_an_error(model, finite_grammar, monkeypatch):
    """Reading the value says that it was cut and how to avoid it; the text stays at hand."""
    step = model.language_model.decode_step

    def broken(*args, **kwargs):
        return step(*args, **kwargs) * float("nan")

    monkeypatch.setattr(model.language_model, "decode_step", broken)
    result = guidance.generate(model, "hello", finite_grammar(("ab cd", "ab ce", "xb cd", "xb ce")))
    assert result.stop_reason is StopReason.ERROR
    assert not result.is_valid
    with pytest.raises(OutputError, match="cut short"):
        _ = result.value


def test_prompt_too_long_is_cut_on_the_left_when_asked(model):
    """What is kept is the end of the prompt, and there is room for all tokens."""
    prompt = "".join(chr(97 + i % 26) for i in range(300))
    result = guidance.generate(model, prompt, max_tokens=20, overflow="truncate-left")
    expected = guidance.generate(model, prompt[-(256 - 20) :], max_tokens=20)
    assert result.token_ids == expected.token_ids
    assert result.metrics.num_prompt_tokens == 256 - 20
    with pytest.raises(PromptError, match="overflow='middle'"):
        guidance.generate(model, "x", overflow="middle")


def test_batch_that_does_not_fit_runs_in_parts(model, monkeypatch):
    """Memory that ends at more than two rows splits the batch; the texts are the same and the user is told."""
    prompts = ["hello", "the train", "x", "answer"]
    sampling = guidance.Sampling(seed=3)
    expected = guidance.generate(model, prompts, sampling=sampling, max_tokens=6)
    network = model.language_model
    inner = network.decode_step

    def limited(cache, token_ids, *args, **kwargs):
        if token_ids.shape[0] > limit:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 7 bytes")
        return inner(cache, token_ids, *args, **kwargs)

    monkeypatch.setattr(network, "decode_step", limited)
    limit = 2
    with pytest.warns(guidance.errors.BatchSplitWarning, match="a batch of 4 rows did not fit.*as 2 and 2"):
        split = guidance.generate(model, prompts, sampling=sampling, max_tokens=6)
    assert [r.token_ids for r in split] == [r.token_ids for r in expected]
    limit = 0
    with pytest.raises(guidance.GuidanceError, match="no memory for one row"):
        guidance.generate(model, "hello", max_tokens=6)


def test_other_errors_are_not_taken_for_memory(model, monkeypatch):
    """A bug stays a bug."""

    def broken(*args, **kwargs):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(model.language_model, "decode_step", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        guidance.generate(model, "hello", max_tokens=6)
