"""Do what a layer does between its matrices, in one kernel each on CUDA; elsewhere in torch, as the kernels' twins."""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["add_and_norm", "attend_slots", "gate_up_product", "rotate_and_write"]


def add_and_norm(
    hidden: torch.Tensor, change: torch.Tensor | None, weight: torch.Tensor, *, epsilon: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return hidden + change, and that divided by its root mean square and weighted: float[..., H] each."""
    if hidden.device.type == "cuda":
        from guidance.transformer import _triton

        return _triton.add_and_norm(hidden, change, weight, epsilon=epsilon)
    hidden = hidden if change is None else hidden + change
    return hidden, functional.rms_norm(hidden, (hidden.shape[-1],), weight, epsilon)


def gate_up_product(gate_up: torch.Tensor) -> torch.Tensor:
    """Return silu(gate) * up: float[..., I] of float[..., 2 * I]."""
    if gate_up.device.type == "cuda":
        from guidance.transformer import _triton

        return _triton.gate_up_product(gate_up)
    gate, up = gate_up.chunk(2, dim=-1)
    return functional.silu(gate).mul_(up)


def rotate_and_write(
    qkv: torch.Tensor,
    rotations: torch.Tensor,
    places: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    *,
    qk_norm: torch.Tensor | None,
    epsilon: float,
) -> torch.Tensor:
    """Turn queries and keys by their positions and put keys and values into their slots; return the queries.

    qkv          : float[B, P, (H + 2 * K) * D]
    rotations    : complex64[context, D / 2]
    places       : int64[B, P]               slot and position of each token; S for padding
    keys, values : float[B, K, S + 1, D]     contiguous; changed in place
    qk_norm      : float[H + K, 1, D]        scales of query and key heads, or None

    Returns
    -------
    queries : float[B, K, G * P, D]   the G query heads of a group, each with its P positions
    """
    if qkv.device.type == "cuda":
        from guidance.transformer import _triton

        return _triton.rotate_and_write(qkv, rotations, places, keys, values, qk_norm=qk_norm, epsilon=epsilon)
    num_rows, num_kv_heads, capacity, size = keys.shape
    num_new = qkv.shape[1]
    heads = qkv.view(num_rows, num_new, -1, size).transpose(1, 2)
    turned, plain = heads[:, :-num_kv_heads], heads[:, -num_kv_heads:]
    if qk_norm is not None:
        turned = functional.rms_norm(turned, (size,), None, epsilon) * qk_norm
    rotation = rotations[places.clamp(max=rotations.shape[0] - 1)][:, None]
    pairs = torch.view_as_complex(turned.float().reshape(*turned.shape[:-1], -1, 2))
    turned = torch.view_as_real(pairs * rotation).flatten(-2).to(qkv.dtype)
    lines = torch.arange(num_rows * num_kv_heads, device=qkv.device).view(num_rows, num_kv_heads, 1) * capacity
    slots = (lines + places[:, None, :]).flatten()
    keys.view(-1, size).index_copy_(0, slots, turned[:, -num_kv_heads:].reshape(-1, size))
    values.view(-1, size).index_copy_(0, slots, plain.reshape(-1, size))
    return turned[:, :-num_kv_heads].reshape(num_rows, num_kv_heads, -1, size)


def attend_slots(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return what each token takes from the slots up to its own: float[B, P, H * D].

    queries      : float[B, K, G * P, D]
    keys, values : float[B, K, S + 1, D]
    places       : int64[B, P]   S for padding, whose result means nothing
    """
    if queries.device.type == "cuda":
        from guidance.transformer import _triton

        return _triton.attend_slots(queries, keys, values, places)
    num_rows, _, num_queries, size = queries.shape
    num_new, end = places.shape[1], keys.shape[2] - 1
    allowed = torch.arange(end, device=places.device) <= places[:, None, :, None]
    mask = torch.zeros(allowed.shape, dtype=queries.dtype, device=queries.device)
    mask.masked_fill_(~allowed, float("-inf"))
    mask = mask.repeat(1, 1, num_queries // num_new, 1)
    attended = functional.scaled_dot_product_attention(queries, keys[:, :, :end], values[:, :, :end], attn_mask=mask)
    return attended.view(num_rows, -1, num_new, size).transpose(1, 2).reshape(num_rows, num_new, -1)
