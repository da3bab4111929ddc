"""Check the loop: batches equal single runs, prompts are read once, rows stop for the right reason."""

from __future__ import annotations

import math

import pytest
import torch

import guidance
from guidance.decoding import StopReason
from guidance.errors import BudgetError, PromptError
from guidance.model import Model

PROMPTS = ["hello", "a much longer prompt than the others", "x", "hello"]
TEXTS = ("the true answer", "the answer is here", "never", "then")


class Counting:
    """Count what a language model is asked."""

    def __init__(self, inner):
        self.inner = inner
        self.num_prefilled = 0
        self.num_steps = 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def prefill(self, prompts):
        """Count the prompts."""
        self.num_prefilled += len(prompts)
        return self.inner.prefill(prompts)

    def decode_step(self, *args, **kwargs):
        """Count the step."""
        self.num_steps += 1
        return self.inner.decode_step(*args, **kwargs)


@pytest.fixture
def counted(model, monkeypatch):
    """Return the model with its language model counted."""
    counting = Counting(model.language_model)
    monkeypatch.setattr(model, "language_model", counting)
    return counting


@pytest.mark.parametrize(
    "sampling",
    [
        guidance.Sampling(temperature=0.0),
        guidance.Sampling(temperature=1.0, seed=5, n=3),
        guidance.Sampling(temperature=0.8, top_p=0.9, min_p=0.01, seed=6, n=2),
    ],
)
@pytest.mark.parametrize("constrained", [False, True])
def test_rows_of_a_ragged_batch_equal_their_single_runs(model, finite_grammar, sampling, constrained):
    """Neither the other rows nor their number changes a row's tokens."""
    output = finite_grammar(TEXTS) if constrained else None
    batch = guidance.generate(model, PROMPTS[:3], output, sampling=sampling, max_tokens=24)
    for prompt, together in zip(PROMPTS[:3], batch, strict=True):
        alone = guidance.generate(model, prompt, output, sampling=sampling, max_tokens=24)
        rows = zip(together, alone, strict=True) if sampling.n > 1 else [(together, alone)]
        for one, other in rows:
            assert one.token_ids == other.token_ids
            assert one.log_probs == pytest.approx(other.log_probs, abs=1e-4)


def test_greedy_equals_transformers_generate(model):
    """Without a grammar the loop writes what the library's own loop writes."""
    network = model.language_model.network
    prompt_ids = model.encode("hello there")
    expected = network.generate(
        torch.tensor([prompt_ids]), max_new_tokens=30, do_sample=False, eos_token_id=264, pad_token_id=264
    )[0, len(prompt_ids) :].tolist()
    result = guidance.generate(model, "hello there", max_tokens=30)
    usable = next((i for i, token in enumerate(expected) if token >= model.vocabulary.size - 1), len(expected))
    assert list(result.token_ids[:usable]) == expected[:usable]
    assert usable > 0


def test_repeated_prompts_draw_different_texts(model):
    """A prompt given twice is two outputs, as if n were 2."""
    sampling = guidance.Sampling(seed=1)
    first, _, _, second = guidance.generate(model, PROMPTS, sampling=sampling, max_tokens=12)
    both = guidance.generate(model, "hello", sampling=guidance.Sampling(seed=1, n=2), max_tokens=12)
    assert [first.token_ids, second.token_ids] == [result.token_ids for result in both]
    assert first.token_ids != second.token_ids


def test_prompt_is_read_once_for_all_its_outputs(model, counted):
    """Five outputs of two prompts take two prompts' prefill."""
    guidance.generate(model, PROMPTS[:2], sampling=guidance.Sampling(n=5), max_tokens=4)
    assert counted.num_prefilled == 2
    assert counted.num_steps == 3


def test_forced_tokens_take_no_model_call(model, counted, finite_grammar):
    """A text without any choice is written without asking the model."""
    result = guidance.generate(model, "hello", finite_grammar(("only this!",)))
    assert (result.value, result.stop_reason) == ("only this!", StopReason.ACCEPTED)
    assert counted.num_prefilled == counted.num_steps == 0
    assert result.metrics.forced_share == 1.0
    assert set(result.log_probs) == {0.0}


