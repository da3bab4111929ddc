"""Penalise tokens for having been used: repetition, frequency, presence, and long repeats (DRY).

All work on raw logits, before anything normalises: the repetition penalty depends on their sign. Counts are those at
each position, so a drafted path is penalised as it would be token by token. Cost: one copy of the logits, and the
length of the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.logits._kernels import find_repeats_kernel
from guidance.logits.base import PLAIN, Context, Processor, Stage, States
from guidance.logits.history import History
from guidance.logits.remembering import Remembering
from guidance.penalties import Dry

__all__ = ["CountPenalty", "DryPenalty", "RepetitionPenalty"]

_LONGEST_REPEAT = 50


@dataclass(frozen=True, slots=True)
class RepetitionPenalty(Remembering):
    """Divide the positive and multiply the negative logits of every token of prompt and output (Keskar et al. 2019)."""

    penalty: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the penalised logits."""
        del context
        changed = logits.clone()
        for b, row in enumerate(states):
            for p, history in enumerate(row):
                seen = torch.from_numpy(np.unique(history.tokens)).to(logits.device)
                values = logits[b, p, seen]
                changed[b, p, seen] = torch.where(values > 0, values / self.penalty, values * self.penalty)
        return changed


@dataclass(frozen=True, slots=True)
class CountPenalty(Processor):
    """Subtract `frequency` for every time a token was written, and `presence` once; the prompt does not count."""

    stage: ClassVar[Stage] = Stage.PENALTY
    frequency: float
    presence: float

    def start(self, prompt_ids: Any) -> History:
        """Return no tokens."""
        del prompt_ids
        return History.of(())

    def advance(self, state: History, token_id: int, log_prob: float) -> History:
        """Append the token."""
        del log_prob
        return state.append(token_id)

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the penalised logits."""
        del context
        changed = logits.clone()
        for b, row in enumerate(states):
            for p, history in enumerate(row):
                tokens, counts = np.unique(history.tokens, return_counts=True)
                penalties = torch.from_numpy(self.frequency * counts + self.presence).to(logits)
                changed[b, p, torch.from_numpy(tokens).to(logits.device)] -= penalties
        return changed


@dataclass(frozen=True, slots=True)
class DryState:
    """Hold the tokens and how many of them follow the last breaker."""

    history: History
    num_unbroken: int


@dataclass(frozen=True, slots=True)
class DryPenalty(Processor):
    """Penalise each token that would lengthen a suffix seen before; `guidance.penalties.Dry` has the formula.

    Parameters
    ----------
    dry : its settings.
    token_bytes : the bytes of every token, to find breakers in.
    """

    stage: ClassVar[Stage] = Stage.PENALTY
    dry: Dry
    token_bytes: tuple[bytes, ...]

    def start(self, prompt_ids: Any) -> DryState:
        """Return the prompt."""
        num_unbroken = 0
        for token_id in reversed(prompt_ids):
            if self._breaks(token_id):
                break
            num_unbroken += 1
        return DryState(History.of(prompt_ids), num_unbroken)

    def advance(self, state: DryState, token_id: int, log_prob: float) -> DryState:
        """Append the token."""
        del log_prob
        num_unbroken = 0 if self._breaks(token_id) else state.num_unbroken + 1
        return DryState(state.history.append(token_id), num_unbroken)

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the penalised logits."""
        del context
        changed = logits.clone()
        for b, row in enumerate(states):
            for p, state in enumerate(row):
                for token_id, length in self._repeats(state).items():
                    changed[b, p, token_id] -= self.penalty(length)
        return changed

    def penalty(self, length: int) -> float:
        """Return what a token loses that would extend a repeat of this length."""
        return self.dry.multiplier * self.dry.base ** (length - self.dry.allowed_length)

    def _repeats(self, state: DryState) -> dict[int, int]:
        """Return the longest repeat that each token would extend."""
        tokens = state.history.tokens
        if self.dry.window is not None:
            tokens = tokens[-self.dry.window :]
        longest = min(state.num_unbroken, _LONGEST_REPEAT)
        found: dict[int, int] = {}
        for token_id, length in zip(*find_repeats(tokens, longest), strict=True):
            if length >= self.dry.allowed_length and not self._breaks(token_id):
                found[token_id] = max(found.get(token_id, 0), length)
        return found

    def _breaks(self, token_id: int) -> bool:
        piece = self.token_bytes[token_id]
        return any(breaker.encode() in piece for breaker in self.dry.breakers)


def find_repeats(tokens: NDArray[np.int64], longest: int) -> tuple[list[int], list[int]]:
    """Return what followed each earlier place where the text's end occurs, and how long the repeat is there.

    The naive loop: for every j < n - 1 with ``tokens[j] == tokens[n - 1]``, the follower is ``tokens[j + 1]`` and the
    length is that of the longest common suffix of ``tokens[: j + 1]`` and ``tokens``, at most `longest`.
    """
    followers = np.empty(tokens.size, dtype=np.int64)
    lengths = np.empty(tokens.size, dtype=np.int64)
    count = find_repeats_kernel(tokens, longest, followers, lengths)
    return followers[:count].tolist(), lengths[:count].tolist()
