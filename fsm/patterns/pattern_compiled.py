"""Compile a pattern of moderate size: its places are states of an automaton over bytes, made by kernels."""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import Dfa
from fsm.compiled import Compiled, TextSource
from fsm.dfa_states import RawStates
from fsm.layout import KIND, STUB, UNBOUNDED
from fsm.network import Network
from fsm.patterns.position_table import PositionTable, position_table_of
from fsm.position import NO_MOVES, NO_TOKEN, POSITION_BYTES, REJECTED, Position
from fsm.utf8 import read_byte
from fsm.vocabulary import Vocabulary

__all__ = ["PatternCompiled"]


_NO_MASK = (None, None, None)
_PLACE_BYTES = 100
"""About what a position takes besides."""

_SELDOM = 32
"""After so many positions the bytes are counted."""

_MOST_MADE = 640
"""So many positions are made with the first mask, those nearest to the start; others when a text gets there."""


class _PatternPosition(Position):
    """Be a state of a table; the kernels' view of it is told on request, by reading again a text that leads there.

    before, data : a position and what was read from there; None = it is the first, or no text has led here yet
    known  : the state over characters, and what was read of a character; None = not asked yet
    """

    __slots__ = ("_owner", "before", "data", "known", "number", "table")

    def __init__(
        self, owner: PatternCompiled, table: PositionTable, number: int, before: _PatternPosition | None, data: bytes
    ) -> None:
        self._owner, self.table, self.number = owner, table, number
        self.before, self.data = before, data
        self.known: tuple[int, int] | None = None
        self.is_noted = False
        # PERF: as `clear`, which would be called hundreds of times in a row
        self.stays = self.after = self.lent = None
        self.is_accepting = self.is_complete = self.shortest = None
        self.token, self.next = NO_TOKEN, NO_MOVES
        self.base, self.words, self.values = table.masks.get(number) or _NO_MASK
        self.cells = None if self.words is None else table.no_cells

    @property
    def configurations(self) -> NDArray[np.int64]:  # type: ignore[override]
        """Return the one configuration: int64[1, 5]."""
        return self._owner.configuration(*self.place())

    def place(self) -> tuple[int, int]:
        """Return the state over characters, and what was read of a character."""
        way: list[_PatternPosition] = []
        here: _PatternPosition = self
        while here.known is None and here.before is not None:
            way.append(here)
            here = here.before
        known = here.known or (self._owner.dfa.start, 0)
        for position in reversed(way):
            known = position.known = _read(self._owner.dfa, known, position.data)
        return known


class PatternCompiled(Compiled):
    """Hold a pattern for one vocabulary.

    Parameters
    ----------
    network, states : the automaton's network, for what asks about configurations.
    table : its states over bytes.
    """

    def __init__(self, network: Network, states: RawStates, vocabulary: Vocabulary, table: PositionTable) -> None:
        self._by_number: dict[int, _PatternPosition] = {}
        super().__init__(network, states.start(network), vocabulary)
        self.dfa: Dfa = states.dfa
        self._states = states
        self._token_bytes = vocabulary.token_bytes
        self._table = table
        self.start = self._first = _PatternPosition(self, table, table.start, None, b"")
        self._by_number[table.start] = self._first

    def __del__(self) -> None:
        """Take the cycles apart."""
        self._untie(self.__dict__.get("_by_number", {}))
        super().__del__()

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit."""
        return self._remember(position, token_id, self._after(position, self._token_bytes[token_id]))  # type: ignore[arg-type]

    def advance_bytes(self, position: Position, data: bytes, text: TextSource) -> Position:
        """Return the position after some bytes, ``REJECTED`` where they do not fit."""
        assert isinstance(position, _PatternPosition)
        return self._after(position, data)

    def is_accepting(self, position: Position) -> bool:
        """Tell whether the text may end here."""
        assert isinstance(position, _PatternPosition)
        return position.table.is_accepting(position.number)

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        assert isinstance(position, _PatternPosition)
        with self._tables.lock:
            table, number = position.table, position.number
            met = table.begin(number)
            if position.base is None:
                position.base, position.words, position.values = table.mask(number)
            if table is self._table:
                for other in islice(met, _MOST_MADE):
                    if other not in self._by_number:
                        self._by_number[other] = _PatternPosition(self, table, other, None, b"")
                self._position_bytes += (POSITION_BYTES + _PLACE_BYTES) * min(len(met), _MOST_MADE)

    def configuration(self, place: int, partial: int) -> NDArray[np.int64]:
        """Return what the kernels call a state of the automaton: int64[1, 5]."""
        state = self._states.state(self.network, place)
        if partial and self.network.states[state, KIND] == STUB:
            self.network.expand(state)
        return np.array([(state, 0, partial, 0, UNBOUNDED)], np.int64)

    def _after(self, position: _PatternPosition, data: bytes) -> Position:
        # PERF: the bytes are looked up here, without a lock, where all of them were read before: 0.2 instead of 0.5 µs
        # for a token of a few (python -m benchmarks.grammars --only date); moves that were found never change.
        table, number = position.table, position.number
        moves = table.moves
        for byte in data:
            number = moves[number << 8 | byte]
            if number <= 0:
                break
        if number < 0:
            with self._tables.lock:
                number = table.advance(position.number, data)
        if not number or not data:
            return REJECTED
        found = self._by_number.get(number)
        if found is None or found.table is not table:
            return self._new_position(table, number, position, data)
        if found.before is None and found is not self._first:
            found.before, found.data = position, data
        return found

    def _new_position(
        self, table: PositionTable, number: int, before: _PatternPosition, data: bytes
    ) -> _PatternPosition:
        found = _PatternPosition(self, table, number, before, data)
        if table is not self._table:  # a matcher has held on to a table that was begun anew
            return found
        # PERF: every so often, as the bytes take a third of what the position does.
        if not len(self._by_number) % _SELDOM and self._position_bytes + table.memory_bytes > 4 * self.max_bytes:
            with self._tables.lock:
                self._forget()
            return found
        self._by_number[number] = found
        self._position_bytes += POSITION_BYTES + _PLACE_BYTES
        return found

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        self._untie(self._by_number)
        table = position_table_of(self.vocabulary, self.dfa, is_new=True)
        assert table is not None
        self._table = table
        self.start = self._first = _PatternPosition(self, table, table.start, None, b"")
        self._by_number[table.start] = self._first
        super()._forget()


def _read(dfa: Dfa, place: tuple[int, int], data: bytes) -> tuple[int, int]:
    """Return the state over characters and the partial character after some bytes that fit."""
    state, partial = place
    for byte in data:
        partial = read_byte(partial, byte)
        if partial < -1:
            state, partial = dfa.step(state, -2 - partial), 0
    return state, partial
