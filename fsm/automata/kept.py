"""Bound what automata keep: edges, which can be found again, and whole automata that only caches hold.

An automaton's states are numbered for good, but the edges of a state follow from it. Classes of thousands of characters
give each state as many edges, so an automaton that keeps more than ``MAX_KEPT_EDGES`` drops them and finds them again
where somebody asks. Automata are kept by what they were made from; where all that are alive have more than
``MAX_KEPT_STATES`` states, those caches let go, and what no grammar uses any more is freed.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Protocol, TypeVar

from fsm.automata.dfa import Edge

__all__ = ["MAX_KEPT_EDGES", "MAX_KEPT_STATES", "KeptEdges", "count_automata", "keep_automata"]

MAX_KEPT_EDGES = 500_000
MAX_KEPT_STATES = 300_000
_SELDOM = 32

Made = TypeVar("Made")


class KeptEdges(dict[int, tuple[Edge, ...]]):
    """Map states to their edges, of which there are never many more than ``MAX_KEPT_EDGES``; owned by one automaton.

    Examples
    --------
    >>> edges = KeptEdges()
    >>> edges.keep(1, ((0, 9, 2),))
    ((0, 9, 2),)
    >>> edges
    {1: ((0, 9, 2),)}
    """

    num_edges = 0

    def keep(self, state: int, edges: tuple[Edge, ...]) -> tuple[Edge, ...]:
        """Keep and return the edges of a state; the caller holds the lock."""
        if self.num_edges + len(edges) > MAX_KEPT_EDGES:
            self.clear()
            self.num_edges = 0
        self[state] = edges
        self.num_edges += len(edges)
        return edges


class Countable(Protocol):
    """Anything that knows how many states it holds."""

    @property
    def num_states(self) -> int:
        """Count the states made."""
        ...


class _Census:
    """Know which automata are alive and which caches hold them; one for the process, as the caches are."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.alive: list[weakref.ref[Countable]] = []
        self.caches: list[Callable[[], None]] = []
        self.num_new = 0

    def count(self, automaton: Countable) -> None:
        with self.lock:
            self.alive.append(weakref.ref(automaton))
            self.num_new += 1
            if self.num_new < _SELDOM:
                return
            self.num_new = 0
            found = [(reference, reference()) for reference in self.alive]
            self.alive = [reference for reference, one in found if one is not None]
            total = sum([one.num_states for _, one in found if one is not None])
        if total > MAX_KEPT_STATES:
            for clear in self.caches:
                clear()


_census = _Census()


def count_automata(automaton: Countable) -> None:
    """Take note of a new automaton; where all that are alive hold too many states, let go of those only kept."""
    _census.count(automaton)


def keep_automata(most: int) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """Return a decorator that keeps the last ``most`` results of a function that makes automata, or holds some.

    Examples
    --------
    >>> @keep_automata(8)
    ... def make(size: int) -> list[int]:
    ...     return [0] * size
    >>> make(3) is make(3)
    True
    """

    def decorate(make: Callable[..., Made]) -> Callable[..., Made]:
        kept = functools.lru_cache(maxsize=most)(make)
        _census.caches.append(kept.cache_clear)
        return kept

    return decorate
