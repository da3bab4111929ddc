"""Take allowed tokens at random until the text ends.

A token is drawn in two steps, first byte then token, so that the quote that closes a string is not one among
100,000. After ``max_tokens`` the walk goes home along ``shortest_completion``.
"""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm import Vocabulary, allocate_token_bitmask

__all__ = ["Ending", "Walk", "Walker"]

_CLOSING = frozenset(b'"}],:')
_CLOSING_SHARE = 0.3
_END_SHARE = 0.5
_MAX_WAY_HOME = 20_000


class Ending(enum.StrEnum):
    """How a walk ended; all but the first are faults."""

    FINISHED = "finished"
    DEAD_END = "dead end"
    DISAGREED = "mask and advance disagree"
    LOST = "shortest_completion does not shrink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One walk: its text and how it ended."""

    text: bytes
    ending: Ending
    num_tokens: int


class Walker:
    """Walk through the masks of one vocabulary.

    Parameters
    ----------
    vocabulary : must hold every byte as a token of its own, so that there is always a way home.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._mask = allocate_token_bitmask(1, vocabulary.size)
        first = [token[0] if token else 256 for token in vocabulary.token_bytes]
        self._first_byte: NDArray[np.int16] = np.array(first, np.int16)
        self._ends = frozenset(vocabulary.eos_token_ids)
        single = {token: token_id for token_id, token in enumerate(vocabulary.token_bytes) if len(token) == 1}
        self._byte_tokens = [single[bytes([byte])] for byte in range(256)]

    def walk(self, compiled: Any, source: random.Random, *, max_tokens: int) -> Walk:
        """Walk once. Cost: a mask and a draw per token, and up to 256 forks per byte on the way home."""
        matcher, taken = compiled.matcher(), list[int]()
        for _ in range(max_tokens):
            token_id = self._draw(matcher, source)
            if token_id is None:
                return self._end(taken, Ending.DEAD_END)
            if not matcher.try_advance(token_id):
                return self._end([*taken, token_id], Ending.DISAGREED)
            if token_id in self._ends:
                return self._end(taken, Ending.FINISHED)
            taken.append(token_id)
        return self._go_home(matcher, taken)

    def _draw(self, matcher: Any, source: random.Random) -> int | None:
        allowed = self._allowed(matcher)
        if not allowed.size:
            return None
        ends = [token_id for token_id in self._ends if self._is_set(token_id)]
        if ends and (len(ends) == allowed.size or source.random() < _END_SHARE):
            return source.choice(ends)
        firsts = self._first_byte[allowed]
        kinds = [int(kind) for kind in np.flatnonzero(np.bincount(firsts, minlength=257)[:256])]
        closing = [kind for kind in kinds if kind in _CLOSING]
        kind = source.choice(closing if closing and source.random() < _CLOSING_SHARE else kinds or [256])
        tokens = allowed[firsts == kind]
        return int(tokens[source.randrange(tokens.size)])

    def _go_home(self, matcher: Any, taken: list[int]) -> Walk:
        distance = matcher.shortest_completion()
        for _ in range(_MAX_WAY_HOME):
            allowed = set(self._allowed(matcher).tolist())
            ends = self._ends & allowed
            if ends:
                return self._end(taken, Ending.FINISHED if matcher.try_advance(min(ends)) else Ending.DISAGREED)
            if not allowed:
                return self._end(taken, Ending.DEAD_END)
            step = self._step_home(matcher, allowed, distance)
            if step is None:
                return self._end(taken, Ending.LOST)
            taken.append(step)
            matcher.advance(step)
            distance = matcher.shortest_completion()
        return self._end(taken, Ending.LOST)

    def _step_home(self, matcher: Any, allowed: set[int], distance: int) -> int | None:
        """Find a byte after which the end is nearer; the best one when none is nearer by exactly one."""
        best: tuple[int, int] | None = None
        for token_id in self._byte_tokens:
            if token_id not in allowed:
                continue
            fork = matcher.fork()
            if not fork.try_advance(token_id):
                return None
            ahead = fork.shortest_completion()
            if ahead == distance - 1:
                return token_id
            if best is None or ahead < best[0]:
                best = (ahead, token_id)
        return None if best is None or best[0] >= distance else best[1]

    def _allowed(self, matcher: Any) -> NDArray[np.int64]:
        matcher.fill_next_token_bitmask(self._mask)
        bits = np.unpackbits(self._mask[0].view(np.uint8), bitorder="little")
        return np.flatnonzero(bits[: self._vocabulary.size])

    def _is_set(self, token_id: int) -> bool:
        return bool(int(self._mask[0, token_id >> 5]) >> (token_id & 31) & 1)

    def _end(self, taken: list[int], ending: Ending) -> Walk:
        text = b"".join(self._vocabulary.token_bytes[token_id] for token_id in taken)
        return Walk(text=text, ending=ending, num_tokens=len(taken))
