"""Choose by an exponential race whose random numbers are the key's (Aaronson 2022; Gumbel 1954).

``argmax(log p - log(-log r))`` with uniform r draws from p, so over keys the law is p itself; who has the key finds r
close to 1 at the tokens that were chosen. In a context met before, ordinary random numbers choose. Elsewhere key and
context leave no chance: there a token's log-probability under the law it was drawn from is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from guidance.logits.base import PLAIN, Context, States
from guidance.watermark._kernels import race_tokens_kernel
from guidance.watermark.hashing import hash_tensor, hash_tokens
from guidance.watermark.marking import Marking
from guidance.watermark.windows import read_windows

__all__ = ["GumbelRace"]


@dataclass(frozen=True, slots=True)
class GumbelRace(Marking):
    """Leave one token at each position: the winner of the race."""

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return minus infinity for every token but the winner, where the position is marked."""
        seeds, marks = read_windows(self.watermark, states)
        flat = logits.reshape(-1, logits.shape[-1])
        ids = None if context.token_ids is None else context.token_ids.reshape(flat.shape)
        if logits.device.type != "cpu":
            return _race_on_device(flat, ids, seeds, marks).view(logits.shape)
        hashes = hash_tokens(seeds, None if ids is None else ids.numpy(), flat.shape[1])
        changed = torch.empty_like(flat)
        race_tokens_kernel(flat.contiguous().numpy(), hashes, marks, changed.numpy())
        return changed.view(logits.shape)


def _race_on_device(
    logits: torch.Tensor, token_ids: torch.Tensor | None, seeds: Any, marks: np.ndarray[Any, np.dtype[np.bool_]]
) -> torch.Tensor:
    ids = torch.arange(logits.shape[1], device=logits.device)[None] if token_ids is None else token_ids
    uniforms = (hash_tensor(seeds, ids).double() + 0.5) / 2**32
    winners = (logits.double() - torch.log(-torch.log(uniforms))).argmax(dim=-1, keepdim=True)
    alone = torch.full_like(logits, float("-inf")).scatter_(-1, winners, logits.gather(-1, winners))
    return torch.where(torch.from_numpy(marks).to(logits.device)[:, None], alone, logits)
