"""Know how many bytes a text still needs at least.

Input: a network whose owners can measure their own stubs. Output: for a state, the fewest bytes until it returns; for a
configuration, until the whole text may end. Cost: memoised per state; a look-up per stack frame. Nothing recurses, so
that a name of a thousand characters is no deeper than one of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fsm.layout import (
    ARGUMENT,
    BYTE,
    CALL,
    CALLEE,
    CHAR,
    CLOSE,
    COUNT,
    DEFAULT,
    EDGE,
    FORK,
    KIND,
    LONGEST,
    LOW,
    NOTE,
    OWNER,
    RAW,
    RETURN,
    SHORTEST,
    STUB,
    UNBOUNDED,
)
from fsm.network import Network
from fsm.text_widths import FAR, escape_width

__all__ = ["FAR", "Distances"]

# Characters that JSON also writes as a backslash and one more byte.
_SHORT_ESCAPES = (8, 9, 10, 12, 13, 34, 47, 92)

Span = tuple[int, int, int]
"""First and last character, and the bytes still missing of it."""


class Distances:
    """Measure the states of one network; owned by its ``Compiled``."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._known: dict[int, int] = {0: FAR, 1: 0, 2: 0}

    def of_configuration(self, row: list[int]) -> int:
        """Return the fewest bytes from a configuration to the end of the text."""
        state, stack, decode, low, _ = row
        total = self._within_character(row) if decode else self._counted(state, low)
        stacks = self.network.stacks
        while stack:
            ret, stack = stacks[stack].tolist()
            total += self.of_state(ret)
        return min(total, FAR)

    def _counted(self, state: int, low: int) -> int:
        """Return the fewest bytes from a state where at least ``low`` more characters must come."""
        if not low or self.network.states[state, KIND] == CALL:
            return self.of_state(state)
        origin = self.network.origins.get(state)
        if origin is None:
            cells = self.network.states[state].tolist()
            if cells[KIND] != STUB:
                return self.of_state(state) + low
            origin = (cells[OWNER], cells[ARGUMENT])
        owner: Any = self.network.owners[origin[0]]
        return int(owner.shortest_counted(origin[1], low))

    def _within_character(self, row: list[int]) -> int:
        """Return the fewest bytes from inside a character, over the characters it may still become."""
        state, _, decode, low, high = row
        cells = self.network.states[state].tolist()
        owed, left = max(low - 1, 0), high if high == UNBOUNDED else high - 1
        edges = self.network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist()
        if cells[KIND] == CHAR and cells[DEFAULT]:
            edges.append([0, 0x10FFFF, cells[DEFAULT]])
        known = {target: self._counted(target, owed) for _, _, target in edges if self._is_viable(target, owed, left)}
        ways = [
            missing + known[target]
            for first, last, missing in _spans(decode)
            for low_edge, high_edge, target in edges
            if low_edge <= last and high_edge >= first and target in known
        ]
        return min(ways, default=FAR)

    def _is_viable(self, target: int, low: int, high: int) -> bool:
        """Tell whether a character state can still be left with the counters kept (``viable_kernel``)."""
        cells = self.network.states[target].tolist()
        if cells[KIND] not in (CHAR, STUB):
            return target != 0
        return bool(cells[SHORTEST] <= high and (low == 0 or cells[LONGEST] >= low))

    def of_state(self, state: int) -> int:
        """Return the fewest bytes from a state until it returns."""
        known = self._known.get(state)
        if known is None:
            self._measure_all(state)
            known = self._known[state]
        return known

    def _measure_all(self, start: int) -> None:
        """Measure a state and all that its way may lead through: lower what is known until nothing changes."""
        order, found = [start], {start: FAR}
        ways = {}
        for state in order:
            ways[state] = list(self._ways(state))
            for _, parts in ways[state]:
                for part in parts:
                    if part not in found and part not in self._known:
                        found[part] = FAR
                        order.append(part)
        is_stable = False
        while not is_stable:
            is_stable = True
            for state in reversed(order):
                for width, parts in ways[state]:
                    total = width + sum(found[p] if p in found else self._known[p] for p in parts)
                    if total < found[state]:
                        found[state] = total
                        is_stable = False
        self._known.update(found)

    def _ways(self, state: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """List the ways on from a state: bytes, and the states to pass after them, one after the other."""
        origin = self.network.origins.get(state)
        cells = self.network.states[state].tolist()
        kind = cells[KIND]
        if origin is not None or kind == STUB:
            number, argument = origin or (cells[OWNER], cells[ARGUMENT])
            owner: Any = self.network.owners[number]
            yield int(owner.shortest(argument)), ()
            return
        if kind == CALL:
            yield self._call(cells)
            return
        if kind == NOTE:
            yield 0, (cells[DEFAULT],)
            return
        edges = self.network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist()
        for first, last, target in edges:
            if target:
                yield _edge_width(kind, first, last), (target,)
        if kind in (BYTE, CHAR) and cells[DEFAULT]:
            yield int(kind == CHAR), (cells[DEFAULT],)
        if kind in (CHAR, RAW) and cells[CLOSE]:
            yield int(kind == CHAR), (cells[CLOSE],)

    def _call(self, cells: list[int]) -> tuple[int, tuple[int, ...]]:
        ret = (cells[RETURN],) if cells[RETURN] else ()
        if cells[LOW]:
            return self._counted(cells[CALLEE], cells[LOW]), ret
        return 0, (cells[CALLEE], *ret)


def _edge_width(kind: int, first: int, last: int) -> int:
    if kind == CHAR:
        return escape_width(first, last)
    return 0 if kind == FORK else 1 if kind == BYTE else _utf8_width(first)


def _spans(decode: int) -> list[Span]:
    """List the characters that a partial one may still become, and the bytes missing (``fsm._kernels``)."""
    kind, bits = decode & 15, decode >> 4
    if kind <= 3:
        first, last = bits << (6 * kind), (bits << (6 * kind)) + (1 << (6 * kind)) - 1
        # Overlong forms, surrogates and numbers past U+10FFFF have no continuation.
        first, last = max(first, (0, 0x80, 0x800, 0x10000)[kind]), min(last, 0x10FFFF)
        return [(first, 0xD7FF if 0xD800 <= last <= 0xDFFF else last, kind)]
    if kind <= 5:
        short = [(code, code, 1) for code in _SHORT_ESCAPES] if kind == 4 else []
        return short + _unit_spans(0, 0xFFFF, 9 - kind)
    if kind <= 8:
        rest = 9 - kind
        return _unit_spans(bits << (4 * rest), ((bits + 1) << (4 * rest)) - 1, rest)
    read = max(kind - 11, 0)
    top, unit, rest = bits >> (4 * read), bits & ((1 << (4 * read)) - 1), 4 * (4 - read)
    first, last = max(unit << rest, 0xDC00), min(((unit + 1) << rest) - 1, 0xDFFF)
    base = 0x10000 + (top << 10) - 0xDC00
    return [(base + first, base + last, 15 - kind)]


def _unit_spans(first: int, last: int, missing: int) -> list[Span]:
    """List what four hexadecimal digits in a range may write: a character, or the first half of a surrogate pair."""
    spans = [(first, min(last, 0xD7FF), missing), (max(first, 0xE000), last, missing)]
    low, high = max(first, 0xD800) - 0xD800, min(last, 0xDBFF) - 0xD800
    spans.append((0x10000 + (low << 10), 0x10000 + (high << 10) + 0x3FF, missing + 6))
    return [span for span in spans if span[0] <= span[1]]


def _utf8_width(code: int) -> int:
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
