"""Count the bytes of the shortest texts that an automaton over characters accepts, written inside a JSON string.

Input: a ``Dfa`` over code points. Output: for a state, the fewest bytes to acceptance; the same with at least so many
characters; and how wide the n shortest texts are. Cost: of the fewest bytes, the states near the shortest way; beside
a counter, every state once, then one row per length until each further character costs the same.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import EXPANSION_LOCK, Dfa, Ranges
from fsm.automata.kept import keep_automata
from fsm.expansion_time import check_expansion_time

__all__ = ["FAR", "TextWidths", "escape_width", "text_widths", "written_width"]

FAR = 1 << 40
"""More bytes than any text has: there is no way on."""

MAX_STATES = 1024
MAX_ROWS = 256
# Ranges of characters by the fewest bytes that write one of them inside a JSON string.
_WIDTHS = (
    (32, 33, 1), (35, 91, 1), (93, 127, 1), (8, 10, 2), (12, 13, 2), (34, 34, 2), (92, 92, 2), (128, 0x7FF, 2),
    (0x800, 0xD7FF, 3), (0xE000, 0xFFFF, 3), (0x10000, 0x10FFFF, 4), (0, 7, 6), (11, 11, 6), (14, 31, 6),
)  # fmt: skip


def escape_width(first: int, last: int) -> int:
    """Return the fewest bytes that write some character of a range inside a JSON string; ``FAR`` for surrogates."""
    return min((size for low, high, size in _WIDTHS if low <= last and high >= first), default=FAR)


def written_width(text: str) -> int:
    r"""Return the fewest bytes that write a text inside a JSON string.

    Examples
    --------
    >>> written_width("é\n")
    4
    """
    return sum(escape_width(ord(character), ord(character)) for character in text)


def _set_width(ranges: Ranges) -> int:
    return min([escape_width(first, last) for first, last in ranges])


def _narrowest(first: int, last: int) -> int:
    """Return a character of a range that is written in the fewest bytes."""
    return next((max(first, low) for low, high, _ in _WIDTHS if low <= last and high >= first), first)


class TextWidths:
    """Know the bytes of the shortest texts of one automaton; the closing quote is not counted."""

    def __init__(self, dfa: Dfa) -> None:
        self._dfa = dfa
        self._known: dict[int, int] = {}
        self._places: dict[int, int] | None = None
        self._steps: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None = None
        self._rows: list[NDArray[np.int64]] = []
        self._step_width = 0

    def shortest(self, state: int) -> int:
        """Return the fewest bytes from a state to acceptance.

        Where the automaton does not tell, by a best-first search: no way is shorter than it has characters left, of
        which the automaton knows the fewest. Of equally good ways the one that got farthest comes first.
        """
        known = self._known.get(state)
        if known is None:
            known = self._dfa.narrowest(state, _set_width)
        if known is not None:
            return min(known, FAR)
        dfa = self._dfa
        best, came, todo = {state: 0}, {state: state}, [(dfa.shortest(state), 0, state)]
        while todo:
            _, passed, here = heapq.heappop(todo)
            spent = -passed
            if spent > best[here]:
                continue
            check_expansion_time()
            rest = 0 if dfa.is_accepting(here) else self._known.get(here)
            if rest is not None and (not todo or spent + rest <= todo[0][0]):
                return self._keep(state, here, rest, best, came)
            for width, target in self._ways(here):
                reached = spent + width
                if reached < best.get(target, FAR):
                    best[target], came[target] = reached, here
                    heapq.heappush(todo, (reached + dfa.shortest(target), -reached, target))
        return FAR

    def _keep(self, start: int, end: int, rest: int, best: dict[int, int], came: dict[int, int]) -> int:
        """Note what is left at every state of the shortest way."""
        total, here = best[end] + rest, end
        while True:
            self._known[here] = total - best[here]
            if here == start:
                return total
            here = came[here]

    def at_least(self, state: int, low: int) -> int:
        """Return the fewest bytes from a state to acceptance with the fewest characters that are ``low`` or more.

        For automata beside a counter, which accept every length from some one on.
        """
        length = max(low, self._dfa.shortest(state))
        with EXPANSION_LOCK:
            if self._places is None:
                self._places = self._explore()
            while self._rows and len(self._rows) <= length and not self._step_width and len(self._rows) < MAX_ROWS:
                self._add_row()
        place = self._places.get(state)
        if place is None or not self._rows:
            return self.shortest(state) + low
        over = max(0, length + 1 - len(self._rows))
        return min(int(self._rows[length - over][place]) + over * (self._step_width or 6), FAR)

    def example(self, low: int | None = None) -> str | None:
        """Return a narrowest text, as ``shortest`` or, with ``low``, as ``at_least`` measures it; None where none is.

        Examples
        --------
        >>> from fsm.dfa import literals
        >>> TextWidths(literals(["日", "ab"])).example()
        'ab'
        """
        dfa, text = self._dfa, list[str]()
        state, left = dfa.start, self._left(dfa.start, low)
        while left and len(text) < MAX_STATES:
            for first, last, target in dfa.edges(state):
                code = _narrowest(first, last)
                width, after = escape_width(code, code), None if low is None else max(low - len(text) - 1, 0)
                if width + self._left(target, after) == left:
                    state, left = target, left - width
                    text.append(chr(code))
                    break
            else:
                return None
        return None if left else "".join(text)

    def _left(self, state: int, low: int | None) -> int:
        return self.shortest(state) if low is None else self.at_least(state, low)

    def nth(self, number: int, taken: Iterable[str]) -> int:
        """Return the bytes of the text number ``number`` (from 1), by width; ``FAR`` where there are fewer.

        taken : texts that do not count.
        """
        dfa = self._dfa
        if not dfa.start:
            return FAR
        away = Counter(written_width(text) for text in taken if dfa.accepts(text))
        enough = number + away.total()
        waiting: dict[int, Counter[int]] = {0: Counter({dfa.start: 1})}
        found = 0
        while waiting:
            width = min(waiting)
            here = waiting.pop(width)
            found += sum(count for state, count in here.items() if dfa.is_accepting(state)) - away[width]
            if found >= number:
                return width
            for state, count in here.items():
                for first, last, target in dfa.edges(state):
                    for size, symbols in _sizes(first, last):
                        row = waiting.setdefault(width + size, Counter())
                        row[target] = min(row[target] + count * symbols, enough)
        return FAR

    def _ways(self, state: int) -> list[tuple[int, int]]:
        """List the fewest bytes of one character by where it leads."""
        ways: dict[int, int] = {}
        for first, last, target in self._dfa.edges(state):
            ways[target] = min(ways.get(target, FAR), escape_width(first, last))
        return [(width, target) for target, width in ways.items()]

    def _explore(self) -> dict[int, int]:
        """Number every state, and keep the row of length 0; there is none where the states are too many."""
        places = {self._dfa.start: 0}
        order, ways = [self._dfa.start], []
        for state in order:
            for width, target in self._ways(state):
                if target not in places:
                    places[target] = len(order)
                    order.append(target)
                ways.append((places[state], places[target], width))
            if len(order) > MAX_STATES:
                break
        if len(order) <= MAX_STATES:
            table = np.array(ways, np.int64).reshape(-1, 3)
            self._steps = (table[:, 0], table[:, 1], table[:, 2])
            accepting = np.array([self._dfa.is_accepting(state) for state in order])
            self._rows = [np.where(accepting, 0, FAR)]
        return places

    def _add_row(self) -> None:
        """Add the bytes of the texts that are one character longer (min-plus product)."""
        assert self._steps is not None
        sources, targets, widths = self._steps
        last = self._rows[-1]
        row = np.full(len(last), FAR)
        np.minimum.at(row, sources, np.minimum(last[targets] + widths, FAR))
        self._rows.append(row)
        is_far = row >= FAR
        if (is_far == (last >= FAR)).all():
            growth = np.unique((row - last)[~is_far])
            if len(growth) == 1:  # then all further rows grow by as much
                self._step_width = int(growth[0])


@keep_automata(512)
def text_widths(dfa: Dfa) -> TextWidths:
    """Return what is known of an automaton's widths, shared by all that ask."""
    return TextWidths(dfa)


@lru_cache(maxsize=4096)
def _sizes(first: int, last: int) -> list[tuple[int, int]]:
    """List how many characters of a range are written in how many bytes."""
    sizes: Counter[int] = Counter()
    for low, high, size in _WIDTHS:
        count = min(last, high) - max(first, low) + 1
        if count > 0:
            sizes[size] += count
    return sorted(sizes.items())
