"""Check packed masks against a loop over bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fsm.errors import MaskError
from guidance.logits import apply_token_bitmask_inplace
from tests.reference.logits import allowed_columns

SHAPES = [(1, 1), (1, 31), (2, 32), (3, 33), (1, 1000), (0, 40)]


@pytest.mark.parametrize(("num_rows", "size"), SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_mask_forbids_exactly_the_cleared_bits(num_rows, size, dtype, as_tensor):
    """Every path sets the same columns to minus infinity and leaves the rest as they were."""
    rng = np.random.default_rng(size)
    mask = rng.integers(-(2**31), 2**31, (num_rows, -(-size // 32)), dtype=np.int64).astype(np.int32)
    before = torch.randn(num_rows, size).to(dtype)
    logits = before.clone()
    apply_token_bitmask_inplace(logits, torch.from_numpy(mask) if as_tensor else mask)
    for row in range(num_rows):
        allowed = set(allowed_columns(mask[row], size))
        for v in range(size):
            expected = before[row, v] if v in allowed else float("-inf")
            assert logits[row, v] == expected


def test_mask_forbids_columns_past_its_words():
    """Logits wider than the vocabulary keep no padded token."""
    logits = torch.zeros(1, 70)
    apply_token_bitmask_inplace(logits, np.array([[-1]], dtype=np.int32))
    assert torch.isfinite(logits[0]).sum() == 32


@pytest.mark.parametrize("shape", [(2, 1), (1, 3)])
def test_mask_refuses_another_shape(shape):
    """A mask for other rows, or for more tokens than there are columns, is an error."""
    with pytest.raises(MaskError, match="allocate"):
        apply_token_bitmask_inplace(torch.zeros(1, 40), np.zeros(shape, dtype=np.int32))
