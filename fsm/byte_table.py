"""Lay an automaton over characters out as a growing table over the bytes of UTF-8.

States that a key calls equal are one state of the table: the state itself for moves, its key for the next few symbols
(``Dfa.near_key``) for masks, where a counter far from its end makes no difference. Cost: a few microseconds per state,
when a walk first gets there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fsm._byte_kernels import UNKNOWN
from fsm.automata.dfa import Dfa, Edge
from fsm.character_bytes import Tail, plain_moves

__all__ = ["ByteTable", "Place", "read_bytes"]

Ranges = tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Be a state of the table: a state of the automaton, with what was read of a character that began there.

    partial : the kernels' partial character (``fsm._kernels``), 0 at a character boundary
    tail, targets : what may still come of the character, by number, and the states those numbers stand for
    """

    state: int
    partial: int
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
        self.places: list[Place] = [Place(0, 0)]
        self._key_of = key_of
        self._numbers: dict[Hashable, int] = {}
        self._tails: dict[tuple[Tail, tuple[int, ...]], int] = {}

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the table, and estimate those of its places."""
        return self.delta.nbytes + 300 * len(self.places)

    def number(self, state: int) -> int:
        """Return the table's state for one of the automaton."""
        key = self._key_of(state)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._add(Place(state, 0))
        return number

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
        for byte, leads in shape.targets:
            if isinstance(leads, int):
                numbers.append(self.number(targets[leads]))
            else:
                numbers.append(self._tail_number(place, byte, leads, targets))
        self.delta[number] = np.array(numbers, np.int32)[shape.columns]

    def _tail_number(self, place: Place, byte: int, tail: Tail, targets: tuple[int, ...]) -> int:
        number = self._tails.get((tail, targets))
        if number is None:
            if place.tail is None:
                bits = byte & (31 if tail.left == 1 else 15 if tail.left == 2 else 7)
            else:
                bits = (place.partial >> 4) << 6 | (byte & 63)
            inner = Place(place.state, tail.left + 16 * bits, tail, targets)
            number = self._tails[tail, targets] = self._add(inner)
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


def read_bytes(partial: int) -> bytes:
    r"""Return the bytes of a partial character (``fsm._kernels``).

    Examples
    --------
    >>> read_bytes(2 + 16 * 0xE), read_bytes(1 + 16 * 0x2A), read_bytes(0)
    (b'\xee', b'\xe0\xaa', b'')
    """
    left, bits = partial & 15, partial >> 4
    if left == 0:
        return b""
    last = ((bits + 1) << (6 * left)) - 1
    size = 2 if last < 0x800 else 3 if last < 0x10000 else 4
    lead = (0xC0, 0xE0, 0xF0)[size - 2] | bits >> (6 * (size - left - 1))
    return bytes([lead, *(0x80 | (bits >> (6 * i)) & 63 for i in range(size - left - 2, -1, -1))])


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where each byte leads, whatever the targets are.

    columns : uint8[256]   place in ``targets``, counted from 1; 0 = dead
    targets : a byte that leads there, and a number of the edges' targets, or a place inside the character
    """

    columns: NDArray[np.intp]
    targets: tuple[tuple[int, int | Tail], ...]


@lru_cache(maxsize=4096)
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
    targets: list[tuple[int, int | Tail]] = []
    for first, last, target in moves:
        number = numbers.get(target)
        if number is None:
            targets.append((first, target))
            number = numbers[target] = len(targets)
        columns[first : last + 1] = number
    return _Shape(columns, tuple(targets))
