"""Compile a regular grammar: its places are states of its automaton, its masks shared between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import DEAD, Dfa
from fsm.compiled import Compiled, TextSource
from fsm.dfa_states import RawStates
from fsm.expansion_time import ExpansionTime
from fsm.layout import KIND, STUB, UNBOUNDED
from fsm.network import Network
from fsm.patterns.regular_masks import RegularMasks, regular_masks_of, renew_masks
from fsm.position import REJECTED, Position
from fsm.utf8 import partial_range, read_byte, read_bytes
from fsm.vocabulary import Vocabulary

__all__ = ["RegularCompiled"]


class _RegularPosition(Position):
    """Be a state of the automaton and what was read of a character; the kernels' view of it is told on request."""

    __slots__ = ("_owner", "masks", "partial", "place")

    def __init__(self, owner: RegularCompiled, place: int, partial: int, masks: RegularMasks) -> None:
        self.masks = masks
        self.place = place
        self.partial = partial
        self._owner = owner
        self.is_noted = False
        self.clear()

    @property
    def configurations(self) -> NDArray[np.int64]:  # type: ignore[override]
        """Return the one configuration: int64[1, 5]."""
        return self._owner.configuration(self.place, self.partial)


class RegularCompiled(Compiled):
    """Hold a regular grammar for one vocabulary: moves ask the automaton, and masks are rows of few places.

    Parameters
    ----------
    network, states : the automaton's network, for what asks about configurations.
    """

    def __init__(self, network: Network, states: RawStates, vocabulary: Vocabulary) -> None:
        self._by_place: dict[tuple[int, int], _RegularPosition] = {}
        self._steps: dict[int, int] = {}
        super().__init__(network, states.start(network), vocabulary)
        self._states = states
        self._dfa: Dfa = states.dfa
        self._regular = regular_masks_of(vocabulary, self._dfa)
        self.start = self._position(self._dfa.start, 0)

    def __del__(self) -> None:
        """Take the cycles apart."""
        self._untie(self.__dict__.get("_by_place", {}))
        super().__del__()

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit."""
        assert isinstance(position, _RegularPosition)
        with self._tables.lock, ExpansionTime():
            after = self._follow(position, self.vocabulary.token_bytes[token_id])
            return self._remember(position, token_id, after)

    def advance_bytes(self, position: Position, data: bytes, text: TextSource) -> Position:
        """Return the position after some bytes, ``REJECTED`` where they do not fit."""
        assert isinstance(position, _RegularPosition)
        with self._tables.lock, ExpansionTime():
            return self._follow(position, data)

    def is_accepting(self, position: Position) -> bool:
        """Tell whether the text may end here."""
        assert isinstance(position, _RegularPosition)
        return position.partial == 0 and self._dfa.is_accepting(position.place)

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        assert isinstance(position, _RegularPosition)
        with self._tables.lock, ExpansionTime():
            if position.base is None:
                masks = position.masks
                near = masks.place(position.place)
                for byte in read_bytes(position.partial):
                    near = masks.step(near, byte)
                position.base = masks.row(near, is_accepting=self.is_accepting(position))

    def configuration(self, place: int, partial: int) -> NDArray[np.int64]:
        """Return what the kernels call a state of the automaton: int64[1, 5]."""
        state = self._states.state(self.network, place)
        if partial and self.network.states[state, KIND] == STUB:
            self.network.expand(state)
        return np.array([(state, 0, partial, 0, UNBOUNDED)], np.int64)

    def _follow(self, position: _RegularPosition, data: bytes) -> Position:
        place, partial, step, steps = position.place, position.partial, self._dfa.step, self._steps
        for byte in data:
            if byte < 0x80 and partial == 0:
                key = place << 7 | byte
                after = steps.get(key)
                place = steps[key] = step(place, byte) if after is None else after
            else:
                partial = read_byte(partial, byte)
                if partial < -1:
                    place, partial = step(place, -2 - partial), 0
                elif partial == -1:
                    return REJECTED
            if place == DEAD:
                return REJECTED
        if not data or (partial and not self._can_become(place, partial)):
            return REJECTED
        return self._position(place, partial)

    def _can_become(self, place: int, partial: int) -> bool:
        """Tell whether a partial character may become one that fits."""
        span = partial_range(partial)
        if span is None:
            return False
        for first, last, _ in self._dfa.edges(place):
            low, high = max(first, span[0]), min(last, span[1])
            if low <= high and not 0xD800 <= low <= high <= 0xDFFF:
                return True
        return False

    def _position(self, place: int, partial: int) -> _RegularPosition:
        found = self._by_place.get((place, partial))
        if found is None:
            if self._position_bytes + self._regular.memory_bytes > 4 * self.max_bytes:
                self._forget()
            found = self._by_place[place, partial] = _RegularPosition(self, place, partial, self._regular)
            self._position_bytes += 400
        return found

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        self._untie(self._by_place)
        self._regular = renew_masks(self.vocabulary, self._dfa)
        super()._forget()
