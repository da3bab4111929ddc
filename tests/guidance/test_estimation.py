"""Check that what is estimated before loading is what is allocated then, within five percent."""

from __future__ import annotations

import pytest
import torch

import guidance
from guidance.errors import ModelError
from tests.guidance.conftest import make_network, make_tokenizer


def test_embedded_model_takes_what_was_estimated():
    """Weights exactly, the cache of a full context within five percent."""
    model = guidance.load("embedded")
    size = model.context_size
    expected = guidance.estimate("embedded", batch_size=2, context_size=size)
    weights = model.language_model.weights
    tensors = {id(weights.embedding): weights.embedding, id(weights.head): weights.head, id(weights.norm): weights.norm}
    for layer in weights.layers:
        for name in layer.__slots__:
            if isinstance(getattr(layer, name), torch.Tensor):
                tensors[id(getattr(layer, name))] = getattr(layer, name)
    assert expected.weights_bytes == sum(tensor.nbytes for tensor in tensors.values())
    cache, _ = model.language_model.prefill([[5] * (size - 3)] * 2)
    for _ in range(3):
        model.language_model.decode_step(cache, torch.tensor([[1], [2]]))
    assert cache.num_bytes == pytest.approx(expected.kv_cache_bytes, rel=0.05)
    assert guidance.estimate(model, batch_size=2, context_size=size) == expected
    assert expected.mask_bytes == 2 * 1024 // 8
    assert expected.total_bytes > expected.weights_bytes + expected.kv_cache_bytes


def test_grouped_heads_are_counted_once():
    """A transformers model agrees with its configuration, in its dtype; the cache is that of the KV heads."""
    network = make_network()
    expected = guidance.estimate(network.config, batch_size=3, context_size=100)
    assert expected.weights_bytes == sum(parameter.nbytes for parameter in network.parameters())
    model = guidance.Model(network, make_tokenizer())
    cache, _ = model.language_model.prefill([[5] * 100] * 3)
    assert cache.num_bytes == expected.kv_cache_bytes
    assert guidance.estimate(network.config, dtype="bfloat16").weights_bytes * 2 == expected.weights_bytes


def test_gpt2_names_are_understood():
    """Other families call their sizes otherwise."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=4)
    expected = guidance.estimate(config, batch_size=2, context_size=10)
    assert expected.weights_bytes == sum(parameter.nbytes for parameter in GPT2LMHeadModel(config).parameters())
    assert expected.kv_cache_bytes == 2 * 2 * 32 * 10 * 2 * 4


@pytest.mark.parametrize(
    ("model", "message"), [({"hidden_size": 3}, "without num_hidden_layers"), ("no such model", "no such folder")]
)
def test_what_tells_no_sizes_is_refused(model, message):
    """The message names what is missing."""
    with pytest.raises(ModelError, match=message):
        guidance.estimate(model)
    with pytest.raises(ModelError, match="dtype"):
        guidance.estimate("embedded", dtype="int3")
