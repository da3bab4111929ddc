"""Know what keeps a state of a byte table going: characters after which nearly the same may follow, again and again.

Where a text is free, nearly every token fits, and which do not is told by the bytes in it. A state's loop is a set of
bytes and a length: any so many bytes out of the set can be read from here. Cost: one look at the edges of a state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import LAST_SYMBOL
from fsm.patterns._byte_kernels import ALL_ONES, UNKNOWN, WIDE
from fsm.patterns.byte_table import ByteTable

__all__ = ["ByteLoops", "covers_rest"]

LEAST_BYTES = 64
"""A loop of fewer bytes is none: then more is forbidden than allowed."""

SOME_BYTES = 20
"""So many bytes that lead back to one place are looked up per vocabulary."""

_FOREVER = 0xFFFFFF
_HALF = (1 << 64) - 1


class ByteLoops:
    """Hold the loops of one table's states.

    rows : uint64[capacity, 3]   bytes 0 to 63, bytes 64 to 127, how many (``forbid_tokens_kernel``)

    Parameters
    ----------
    table : whose states they are.
    horizon : bytes beyond which nobody asks.
    """

    def __init__(self, table: ByteTable, horizon: int) -> None:
        self.rows: NDArray[np.uint64] = np.full((32, 3), ALL_ONES, np.uint64)
        self._table = table
        self._horizon = horizon
        self._known: dict[int, tuple[int, bool, int]] = {}

    def is_wide(self, number: int) -> bool:
        """Tell whether more is allowed than forbidden at a state."""
        self.measure(number)
        return self._known[number][2] > 0

    def home(self, number: int) -> tuple[int, int, int, int]:
        """Return the place that keeps itself going, to which most bytes lead from a place (which may be itself).

        Also the bytes by which it does so from both, as ``fsm.tokens.token_loops`` takes them; four zeros: none.
        """
        allowed, wide, target = self._common(number, SOME_BYTES)
        if not target:
            return 0, 0, 0, 0
        if target != number:
            further, is_still_wide, after = self._common(target, SOME_BYTES)
            if after != target or (allowed & further).bit_count() < SOME_BYTES:
                return 0, 0, 0, 0
            allowed, wide = further, wide and is_still_wide and allowed & further == further
            self._expand(target)
        self._expand(number)
        return target, allowed & _HALF, allowed >> 64, WIDE if wide else 0

    def _expand(self, number: int) -> None:
        if self._table.delta[number, 0] == UNKNOWN:
            self._table.expand(number)

    def measure(self, number: int) -> None:
        """Find the loop of a state, following its most common way on."""
        chain: list[tuple[int, int, bool, int]] = []
        place = number
        while place not in self._known and len(chain) <= self._horizon:
            allowed, wide, target = self._common(place)
            chain.append((place, allowed, wide, target))
            if target == place or allowed.bit_count() < LEAST_BYTES:
                break
            place = target
        for place, allowed, wide, target in reversed(chain):
            self._keep(place, self._join(place, allowed, target, is_wide=wide))

    def _join(self, place: int, allowed: int, target: int, *, is_wide: bool) -> tuple[int, bool, int]:
        """Return the loop of a state from its own bytes and the loop of the state they lead to."""
        if allowed.bit_count() < LEAST_BYTES:
            return 0, False, 0
        if target == place:
            return allowed, is_wide, _FOREVER
        after = self._known.get(target)
        if after is None:  # beyond the horizon
            return allowed, is_wide, 1
        both = allowed & after[0]
        if both.bit_count() < LEAST_BYTES:
            return allowed, is_wide, 1
        return both, is_wide and after[1], min(after[2] + 1, _FOREVER)

    def _keep(self, number: int, loop: tuple[int, bool, int]) -> None:
        self._known[number] = loop
        if number >= len(self.rows):
            bigger = np.full((max(2 * len(self.rows), number + 1), 3), ALL_ONES, np.uint64)
            bigger[: len(self.rows)] = self.rows
            self.rows = bigger
        allowed, wide, length = loop
        self.rows[number] = (allowed & _HALF, allowed >> 64, length | (WIDE if wide else 0))

    def grow(self) -> None:
        """Make room for every state of the table."""
        if len(self.rows) < len(self._table.delta):
            bigger = np.full((len(self._table.delta), 3), ALL_ONES, np.uint64)
            bigger[: len(self.rows)] = self.rows
            self.rows = bigger

    def _common(self, number: int, least: int = LEAST_BYTES) -> tuple[int, bool, int]:
        """Return the ASCII bytes that lead the most common way, whether all other characters do, and where it leads."""
        place = self._table.places[number]
        if place.tail is not None or place.state == 0:
            return 0, False, 0
        by_target: dict[int, int] = {}
        edges = self._table.dfa.edges(place.state)
        for first, last, target in edges:
            if first < 128:
                bits = (1 << (min(last, 127) + 1)) - (1 << first)
                by_target[target] = by_target.get(target, 0) | bits
        if not by_target:
            return 0, False, 0
        best = max(by_target, key=lambda target: by_target[target].bit_count())
        allowed = by_target[best]
        if allowed.bit_count() < least:
            return 0, False, 0
        return allowed, covers_rest([(a, b) for a, b, target in edges if target == best]), self._table.number(best)


def covers_rest(ranges: list[tuple[int, int]]) -> bool:
    """Tell whether sorted ranges hold every character that is not ASCII; surrogates are none."""
    place = 128
    for first, last in ranges:
        if first > place and not (place >= 0xD800 and first <= 0xE000):
            return False
        place = max(place, last + 1)
        if 0xD800 <= place < 0xE000:
            place = 0xE000
    return place > LAST_SYMBOL
