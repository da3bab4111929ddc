"""Lay an automaton over characters out as a growing table over the bytes of UTF-8.

States that a key calls equal are one state of the table: their key for the next few symbols (``Dfa.near_key``), where a
counter far from its end makes no difference. Cost: a few microseconds per state,
when a walk first gets there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import Dfa, Edge
from fsm.character_bytes import Tail, plain_moves
from fsm.patterns._byte_kernels import UNKNOWN
from fsm.utf8 import read_bytes

__all__ = ["ByteTable", "Place", "read_bytes"]

Ranges = tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Be a state of the table: a state of the automaton, with what was read of a character that began there.

    tail, targets : what may still come of the character, by number, and the states those numbers stand for
    """

    state: int
    tail: Tail | None = None
    targets: tuple[int, ...] = ()


class ByteTable:
    """Hold the rows written so far.

    delta  : int32[capacity, 256]   next state by byte, 0 = dead; ``UNKNOWN`` first in rows not written
    places : what each state of the table is; 0 is dead

    Parameters
    ----------
    dfa : the automaton.
    key_of : what must be equal for two of its states to be one here.
    """

    def __init__(self, dfa: Dfa, key_of: Callable[[int], Hashable]) -> None:
        self.dfa = dfa
        self.delta: NDArray[np.int32] = np.zeros((32, 256), np.int32)
        self.places: list[Place] = [Place(0)]
        self._key_of = key_of
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[int, int] = {}
        self._tails: dict[tuple[Tail, tuple[int, ...]], int] = {}

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the table, and estimate those of its places."""
        return self.delta.nbytes + 300 * len(self.places) + 100 * len(self._known)

    def number(self, state: int) -> int:
        """Return the table's state for one of the automaton."""
        known = self._known.get(state)
        if known is None:
            key = self._key_of(state)
            known = self._numbers.get(key)
            if known is None:
                known = self._numbers[key] = self._add(Place(state))
            self._known[state] = known
        return known

    def expand(self, number: int) -> None:
        """Write the row of a state."""
        place = self.places[number]
        if place.tail is None:
            edges = self.dfa.edges(place.state)
            if not edges or edges[-1][1] < 0x80:
                row = np.zeros(256, np.int32)
                for first, last, target in edges:
                    row[first : last + 1] = self.number(target)
                self.delta[number] = row
                return
            targets = tuple({target: None for _, _, target in edges})
            local = {target: i for i, target in enumerate(targets)}
            shape = _shape(tuple([(first, last, local[target]) for first, last, target in edges]))
        else:
            targets, shape = place.targets, _tail_shape(place.tail)
        numbers = [0]
        for leads in shape.targets:
            if isinstance(leads, int):
                numbers.append(self.number(targets[leads]))
            else:
                numbers.append(self._tail_number(place.state, leads, targets))
        self.delta[number] = np.array(numbers, np.int32)[shape.columns]

    def _tail_number(self, state: int, tail: Tail, targets: tuple[int, ...]) -> int:
        number = self._tails.get((tail, targets))
        if number is None:
            number = self._tails[tail, targets] = self._add(Place(state, tail, targets))
        return number

    def _add(self, place: Place) -> int:
        number = len(self.places)
        if number >= len(self.delta):
            bigger = np.zeros((2 * len(self.delta), 256), np.int32)
            bigger[: len(self.delta)] = self.delta
            self.delta = bigger
        self.delta[number, 0] = UNKNOWN
        self.places.append(place)
        return number


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where each byte leads, whatever the targets are.

    columns : uint8[256]   place in ``targets``, counted from 1; 0 = dead
    targets : a number of the edges' targets, or a place inside the character
    """

    columns: NDArray[np.intp]
    targets: tuple[int | Tail, ...]


@lru_cache(maxsize=1024)
def _shape(edges: Ranges) -> _Shape:
    if not edges or edges[-1][1] < 0x80:
        return _make_shape([(first, last, target) for first, last, target in edges])
    moves = plain_moves(edges, is_json=False)
    return _make_shape([(a, b, target) for a, b, target in moves if isinstance(target, int | Tail)])


@lru_cache(maxsize=4096)
def _tail_shape(tail: Tail) -> _Shape:
    return _make_shape([(a, b, target) for a, b, target in tail.moves() if isinstance(target, int | Tail)])


def _make_shape(moves: list[tuple[int, int, int | Tail]]) -> _Shape:
    columns = np.zeros(256, np.intp)
    numbers: dict[int | Tail, int] = {}
    targets: list[int | Tail] = []
    for first, last, target in moves:
        number = numbers.get(target)
        if number is None:
            targets.append(target)
            number = numbers[target] = len(targets)
        columns[first : last + 1] = number
    return _Shape(columns, tuple(targets))
