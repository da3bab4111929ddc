"""Exclude top choices: now and then drop every likely token but the least likely of them (text-generation-webui 2024).

The published sampler flips a coin at each step. Drawing after a coin is drawing from the mixture of both laws, so the
mixture is what this computes: no random number of its own, the same text for the same seed, and exact under
speculation and in log-probabilities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from guidance.logits.base import PLAIN, Context, Processor, Stage, States

__all__ = ["Xtc"]

_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Xtc(Processor):
    """Mix the law, in the proportion 1 - probability, with the law without its top choices.

    Top choices are the tokens at least `threshold` likely, save the least likely of them (the last on ties); fewer than
    two such tokens, or an end token or newline among those to go, leave the law as it is.

    Parameters
    ----------
    threshold : the probability that makes a token a top choice.
    probability : how often top choices are excluded.
    protected : tokens that are not excluded.
    temperature : divides the logits of both laws after the choice, for pipelines that apply the temperature last.
    """

    stage: ClassVar[Stage] = Stage.TRUNCATION
    threshold: float
    probability: float
    protected: tuple[int, ...] = ()
    temperature: float = 1.0

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the mixture's logits."""
        del states
        removed = self._removed(logits, context)
        tempered = logits if self.temperature == 1.0 else logits / self.temperature
        rest = torch.softmax(tempered, dim=-1).masked_fill(removed, 0.0).sum(dim=-1, keepdim=True)
        stays = torch.log1p(self.probability * (1 / rest - 1))
        goes = math.log1p(-self.probability) if self.probability < 1 else _NEVER
        is_cut = removed.any(dim=-1, keepdim=True)
        mixed = tempered + torch.where(removed, goes, stays)
        return torch.where(is_cut, mixed, tempered)

    def _removed(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        """Return bool[B, P, K]: the top choices that the second law goes without."""
        law = torch.softmax(logits, dim=-1)
        is_top = (law >= self.threshold) & (law > 0)
        lowest = torch.where(is_top, law, 2.0).amin(dim=-1, keepdim=True)
        is_lowest = is_top & (law == lowest)
        is_spared = is_lowest & (is_lowest.flip(-1).cumsum(dim=-1).flip(-1) == 1)
        removed = is_top & ~is_spared
        if not self.protected:
            return removed
        return removed & ~(removed & self._is_protected(logits, context)).any(dim=-1, keepdim=True)

    def _is_protected(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        protected = torch.tensor(self.protected, device=logits.device)
        columns = (
            torch.arange(logits.shape[-1], device=logits.device) if context.token_ids is None else context.token_ids
        )
        return torch.isin(columns, protected)