def test_forced_runs_are_read_in_one_pass(model, counted, finite_grammar):
    """Each model call is followed by one draw, however many tokens are forced after it."""
    result = guidance.generate(model, "hello", finite_grammar(TEXTS), sampling=guidance.Sampling(seed=2))
    drawn = result.metrics.num_output_tokens - result.metrics.num_forced_tokens
    assert result.text in TEXTS
    assert counted.num_steps + 1 == drawn + (result.stop_reason is StopReason.EOS)
    assert len(result.log_probs) == len(result.token_ids)


def test_forcing_does_not_change_the_text(model, finite_grammar):
    """Greedy choices with and without forced appends agree when tokens are single bytes."""
    from guidance.decoding import Decoder, Request
    from guidance.logits import Pipeline

    compiled = finite_grammar(("abcde", "abxyz")).compile(model.vocabulary)
    texts = []
    for forces in (True, False):
        request = Request(
            prompt_ids=tuple(model.encode("hello")),
            pipeline=Pipeline(guidance.Sampling(temperature=0.0)),
            max_tokens=20,
            compiled=compiled,
        )
        decoder = Decoder(model, [request], forces=forces)
        for _ in decoder.run():
            pass
        texts.append(bytes(decoder.rows[0].text))
    assert texts[0] == texts[1]


def test_log_probs_are_of_the_law_drawn_from(model):
    """They match the network's own logits, and the base law differs only by mask and temperature."""
    result = guidance.generate(
        model, "hello", sampling=guidance.Sampling(temperature=0.5, seed=3), max_tokens=8, base_log_probs=True
    )
    ids = [*model.encode("hello"), *result.token_ids]
    with torch.inference_mode():
        logits = model.language_model.network(torch.tensor([ids])).logits[0, -len(result.token_ids) - 1 : -1]
    vocabulary = logits[:, : model.vocabulary.size]
    for step, token in enumerate(result.token_ids):
        assert result.base_log_probs[step] == pytest.approx(
            torch.log_softmax(vocabulary[step], -1)[token].item(), abs=1e-4
        )
        assert result.log_probs[step] == pytest.approx(
            torch.log_softmax(vocabulary[step] / 0.5, -1)[token].item(), abs=1e-4
        )


def test_base_log_probs_of_forced_tokens_are_not_numbers(model, finite_grammar):
    """What was never drawn has no base log-probability."""
    result = guidance.generate(model, "hello", finite_grammar(("only this",)), base_log_probs=True)
    assert len(result.base_log_probs) == len(result.token_ids)
    assert all(math.isnan(value) for value in result.base_log_probs)


def test_length_stops_a_row(model):
    """The budget is exact."""
    result = guidance.generate(model, "hello", max_tokens=7)
    assert (len(result.token_ids), result.stop_reason) == (7, StopReason.LENGTH)


def test_context_stops_a_row(model):
    """Prompt and output together never exceed the context."""
    result = guidance.generate(model, "x" * 250, max_tokens=100)
    assert len(result.token_ids) == 6


def test_prompt_longer_than_the_context_is_refused(model):
    """The message names both sizes and the cure."""
    with pytest.raises(PromptError, match="got 300 tokens, expected fewer than the model's context of 256; shorten"):
        guidance.generate(model, "x" * 300)


def test_budget_below_the_shortest_output_is_refused(model, finite_grammar):
    """It is refused before the first token and says what is enough."""
    with pytest.raises(BudgetError, match="got 2, expected at least 5") as caught:
        guidance.generate(model, "hello", finite_grammar(("never", "nevermore")), max_tokens=2)
    assert caught.value.needed == 5


@pytest.mark.parametrize("sampling", [guidance.Sampling(temperature=0.0), guidance.Sampling(seed=1, n=40)])
def test_budget_always_ends_in_a_whole_output(model, finite_grammar, sampling):
    """However the model chooses, tokens that lead too far from an end are not taken."""
    texts = tuple(letter * length for letter in "abcdefgh" for length in (3, 5, 30))
    results = guidance.generate(model, "hello", finite_grammar(texts), sampling=sampling, max_tokens=6)
    for result in results if isinstance(results, list) else [results]:
        assert result.text in texts
        assert len(result.token_ids) <= 6


