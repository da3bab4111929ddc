"""Check products with matrices in blocks against those in the usual layout."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from guidance.transformer import HuggingFaceCausalLM, LlamaCausalLM, read_checkpoint
from guidance.transformer.packed_matrices import make_linear

LARGE = (2048, 2048)


@pytest.mark.parametrize("shape", [(1, 2048), (3, 1, 2048), (2, 7, 2048)])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_products_equal_plain_ones(shape, biased, dtype):
    """Any number of leading dimensions, with and without a bias, twice on the same copy."""
    random = torch.Generator().manual_seed(len(shape))
    weight = (torch.randn(LARGE, generator=random) / 45).to(dtype)
    bias = torch.randn(2048, generator=random).to(dtype) if biased else None
    linear = make_linear([weight])
    assert linear is not functional.linear
    with torch.inference_mode():
        for _ in range(2):
            rows = torch.randn(shape, generator=random).to(dtype)
            torch.testing.assert_close(linear(rows, weight, bias), functional.linear(rows, weight, bias))


@pytest.mark.parametrize("weight", [torch.zeros(8, 8), torch.zeros(LARGE, dtype=torch.float64)], ids=["small", "wide"])
def test_what_does_not_gain_is_left_alone(weight):
    """Small matrices, and those of other types, are multiplied as they are."""
    assert make_linear([weight]) is functional.linear


def test_a_network_of_packed_matrices_equals_transformers(tmp_path):
    """A network large enough for blocks gives the same logits to 1e-4, ragged rows included."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"vocab_size": 999, "hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4}
    config = LlamaConfig(**sizes, num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=128)
    network = LlamaForCausalLM(config).eval()
    network.save_pretrained(tmp_path)
    expected, model = HuggingFaceCausalLM(network), LlamaCausalLM(*read_checkpoint(tmp_path))
    prompts = [[5, 6, 7], [8], [9, 10]]
    (theirs, their_logits), (ours, our_logits) = expected.prefill(prompts), model.prefill(prompts)
    torch.testing.assert_close(our_logits, their_logits, atol=1e-4, rtol=1e-4)
    step = torch.tensor([[1], [2], [3]])
    torch.testing.assert_close(model.decode_step(ours, step), expected.decode_step(theirs, step), atol=1e-4, rtol=1e-4)
