"""Compile a regular grammar: its places are states of a table over bytes, its masks shared between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import Dfa
from fsm.byte_table import ByteTable, read_bytes
from fsm.compiled import Compiled, TextSource
from fsm.dfa_states import RawStates
from fsm.layout import KIND, STUB, UNBOUNDED
from fsm.network import Network
from fsm.position import REJECTED, Position
from fsm.regular_masks import regular_masks_of
from fsm.vocabulary import Vocabulary

__all__ = ["RegularCompiled"]


class _RegularPosition(Position):
    """Be a state of the table; what the kernels call it is told where somebody asks."""

    __slots__ = ("_owner", "near", "number")

    def __init__(self, owner: RegularCompiled, number: int, near: tuple[int, int]) -> None:
        self.number = number
        self.near = near
        self._owner = owner
        self.is_noted = False
        self.base = None
        self.words = None
        self.values = None
        self.next = {}
        self.is_accepting = None
        self.is_complete = None
        self.shortest = None
        self.stays = None

    @property
    def configurations(self) -> NDArray[np.int64]:  # type: ignore[override]
        """Return the one configuration: int64[1, 5]."""
        return self._owner.configuration(self.number)


class RegularCompiled(Compiled):
    """Hold a regular grammar for one vocabulary; its moves are look-ups of bytes, and its masks rows of few places.

    Parameters
    ----------
    network, states : the automaton's network, for what asks about configurations.
    """

    def __init__(self, network: Network, states: RawStates, vocabulary: Vocabulary) -> None:
        self._table: ByteTable | None = None
        self._states = states
        super().__init__(network, states.start(network), vocabulary)
        dfa: Dfa = states.dfa
        self._dfa = dfa
        self._table = ByteTable(dfa, lambda state: state)
        self._by_number: dict[int, _RegularPosition] = {}
        self._regular = regular_masks_of(vocabulary, dfa)
        self.start = self._position(self._table.number(dfa.start), self._regular.place(dfa.start))

    def __del__(self) -> None:
        """Take the cycles apart."""
        for position in self._by_number.values():
            position.next = {}
        self._by_number.clear()
        super().__del__()

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit."""
        if not isinstance(position, _RegularPosition):
            return super().advance(position, token_id, text)
        data = self.vocabulary.token_bytes[token_id]
        with self._tables.lock:
            number = position.number
            for byte in data:
                number = self._step(number, byte)
                if number == 0:
                    break
            after = self._after(number) if data and number else REJECTED
            position.next[token_id] = after
            self._position_bytes += 120
        return after

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        if not isinstance(position, _RegularPosition):
            super().fill(position)
            return
        with self._tables.lock:
            if position.base is None:
                assert self._table is not None
                place = self._table.places[position.number]
                position.is_accepting = place.tail is None and self._dfa.is_accepting(place.state)
                position.base = self._regular.row(position.near, is_accepting=position.is_accepting)

    def configuration(self, number: int) -> NDArray[np.int64]:
        """Return what the kernels call a state of the table: int64[1, 5]."""
        assert self._table is not None
        place = self._table.places[number]
        state = self._states.state(self.network, place.state)
        if place.partial and self.network.states[state, KIND] == STUB:
            self.network.expand(state)
        return np.array([(state, 0, place.partial, 0, UNBOUNDED)], np.int64)

    def _step(self, number: int, byte: int) -> int:
        """Return the state after a byte; for ASCII the automaton is asked itself, which is faster than a whole row."""
        table = self._table
        assert table is not None
        place = table.places[number]
        if byte < 0x80 and place.tail is None:
            target = self._dfa.step(place.state, byte)
            return table.number(target) if target else 0
        if table.delta[number, 0] < 0:
            table.expand(number)
        return int(table.delta[number, byte])

    def _after(self, number: int) -> _RegularPosition:
        found = self._by_number.get(number)
        if found is None:
            assert self._table is not None
            place = self._table.places[number]
            near = self._regular.place(place.state)
            for byte in read_bytes(place.partial):
                near = self._regular.step(near, byte)
            found = self._position(number, near)
        return found

    def _position(self, number: int, near: tuple[int, int]) -> _RegularPosition:
        if self._position_bytes + self._regular.memory_bytes > 2 * self.max_bytes:
            self._forget()
        found = self._by_number[number] = _RegularPosition(self, number, near)
        self._position_bytes += 400
        return found

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        for position in self._by_number.values():
            position.next = {}
        self._by_number.clear()
        self._regular.forget()
        super()._forget()
