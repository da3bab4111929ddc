"""Mask and draw on a GPU in one pass over the logits each.

Twins: ``guidance.logits.device_draw`` in torch, and ``guidance.logits._draw_kernels`` on the host.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

__all__ = ["apply_masks_kernel", "apply_packed_masks", "draw_rows", "draw_rows_kernel"]

_BLOCK = 1024
_DRAW_BLOCK = 4096


def apply_packed_masks(logits: torch.Tensor, masks: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """Return float32[B, V] with what each row's mask forbids at minus infinity; see the twin for the arguments."""
    num_rows, size = logits.shape
    legal = torch.empty(num_rows, size, dtype=torch.float32, device=logits.device)
    grid = (num_rows, triton.cdiv(size, _BLOCK))
    apply_masks_kernel[grid](logits, logits.stride(0), masks, masks.shape[1], states, size, legal, BLOCK=_BLOCK)
    return legal


def draw_rows(
    logits: torch.Tensor,
    masks: torch.Tensor | None,
    states: torch.Tensor,
    *,
    scales: torch.Tensor,
    uniforms: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return int64[B] tokens, float64[B] log-probabilities and bool[B] broken rows; see the twin for the arguments."""
    num_rows, size = logits.shape
    token_ids = torch.empty(num_rows, dtype=torch.int64, device=logits.device)
    log_probs = torch.empty(num_rows, dtype=torch.float64, device=logits.device)
    is_broken = torch.empty(num_rows, dtype=torch.bool, device=logits.device)
    draw_rows_kernel[(num_rows,)](
        logits,
        logits.stride(0),
        states if masks is None else masks,
        0 if masks is None else masks.shape[1],
        states,
        scales,
        uniforms,
        size,
        token_ids,
        log_probs,
        is_broken,
        HAS_MASK=masks is not None,
        BLOCK=_DRAW_BLOCK,
        num_warps=16,
    )
    return token_ids, log_probs, is_broken


@triton.jit
def _legal_block(logits, masks, num_words, columns, size, HAS_MASK: tl.constexpr):
    """Return a block of one row's logits as float32, minus infinity where they are forbidden or past the end."""
    inside = columns < size
    values = tl.load(logits + columns, mask=inside, other=float("-inf")).to(tl.float32)
    if HAS_MASK:
        word = columns // 32
        bits = tl.load(masks + word, mask=inside & (word < num_words), other=0)
        values = tl.where((bits >> (columns % 32)) & 1 != 0, values, float("-inf"))
    return values


@triton.jit
def apply_masks_kernel(logits, stride, masks, num_words, states, size, legal, BLOCK: tl.constexpr):
    """Write the legal logits of one block of one row.

    logits : float[B, V]   rows `stride` apart
    masks  : int32[S, W]   W = num_words
    states : int64[B]
    legal  : float32[B, V] written
    """
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    state = tl.load(states + row)
    values = _legal_block(logits + row * stride, masks + state * num_words, num_words, columns, size, True)
    tl.store(legal + row * size + columns, values, mask=columns < size)


@triton.jit
def draw_rows_kernel(
    logits,
    stride,
    masks,
    num_words,
    states,
    scales,
    uniforms,
    size,
    token_ids,
    log_probs,
    is_broken,
    HAS_MASK: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Draw one row's token from softmax(scale * logits) over what its mask allows, by inverse CDF.

    logits    : float[B, V]   rows `stride` apart
    masks     : int32[S, W]   W = num_words; read only if HAS_MASK
    states    : int64[B]
    scales    : float32[B]    1 / temperature; 0 takes the first of the largest
    uniforms  : float64[B]    in [0, 1)
    token_ids : int64[B]      written
    log_probs : float64[B]    written; greedy: of the law at temperature 1
    is_broken : bool[B]       written; True where no token is allowed or a logit is not a number
    """
    row = tl.program_id(0).to(tl.int64)
    logits += row * stride
    if HAS_MASK:
        masks += tl.load(states + row) * num_words
    scale = tl.load(scales + row)
    is_greedy = scale <= 0.0
    scale = tl.where(is_greedy, 1.0, scale)
    best = float("-inf")
    num_broken = 0
    for first in range(0, size, BLOCK):
        values = _legal_block(logits, masks, num_words, first + tl.arange(0, BLOCK), size, HAS_MASK)
        num_broken += tl.sum((values != values).to(tl.int32), axis=0)
        best = tl.maximum(best, tl.max(values, axis=0))
    broken = (num_broken > 0) | (best == float("inf")) | (best == float("-inf"))
    best = tl.where(broken, 0.0, best)
    total = tl.zeros((), dtype=tl.float64)
    greedy = size
    for first in range(0, size, BLOCK):
        columns = first + tl.arange(0, BLOCK)
        values = _legal_block(logits, masks, num_words, columns, size, HAS_MASK)
        total += tl.sum(tl.exp((values - best) * scale).to(tl.float64), axis=0)
        greedy = tl.minimum(greedy, tl.min(tl.where(values == best, columns, size), axis=0))
    total = tl.where(broken, 1.0, total)
    target = tl.load(uniforms + row) * total
    running = tl.zeros((), dtype=tl.float64)
    sampled = size
    last = 0
    for first in range(0, size, BLOCK):
        columns = first + tl.arange(0, BLOCK)
        values = _legal_block(logits, masks, num_words, columns, size, HAS_MASK)
        weights = tl.exp((values - best) * scale).to(tl.float64)
        sums = running + tl.cumsum(weights, axis=0)
        has_weight = weights > 0.0
        sampled = tl.minimum(sampled, tl.min(tl.where(has_weight & (sums > target), columns, size), axis=0))
        last = tl.maximum(last, tl.max(tl.where(has_weight, columns, 0), axis=0))
        running += tl.sum(weights, axis=0)
    # Rounding may point past the last token that has any weight.
    token = tl.where(is_greedy, greedy, tl.minimum(sampled, last))
    token = tl.where(broken | (token >= size), 0, token)
    value = tl.load(logits + token).to(tl.float32)
    chosen = ((value - best) * scale).to(tl.float64)
    tl.store(token_ids + row, token.to(tl.int64))
    tl.store(log_probs + row, chosen - tl.log(total))
    tl.store(is_broken + row, broken)
