"""Favour, or demand, the green half of the vocabulary (Kirchenbauer et al. 2023, arXiv 2301.10226, algorithms 1 to 3).

Elementwise: a batch costs its rows, no row waits for a permutation, and the support of the law stays what it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.logits.base import PLAIN, Context, States
from guidance.watermark._kernels import add_to_green_kernel
from guidance.watermark.hashing import hash_tensor
from guidance.watermark.marking import Marking
from guidance.watermark.windows import read_windows

__all__ = ["GreenLists"]


@dataclass(frozen=True, slots=True)
class GreenLists(Marking):
    """Add `delta` to the logits of green tokens; an infinite one forbids red tokens where a green one is left."""

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits whose green tokens gained delta."""
        if self.watermark.delta == 0.0:
            return logits
        seeds, marks = read_windows(self.watermark, states)
        flat = logits.reshape(-1, logits.shape[-1])
        ids = None if context.token_ids is None else context.token_ids.reshape(flat.shape)
        changed = self._add(flat, ids, seeds, marks)
        if math.isinf(self.watermark.delta):
            changed = _keep_law_where_all_red(flat, changed)
        return changed.view(logits.shape)

    def _add(
        self,
        logits: torch.Tensor,
        token_ids: torch.Tensor | None,
        seeds: NDArray[np.uint64],
        marks: NDArray[np.bool_],
    ) -> torch.Tensor:
        if logits.device.type != "cpu" or math.isinf(self.watermark.delta):
            return self._add_on_device(logits, token_ids, seeds, marks)
        changed = torch.empty_like(logits)
        ids = np.zeros((0, logits.shape[1]), dtype=np.int64) if token_ids is None else token_ids.numpy()
        source = logits.contiguous().numpy()
        add_to_green_kernel(source, ids, seeds, marks, self.watermark.threshold, self.watermark.delta, changed.numpy())
        return changed

    def _add_on_device(
        self,
        logits: torch.Tensor,
        token_ids: torch.Tensor | None,
        seeds: NDArray[np.uint64],
        marks: NDArray[np.bool_],
    ) -> torch.Tensor:
        ids = torch.arange(logits.shape[1], device=logits.device)[None] if token_ids is None else token_ids
        is_green = hash_tensor(seeds, ids) < self.watermark.threshold
        marked = torch.from_numpy(marks).to(logits.device)[:, None]
        if math.isinf(self.watermark.delta):
            return logits.masked_fill(marked & ~is_green, -math.inf)
        return torch.where(marked & is_green, logits + self.watermark.delta, logits)


def _keep_law_where_all_red(logits: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    is_empty = torch.isneginf(changed.amax(dim=-1, keepdim=True))
    return torch.where(is_empty, logits, changed)
