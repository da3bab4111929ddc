"""Truncate so that the mean surprise of the text tends to a target (Basu et al. 2021, arXiv 2007.14966).

The state is mu, the surprise allowed next, in bits; it goes up after tokens that surprised less than the target and
down after others. Tokens that a grammar forced were not drawn and do not count.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch

from guidance.errors import SamplingError
from guidance.logits.base import PLAIN, Context, Processor, Stage, States
from guidance.logits.log_prob import LogProb

__all__ = ["Mirostat1", "Mirostat2"]

_NEVER = float("-inf")
_NUM_FITTED = 100  # the tokens whose probabilities tell the exponent of Zipf's law


class _Mirostat(Processor):
    """Hold what both versions share."""

    stage: ClassVar[Stage] = Stage.TRUNCATION

    __slots__ = ()

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with what would surprise too much at minus infinity."""
        del context
        changed = logits.clone()
        log_law = torch.log_softmax(logits, dim=-1)
        for b, row in enumerate(states):
            for p, mu in enumerate(row):
                least = self._least(log_law[b, p], mu)
                changed[b, p].masked_fill_(log_law[b, p] < least, _NEVER)
        return changed

    @abstractmethod
    def _least(self, log_law: torch.Tensor, mu: float) -> torch.Tensor:
        """Return the log-probability from which on tokens stay; at most the largest."""


@dataclass(frozen=True, slots=True)
class Mirostat1(_Mirostat):
    """Fit Zipf's law to the most likely tokens and keep as many as have a mean surprise of mu.

    The surprise that moves mu is that of the law before the truncation.
    """

    tau: float
    rate: float

    def start(self, prompt_ids: Any) -> float:
        """Return twice the target."""
        del prompt_ids
        return 2 * self.tau

    def advance(self, state: float, token_id: int, log_prob: float) -> float:
        """Move mu by the surprise of a drawn token."""
        del token_id
        if not isinstance(log_prob, LogProb):
            if log_prob == 0.0:
                return state
            raise SamplingError(
                f"Sampling: got mirostat=1 and a token of log-probability {log_prob}, expected a LogProb that also "
                "knows the untruncated law; draw with Pipeline.draw, or use mirostat=2"
            )
        return state - self.rate * (-log_prob.untruncated / math.log(2) - self.tau)

    def _least(self, log_law: torch.Tensor, mu: float) -> torch.Tensor:
        number = int(torch.isfinite(log_law).sum())
        top = log_law.topk(min(_NUM_FITTED + 1, max(number, 1))).values
        k = count_tokens(estimate_exponent(top.tolist()), mu, number)
        return top[k - 1] if k <= top.numel() else log_law.topk(k).values[-1]


@dataclass(frozen=True, slots=True)
class Mirostat2(_Mirostat):
    """Drop tokens whose surprise exceeds mu, except the most likely.

    The surprise that moves mu is that of the law drawn from.
    """

    tau: float
    rate: float

    def start(self, prompt_ids: Any) -> float:
        """Return twice the target."""
        del prompt_ids
        return 2 * self.tau

    def advance(self, state: float, token_id: int, log_prob: float) -> float:
        """Move mu by the surprise of a drawn token."""
        del token_id
        if log_prob == 0.0 and not isinstance(log_prob, LogProb):
            return state
        return state - self.rate * (-log_prob / math.log(2) - self.tau)

    def _least(self, log_law: torch.Tensor, mu: float) -> torch.Tensor:
        return log_law.max().clamp(max=-mu * math.log(2))


def estimate_exponent(log_probs: list[float]) -> float:
    """Return the exponent of Zipf's law fitted to log-probabilities in descending order: section 4 of the paper.

    Examples
    --------
    >>> round(estimate_exponent([-1.5 * math.log(rank) for rank in range(1, 102)]), 6)
    1.5
    """
    steps = [math.log((i + 2) / (i + 1)) for i in range(len(log_probs) - 1)]
    drops = [before - after for before, after in pairwise(log_probs)]
    return sum(t * b for t, b in zip(steps, drops, strict=True)) / sum(t * t for t in steps) if steps else 1.0


def count_tokens(exponent: float, mu: float, number: int) -> int:
    """Return how many tokens of Zipf's law over `number` tokens have a mean surprise of mu bits: equation 6."""
    if exponent <= 0:
        return max(number, 1)
    excess = exponent - 1
    shape = 1 / math.log(max(number, 2)) if abs(excess) < 1e-9 else excess / (1 - max(number, 2) ** -excess)
    logarithm = (math.log(shape) + mu * math.log(2)) / exponent
    return max(1, min(number, round(math.exp(min(logarithm, 50.0)))))
