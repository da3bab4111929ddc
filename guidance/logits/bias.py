"""Add to the logits of chosen tokens, or of the last token of chosen sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from guidance.logits.base import PLAIN, Context, Processor, Stage, States

__all__ = ["SequenceBias", "TokenBias"]


@dataclass(frozen=True, slots=True)
class TokenBias(Processor):
    """Add a constant to each of these tokens."""

    stage: ClassVar[Stage] = Stage.PENALTY
    biases: tuple[tuple[int, float], ...]

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the biased logits."""
        del states, context
        changed = logits.clone()
        for token_id, bias in self.biases:
            changed[..., token_id] += bias
        return changed


@dataclass(frozen=True, slots=True)
class SequenceBias(Processor):
    """Add a constant to the last token of each sequence where its other tokens have just been written or read.

    Cost: the number of sequences.
    """

    stage: ClassVar[Stage] = Stage.PENALTY
    biases: tuple[tuple[tuple[int, ...], float], ...]

    def start(self, prompt_ids: object) -> tuple[int, ...]:
        """Return the prompt's last tokens, as many as the longest sequence can look at."""
        assert isinstance(prompt_ids, tuple | list)
        return tuple(prompt_ids[len(prompt_ids) - min(self._reach, len(prompt_ids)) :])

    def advance(self, state: tuple[int, ...], token_id: int, log_prob: float) -> tuple[int, ...]:
        """Append the token and forget what no sequence looks at."""
        del log_prob
        return (*state, token_id)[-self._reach :]

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the biased logits."""
        del context
        changed = logits.clone()
        for b, row in enumerate(states):
            for p, last in enumerate(row):
                for sequence, bias in self.biases:
                    before = sequence[:-1]
                    if last[len(last) - len(before) :] == before and len(last) >= len(before):
                        changed[b, p, sequence[-1]] += bias
        return changed

    @property
    def _reach(self) -> int:
        return max(len(sequence) for sequence, _ in self.biases) - 1


def split_biases(biases: Mapping[tuple[int, ...], float]) -> tuple[TokenBias | None, SequenceBias | None]:
    """Return the processors for sequences of one token and of several."""
    single = tuple((sequence[0], bias) for sequence, bias in biases.items() if len(sequence) == 1 and bias)
    longer = tuple((sequence, bias) for sequence, bias in biases.items() if len(sequence) > 1 and bias)
    return TokenBias(single) if single else None, SequenceBias(longer) if longer else None
