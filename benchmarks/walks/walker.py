"""Take allowed tokens at random until the text ends.

A token is drawn in two steps, first byte then token, so that the quote that closes a string is not one among
100,000. After ``max_tokens`` the walk goes home byte by byte, each of which must bring the end nearer as
``shortest_completion`` has it. Cost: some ten microseconds per byte tried on the way home; what a mask
allows is sorted once for each mask that recurs.
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
_NO_BYTE = 256
_MOST_SORTED = 64
# On the way home most bytes close something, name a member, or are the first of their kind.
_LIKELY = b'"}]:,0a1{[ntfAb2-.T@/'


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


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The tokens of one mask by first byte, and the end tokens among them."""

    by_first: dict[int, NDArray[np.int64]]
    ends: list[int]


class Walker:
    """Walk through the masks of one vocabulary.

    Parameters
    ----------
    vocabulary : must hold every byte as a token of its own, so that there is always a way home.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._mask = allocate_token_bitmask(1, vocabulary.size)
        self._ends = frozenset(vocabulary.eos_token_ids)
        first = [token[0] if token else _NO_BYTE for token in vocabulary.token_bytes]
        for token_id in self._ends:
            first[token_id] = _NO_BYTE
        self._first_byte: NDArray[np.int16] = np.array(first, np.int16)
        self._sorted: dict[bytes, _Allowed] = {}
        single = {token: token_id for token_id, token in enumerate(vocabulary.token_bytes) if len(token) == 1}
        likely = sorted(range(256), key=lambda byte: _LIKELY.find(byte) % 257)
        self._byte_tokens: NDArray[np.int64] = np.array([single[bytes([byte])] for byte in likely])

    def walk(self, compiled: Any, source: random.Random, *, max_tokens: int) -> Walk:
        """Walk once. Cost: a mask and a draw per token, then a mask and some tries per byte."""
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
        if allowed.ends and (not allowed.by_first or source.random() < _END_SHARE):
            return source.choice(allowed.ends)
        kinds = list(allowed.by_first)
        if not kinds:
            return None
        closing = [kind for kind in kinds if kind in _CLOSING]
        kind = source.choice(closing if closing and source.random() < _CLOSING_SHARE else kinds)
        tokens = allowed.by_first[kind]
        return int(tokens[source.randrange(tokens.size)])

    def _go_home(self, matcher: Any, taken: list[int]) -> Walk:
        distance = matcher.shortest_completion()
        while not matcher.is_accepting:
            step, distance = self._step_home(matcher, distance)
            if step is None:
                return self._end(taken, Ending.LOST)
            taken.append(step)
        matcher.fill_next_token_bitmask(self._mask)
        end = min(self._ends)
        is_ended = self._is_set(end) and matcher.try_advance(end)
        return self._end(taken, Ending.FINISHED if is_ended else Ending.DISAGREED)

    def _step_home(self, matcher: Any, distance: int) -> tuple[int | None, int]:
        """Read an allowed byte after which the end is nearer; return its token and the distance left."""
        matcher.fill_next_token_bitmask(self._mask)
        tokens = self._byte_tokens
        for token_id in tokens[self._mask[0, tokens >> 5] >> (tokens & 31) & 1 == 1].tolist():
            if matcher.try_advance(token_id):
                ahead = matcher.shortest_completion()
                if ahead < distance:
                    return token_id, ahead
                matcher.rollback(1)
        return None, distance

    def _allowed(self, matcher: Any) -> _Allowed:
        matcher.fill_next_token_bitmask(self._mask)
        key = self._mask.tobytes()
        known = self._sorted.get(key)
        if known is None:
            if len(self._sorted) >= _MOST_SORTED:
                self._sorted.clear()
            known = self._sorted[key] = self._sort()
        return known

    def _sort(self) -> _Allowed:
        """Sort the tokens of the mask by first byte."""
        words = np.flatnonzero(self._mask[0])
        bits = np.unpackbits(self._mask[0, words].view(np.uint8), bitorder="little").reshape(-1, 32)
        row, bit = np.nonzero(bits)
        tokens = 32 * words[row] + bit
        tokens = tokens[np.argsort(self._first_byte[tokens], kind="stable")]
        firsts, starts = np.unique(self._first_byte[tokens], return_index=True)
        groups = dict(zip(firsts.tolist(), np.split(tokens, starts[1:]), strict=True)) if tokens.size else {}
        ends = [token_id for token_id in groups.pop(_NO_BYTE, np.empty(0)).tolist() if token_id in self._ends]
        return _Allowed(groups, ends)

    def _is_set(self, token_id: int) -> bool:
        return bool(int(self._mask[0, token_id >> 5]) >> (token_id & 31) & 1)

    def _end(self, taken: list[int], ending: Ending) -> Walk:
        text = b"".join(self._vocabulary.token_bytes[token_id] for token_id in taken)
        return Walk(text=text, ending=ending, num_tokens=len(taken))
