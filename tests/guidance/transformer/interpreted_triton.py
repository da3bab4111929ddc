"""Check Triton's kernels of a layer against torch, run by Triton's interpreter; ``test_fused.py`` starts it."""

from __future__ import annotations

import pytest
import torch

from guidance.transformer import _triton as kernels
from guidance.transformer import fused
from tests.guidance.transformer.test_fused import SIZES, case

EPSILON = 1e-5


@pytest.mark.parametrize("size", [1, 32, 96, 300])
@pytest.mark.parametrize("changed", [False, True])
def test_sums_and_norms_equal_torch(size, changed):
    """Both results agree, for sizes that fill no block."""
    hidden, change, weight = torch.randn(2, 3, size), torch.randn(2, 3, size), torch.randn(size)
    given = change if changed else None
    for ours, expected in zip(
        kernels.add_and_norm(hidden, given, weight, epsilon=EPSILON),
        fused.add_and_norm(hidden, given, weight, epsilon=EPSILON),
        strict=True,
    ):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("size", [1, 48, 1500])
def test_gated_products_equal_torch(size):
    """One block and several."""
    gate_up = torch.randn(2, 3, 2 * size)
    torch.testing.assert_close(kernels.gate_up_product(gate_up), fused.gate_up_product(gate_up))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("normed", [False, True])
def test_rotations_equal_torch(sizes, normed):
    """Queries come back turned; keys and values stand in their slots, those of padding in the last."""
    qkv, rotations, places, keys, values, qk_norm = case(sizes)
    theirs = keys.clone(), values.clone()
    options = {"qk_norm": qk_norm if normed else None, "epsilon": EPSILON}
    ours = kernels.rotate_and_write(qkv, rotations, places, keys, values, **options)
    expected = fused.rotate_and_write(qkv, rotations, places, *theirs, **options)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(keys[:, :, :-1], theirs[0][:, :, :-1])
    torch.testing.assert_close(values[:, :, :-1], theirs[1][:, :, :-1])


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_attention_equals_torch(sizes, dtype):
    """Real tokens take the same from the slots up to their own, whatever stands in those beyond.

    The interpreter multiplies no bfloat16 matrices: float16 stands for what is shorter than float32.
    """
    qkv, rotations, places, keys, values, _ = case(sizes)
    queries = fused.rotate_and_write(qkv, rotations, places, keys, values, qk_norm=None, epsilon=EPSILON)
    queries, keys, values = queries.to(dtype), keys.to(dtype), values.to(dtype)
    ours = kernels.attend_slots(queries, keys, values, places)
    expected = fused.attend_slots(queries, keys, values, places)
    is_real = places < keys.shape[2] - 1
    tolerance = {"atol": 1e-5, "rtol": 1e-4} if dtype is torch.float32 else {"atol": 0.02, "rtol": 0.02}
    torch.testing.assert_close(ours[is_real], expected[is_real], **tolerance)
