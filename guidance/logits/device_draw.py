"""Mask and draw on the device, with nothing read back: the twin of the compiled loops in ``_kernels.py``.

Every shape is fixed by the arguments' shapes, so a call can be captured in a CUDA graph. On CUDA two Triton kernels do
what takes torch a dozen passes; the laws are the same, and so are the tokens but for sums that round differently.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from guidance.logits.sampler import UNLIMITED, Limits

__all__ = ["DeviceDraws", "apply_packed_masks", "draw_on_device"]


class DeviceDraws(NamedTuple):
    """Hold what was drawn for each row, on the device.

    token_ids : int64[B]
    log_probs : float64[B]   of the law drawn from (for greedy, the law at temperature 1)
    is_broken : bool[B]      nothing could be drawn: no token is allowed, or a logit is not a number
    """

    token_ids: torch.Tensor
    log_probs: torch.Tensor
    is_broken: torch.Tensor


def apply_packed_masks(logits: torch.Tensor, masks: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """Return the logits as float32[B, V] with what each row's mask forbids at minus infinity.

    logits : float[B, V]   left as it is
    masks  : int32[S, W]   W = ceil(V / 32) or fewer words; columns past them are forbidden
    states : int64[B]      the row of `masks` that belongs to each row of logits
    """
    if logits.device.type == "cuda":
        from guidance.logits._triton import apply_packed_masks as apply_by_triton

        return apply_by_triton(logits, masks, states)
    size = logits.shape[1]
    words = masks.index_select(0, states)
    shifts = torch.arange(32, dtype=torch.int32, device=words.device)
    allowed = ((words[:, :, None] >> shifts) & 1).bool().flatten(1)[:, :size]
    if allowed.shape[1] < size:
        allowed = torch.nn.functional.pad(allowed, (0, size - allowed.shape[1]), value=False)
    return logits.float().masked_fill(~allowed, float("-inf"))


def draw_on_device(
    logits: torch.Tensor,
    masks: torch.Tensor | None,
    states: torch.Tensor,
    *,
    scales: torch.Tensor,
    uniforms: torch.Tensor,
    limits: Limits = UNLIMITED,
) -> DeviceDraws:
    """Draw one token per row as ``guidance.logits.sampler.draw_tokens`` does on the host.

    logits   : float[B, V]          left as it is
    masks    : int32[S, W] or None  None allows every token
    states   : int64[B]             which mask belongs to each row
    scales   : float32[B]           1 / temperature; 0 takes the most likely token
    uniforms : float64[B]           in [0, 1)

    Examples
    --------
    >>> logits, states = torch.tensor([[0.0, 2.0, 1.0]]), torch.tensor([0])
    >>> scales, uniforms = torch.tensor([0.0]), torch.tensor([0.5], dtype=torch.float64)
    >>> masks = torch.tensor([[0b101]], dtype=torch.int32)
    >>> draw_on_device(logits, masks, states, scales=scales, uniforms=uniforms).token_ids
    tensor([2])
    """
    if logits.device.type == "cuda" and limits == UNLIMITED:
        from guidance.logits._triton import draw_rows

        return DeviceDraws(*draw_rows(logits, masks, states, scales=scales, uniforms=uniforms))
    legal = logits.float() if masks is None else apply_packed_masks(logits, masks, states)
    best = legal.amax(dim=-1, keepdim=True)
    greedy = _first(legal == best)
    is_greedy = scales <= 0
    scale = torch.where(is_greedy, torch.ones_like(scales), scales)[:, None]
    differences = legal - best
    if limits.at_temperature_one:
        kept = _truncate(differences.exp(), limits) > 0
        weights = (differences * scale).exp().masked_fill(~(kept | is_greedy[:, None]), 0.0)
    else:
        weights = (differences * scale).exp()
        weights = torch.where(is_greedy[:, None], weights, _truncate(weights, limits))
    running = weights.cumsum(dim=-1, dtype=torch.float64)
    whole = running[:, -1:].contiguous()
    found = torch.searchsorted(running, uniforms[:, None] * whole, right=True)
    # Rounding may point past the last token that has any weight.
    sampled = torch.minimum(found, torch.searchsorted(running, whole)).squeeze(1)
    tokens = torch.where(is_greedy, greedy, sampled).clamp(max=logits.shape[1] - 1)
    chosen = differences.gather(1, tokens[:, None]).double() * scale
    return DeviceDraws(tokens, (chosen - whole.log()).squeeze(1), ~torch.isfinite(best.squeeze(1)))


def _first(holds: torch.Tensor) -> torch.Tensor:
    """Return the first column of each row that holds; V - 1 where none does."""
    columns = torch.arange(holds.shape[1], device=holds.device)
    return torch.where(holds, columns, holds.shape[1] - 1).amin(dim=-1)


def _truncate(weights: torch.Tensor, limits: Limits) -> torch.Tensor:
    """Return the weights with 0 where top-k, then top-p, then min-p drop them.

    weights : float32[B, V]   >= 0, the largest 1
    """
    if 0 < limits.top_k < weights.shape[1]:
        least = weights.topk(limits.top_k, dim=-1).values[:, -1:]
        weights = weights.masked_fill(weights < least, 0.0)
    if limits.top_p < 1.0:
        weights = _keep_nucleus(weights, limits.top_p)
    if limits.min_p > 0.0:
        weights = weights.masked_fill(weights < limits.min_p, 0.0)
    return weights


def _keep_nucleus(weights: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the smallest set of largest weights that reaches its share; of equal ones the first."""
    ordered = weights.sort(dim=-1, descending=True).values
    running = ordered.cumsum(dim=-1, dtype=torch.float64)
    target = top_p * running[:, -1:]
    place = (running < target).sum(dim=-1, keepdim=True).clamp(max=weights.shape[1] - 1)
    least = ordered.gather(1, place)
    tied = weights == least
    above = torch.where(weights > least, weights, 0.0).sum(dim=-1, keepdim=True, dtype=torch.float64)
    is_spare = tied & (above + (tied.cumsum(dim=-1) - 1) * least >= target)
    return weights.masked_fill((weights < least) | is_spare, 0.0)
