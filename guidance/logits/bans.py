"""Forbid tokens: never, too early, where they would repeat an n-gram, or where they would write a word.

These set logits to minus infinity before the grammar's mask. Where they leave none of the tokens it allows, the
pipeline keeps the most likely of those and counts the event: a type is a promise, a ban is a wish.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.logits.base import PLAIN, Context, Processor, Stage, States
from guidance.logits.history import History
from guidance.logits.penalties import find_repeats
from guidance.logits.remembering import Remembering

__all__ = ["BANS", "BannedText", "MinTokens", "NoRepeatNgram", "Suppress"]

_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Suppress(Processor):
    """Never draw these tokens."""

    stage: ClassVar[Stage] = Stage.PENALTY
    token_ids: tuple[int, ...]

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with these at minus infinity."""
        del states, context
        changed = logits.clone()
        changed[..., list(self.token_ids)] = _NEVER
        return changed


@dataclass(frozen=True, slots=True)
class MinTokens(Processor):
    """Draw no end token before `num_tokens` tokens are written; its state counts them."""

    stage: ClassVar[Stage] = Stage.PENALTY
    num_tokens: int
    end_token_ids: tuple[int, ...]

    def start(self, prompt_ids: Any) -> int:
        """Return zero."""
        del prompt_ids
        return 0

    def advance(self, state: int, token_id: int, log_prob: float) -> int:
        """Count one."""
        del token_id, log_prob
        return state + 1

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the end tokens at minus infinity where it is too early."""
        del context
        if all(count >= self.num_tokens for row in states for count in row):
            return logits
        changed = logits.clone()
        for b, row in enumerate(states):
            for p, count in enumerate(row):
                if count < self.num_tokens:
                    changed[b, p, list(self.end_token_ids)] = _NEVER
        return changed


@dataclass(frozen=True, slots=True)
class NoRepeatNgram(Remembering):
    """Forbid each token that would complete a sequence of `size` tokens seen before, in the prompt or after it."""

    size: int

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with these at minus infinity."""
        del context
        changed = logits.clone()
        for b, row in enumerate(states):
            for p, history in enumerate(row):
                changed[b, p, self._repeating(history)] = _NEVER
        return changed

    def _repeating(self, history: History) -> list[int]:
        if self.size == 1:
            return [int(token_id) for token_id in np.unique(history.tokens)]
        found = zip(*find_repeats(history.tokens, self.size - 1), strict=True)
        return [token_id for token_id, length in found if length == self.size - 1]


@dataclass(frozen=True, slots=True)
class BannedText(Processor):
    """Never let the output contain one of these byte strings, however its tokens are cut.

    A token is forbidden where it holds a word, or finishes one that the text has begun. Cost of the first token that
    can finish a given rest of a word: one pass over the vocabulary; of the others, the length of the words.

    Parameters
    ----------
    words : byte strings.
    token_bytes : the bytes of every token; empty for those that write nothing.

    The state is the end of the text, as long as a word can begin in it.
    """

    stage: ClassVar[Stage] = Stage.PENALTY
    words: tuple[bytes, ...]
    token_bytes: tuple[bytes, ...]
    _found: dict[tuple[bytes, bool], NDArray[np.int64]] = field(default_factory=dict, compare=False, repr=False)

    def start(self, prompt_ids: Any) -> bytes:
        """Return no bytes: what the prompt holds is not the output's doing."""
        del prompt_ids
        return b""

    def advance(self, state: bytes, token_id: int, log_prob: float) -> bytes:
        """Return the last bytes of the longer text."""
        del log_prob
        reach = max(len(word) for word in self.words) - 1
        text = state + self.token_bytes[token_id]
        return text[len(text) - min(reach, len(text)) :]

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with what would write a word at minus infinity."""
        del context
        changed = logits.clone()
        for word in self.words:
            changed[..., self._tokens(word, is_start=False)] = _NEVER
        for b, row in enumerate(states):
            for p, end in enumerate(row):
                for rest in self._rests(end):
                    changed[b, p, self._tokens(rest, is_start=True)] = _NEVER
        return changed

    def _rests(self, end: bytes) -> list[bytes]:
        """Return what is missing from each word that the text may have begun."""
        return [word[k:] for word in self.words for k in range(1, len(word)) if end.endswith(word[:k])]

    def _tokens(self, part: bytes, *, is_start: bool) -> NDArray[np.int64]:
        """Return the tokens that begin with these bytes, or that hold them anywhere."""
        key = (part, is_start)
        if key not in self._found:
            pieces = enumerate(self.token_bytes)
            found = [t for t, piece in pieces if (piece.startswith(part) if is_start else part in piece)]
            self._found[key] = np.array(found, dtype=np.int64)
        return self._found[key]


BANS = (Suppress, MinTokens, NoRepeatNgram, BannedText)
"""The processors of this module: all that sets logits to minus infinity before the mask."""
