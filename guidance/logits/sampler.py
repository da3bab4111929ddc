"""Draw one token per row, among the allowed tokens only, from one uniform number per row.

On the CPU a row goes through compiled loops one by one, so what is drawn for it does not depend on the rows beside it;
where few tokens are allowed, the loops see only those. On other devices the same law is computed by torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.logits._draw_kernels import draw_rows_kernel
from guidance.logits.mask import apply_token_bitmask_inplace

__all__ = ["BROKEN", "EMPTY", "UNLIMITED", "Draw", "Draws", "Limits", "draw_tokens"]

EMPTY = -1
"""Stands for a token where none was allowed."""

BROKEN = -2
"""Stands for a token where the logits were not numbers."""

# Beyond, 1 / temperature overflows float32; at 1e-30 already nothing but the largest logit and its ties have weight.
_LARGEST_SCALE = 1e30

_NO_MASK = np.zeros((0, 0), dtype=np.int32)


class Draw(NamedTuple):
    """Hold what was drawn for one row."""

    token_id: int
    log_prob: float
    base_log_prob: float
    is_rescued: bool


@dataclass(frozen=True, slots=True)
class Draws:
    """Hold what was drawn: one entry per row.

    token_ids      : drawn tokens; `EMPTY` or `BROKEN` where none could be
    log_probs      : of the law drawn from (for greedy, the law at temperature 1)
    base_log_probs : of the model's own law; empty when not asked for
    rescued        : whether truncation had left nothing to draw from; empty when nowhere
    """

    token_ids: list[int]
    log_probs: list[float]
    base_log_probs: list[float]
    rescued: list[bool] = field(default_factory=list)

    def spread(self, rows: Sequence[int], size: int, others: Draws | None) -> Draws:
        """Return draws of `size` rows: these ones at their places, and the others' elsewhere."""
        whole = others or Draws([EMPTY] * size, [0.0] * size, [0.0] * size if self.base_log_probs else [])
        rescued = whole.rescued or [False] * size
        for place, row in enumerate(rows):
            whole.token_ids[row] = self.token_ids[place]
            whole.log_probs[row] = self.log_probs[place]
            if self.base_log_probs:
                whole.base_log_probs[row] = self.base_log_probs[place]
            rescued[row] = bool(self.rescued) and self.rescued[place]
        return Draws(whole.token_ids, whole.log_probs, whole.base_log_probs, rescued)

    def row(self, index: int) -> Draw:
        """Return one row's draw."""
        base = self.base_log_probs[index] if self.base_log_probs else 0.0
        return Draw(self.token_ids[index], self.log_probs[index], base, bool(self.rescued) and self.rescued[index])


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hold the truncations that drawing applies itself, in this order; the defaults keep everything.

    Parameters
    ----------
    top_k : keep the k most likely tokens and those tied with the last of them; 0 for all.
    top_p : keep the smallest set of most likely tokens whose probability reaches p.
    min_p : drop tokens less likely than this share of the most likely one.
    at_temperature_one : look at the law before the temperature.
    """

    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    at_temperature_one: bool = False


UNLIMITED = Limits()


def draw_tokens(
    logits: torch.Tensor,
    mask: NDArray[np.int32] | None,
    *,
    scales: Sequence[float],
    uniforms: Sequence[float],
    limits: Limits = UNLIMITED,
    wants_base: bool = False,
) -> Draws:
    """Draw one token per row from softmax(scale * logits) over the allowed tokens.

    logits   : float[B, V]   left as it is
    mask     : int32[B, W]   None allows every token
    scales   : 1 / temperature for each row; 0 takes the most likely token
    uniforms : one number in [0, 1) for each row
    limits   : truncations; on the CPU only

    Examples
    --------
    >>> draw_tokens(torch.tensor([[0.0, 2.0, 1.0]]), None, scales=[0.0], uniforms=[0.0]).token_ids
    [1]
    """
    if logits.device.type != "cpu":
        assert limits == UNLIMITED
        return _draw_dense(logits, mask, scales, uniforms, wants_base=wants_base)
    values = np.ascontiguousarray(logits.detach().float().numpy())
    num_rows, size = values.shape
    token_ids = np.empty(num_rows, dtype=np.int64)
    log_probs, base = np.empty(num_rows), np.empty(num_rows if wants_base else 0)
    draw_rows_kernel(
        values,
        _NO_MASK if mask is None else mask,
        mask is not None,
        np.minimum(np.array(scales, dtype=np.float64), _LARGEST_SCALE),
        limits.at_temperature_one,
        limits.top_k,
        limits.top_p,
        limits.min_p,
        np.array(uniforms, dtype=np.float64),
        wants_base,
        np.empty((3, size), dtype=np.float32),
        np.empty(size, dtype=np.int64),
        token_ids,
        log_probs,
        base,
    )
    return Draws(token_ids.tolist(), log_probs.tolist(), base.tolist())


def _draw_dense(
    logits: torch.Tensor,
    mask: NDArray[np.int32] | None,
    scales: Sequence[float],
    uniforms: Sequence[float],
    *,
    wants_base: bool,
) -> Draws:
    legal = logits.float()
    base_total = torch.logsumexp(legal, dim=-1) if wants_base else None
    if mask is not None:
        legal = legal.clone() if legal is logits else legal
        apply_token_bitmask_inplace(legal, mask)
    tokens = legal.argmax(dim=-1)
    best = legal.gather(1, tokens[:, None])
    scale = torch.tensor([[min(value, _LARGEST_SCALE) or 1.0] for value in scales], device=legal.device)
    weights = ((legal - best) * scale).exp_()
    if any(value > 0 for value in scales):
        sampled = _invert_cdf(weights, uniforms)
        greedy = torch.tensor([value == 0 for value in scales], device=legal.device)
        tokens = torch.where(greedy, tokens, sampled)
    chosen = legal.gather(1, tokens[:, None])
    log_probs = ((chosen - best) * scale).squeeze(1) - weights.sum(dim=-1).log()
    tokens = torch.where(torch.isneginf(best.squeeze(1)), EMPTY, tokens)
    tokens = torch.where(torch.isfinite(best.squeeze(1)) | torch.isneginf(best.squeeze(1)), tokens, BROKEN)
    base: list[float] = []
    if base_total is not None:
        base = (logits.float().gather(1, tokens.clamp(min=0)[:, None])[:, 0] - base_total).tolist()
    return Draws(tokens.tolist(), log_probs.tolist(), base)


def _invert_cdf(weights: torch.Tensor, uniforms: Sequence[float]) -> torch.Tensor:
    """Return the first column whose running sum exceeds u times the total; never one without weight."""
    running = weights.cumsum(dim=-1, dtype=torch.float64)
    targets = torch.tensor(uniforms, dtype=torch.float64, device=weights.device)[:, None] * running[:, -1:]
    found = torch.searchsorted(running, targets, right=True).squeeze(1)
    last = weights.shape[1] - 1 - (weights > 0).flip(-1).int().argmax(dim=-1)
    return torch.minimum(found, last)
