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

from guidance.logits._kernels import apply_mask_kernel, draw_token_kernel, gather_legal_kernel
from guidance.logits.mask import apply_token_bitmask_inplace

__all__ = ["BROKEN", "EMPTY", "UNLIMITED", "Draw", "Draws", "Limits", "draw_tokens"]

EMPTY = -1
"""Stands for a token where none was allowed."""

BROKEN = -2
"""Stands for a token where the logits were not numbers."""

# Beyond, 1 / temperature overflows float32; at 1e-30 already nothing but the largest logit and its ties have weight.
_LARGEST_SCALE = 1e30

# Copying a row and hiding the rest is faster than collecting more than this share of it.
_FEW = 8


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
    scratch = _Scratch(values.shape[1])
    token_ids, log_probs, base = [], [], []
    for row, line in enumerate(values):
        allowed = None if mask is None else mask[row]
        token_id, log_prob = scratch.draw(line, allowed, min(scales[row], _LARGEST_SCALE), uniforms[row], limits)
        token_ids.append(token_id)
        log_probs.append(log_prob)
        if wants_base:
            base.append(scratch.log_prob(line, token_id))
    return Draws(token_ids, log_probs, base)


class _Scratch:
    """Hold the buffers of one call; owned by `draw_tokens`."""

    __slots__ = ("_factors", "_ids", "_log_prob", "_powers", "_scratch", "_values", "_weights")

    def __init__(self, size: int) -> None:
        self._powers = np.empty(size, dtype=np.int32)
        self._factors = self._powers.view(np.float32)
        self._weights = np.empty(size, dtype=np.float32)
        self._scratch = np.empty(size, dtype=np.float32)
        self._values = np.empty(size, dtype=np.float32)
        self._ids = np.empty(0, dtype=np.int64)
        self._log_prob = np.empty(1)

    def draw(
        self, line: NDArray[np.float32], allowed: NDArray[np.int32] | None, scale: float, uniform: float, limits: Limits
    ) -> tuple[int, float]:
        """Return a token and its log-probability, or `EMPTY` or `BROKEN` and 0."""
        values, ids = (line, None) if allowed is None else self._keep_legal(line, allowed)
        if not values.size:
            return EMPTY, 0.0
        best_index = int(values.argmax())
        best = values[best_index]
        if not np.isfinite(best):
            return EMPTY if best == -np.inf else BROKEN, 0.0
        index = draw_token_kernel(
            values,
            best_index,
            scale,
            1.0 if limits.at_temperature_one else scale,
            limits.top_k or values.size,
            limits.top_p,
            limits.min_p,
            uniform,
            self._powers,
            self._factors,
            self._weights,
            self._scratch,
            self._log_prob,
        )
        return int(index if ids is None else ids[index]), float(self._log_prob[0])

    def log_prob(self, line: NDArray[np.float32], token_id: int) -> float:
        """Return a token's log-probability under softmax(line)."""
        found, _ = self.draw(line, None, 0.0, 0.0, UNLIMITED)
        if found < 0 or token_id < 0:
            return float("nan")
        return float(np.float64(line[token_id]) - line[found] + self._log_prob[0])

    def _keep_legal(
        self, line: NDArray[np.float32], allowed: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
        """Return the allowed logits and their ids; all of them, the others at minus infinity, where many are."""
        if int(np.bitwise_count(allowed.view(np.uint32)).sum()) * _FEW > line.size:
            self._values[:] = line
            apply_mask_kernel(allowed[None], self._values[None])
            return self._values, None
        if not self._ids.size:
            self._ids = np.empty(line.size, dtype=np.int64)
        count = gather_legal_kernel(line, allowed, self._values, self._ids)
        return self._values[:count], self._ids


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
    """Return the first column whose running sum exceeds u times the total."""
    running = weights.cumsum(dim=-1, dtype=torch.float64)
    targets = torch.tensor(uniforms, dtype=torch.float64, device=weights.device)[:, None] * running[:, -1:]
    found = torch.searchsorted(running, targets, right=True).squeeze(1)
    return found.clamp_(max=weights.shape[1] - 1)
