"""Check that siblings attend as one masked attention over prefix and siblings would have them."""

from __future__ import annotations

import pytest
import torch

from guidance.transformer.branches import attend_siblings


@pytest.mark.parametrize("num_groups", [1, 3])
@pytest.mark.parametrize("num_before", [0, 1, 7])
@pytest.mark.parametrize("is_padded", [False, True])
def test_siblings_attend_as_under_the_whole_mask(num_groups, num_before, is_padded):
    """Each sees the live slots of its prefix and itself, in every head of a group."""
    num_rows, num_heads, count, size = 2, 2, 5, 4
    torch.manual_seed(num_before)
    queries = torch.randn(num_rows, num_heads, num_groups * count, size)
    keys, values = torch.randn(2, num_rows, num_heads, num_before + count, size)
    live = torch.ones(num_rows, num_before, dtype=torch.bool)
    if is_padded:
        live[1, : num_before // 2] = False
    prefix = live[:, None, None].expand(-1, 1, num_groups * count, -1)
    itself = torch.eye(count, dtype=torch.bool).repeat(num_groups, 1).expand(num_rows, 1, -1, -1)
    whole = torch.cat([prefix, itself], dim=-1)
    wanted = torch.nn.functional.scaled_dot_product_attention(queries, keys, values, attn_mask=whole)
    mask = torch.zeros(live.shape).masked_fill(~live, float("-inf"))[:, None, None] if is_padded else None
    assert torch.allclose(attend_siblings(queries, keys, values, mask, count), wanted, atol=1e-6)
