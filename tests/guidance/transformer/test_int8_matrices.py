"""Check weights in eight bits against the weights they stand for."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

import guidance
from guidance.errors import ModelError
from guidance.transformer.int8_matrices import Int8Matrices, quantise_rows
from proxy_tuning.stack import can_stack
from tests.guidance.transformer.test_static_cache import PROMPTS, RECORD


@pytest.mark.parametrize("num_rows", [1, 3, 8, 9, 40])
@pytest.mark.parametrize("biased", [False, True])
def test_products_are_those_of_the_rounded_weights(num_rows, biased):
    """One row or many, the product is that of matrix times scales, to what bfloat16 can say."""
    random = torch.Generator().manual_seed(num_rows)
    weight = torch.randn(48, 64, generator=random)
    weight[5] = 0.0
    matrix, scales = quantise_rows(weight)
    rounded = matrix.float() * scales.float()[:, None]
    assert float(((rounded - weight).abs() / scales.float()[:, None]).max()) <= 0.51
    rows = torch.randn(num_rows, 1, 64, generator=random).bfloat16()
    bias = torch.randn(48, generator=random).bfloat16() if biased else None
    product = Int8Matrices({id(matrix): scales})(rows, matrix, bias)
    expected = functional.linear(rows.float(), rounded, None if bias is None else bias.float())
    torch.testing.assert_close(product.float(), expected, atol=0.15, rtol=0.02)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
@pytest.mark.parametrize("options", [{}, {"static_cache": 200}], ids=["growing", "static"])
def test_short_weights_still_extract(dtype, options):
    """The embedded model reads sentences right in sixteen bits and in eight, and takes the memory it was to take."""
    model = guidance.load("embedded", dtype=dtype, **options)
    results = guidance.generate(model, PROMPTS, RECORD, max_tokens=60)
    assert [result.value["age"] for result in results] == [36, 61, 36]
    assert results[2].value == {"name": "Ada Lovelace", "age": 36, "city": "London"}
    weights = model.language_model.weights
    layers = [
        getattr(part, name)
        for layer in weights.layers
        for part in (layer, layer.scales)
        if part is not None
        for name in ("qkv", "out", "gate_up", "down")
    ]
    norms = [weights.norm, *(n for layer in weights.layers for n in (layer.input_norm, layer.middle_norm))]
    size = sum(tensor.nbytes for tensor in [weights.embedding, *norms, *layers])
    assert guidance.estimate("embedded", dtype=dtype).weights_bytes == size
    assert guidance.estimate(model, dtype=dtype).weights_bytes == size


def test_short_weights_decode_on_the_device():
    """Steps of fixed shape read them too."""
    model = guidance.load("embedded", dtype="int8")
    usual, fixed = (guidance.generate(model, PROMPTS, max_tokens=50, on_device=flag) for flag in (False, True))
    assert [one.text for one in fixed] == [one.text for one in usual]


def test_networks_in_eight_bits_are_not_stacked():
    """Stacked products know no scales."""
    networks = [guidance.load("embedded", dtype="int8").language_model for _ in range(2)]
    assert not can_stack(networks)


def test_other_networks_are_refused_eight_bits(tmp_path):
    """What transformers runs keeps its own weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=8, n_layer=1, n_head=1)).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="drop dtype"):
        guidance.load(tmp_path, dtype="int8")
    with pytest.raises(ModelError, match="without intermediate_size"):
        guidance.estimate(tmp_path, dtype="int8")
