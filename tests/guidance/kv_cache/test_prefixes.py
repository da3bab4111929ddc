"""Check that what was read is not read again, within its bytes, and that nothing else changes."""

from __future__ import annotations

import random

import pytest
import torch

import guidance
from guidance.kv_cache import Prefill, PrefixCache
from tests.guidance.conftest import make_network, make_tokenizer

SYSTEM = "You are an exact clerk who reads letters and writes down what they say, nothing more and nothing less. "


@pytest.fixture
def model():
    """Return a tiny model of its own, with nothing remembered."""
    return guidance.Model(make_network(), make_tokenizer(), name="tiny")


@pytest.fixture
def read(model, monkeypatch):
    """Return a list that gets the number of positions of every pass."""
    network = model.language_model.network
    sizes = []
    inner = network.forward

    def forward(*args, **kwargs):
        sizes.append(tuple(kwargs["input_ids"].shape))
        return inner(*args, **kwargs)

    monkeypatch.setattr(network, "forward", forward)
    return sizes


def test_second_prompt_reads_only_what_is_new(model, read):
    """Two calls with one beginning: the second reads its own part, and writes what a fresh model writes."""
    first = guidance.generate(model, SYSTEM + "First.", max_tokens=3)
    del read[:]
    second = guidance.generate(model, SYSTEM + "And the second.", max_tokens=3)
    shared = len(model.encode(SYSTEM))
    assert first.metrics.num_cached_tokens == 0
    assert second.metrics.num_cached_tokens >= shared - 1
    assert read[0][1] <= len(model.encode(SYSTEM + "And the second.")) - shared + 1
    fresh = guidance.Model(make_network(), make_tokenizer())
    expected = guidance.generate(fresh, SYSTEM + "And the second.", max_tokens=3)
    assert second.token_ids == expected.token_ids
    assert second.log_probs == pytest.approx(expected.log_probs, abs=1e-4)
    assert (model.prefix_cache.num_queries, model.prefix_cache.num_hits) == (1, 1)


def test_same_prompt_reads_one_token(model, read):
    """The last token is read anew, for its logits."""
    for _ in range(2):
        del read[:]
        guidance.generate(model, SYSTEM, max_tokens=1)
    assert read == [(1, 1)]


def test_batch_reads_what_its_prompts_share_once(model, read):
    """The common beginning takes one row; the rest is read side by side."""
    prompts = [SYSTEM + text for text in ("one", "another one", "x")]
    together = guidance.generate(model, prompts, max_tokens=4)
    shared = len(model.encode(SYSTEM))
    assert read[0][0] == 1
    assert read[0][1] >= shared - 1
    assert read[1][0] == 3
    assert read[1][1] <= len(model.encode("another one")) + 1
    for prompt, result in zip(prompts, together, strict=True):
        fresh = guidance.Model(make_network(), make_tokenizer())
        assert guidance.generate(fresh, prompt, max_tokens=4).token_ids == result.token_ids


def test_remembered_prefixes_stay_within_their_bytes(model):
    """The one used longest ago goes first; what is longer than the bound is not kept."""
    network = model.language_model
    texts = [[10 + i] * 80 for i in range(3)]
    caches = [network.prefill([text])[0] for text in texts]
    kept = PrefixCache(int(2.5 * caches[0].num_bytes))
    kept.remember(texts[0], caches[0])
    kept.remember(texts[1], caches[1])
    assert kept.find(texts[0], most=79).num_tokens == 79
    kept.remember(texts[2], caches[2])
    assert kept.find(texts[1], most=79) is None
    assert kept.find(texts[0], most=79) is not None
    assert (kept.num_prefixes, kept.num_evicted) == (2, 1)
    assert kept.num_bytes <= kept.max_bytes
    small = PrefixCache(caches[0].num_bytes // 2)
    small.remember(texts[0], caches[0])
    assert small.num_prefixes == 0
    kept.clear()
    assert kept.num_bytes == 0


def test_longer_prefixes_replace_those_they_contain(model):
    """A conversation that grows keeps one entry."""
    network = model.language_model
    text = [7, 8, 9] * 50
    kept = PrefixCache(1 << 30)
    for size in (80, 120, 100):
        kept.remember(text[:size], network.prefill([text[:size]])[0])
    assert kept.num_prefixes == 1
    assert kept.find(text, most=149).num_tokens == 120


@pytest.mark.parametrize("chunk_size", [1, 7, 512])
def test_chunked_prefill_equals_a_whole_one(model, chunk_size):
    """Ragged prompts read in chunks of any size give the logits of one pass."""
    generator = random.Random(3)
    prompts = [[generator.randrange(200) for _ in range(size)] for size in (20, 3, 15)]
    whole = model.language_model.prefill(prompts)[1]
    prefill = Prefill(model.language_model, prompts, chunk_size=chunk_size)
    prefill.finish()
    assert prefill.num_calls == -(-20 // chunk_size)
    torch.testing.assert_close(prefill.logits, whole, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        model.language_model.decode_step(prefill.cache, torch.tensor([[1], [2], [3]])),
        model.language_model.decode_step(model.language_model.prefill(prompts)[0], torch.tensor([[1], [2], [3]])),
        atol=1e-4,
        rtol=1e-4,
    )


def test_interrupt_leaves_the_prefixes_consistent(model, monkeypatch):
    """Ctrl-C during a prefill remembers nothing of it; the next call is right."""
    expected = guidance.generate(model, SYSTEM + "one", max_tokens=3)
    monkeypatch.setattr(model.language_model, "decode_step", lambda *args, **kwargs: raise_interrupt())
    cancelled = guidance.generate(model, SYSTEM + "two", max_tokens=3)
    assert cancelled.stop_reason == "cancelled"
    monkeypatch.undo()
    assert guidance.generate(model, SYSTEM + "one", max_tokens=3).token_ids == expected.token_ids
    assert model.prefix_cache.num_prefixes == 1


def raise_interrupt():
    """Be Ctrl-C."""
    raise KeyboardInterrupt
