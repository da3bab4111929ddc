"""Check that rows forget tokens of their own number, in both caches, as if they had never been read."""

from __future__ import annotations

import random

import pytest
import torch

from guidance.transformer import HuggingFaceCausalLM, LlamaCausalLM, StaticKvCache, read_checkpoint


def make_network(kind):
    """Return a tiny random network."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig
    from transformers import MistralForCausalLM as Mistral

    torch.manual_seed(0)
    if kind == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=128)).eval()
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"num_key_value_heads": 2, "max_position_embeddings": 128, "vocab_size": 50}
    if kind == "window":
        return Mistral(MistralConfig(sliding_window=6, **sizes)).eval()
    return LlamaForCausalLM(LlamaConfig(**sizes)).eval()


@pytest.fixture(scope="module", params=["llama", "plain", "static", "window", "gpt2"])
def model(request, tmp_path_factory):
    """Return a model of each implementation; `plain` and `static` are our own decoder, with both its caches."""
    network = make_network(request.param)
    if request.param not in {"plain", "static"}:
        return HuggingFaceCausalLM(network)
    folder = tmp_path_factory.mktemp("llama")
    network.save_pretrained(folder)
    return LlamaCausalLM(*read_checkpoint(folder), static_cache=120 if request.param == "static" else None)


def append(model, cache, texts, generator):
    """Append a random number of tokens, at least one, to each row; return the logits after them."""
    new = [[generator.randrange(50) for _ in range(generator.randint(1, 4))] for _ in texts]
    longest = max(map(len, new))
    padded = torch.tensor([[0] * (longest - len(line)) + line for line in new])
    logits = model.decode_step(cache, padded, [len(line) for line in new])
    for text, line in zip(texts, new, strict=True):
        text.extend(line)
    return logits[:, -1]


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_forget_equal_fresh_prefills(model, seed):
    """After any appends, drops and selections the next logits are those of the remaining text, to 1e-4."""
    generator = random.Random(seed)
    texts = [[generator.randrange(50) for _ in range(generator.randint(3, 8))] for _ in range(3)]
    cache, _ = model.prefill(texts)
    for _ in range(6):
        append(model, cache, texts, generator)
        counts = [generator.randint(0, min(4, len(text) - 1)) for text in texts]
        cache.drop(counts)
        texts = [text[: len(text) - count] for text, count in zip(texts, counts, strict=True)]
        if generator.random() < 0.3:
            rows = [generator.randrange(3) for _ in range(3)]
            cache.select(rows)
            texts = [list(texts[row]) for row in rows]
        logits = append(model, cache, texts, generator)
        for row, text in enumerate(texts):
            torch.testing.assert_close(logits[row], model.prefill([text])[1][0, -1], atol=1e-4, rtol=1e-4)


def test_forgetting_the_same_number_frees_the_slots(model):
    """One row, or rows that agree, keep no holes: speculation on one row costs no memory."""
    cache, _ = model.prefill([[1, 2, 3]])
    for _ in range(5):
        model.decode_step(cache, torch.tensor([[4, 5, 6, 7]]))
        cache.drop([3])
    assert cache.num_slots == 8
    assert isinstance(cache, StaticKvCache) or cache.slots.live is None


def test_rows_join_a_running_batch(model):
    """Rows read apart, joined, and decoded together equal fresh prefills, whichever of the two is longer."""
    generator = random.Random(5)
    texts = [[1, 2, 3, 4, 5, 6], [7, 8]]
    cache, _ = model.prefill(texts)
    for newcomers in ([[9, 10, 11]], [[12] * 20, [13, 14]]):
        joined, _ = model.prefill(newcomers)
        cache.join(joined)
        texts += [list(text) for text in newcomers]
        for _ in range(2):
            logits = append(model, cache, texts, generator)
            for row, text in enumerate(texts):
                torch.testing.assert_close(logits[row], model.prefill([text])[1][0, -1], atol=1e-4, rtol=1e-4)


def test_holes_are_closed_before_they_fill_the_cache(model):
    """Rows that forget different numbers again and again keep a cache not much longer than their texts."""
    generator = random.Random(6)
    texts = [[1, 2, 3, 4, 5], [6, 7]]
    cache, _ = model.prefill(texts)
    for step in range(60):
        model.decode_step(cache, torch.tensor([[9, 9, 9, 9, 9]] * 2))
        cache.drop([5, 4] if step % 2 else [4, 5])
        texts[1 if step % 2 else 0].append(9)
        assert cache.num_slots <= 2 * max(map(len, texts)) + 64 + 5
        cache.drop([0, 1] if step % 2 else [1, 0])
        texts[1 if step % 2 else 0].pop()
    logits = append(model, cache, texts, generator)
    for row, text in enumerate(texts):
        torch.testing.assert_close(logits[row], model.prefill([text])[1][0, -1], atol=1e-4, rtol=1e-4)
