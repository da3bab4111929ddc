"""Know how many bytes a text still needs at least.

Input: a network whose owners can measure their own stubs. Output: for a state, the fewest bytes until it returns; for a
configuration, until the whole text may end. Cost: memoised per state; a look-up per stack frame.
"""

from __future__ import annotations

from typing import Any

from fsm.layout import (
    ADDS,
    ARGUMENT,
    BYTE,
    CALL,
    CALLEE,
    CHAR,
    CLOSE,
    COUNT,
    DEAD,
    DEFAULT,
    EDGE,
    FINAL,
    FORK,
    KIND,
    LEFT,
    LOW,
    NEEDS,
    NOTE,
    OWNER,
    POP,
    RAW,
    RETURN,
    SEEN,
    STUB,
)
from fsm.network import Network

__all__ = ["FAR", "Distances", "escape_width"]

FAR = 1 << 40
"""More bytes than any text has: there is no way on."""

# Bytes that complete a partial character at most, by kind of decode (``fsm._kernels``).
_PARTIAL = (0, 1, 2, 3, 5, 4, 3, 2, 1, 6, 5, 4, 3, 2, 1)


class Distances:
    """Measure the states of one network; owned by its ``Compiled``."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._known: dict[tuple[int, int], int] = {}

    def of_configuration(self, row: list[int]) -> int:
        """Return the fewest bytes from a configuration to the end of the text (an upper bound within a character)."""
        state, stack, decode, low, _ = row
        stacks = self.network.stacks
        seen = int(stacks[stack, 2])
        if decode:
            total = _PARTIAL[decode & 15] + self._after_partial(state, seen, decode) + max(low - 1, 0)
        else:
            total = self.of_state(state, seen)
            if low and self.network.states[state, KIND] != CALL:
                total += low
        while stack:
            ret, stack = stacks[stack, :2].tolist()
            total += self.of_state(ret, int(stacks[stack, 2]))
        return min(total, FAR)

    def _after_partial(self, state: int, seen: int, decode: int) -> int:
        """Return the fewest bytes once the character is whole, over the characters it may still become."""
        cells = self.network.states[state].tolist()
        first, last = _span(decode)
        edges = self.network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist()
        ways = [self.of_state(target, seen) for low, high, target in edges if target and low <= last and high >= first]
        if cells[KIND] == CHAR and cells[DEFAULT]:
            ways.append(self.of_state(cells[DEFAULT], seen))
        return min(ways, default=FAR)

    def of_state(self, state: int, seen: int = 0) -> int:
        """Return the fewest bytes from a state until it returns, given the bits of the stack's top."""
        known = self._known.get((state, seen))
        if known is None:
            self._known[state, seen] = FAR  # a shortest way never comes back here
            known = self._known[state, seen] = min(self._measure(state, seen), FAR)
        return known

    def _measure(self, state: int, seen: int) -> int:
        origin = self.network.origins.get(state)
        if origin is not None:
            return self._ask(*origin, seen)
        cells = self.network.states[state].tolist()
        kind = cells[KIND]
        if kind == STUB:
            return self._ask(cells[OWNER], cells[ARGUMENT], seen)
        if kind in (DEAD, POP, FINAL):
            return FAR if kind == DEAD else 0
        if kind == SEEN:
            is_open = seen & cells[NEEDS] == cells[NEEDS] and (not cells[LEFT] or cells[LEFT] & ~seen)
            return self.of_state(cells[DEFAULT], seen | cells[ADDS]) if is_open else FAR
        if kind == CALL:
            ret = self.of_state(cells[RETURN], seen) if cells[RETURN] else 0
            return int(self.of_state(cells[CALLEE], 0 if cells[RETURN] else seen) + cells[LOW] + ret)
        if kind == NOTE:
            return self.of_state(cells[DEFAULT], seen)
        edges = self.network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist()
        if kind == FORK:
            return min(self.of_state(target, seen) for _, _, target in edges)
        if kind == BYTE:
            ways = [1 + self.of_state(target, seen) for _, _, target in edges]
            return min([*ways, self.of_state(cells[DEFAULT], seen)])
        return self._measure_text(kind, cells, edges, seen)

    def _ask(self, number: int, argument: int, seen: int) -> int:
        owner: Any = self.network.owners[number]
        if hasattr(owner, "shortest_seen"):
            return int(owner.shortest_seen(argument, seen))
        return int(owner.shortest(argument))

    def _measure_text(self, kind: int, cells: list[int], edges: list[list[int]], seen: int) -> int:
        ways = [FAR]
        if kind == CHAR:
            ways += [escape_width(first, last) + self.of_state(target, seen) for first, last, target in edges]
            if cells[DEFAULT]:
                ways.append(1 + self.of_state(cells[DEFAULT], seen))
            if cells[CLOSE]:
                ways.append(1 + self.of_state(cells[CLOSE], seen))
        elif kind == RAW:
            ways += [_utf8_width(first) + self.of_state(target, seen) for first, _, target in edges]
            if cells[CLOSE]:
                ways.append(self.of_state(cells[CLOSE], seen))
        return min(ways)


def _span(decode: int) -> tuple[int, int]:
    """Return the first and last character that a partial one may still become (``fsm._kernels``)."""
    kind, bits = decode & 15, decode >> 4
    if kind <= 3:
        return bits << (6 * kind), (bits << (6 * kind)) + (1 << (6 * kind)) - 1
    if kind <= 5:
        return 0, 0x10FFFF
    if kind <= 8:
        rest = 4 * (9 - kind)
        return bits << rest, ((bits + 1) << rest) - 1
    top = bits >> (4 * max(kind - 11, 0))
    return 0x10000 + (top << 10), 0x10000 + (top << 10) + 0x3FF


def escape_width(first: int, last: int) -> int:
    """Return the fewest bytes that write some character of a range inside a JSON string."""
    plain = next((c for c in (max(first, 32), max(first, 35), max(first, 93)) if c <= last and c not in (34, 92)), None)
    if plain is not None:
        return _utf8_width(plain)
    return 2 if any(first <= c <= last for c in (8, 9, 10, 12, 13, 34, 92)) else 6


def _utf8_width(code: int) -> int:
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
