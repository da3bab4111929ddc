"""Attend from siblings: tokens that share a prefix and do not see each other, such as candidates of one position."""

from __future__ import annotations

import torch

__all__ = ["attend_siblings"]


def attend_siblings(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, count: int
) -> torch.Tensor:
    """Return what each of K = `count` siblings takes from the prefix and from itself.

    queries      : float[B, H, G * K, D]   the G query heads of a group, each with the K siblings
    keys, values : float[B, H, S + K, D]   the siblings' own are the last K
    mask         : float[B, 1, 1, S]       0 for slots to look at, else minus infinity; None for all

    The same as one masked attention over S + K slots, without the K x K block of which only the diagonal counts:
    K * (S + 1) products instead of K * (S + K).
    """
    num_rows, num_heads, num_queries, size = queries.shape
    num_before = keys.shape[2] - count
    scaled = queries * size**-0.5
    shared = scaled @ keys[:, :, :num_before].transpose(-1, -2)
    if mask is not None:
        shared = shared + mask
    own_keys, own_values = keys[:, :, None, num_before:], values[:, :, None, num_before:]
    grouped = scaled.view(num_rows, num_heads, -1, count, size)
    alone = (grouped * own_keys).sum(dim=-1).view(num_rows, num_heads, num_queries, 1)
    weights = torch.softmax(torch.cat([shared, alone], dim=-1), dim=-1)
    from_prefix = weights[..., :num_before] @ values[:, :, :num_before]
    from_itself = weights[..., num_before:].view(num_rows, num_heads, -1, count, 1) * own_values
    return from_prefix + from_itself.view_as(queries)
