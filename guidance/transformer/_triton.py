"""Do what a layer does between its matrices on a GPU, in one kernel each; attention in two.

Twins: ``guidance.transformer.fused``, where the arguments are described.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

__all__ = [
    "add_and_norm",
    "add_norm_kernel",
    "attend_kernel",
    "attend_slots",
    "combine_kernel",
    "gate_up_kernel",
    "gate_up_product",
    "rotate_and_write",
    "rotate_write_kernel",
]

_BLOCK = 1024
_SLOT_BLOCK = 64
# Programs that keep a large GPU busy; a row's slots are split among several where rows and heads are fewer.
_ENOUGH_PROGRAMS = 256
_MOST_SPLITS = 16


def add_and_norm(
    hidden: torch.Tensor, change: torch.Tensor | None, weight: torch.Tensor, *, epsilon: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return hidden + change and its weighted norm."""
    size = hidden.shape[-1]
    flat = hidden.reshape(-1, size).contiguous()
    added = flat if change is None else change.reshape(-1, size).contiguous()
    total, normed = torch.empty_like(flat), torch.empty_like(flat)
    add_norm_kernel[(flat.shape[0],)](
        flat,
        added,
        weight,
        epsilon,
        size,
        total,
        normed,
        HAS_CHANGE=change is not None,
        BLOCK=triton.next_power_of_2(size),
        num_warps=8,
    )
    return (hidden if change is None else total.view(hidden.shape)), normed.view(hidden.shape)


