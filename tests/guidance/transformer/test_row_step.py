"""Check the compiled loops of a step of a few tokens against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from guidance.transformer import LlamaCausalLM, read_checkpoint
from guidance.transformer._kernels import add_norm_kernel, gate_up_kernel, multiply_rows_kernel
from guidance.transformer.panels import pack_panels
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


def test_rows_without_a_new_token_keep_their_text(tmp_path):
    """A row may gain nothing beside others that do."""
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
    product = np.empty((4, size), np.float32)
    gate_up_kernel(gate_up, product)
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


@pytest.mark.parametrize("is_wide", [False, True])
@pytest.mark.parametrize(("num_outputs", "depth"), [(1, 1), (16, 3), (33, 8), (80, 33), (100, 7)])
def test_products_equal_torch_in_every_tile(num_outputs, depth, is_wide):
    """Any number of rows and panels; outputs beyond the last are zeros, and no row depends on those beside it."""
    matrices = [torch.randn(5, 2), torch.randn(num_outputs, depth)]
    panels = pack_panels(matrices)
    rows = torch.randn(20, depth)
    alone = np.empty((20, panels.width(1)), np.float32)
    for n in range(20):
        multiply_rows_kernel(rows[n : n + 1].numpy(), panels.numbers, panels.places[1], is_wide, alone[n : n + 1])
    torch.testing.assert_close(torch.from_numpy(alone[:, :num_outputs]), rows @ matrices[1].T, atol=1e-5, rtol=1e-5)
    assert not alone[:, num_outputs:].any()
    for count in range(21):
        product = np.empty((count, panels.width(1)), np.float32)
        multiply_rows_kernel(rows[:count].numpy(), panels.numbers, panels.places[1], is_wide, product)
        assert (product == alone[:count]).all()


@pytest.mark.parametrize("static_cache", [None, 60])
@pytest.mark.parametrize("family", ["Llama", "Qwen2"])
def test_tokens_read_at_once_give_what_they_give_alone(family, static_cache, tmp_path):
    """Bit for bit: however many tokens of a row a step reads, and whatever rows stand beside it."""
    make(family).save_pretrained(tmp_path)
    model = LlamaCausalLM(*read_checkpoint(tmp_path), static_cache=static_cache)
    texts = [[(7 * row + 3 * k) % 40 + 1 for k in range(30)] for row in range(4)]
    alone = []
    for text in texts:
        cache, first = model.prefill([text[:1]])
        rest = [model.decode_step(cache, torch.tensor([[token]])) for token in text[1:]]
        alone.append(torch.cat([first, *rest], dim=1)[0])
    cache, logits = model.prefill([text[: 1 + row] for row, text in enumerate(texts)])
    done = [1 + row for row in range(4)]
    for row in range(4):
        assert torch.equal(logits[row, 0], alone[row][done[row] - 1])
    for lengths in ([1, 2, 3, 4], [7, 0, 1, 3], [5, 5, 5, 5], [2, 9, 4, 1], [1, 1, 1, 1]):
        width = max(lengths)
        lines = [
            [0] * (width - length) + text[start : start + length]
            for text, start, length in zip(texts, done, lengths, strict=True)
        ]
        logits = model.decode_step(cache, torch.tensor(lines), lengths, num_logits=width)
        done = [start + length for start, length in zip(done, lengths, strict=True)]
        for row, length in enumerate(lengths):
            assert torch.equal(logits[row, width - length :], alone[row][done[row] - length : done[row]])
