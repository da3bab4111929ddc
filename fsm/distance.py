"""Know how many bytes a text still needs at least.

Input: a network whose owners can measure their own stubs. Output: for a state, the fewest bytes until it returns; for a
configuration, until the whole text may end. Cost: memoised per state; a look-up per stack frame. Nothing recurses, so
that a name of a thousand characters is no deeper than one of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fsm.expansion_time import check_expansion_time
from fsm.layout import (
    ADDS,
    ARGUMENT,
    BYTE,
    CALL,
    CALLEE,
    CHAR,
    CLOSE,
    COUNT,
    DEFAULT,
    EDGE,
    FINAL,
    FORK,
    KIND,
    LEFT,
    LONGEST,
    LOW,
    NEEDS,
    NOTE,
    OWNER,
    POP,
    RAW,
    RETURN,
    SEEN,
    SHORTEST,
    STUB,
    UNBOUNDED,
)
from fsm.network import Network
from fsm.text_widths import FAR, escape_width

__all__ = ["FAR", "Distances"]

# Characters that JSON also writes as a backslash and one more byte.
_SHORT_ESCAPES = (8, 9, 10, 12, 13, 34, 47, 92)

Place = tuple[int, int]
"""A state, and the bits of the stack's top (``SEEN`` states)."""

Span = tuple[int, int, int]
"""First and last character, and the bytes still missing of it."""


class Distances:
    """Measure the states of one network; owned by its ``Compiled``."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._known: dict[Place, int] = {}

    def of_configuration(self, row: list[int]) -> int:
        """Return the fewest bytes from a configuration to the end of the text."""
        stacks, stack, total = self.network.stacks, row[1], self.of_top(row)
        while stack:
            ret, stack = stacks[stack, :2].tolist()
            total += self.of_state(ret, int(stacks[stack, 2]))
        return min(total, FAR)

    def of_top(self, row: list[int]) -> int:
        """Return the fewest bytes from a configuration until it returns to what is on the stack."""
        state, stack, decode, low, _ = row
        seen = int(self.network.stacks[stack, 2])
        return self._within_character(row, seen) if decode else self._counted(state, low, seen)

    def _counted(self, state: int, low: int, seen: int) -> int:
        """Return the fewest bytes from a state where at least ``low`` more characters must come."""
        if not low or self.network.states[state, KIND] == CALL:
            return self.of_state(state, seen)
        origin = self.network.origins.get(state)
        if origin is None:
            cells = self.network.states[state].tolist()
            if cells[KIND] != STUB:
                return self.of_state(state, seen) + low
            origin = (cells[OWNER], cells[ARGUMENT])
        owner: Any = self.network.owners[origin[0]]
        return int(owner.shortest_counted(origin[1], low))

    def _within_character(self, row: list[int], seen: int) -> int:
        """Return the fewest bytes from inside a character, over the characters it may still become."""
        state, _, decode, low, high = row
        cells = self.network.states[state].tolist()
        owed, left = max(low - 1, 0), high if high == UNBOUNDED else high - 1
        edges = self.network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist()
        if cells[KIND] == CHAR and cells[DEFAULT]:
            edges.append([0, 0x10FFFF, cells[DEFAULT]])
        viable = [target for _, _, target in edges if self._is_viable(target, owed, left)]
        known = {target: self._counted(target, owed, seen) for target in viable}
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

    def of_state(self, state: int, seen: int = 0) -> int:
        """Return the fewest bytes from a state until it returns, given the bits of the stack's top."""
        known = self._known.get((state, seen))
        if known is None:
            self._measure_all((state, seen))
            known = self._known[state, seen]
        return known

    def _measure_all(self, start: Place) -> None:
        """Measure a state and all that its way may lead through: lower what is known until nothing changes."""
        order, found = [start], {start: FAR}
        ways = {}
        for place in order:
            check_expansion_time()
            ways[place] = list(self._ways(*place))
            for _, parts in ways[place]:
                for part in parts:
                    if part not in found and part not in self._known:
                        found[part] = FAR
                        order.append(part)
        is_stable = False
        while not is_stable:
            is_stable = True
            for place in reversed(order):
                check_expansion_time()
                for width, parts in ways[place]:
                    total = width + sum(found[p] if p in found else self._known[p] for p in parts)
                    if total < found[place]:
                        found[place] = total
                        is_stable = False
        self._known.update(found)

    def _ways(self, state: int, seen: int) -> Iterator[tuple[int, tuple[Place, ...]]]:
        """List the ways on from a state: bytes, and the states to pass after them, one after the other."""
        origin = self.network.origins.get(state)
        cells = self.network.states[state].tolist()
        kind = cells[KIND]
        if origin is not None or kind == STUB:
            number, argument = origin or (cells[OWNER], cells[ARGUMENT])
            yield self._ask(number, argument, seen), ()
        elif kind in (POP, FINAL):
            yield 0, ()
        elif kind == CALL:
            yield self._call(cells, seen)
        elif kind == NOTE:
            yield 0, ((cells[DEFAULT], seen),)
        elif kind == SEEN:
            if seen & cells[NEEDS] == cells[NEEDS] and (not cells[LEFT] or cells[LEFT] & ~seen):
                yield 0, ((cells[DEFAULT], seen | cells[ADDS]),)
        else:
            yield from self._ways_of_text(cells, seen)

    def _ways_of_text(self, cells: list[int], seen: int) -> Iterator[tuple[int, tuple[Place, ...]]]:
        kind = cells[KIND]
        edges = self.network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist()
        for first, last, target in edges:
            if target:
                yield _edge_width(kind, first, last), ((target, seen),)
        if kind in (BYTE, CHAR) and cells[DEFAULT]:
            yield int(kind == CHAR), ((cells[DEFAULT], seen),)
        if kind in (CHAR, RAW) and cells[CLOSE]:
            yield int(kind == CHAR), ((cells[CLOSE], seen),)

    def _call(self, cells: list[int], seen: int) -> tuple[int, tuple[Place, ...]]:
        ret = ((cells[RETURN], seen),) if cells[RETURN] else ()
        inner = 0 if cells[RETURN] else seen
        if cells[LOW]:
            return self._counted(cells[CALLEE], cells[LOW], inner), ret
        return 0, ((cells[CALLEE], inner), *ret)

    def _ask(self, number: int, argument: int, seen: int) -> int:
        owner: Any = self.network.owners[number]
        if hasattr(owner, "shortest_seen"):
            return int(owner.shortest_seen(argument, seen))
        return int(owner.shortest(argument))


def _edge_width(kind: int, first: int, last: int) -> int:
    if kind == CHAR:
        return escape_width(first, last)
    return 0 if kind == FORK else 1 if kind == BYTE else _utf8_width(first)


def _spans(decode: int) -> list[Span]:
    """List the characters that a partial one may still become, and the bytes missing (``fsm._text_kernels``)."""
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
