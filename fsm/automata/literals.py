"""Recognise a finite set of texts by a trie that is built where somebody walks it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from fsm.automata.dfa import DEAD, EXPANSION_LOCK, Dfa, Edge, Lengths, make_key

__all__ = ["LiteralsDfa", "literals"]


class LiteralsDfa(Dfa):
    """Recognise the texts of a sorted list.

    A state is a stretch of that list with a common prefix; stretches with the same only remainder are one state.

    Parameters
    ----------
    texts : sorted, without repetitions.
    """

    def __init__(self, texts: list[str]) -> None:
        self.key = make_key("literals")
        self._texts = texts
        self._states: list[tuple[int, int, int]] = [(0, 0, 0)]
        self._edges: dict[int, tuple[Edge, ...]] = {DEAD: ()}
        self._lengths: dict[int, Lengths] = {}
        self._numbers: dict[object, int] = {}
        self.start = self._number(0, len(texts), 0) if texts else DEAD

    @property
    def texts(self) -> list[str]:
        """Return the texts, sorted; not to be changed."""
        return self._texts

    def rests(self, state: int) -> list[str]:
        """Return what completes ``state``, sorted."""
        begin, end, depth = self._states[state]
        return [text[depth:] for text in self._texts[begin:end]]

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        begin, _, depth = self._states[state]
        return state != DEAD and len(self._texts[begin]) == depth

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to live states."""
        found = self._edges.get(state)
        if found is None:
            with EXPANSION_LOCK:
                found = self._edges.get(state)
                if found is None:
                    found = self._edges[state] = self._expand(*self._states[state])
        return found

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        return self.lengths(state).shortest

    def longest(self, state: int) -> int:
        """Return the most symbols from ``state`` to acceptance."""
        return self.lengths(state).longest or 0

    def lengths(self, state: int) -> Lengths:
        """Return the lengths accepted from ``state``; the first question about a state reads its whole stretch."""
        found = self._lengths.get(state)
        if found is None:
            begin, end, depth = self._states[state]
            sizes = set(map(len, self._texts[begin:end]))
            shortest, longest = min(sizes), max(sizes)
            found = Lengths(shortest - depth, longest - depth, is_gapless=longest - shortest + 1 == len(sizes))
            self._lengths[state] = found
        return found

    def _expand(self, begin: int, end: int, depth: int) -> tuple[Edge, ...]:
        texts = self._texts
        found: list[Edge] = []
        if len(texts[begin]) == depth:
            begin += 1
        while begin < end:
            symbol = texts[begin][depth]
            stop = self._find_end(begin, end, depth)
            code = ord(symbol)
            found.append((code, code, self._number(begin, stop, depth + 1)))
            begin = stop
        return tuple(found)

    def _find_end(self, begin: int, end: int, depth: int) -> int:
        """Return where texts stop having the same symbol at ``depth``."""
        texts = self._texts
        prefix = texts[begin][: depth + 1]
        if begin + 1 == end or not texts[begin + 1].startswith(prefix):
            return begin + 1
        return bisect_left(texts, 1, begin, end, key=lambda other: int(not other.startswith(prefix)))

    def _number(self, begin: int, end: int, depth: int) -> int:
        key: object = self._texts[begin][depth:] if end == begin + 1 else (begin, end, depth)
        number = self._numbers.get(key)
        if number is None:
            number = len(self._states)
            self._states.append((begin, end, depth))
            self._numbers[key] = number
        return number


def literals(texts: Iterable[str]) -> Dfa:
    """Return the automaton that accepts exactly ``texts``.

    Cost: sorting them; the trie is built as it is walked.

    Examples
    --------
    >>> literals(["yes", "no"]).accepts("no")
    True
    """
    return LiteralsDfa(sorted(set(texts)))
