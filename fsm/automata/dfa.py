"""Define what every deterministic automaton offers, whatever it is made from.

Symbols are integers, in practice Unicode code points ``0..0x10FFFF`` (lone surrogates included: whoever feeds the
automaton decides whether they can occur). State 0 is dead; live states count from 1 and are made when first asked for.
"""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "DEAD",
    "EXPANSION_LOCK",
    "LAST_SYMBOL",
    "NO_NEED",
    "Dfa",
    "Edge",
    "Lengths",
    "Need",
    "Ranges",
    "make_key",
    "shared_lengths",
]

DEAD = 0
LAST_SYMBOL = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]
"""A set of symbols: sorted, disjoint (first symbol, last symbol)."""

Edge = tuple[int, int, int]
"""First symbol, last symbol (inclusive), target state."""

EXPANSION_LOCK = threading.RLock()
"""Held while any automaton makes states, so that threads may share automata. One lock for all: products expand their
leaves, and under one lock that cannot deadlock."""

_serial = itertools.count(1)


class Lengths(NamedTuple):
    """Say what is known, without any search, about the lengths of the accepted texts.

    A tuple, because products of automata make one for each of their states.

    Parameters
    ----------
    shortest : no accepted text is shorter.
    longest : no accepted text is longer; None when no bound is known.
    is_gapless : every length in between certainly occurs, so both bounds are exact. False when it may not.
    is_every : every accepted length is accepted with every text.
    """

    shortest: int
    longest: int | None
    is_gapless: bool = False
    is_every: bool = False


@lru_cache(maxsize=8192)
def shared_lengths(lengths: Lengths) -> Lengths:
    """Return one object for all equal lengths, so that the states kept hold fewer objects to collect."""
    return lengths


class Need(NamedTuple):
    """Say what every text that completes a state contains.

    Parameters
    ----------
    required : sets of symbols; of each, one symbol at least.
    most : all the symbols that may occur in it.
    """

    required: frozenset[Ranges]
    most: Ranges


NO_NEED = Need(frozenset(), ((0, LAST_SYMBOL),))
"""Where nothing is known."""


class Dfa(ABC):
    """Recognise a regular language of integer symbols, one state at a time.

    ``key`` : equal keys mean the same automaton, state numbers included, so that what was computed for a state of one
    grammar serves another. ``start`` : the first state, 0 when nothing is accepted. ``work`` : a count that grows with
    what was expanded, by which searches keep their limits. ``is_small`` : it has few states, and who needs one of them
    may as well have all.
    """

    key: Hashable
    start: int
    work: int = 0
    is_small: bool = False

    @abstractmethod
    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""

    @abstractmethod
    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint ``(first, last, target)``; acceptance can be reached from every target."""

    @abstractmethod
    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""

    @abstractmethod
    def longest(self, state: int) -> int | None:
        """Return the most symbols from ``state`` to acceptance, None when there is no bound."""

    def lengths(self, state: int) -> Lengths:
        """Return what is known without a search about the lengths accepted from ``state``."""
        return Lengths(self.shortest(state), self.longest(state))

    def takes_every_text(self, state: int) -> bool:
        """Tell whether acceptance can be reached from ``state`` after any text at all, as far as that shows at once."""
        return False

    def need(self, state: int) -> Need:
        """Return what is known without a search of the symbols that complete ``state``."""
        return NO_NEED

    def narrowest(self, state: int, width_of: Callable[[Ranges], int]) -> int | None:
        """Return the fewest bytes from ``state`` to acceptance, None where that takes a search.

        width_of : the fewest bytes of one symbol out of a set; the same function each time.
        """
        return None

    def near_key(self, state: int, num_symbols: int) -> Hashable:
        """Return a key such that states with equal keys accept and allow the same next ``num_symbols`` symbols.

        What was computed by looking no further than that for one of them holds for all. Counters above
        ``num_symbols`` are the same to it.
        """
        return state

    def step(self, state: int, symbol: int) -> int:
        """Return the state after ``symbol``, 0 when none."""
        edges = self.edges(state)
        place = bisect_right(edges, symbol, key=_first_symbol) - 1
        if place < 0 or edges[place][1] < symbol:
            return DEAD
        return edges[place][2]

    def accepts(self, text: str) -> bool:
        """Tell whether the whole of ``text`` is accepted.

        Examples
        --------
        >>> from fsm.dfa import literals
        >>> literals(["cat", "dog"]).accepts("dog")
        True
        """
        state = self.start
        for symbol in text:
            if state == DEAD:
                return False
            state = self.step(state, ord(symbol))
        return state != DEAD and self.is_accepting(state)


def make_key(kind: str) -> Hashable:
    """Return a key that no other automaton has; state numbers depend on the order of questions, so none is shared."""
    return (kind, next(_serial))


def _first_symbol(edge: Edge) -> int:
    return edge[0]
