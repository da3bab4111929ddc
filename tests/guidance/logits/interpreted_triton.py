"""Check Triton's kernels against torch, run by Triton's interpreter; ``test_device_draw.py`` starts it."""

from __future__ import annotations

import pytest
import torch

from guidance.logits import _triton as kernels
from guidance.logits.device_draw import apply_packed_masks, draw_on_device
from tests.guidance.logits.test_device_draw import SIZES, broken_case, case


@pytest.mark.parametrize("size", [70, 1300])
def test_packed_masks_are_applied_as_in_torch(size):
    """Torch and Triton leave the same logits, also where the mask has fewer words than the logits need."""
    logits, masks, states, _, _ = case(size)
    for words in (masks.shape[1], masks.shape[1] - 1):
        narrow = masks[:, :words].contiguous()
        expected = apply_packed_masks(logits, narrow, states)
        assert torch.equal(kernels.apply_packed_masks(logits, narrow, states), expected)


@pytest.mark.parametrize("size", [*SIZES, 9000])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_triton_draws_what_torch_draws(size, masked, dtype):
    """The fused kernel gives torch's tokens and log-probabilities, over one block and over several."""
    logits, masks, states, scales, uniforms = case(size, seed=1)
    logits, allowed = logits.to(dtype), masks if masked else None
    tokens, log_probs, is_broken = kernels.draw_rows(logits, allowed, states, scales=scales, uniforms=uniforms)
    expected = draw_on_device(logits, allowed, states, scales=scales, uniforms=uniforms)
    assert tokens.tolist() == expected.token_ids.tolist()
    torch.testing.assert_close(log_probs, expected.log_probs, atol=1e-5, rtol=1e-5)
    assert not is_broken.any()


def test_rows_without_a_law_are_told():
    """No token allowed, a logit that is not a number, an infinite one; the row beside them is drawn."""
    logits, masks, states, scales, uniforms = broken_case()
    tokens, _, is_broken = kernels.draw_rows(logits, masks, states, scales=scales, uniforms=uniforms)
    assert is_broken.tolist() == [True, True, True, False]
    assert tokens[3] == 7


def test_rows_of_a_wider_tensor_are_read_in_place():
    """Logits wider than the vocabulary are drawn from without being copied."""
    logits, masks, states, scales, uniforms = case(64, seed=2)
    wide = torch.cat([logits, torch.full((logits.shape[0], 9), 99.0)], dim=1)[:, :64]
    tokens, _, _ = kernels.draw_rows(wide, masks, states, scales=scales, uniforms=uniforms)
    assert torch.equal(tokens, kernels.draw_rows(logits, masks, states, scales=scales, uniforms=uniforms)[0])
    assert torch.equal(kernels.apply_packed_masks(wide, masks, states), apply_packed_masks(logits, masks, states))
