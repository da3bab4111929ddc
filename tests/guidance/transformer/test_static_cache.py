"""Check that a cache of fixed size changes no text, whatever decodes with it."""

from __future__ import annotations

import pytest
import torch

import guidance
from guidance.errors import ModelError, PromptError
from guidance.transformer import StaticKvCache

SENTENCES = (
    "Mara Lindqvist is 36 and lives in Turin.",
    "In Oslo lives Tamo Beresk, aged 61.",
    "Ada Lovelace, 36, London",
)
PROMPTS = [f"Who is described?\n\n{sentence}" for sentence in SENTENCES]
RECORD = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
    "additionalProperties": False,
}
SAMPLED = guidance.Sampling(temperature=1.5, seed=3, n=2)


@pytest.fixture(scope="module")
def growing():
    """Return the embedded model with the cache that grows."""
    return guidance.load("embedded")


@pytest.fixture(scope="module")
def static():
    """Return the embedded model with a cache of fixed size."""
    return guidance.load("embedded", static_cache=200)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"output": RECORD},
        {"output": RECORD, "sampling": SAMPLED},
        {"sampling": SAMPLED, "heal": True},
        {"output": RECORD, "speculate": guidance.Speculation(draft="prompt-lookup")},
        {"output": RECORD, "search": guidance.Beams(num_beams=3)},
    ],
    ids=["free", "typed", "sampled", "healed", "drafted", "beams"],
)
def test_texts_are_those_of_the_growing_cache(growing, static, options):
    """Rows of different lengths that stop at different times, forget and fork write what they would have written."""
    options = {"max_tokens": 60, "output": None, **options}
    expected, found = (guidance.generate(model, PROMPTS, **options) for model in (growing, static))
    for theirs, ours in zip(_flat(expected), _flat(found), strict=True):
        assert ours.token_ids == theirs.token_ids
        assert ours.log_probs == pytest.approx(theirs.log_probs, abs=1e-4)


def _flat(results):
    return [one for result in results for one in (result if isinstance(result, list) else [result])]


def test_an_engine_joins_rows_of_static_caches(growing, static):
    """Requests that enter a running batch write what they would have written."""
    texts = []
    for model in (growing, static):
        with guidance.Engine(model) as engine:
            tickets = [engine.submit_nowait(prompt, RECORD, max_tokens=60) for prompt in PROMPTS]
            texts.append([ticket.result(timeout=60).text for ticket in tickets])
    assert texts[0] == texts[1]


def test_a_fork_is_as_small_as_its_texts(static):
    """What the prefix cache keeps takes the memory of its tokens, and can still be gone on with."""
    network = static.language_model
    cache, _ = network.prefill([[5, 6, 7]])
    assert isinstance(cache, StaticKvCache)
    fork = cache.fork()
    assert fork.num_bytes * (200 + 1) == cache.num_bytes * 3
    step = torch.tensor([[8]])
    torch.testing.assert_close(network.decode_step(fork, step), network.decode_step(cache, step))
    assert fork.num_bytes == cache.num_bytes


def test_sizes_that_cannot_work_are_refused(static):
    """A row longer than its slots, a prompt that fills them, and networks without such a cache."""
    cache, _ = static.language_model.prefill([[1] * 199])
    with pytest.raises(ModelError, match="got a row of 201 tokens, expected at most 200"):
        static.language_model.decode_step(cache, torch.tensor([[1, 2]]))
    with pytest.raises(PromptError, match="context of 200"):
        guidance.generate(static, "1" * 200)
    with pytest.raises(ModelError, match="static_cache: got 0, expected 1 to 1024"):
        guidance.load("embedded", static_cache=0)


def test_draft_trees_are_refused(static):
    """A token of a tree stands beside others of its position, for which a static cache has one slot."""
    tree = guidance.Speculation(draft="prompt-lookup", tree=(2, 1))
    with pytest.raises(ModelError, match="a cache that is not static; leave tree out"):
        guidance.generate(static, PROMPTS[0], max_tokens=20, speculate=tree)


def test_other_networks_are_refused_a_static_cache(tmp_path):
    """What transformers runs keeps its own cache."""
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=8, n_layer=1, n_head=1)).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="drop static_cache"):
        guidance.load(tmp_path, static_cache=16)
