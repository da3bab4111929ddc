"""Shape the law: temperature, top-k, top-p, min-p.

Each is exact on any subset of columns, so the pipeline may run it on the few legal tokens alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from guidance.logits.base import PLAIN, Context, Processor, Stage, States

__all__ = ["MinP", "Temperature", "TopK", "TopP"]

_NEVER = float("-inf")
# Nearly all of a model's probability stands in its first thousand tokens; only a flatter law needs the full sort.
_FIRST_SORT = 1024


@dataclass(frozen=True, slots=True)
class Temperature(Processor):
    """Divide the logits by the temperature; 0 leaves the most likely token alone."""

    stage: ClassVar[Stage] = Stage.TEMPERATURE
    temperature: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the scaled logits."""
        del states, context
        if self.temperature > 0:
            return logits / self.temperature
        best = logits.argmax(dim=-1, keepdim=True)
        return torch.full_like(logits, _NEVER).scatter_(-1, best, logits.gather(-1, best))


@dataclass(frozen=True, slots=True)
class TopK(Processor):
    """Keep the k largest logits and those tied with the last of them."""

    stage: ClassVar[Stage] = Stage.TRUNCATION
    k: int

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        if self.k >= logits.shape[-1]:
            return logits
        smallest = logits.topk(self.k, dim=-1).values[..., -1:]
        return logits.masked_fill(logits < smallest, _NEVER)


@dataclass(frozen=True, slots=True)
class TopP(Processor):
    """Keep the smallest set of most likely tokens whose probability reaches p (Holtzman et al. 2020)."""

    stage: ClassVar[Stage] = Stage.TRUNCATION
    p: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        probabilities = torch.softmax(logits, dim=-1)
        size = logits.shape[-1]
        ordered, columns = probabilities.topk(min(_FIRST_SORT, size), dim=-1)
        if ordered.shape[-1] < size and bool((ordered.sum(dim=-1) < self.p).any()):
            ordered, columns = probabilities.sort(dim=-1, descending=True)
        before = ordered.cumsum(dim=-1) - ordered
        kept = torch.where(before < self.p, logits.gather(-1, columns), _NEVER)
        return torch.full_like(logits, _NEVER).scatter_(-1, columns, kept)


@dataclass(frozen=True, slots=True)
class MinP(Processor):
    """Drop tokens less likely than a share of the most likely one (Nguyen et al. 2024)."""

    stage: ClassVar[Stage] = Stage.TRUNCATION
    share: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        if self.share <= 0:
            return logits
        floor = logits.amax(dim=-1, keepdim=True) + torch.log(torch.tensor(self.share))
        return logits.masked_fill(logits < floor, _NEVER)
