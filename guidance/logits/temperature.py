"""Flatten or sharpen the law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from guidance.logits.base import PLAIN, Context, Processor, Stage, States

__all__ = ["AdaptiveTemperature", "Temperature"]

_NEVER = float("-inf")

# Below, division overflows float32; at 1e-30 nothing but the largest logit and its ties has weight already.
_SMALLEST = 1e-30

# Highest degree first, as numpy.polyval reads them; ports that evaluate them the other way round exist.
_COEFFICIENTS = (-0.037, 0.481, -2.3, 4.917, -1.791)


@dataclass(frozen=True, slots=True)
class Temperature(Processor):
    """Divide the logits by the temperature; 0 leaves the most likely token alone."""

    stage: ClassVar[Stage] = Stage.TEMPERATURE
    temperature: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the scaled logits."""
        del states, context
        if self.temperature > _SMALLEST:
            return logits / self.temperature
        best = logits.argmax(dim=-1, keepdim=True)
        if self.temperature > 0:
            largest = logits.gather(-1, best)
            return torch.where(logits == largest, logits - largest, (logits - largest) / _SMALLEST)
        return torch.full_like(logits, _NEVER).scatter_(-1, best, logits.gather(-1, best))


@dataclass(frozen=True, slots=True)
class AdaptiveTemperature(Processor):
    """Sharpen laws of middling entropy (Velickovic et al. 2024, "softmax is not enough", arXiv 2410.01104).

    Logits are multiplied by ``max(polynomial(H), 1)`` where the entropy H, in nats, exceeds 0.5. That is more than one
    for 0.849 < H < 5.945 only, and at most 2.42; the fit was made for attention heads, so a law near uniform over
    thousands of tokens stays as it is.
    """

    stage: ClassVar[Stage] = Stage.TEMPERATURE

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the scaled logits."""
        del states, context
        factor = self.factor(logits)
        return torch.where(factor == 1.0, logits, logits * factor)

    def factor(self, logits: torch.Tensor) -> torch.Tensor:
        """Return what each position's logits are multiplied by: float[B, P, 1]."""
        law = torch.softmax(logits, dim=-1)
        entropy = -(law * torch.log(law + 1e-9)).sum(dim=-1, keepdim=True)
        value = torch.zeros_like(entropy)
        for coefficient in _COEFFICIENTS:
            value = value * entropy + coefficient
        return torch.where(entropy > 0.5, value.clamp(min=1.0), torch.ones_like(value))