def test_budget_draws_from_the_law_of_what_fits(model, finite_grammar):
    """Refused draws are drawn again from the rest, in proportion."""
    prompt = "hello"
    short, long = ("a", "b", "d"), ("c" * 40, "the" * 20)
    sampling = guidance.Sampling(seed=2, n=4000)
    results = guidance.generate(model, prompt, finite_grammar(short + long), sampling=sampling, max_tokens=3)
    with torch.inference_mode():
        logits = model.language_model.network(torch.tensor([model.encode(prompt)])).logits[0, -1]
    law = torch.softmax(logits[[model.encode(text)[0] for text in short]], -1).tolist()
    for text, share in zip(short, law, strict=True):
        counted = sum(result.text == text for result in results)
        assert abs(counted - 4000 * share) < 4 * math.sqrt(4000 * share * (1 - share)) + 1


def test_forced_runs_are_written_in_the_tokenizers_own_tokens(model, finite_grammar):
    """A forced word is the tokens the tokenizer gives it, not single bytes; an open last piece is left to the model."""
    text = "the answer is in the train"
    result = guidance.generate(model, "hello", finite_grammar((text,)))
    assert list(result.token_ids) == model.encode(text)


@pytest.mark.parametrize("stop", ["e", "the", "r a"])
def test_stop_string_ends_the_text_before_it(model, finite_grammar, stop):
    """Also where it straddles tokens."""
    text = "is there an answer"
    result = guidance.generate(model, "hello", finite_grammar((text,)), stop=stop)
    place = text.find(stop)
    assert result.text == (text if place < 0 else text[:place])


def test_broken_logits_stop_their_row_only(model, monkeypatch):
    """A row whose logits are not numbers ends with an error; its neighbour goes on."""
    step = model.language_model.decode_step

    def broken(cache, token_ids, *args, **kwargs):
        logits = step(cache, token_ids, *args, **kwargs).clone()
        if logits.shape[0] == 2:
            logits[0] = float("nan")
        return logits

    monkeypatch.setattr(model.language_model, "decode_step", broken)
    first, second = guidance.generate(model, PROMPTS[:2], max_tokens=5)
    assert first.stop_reason is StopReason.ERROR
    assert (len(second.token_ids), second.stop_reason) == (5, StopReason.LENGTH)


def test_interrupt_returns_what_there_is(model, monkeypatch):
    """Ctrl-C in the middle keeps the tokens so far, and the model stays usable."""
    step = model.language_model.decode_step
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return step(*args, **kwargs)

    monkeypatch.setattr(model.language_model, "decode_step", interrupted)
    result = guidance.generate(model, "hello", max_tokens=50)
    assert result.stop_reason is StopReason.CANCELLED
    assert len(result.token_ids) == 3
    monkeypatch.undo()
    assert guidance.generate(model, "hello", max_tokens=50).token_ids[:3] == result.token_ids


def test_metrics_add_up(model, finite_grammar):
    """Counts and times are consistent with each other."""
    metrics = guidance.generate(model, "hello", finite_grammar(TEXTS[:2])).metrics
    assert 0 < metrics.num_forced_tokens < metrics.num_output_tokens
    assert 0 < metrics.time_to_first_token_seconds <= metrics.total_seconds
    assert 0 < metrics.prefill_seconds < metrics.total_seconds
    assert metrics.mask_seconds > 0
    assert metrics.kv_cache_bytes > 0
    assert metrics.to_json()["tokens_per_second"] == pytest.approx(metrics.tokens_per_second)


def test_logits_wider_than_the_vocabulary_never_give_a_padded_token(model):
    """Columns without a token are not drawn, at any temperature."""
    assert isinstance(model, Model)
    results = guidance.generate(model, "hello", sampling=guidance.Sampling(temperature=50.0, n=20), max_tokens=20)
    assert model.language_model.logits_size > model.vocabulary.size
    assert all(token < model.vocabulary.size for result in results for token in result.token_ids)
