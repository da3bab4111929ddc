"""Check the compiled loops of a step of a few tokens against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from guidance.transformer import LlamaCausalLM, read_checkpoint
from guidance.transformer._kernels import add_norm_kernel, gate_up_kernel
from tests.guidance.transformer.test_llama import FAMILIES, make

PROMPTS = [[1, 2, 3, 4, 5, 6, 7], [8, 9], [10, 11, 12, 13]]
PLAIN = [family for family in FAMILIES if family[0] != "Qwen3"]


@pytest.mark.parametrize("static_cache", [None, 40])
@pytest.mark.parametrize(("family", "changes"), PLAIN)
def test_compiled_steps_equal_torch(family, changes, static_cache, tmp_path):
    """Ragged rows, holes, reordered rows and growing caches: every step's logits are those of the path in torch."""
    make(family, **changes).save_pretrained(tmp_path)
    read = read_checkpoint(tmp_path)
    compiled, torch_alone = (LlamaCausalLM(*read, static_cache=static_cache) for _ in range(2))
    assert compiled._row_step is not None
    torch_alone._row_step = None
    caches = [model.prefill(PROMPTS)[0] for model in (compiled, torch_alone)]
    for step in range(12):
        tokens = torch.arange(3)[:, None] + torch.arange(step, step + 1 + step % 4)
        ours, expected = (
            model.decode_step(cache, tokens, num_logits=1 + step % 3)
            for model, cache in zip((compiled, torch_alone), caches, strict=True)
        )
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)
        for cache in caches:
            if step == 3:
                cache.drop([1, 0, 2])
            if step == 6:
                cache.select([2, 2, 0])


def test_rows_without_a_new_token_take_the_path_in_torch(tmp_path):
    """A row that gains nothing beside others that do keeps its text."""
    make("Llama").save_pretrained(tmp_path)
    model = LlamaCausalLM(*read_checkpoint(tmp_path))
    cache, _ = model.prefill(PROMPTS[:2])
    model.decode_step(cache, torch.tensor([[5], [0]]), [1, 0])
    logits = model.decode_step(cache, torch.tensor([[6], [6]]))
    for row, text in enumerate(([*PROMPTS[0], 5, 6], [*PROMPTS[1], 6])):
        torch.testing.assert_close(logits[row], model.prefill([text])[1][0], atol=1e-4, rtol=1e-4)


def test_networks_of_other_kinds_take_the_path_in_torch(tmp_path):
    """Normed queries and short numbers are not what the loops compute."""
    make("Qwen3", head_dim=16).save_pretrained(tmp_path)
    assert LlamaCausalLM(*read_checkpoint(tmp_path))._row_step is None
    make("Llama").save_pretrained(tmp_path)
    for dtype in (torch.bfloat16, torch.int8):
        assert LlamaCausalLM(*read_checkpoint(tmp_path, dtype=dtype))._row_step is None


@pytest.mark.parametrize("size", [1, 5, 64, 1000])
def test_gated_products_equal_torch(size):
    """Any gate, the largest and the smallest included, to 1e-6; what is not a number stays so."""
    random = np.random.default_rng(size)
    gate_up = random.normal(0, 30, (4, 2 * size)).astype(np.float32)
    gate_up[0, 0], gate_up[1, 0], gate_up[2, 0] = 1e30, -100.0, np.nan
    powers = np.empty(size, np.int32)
    product = np.empty((4, size), np.float32)
    gate_up_kernel(gate_up, powers, powers.view(np.float32), product)
    gate, up = torch.from_numpy(gate_up).chunk(2, dim=-1)
    expected = functional.silu(gate) * up
    torch.testing.assert_close(torch.from_numpy(product), expected, atol=1e-30, rtol=2e-6, equal_nan=True)


@pytest.mark.parametrize("size", [1, 7, 256])
@pytest.mark.parametrize("changed", [False, True])
def test_norms_equal_torch(size, changed):
    """The sum is left in place of the first, and its norm beside it; no rows are no work."""
    for num_rows in (0, 1, 3):
        hidden, change, weight = torch.randn(num_rows, size), torch.randn(num_rows, size), torch.randn(size)
        total = hidden + change if changed else hidden.clone()
        normed = np.empty((num_rows, size), np.float32)
        add_norm_kernel(hidden.numpy(), change.numpy(), changed, weight.numpy(), np.float32(1e-5), normed)
        torch.testing.assert_close(hidden, total)
        expected = functional.rms_norm(total, (size,), weight, 1e-5)
        torch.testing.assert_close(torch.from_numpy(normed), expected, atol=1e-6, rtol=1e-5)
