"""Let candidates meet in SynthID's tournament (Dathathri et al. 2024, Nature 634, two leaves a match).

In the limit of many candidates one round turns p into ``p * (1 + g - sum(g p))`` with the key's bit g of each token.
Over keys the law is p itself; chosen tokens have more ones than half, most of all in the first rounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from guidance.logits.base import PLAIN, Context, States
from guidance.watermark._kernels import run_tournament_kernel
from guidance.watermark.hashing import hash_tensor, hash_tokens
from guidance.watermark.marking import Marking
from guidance.watermark.windows import read_windows

__all__ = ["Tournament"]


@dataclass(frozen=True, slots=True)
class Tournament(Marking):
    """Replace the law by the winners' law."""

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the winners' log-probabilities, where the position is marked."""
        seeds, marks = read_windows(self.watermark, states)
        flat = logits.reshape(-1, logits.shape[-1])
        ids = None if context.token_ids is None else context.token_ids.reshape(flat.shape)
        if logits.device.type != "cpu":
            columns = torch.arange(flat.shape[1], device=flat.device)[None] if ids is None else ids
            won = _run_on_device(flat, hash_tensor(seeds, columns), self.watermark.depth)
            marked = torch.from_numpy(marks).to(flat.device)[:, None]
            return torch.where(marked, won, flat).view(logits.shape)
        hashes = hash_tokens(seeds, None if ids is None else ids.numpy(), flat.shape[1])
        log_law = torch.log_softmax(flat, dim=-1)
        law = log_law.exp().double()
        changed = flat.clone()
        run_tournament_kernel(log_law.numpy(), law.numpy(), hashes, marks, self.watermark.depth, changed.numpy())
        return changed.view(logits.shape)


def _run_on_device(logits: torch.Tensor, hashes: torch.Tensor, depth: int) -> torch.Tensor:
    law = torch.softmax(logits.double(), dim=-1)
    for level in range(depth):
        bits = ((hashes >> level) & 1).double()
        law = law * (1.0 + bits - (bits * law).sum(dim=-1, keepdim=True))
    return law.log().float()