def gate_up_product(gate_up: torch.Tensor) -> torch.Tensor:
    """Return silu(gate) * up."""
    size = gate_up.shape[-1] // 2
    flat = gate_up.reshape(-1, 2 * size).contiguous()
    product = torch.empty(flat.shape[0], size, dtype=gate_up.dtype, device=gate_up.device)
    gate_up_kernel[(flat.shape[0], triton.cdiv(size, _BLOCK))](flat, size, product, BLOCK=_BLOCK)
    return product.view(*gate_up.shape[:-1], size)


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
    """Rotate, fill the slots, and return the queries."""
    num_rows, num_kv_heads, capacity, size = keys.shape
    num_new, num_heads = qkv.shape[1], qkv.shape[2] // size - 2 * num_kv_heads
    flat = qkv.contiguous()
    queries = torch.empty(num_rows, num_heads, num_new, size, dtype=qkv.dtype, device=qkv.device)
    rotate_write_kernel[(num_rows * num_new, num_heads + 2 * num_kv_heads)](
        flat,
        torch.view_as_real(rotations),
        rotations.shape[0],
        places,
        flat if qk_norm is None else qk_norm,
        epsilon,
        num_new,
        num_heads,
        num_kv_heads,
        capacity,
        size,
        queries,
        keys,
        values,
        HAS_NORM=qk_norm is not None,
        BLOCK=triton.next_power_of_2(size // 2),
        num_warps=1,
    )
    return queries.view(num_rows, num_kv_heads, -1, size)


def attend_slots(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Attend to the slots up to each token's own; slots beyond the last of them are not read."""
    num_rows, num_kv_heads, num_queries, size = queries.shape
    num_new, capacity = places.shape[1], keys.shape[2]
    most = min(_MOST_SPLITS, triton.cdiv(capacity - 1, _SLOT_BLOCK))
    num_splits = triton.next_power_of_2(max(1, min(most, _ENOUGH_PROGRAMS // (num_rows * num_kv_heads))))
    parts = torch.empty(
        num_rows * num_kv_heads, num_splits, num_queries, size + 2, dtype=torch.float32, device=queries.device
    )
    attended = torch.empty(
        num_rows, num_new, num_kv_heads * num_queries // num_new * size, dtype=queries.dtype, device=queries.device
    )
    blocks = {
        "QUERY_BLOCK": max(16, triton.next_power_of_2(num_queries)),
        "HEAD_BLOCK": max(16, triton.next_power_of_2(size)),
    }
    attend_kernel[(num_rows * num_kv_heads, num_splits)](
        queries.contiguous(),
        keys,
        values,
        places,
        size**-0.5,
        num_kv_heads,
        num_queries,
        num_new,
        capacity,
        size,
        parts,
        SPLITS=num_splits,
        SLOT_BLOCK=_SLOT_BLOCK,
        **blocks,
    )
    combine_kernel[(num_rows * num_kv_heads, num_queries)](
        parts, num_kv_heads, num_queries, num_new, size, attended, SPLITS=num_splits, HEAD_BLOCK=blocks["HEAD_BLOCK"]
    )
    return attended


@triton.jit
def add_norm_kernel(
    hidden, change, weight, epsilon, size, total, normed, HAS_CHANGE: tl.constexpr, BLOCK: tl.constexpr
):
    """Add and normalise one row.

    hidden, change : float[N, H]   change is read only if HAS_CHANGE
    weight         : float[H]
    total, normed  : float[N, H]   written; total only if HAS_CHANGE
    """
    row = tl.program_id(0).to(tl.int64) * size
    columns = tl.arange(0, BLOCK)
    inside = columns < size
    values = tl.load(hidden + row + columns, mask=inside, other=0.0)
    if HAS_CHANGE:
        values = values + tl.load(change + row + columns, mask=inside, other=0.0)
        tl.store(total + row + columns, values, mask=inside)
    exact = values.to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(exact * exact, axis=0) / size + epsilon)
    weights = tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(normed + row + columns, (exact * scale * weights).to(values.dtype), mask=inside)


@triton.jit
def gate_up_kernel(gate_up, size, product, BLOCK: tl.constexpr):
    """Multiply one block of one row.

    gate_up : float[N, 2 * I]
    product : float[N, I]   written
    """
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < size
    gate = tl.load(gate_up + row * 2 * size + columns, mask=inside, other=0.0)
    up = tl.load(gate_up + row * 2 * size + size + columns, mask=inside, other=0.0)
    exact = gate.to(tl.float32)
    value = exact / (1.0 + tl.exp(-exact)) * up.to(tl.float32)
    tl.store(product + row * size + columns, value.to(gate.dtype), mask=inside)


@triton.jit
def rotate_write_kernel(
    qkv,
    rotations,
    num_positions,
    places,
    qk_norm,
    epsilon,
    num_new,
    num_heads,
    num_kv_heads,
    capacity,
    size,
    queries,
    keys,
    values,
    HAS_NORM: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Rotate one head of one token, or take a value as it is, and put it where it belongs.

    qkv          : float[B, P, (H + 2 * K) * D]
    rotations    : float32[context, D / 2, 2]
    places       : int64[B, P]
    qk_norm      : float[H + K, D]            read only if HAS_NORM
    queries      : float[B, H, P, D]          written
    keys, values : float[B, K, capacity, D]   written at the places
    """
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    row, position = token // num_new, token % num_new
    pairs = tl.arange(0, BLOCK)
    inside = pairs < size // 2
    source = qkv + (token * (num_heads + 2 * num_kv_heads) + head) * size + 2 * pairs
    first = tl.load(source, mask=inside, other=0.0)
    second = tl.load(source + 1, mask=inside, other=0.0)
    place = tl.load(places + token)
    if head < num_heads + num_kv_heads:
        x, y = first.to(tl.float32), second.to(tl.float32)
        if HAS_NORM:
            scale = 1.0 / tl.sqrt(tl.sum(x * x + y * y, axis=0) / size + epsilon)
            weights = qk_norm + head * size + 2 * pairs
            x = x * scale * tl.load(weights, mask=inside, other=0.0).to(tl.float32)
            y = y * scale * tl.load(weights + 1, mask=inside, other=0.0).to(tl.float32)
        turn = rotations + tl.minimum(place, num_positions - 1) * size + 2 * pairs
        cosine, sine = tl.load(turn, mask=inside, other=0.0), tl.load(turn + 1, mask=inside, other=0.0)
        turned = x * cosine - y * sine
        second = (x * sine + y * cosine).to(first.dtype)
        first = turned.to(first.dtype)
    if head < num_heads:
        target = queries + ((row * num_heads + head) * num_new + position) * size
    elif head < num_heads + num_kv_heads:
        target = keys + ((row * num_kv_heads + head - num_heads) * capacity + place) * size
    else:
        target = values + ((row * num_kv_heads + head - num_heads - num_kv_heads) * capacity + place) * size
    tl.store(target + 2 * pairs, first, mask=inside)
    tl.store(target + 2 * pairs + 1, second, mask=inside)


@triton.jit
def attend_kernel(
    queries,
    keys,
    values,
    places,
    scale,
    num_kv_heads,
    num_queries,
    num_new,
    capacity,
    size,
    parts,
    SPLITS: tl.constexpr,
    SLOT_BLOCK: tl.constexpr,
    QUERY_BLOCK: tl.constexpr,
    HEAD_BLOCK: tl.constexpr,
):
    """Attend from one group of heads of one row to every SPLITS-th block of its slots, with a running soft-max.

    queries      : float[B, K, Q, D]          Q = num_queries
    keys, values : float[B, K, capacity, D]   the last slot holds padding, and is not read
    places       : int64[B, P]                P = num_new
    parts        : float32[B * K, SPLITS, Q, D + 2]   written: weighted sums, then their largest score and total weight
    """
    group = tl.program_id(0).to(tl.int64)
    split = tl.program_id(1)
    row = group // num_kv_heads
    lines, columns = tl.arange(0, QUERY_BLOCK), tl.arange(0, HEAD_BLOCK)
    is_query, is_column = lines < num_queries, columns < size
    both = is_query[:, None] & is_column[None, :]
    query = tl.load(queries + (group * num_queries + lines)[:, None] * size + columns[None, :], mask=both, other=0.0)
    limits = tl.load(places + row * num_new + lines % num_new, mask=is_query, other=0)
    limits = tl.where(limits < capacity - 1, limits, 0)
    end = tl.max(limits, axis=0) + 1
    best = tl.full((QUERY_BLOCK,), float("-inf"), tl.float32)
    total = tl.zeros((QUERY_BLOCK,), tl.float32)
    sums = tl.zeros((QUERY_BLOCK, HEAD_BLOCK), tl.float32)
    for start in range(split * SLOT_BLOCK, end, SPLITS * SLOT_BLOCK):
        slots = start + tl.arange(0, SLOT_BLOCK)
        source = (group * capacity + slots)[:, None] * size + columns[None, :]
        readable = (slots < end)[:, None] & is_column[None, :]
        key = tl.load(keys + source, mask=readable, other=0.0)
        scores = tl.dot(query, tl.trans(key), input_precision="ieee") * scale
        scores = tl.where(slots[None, :] <= limits[:, None], scores, float("-inf"))
        higher = tl.maximum(best, tl.max(scores, axis=1))
        # A row that sees nothing of this block has no largest score yet: any finite number will do.
        finite = tl.where(higher == float("-inf"), 0.0, higher)
        weights = tl.exp(scores - finite[:, None])
        shrink = tl.exp(best - finite)
        value = tl.load(values + source, mask=readable, other=0.0)
        sums = sums * shrink[:, None] + tl.dot(weights.to(value.dtype), value, input_precision="ieee")
        total = total * shrink + tl.sum(weights, axis=1)
        best = higher
    target = parts + ((group * SPLITS + split) * num_queries + lines) * (size + 2)
    tl.store(target[:, None] + columns[None, :], sums, mask=both)
    tl.store(target + size, best, mask=is_query)
    tl.store(target + size + 1, total, mask=is_query)


@triton.jit
def combine_kernel(
    parts, num_kv_heads, num_queries, num_new, size, attended, SPLITS: tl.constexpr, HEAD_BLOCK: tl.constexpr
):
    """Put together what the splits found for one query.

    parts    : float32[B * K, SPLITS, Q, D + 2]
    attended : float[B, P, H * D]   written
    """
    group = tl.program_id(0).to(tl.int64)
    line = tl.program_id(1)
    splits, columns = tl.arange(0, SPLITS), tl.arange(0, HEAD_BLOCK)
    source = parts + ((group * SPLITS + splits) * num_queries + line) * (size + 2)
    best = tl.load(source + size)
    shares = tl.exp(best - tl.max(best, axis=0))
    total = tl.sum(tl.load(source + size + 1) * shares, axis=0)
    sums = tl.load(source[:, None] + columns[None, :], mask=columns[None, :] < size, other=0.0)
    found = tl.sum(sums * shares[:, None], axis=0) / total
    row, kv_head = group // num_kv_heads, group % num_kv_heads
    num_groups = num_queries // num_new
    head = kv_head * num_groups + line // num_new
    target = attended + ((row * num_new + line % num_new) * num_kv_heads * num_groups + head) * size
    tl.store(target + columns, found.to(attended.dtype.element_ty), mask=columns < size)
