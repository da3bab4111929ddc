"""Fill the masks of free text inside larger grammars from those of its automaton, instead of walking the whole trie.

In free text nearly every token fits, and which ones stay in it depends on the automaton alone: that row is shared with
everything else that has the automaton (``fsm.patterns.regular_masks``). The few others, those that complete a trigger
or have a byte with which something else may follow, are tried one by one. Cost: about what the automaton's own mask
costs, and a step per token tried.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import Dfa
from fsm.automata.prefixed import PrefixedDfa
from fsm.automata.texts import ALL_TEXTS
from fsm.compiled import Compiled, TextSource
from fsm.dfa_states import RawStates
from fsm.layout import BYTE, CLOSE, COUNT, DEFAULT, EDGE, KIND, RAW, STATE_POP, UNBOUNDED
from fsm.mask import allowed_token_ids, pack_token_ids
from fsm.network import Network
from fsm.parts.regions import close_configuration
from fsm.patterns.regular_masks import regular_masks_of
from fsm.position import REJECTED, Position
from fsm.utf8 import read_bytes
from fsm.vocabulary import Vocabulary

__all__ = ["TextCompiled"]

MOST_FIXED = 4
"""More fixed bytes than these before a text leave few tokens to look at."""
MOST_TRIED = 1024
"""More tokens than these are faster walked than tried."""


class _TextNeededError(Exception):
    """What was read so far must be known."""


def _refuse_text() -> bytes:
    raise _TextNeededError


class TextCompiled(Compiled):
    """Hold a grammar with free text in it, for one vocabulary.

    Owners of free text tell their automaton: ``text_place(argument)`` returns it and its state. All its states accept,
    so a token that leaves it is one that it does not read.
    """

    def __init__(self, network: Network, start: int, vocabulary: Vocabulary) -> None:
        super().__init__(network, start, vocabulary)
        self._behind: dict[Any, tuple[Dfa, Dfa]] = {}
        self._ends = pack_token_ids(vocabulary.eos_token_ids, vocabulary.size)

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        with self._tables.lock:
            if position.base is None and not self._fill_text(position):
                super().fill(position)

    def _fill_text(self, position: Position) -> bool:
        """Fill a position some way of which lies in free text; tell whether it was one."""
        ways = [way for row in position.configurations.tolist() for way in close_configuration(self.network, row)]
        places = [self._place(way[0]) for way in ways]
        if len(ways) == 1 and self._is_before_text(position, ways[0]):
            return True
        if all(place is None for place in places):
            return False
        rest: list[list[int]] = []
        mask = np.zeros(self._tables.num_words, np.int32)
        for way, place in zip(ways, places, strict=True):
            added = None if place is None else self._text_mask(way, *place)
            if added is None:
                rest.append(way)
                continue
            mask |= added
            close = int(self.network.states[way[0], CLOSE])
            if close and not way[2]:
                rest.append([close, way[1], 0, 0, UNBOUNDED])
        if rest:
            mask |= self._mask_of(rest)
        if self.is_accepting(position):
            mask |= self._ends
        position.base = mask
        self._position_bytes += mask.nbytes
        return True

    def _is_before_text(self, position: Position, way: list[int]) -> bool:
        """Fill a position before a text, unless what was read so far, which nobody keeps here, must be noted first."""
        try:
            return self._fill_before_text(position, way)
        except _TextNeededError:
            return False

    def _fill_before_text(self, position: Position, way: list[int]) -> bool:
        """Fill a position at which a few characters must come before the text begins; tell whether it was one."""
        fixed, here = b"", way
        while len(fixed) < MOST_FIXED and not here[2]:
            byte = self._only_byte(here[0])
            if byte is None:
                break
            fixed += bytes([byte])
            after = self.advance_bytes(Position(np.array([way], np.int64)), fixed, _refuse_text)
            ways = [found for row in after.configurations.tolist() for found in close_configuration(self.network, row)]
            if len(ways) != 1:
                return False
            here = ways[0]
        place = self._place(here[0]) if fixed and not here[2] else None
        if place is None:
            return False
        key = (fixed, place[0].key, place[1])
        if key not in self._behind:
            begins = (PrefixedDfa(fixed.decode(), *place), PrefixedDfa(fixed.decode(), ALL_TEXTS(), ALL_TEXTS().start))
            self._behind[key] = begins
        inside, anything = self._behind[key]
        mask = self._row(inside, inside.start, 0)
        leaving = self._row(anything, anything.start, 0) & ~mask & self._leaving(here)
        others = allowed_token_ids(leaving)
        if len(others) > MOST_TRIED:
            return False
        position.base = mask | self._those_that_fit(way, others, _refuse_text)
        position.is_accepting = False
        self._position_bytes += position.base.nbytes
        return True

    def _only_byte(self, state: int) -> int | None:
        """Return the one ASCII character that a state reads; None where there are others, or none need be read."""
        cells = self.network.states[state].tolist()
        if cells[KIND] not in (RAW, BYTE) or cells[COUNT] != 1 or cells[CLOSE] or cells[DEFAULT]:
            return None
        first, last, target = self.network.edges[cells[EDGE]].tolist()
        return first if target and first == last < 0x80 else None

    def _place(self, state: int) -> tuple[Dfa, int] | None:
        """Return the automaton and its state behind a state of plain text; None for any other."""
        if self.network.states[state, KIND] != RAW:
            return None
        number, argument = self.network.origins[state]
        owner: Any = self.network.owners[number]
        if isinstance(owner, RawStates):
            # Automata as large as a document are walked by the kernels: a table would hold every place met.
            return None if getattr(owner.dfa, "is_document", False) else (owner.dfa, argument)
        tell = getattr(owner, "text_place", None)
        place: tuple[Dfa, int] | None = None if tell is None else tell(argument)
        return place

    def _text_mask(self, way: list[int], dfa: Dfa, state: int) -> NDArray[np.int32] | None:
        """Return the tokens that fit one way on through text; None where too many would have to be tried."""
        mask = self._row(dfa, state, way[2])
        everything = ALL_TEXTS()
        others = allowed_token_ids(self._row(everything, everything.start, way[2]) & ~mask & self._leaving(way))
        if len(others) > MOST_TRIED:
            return None
        return mask | self._those_that_fit(way, others)

    def _those_that_fit(self, way: list[int], tokens: NDArray[Any], text: TextSource = bytes) -> NDArray[np.int32]:
        """Try tokens one by one; return those that fit. After free text, nothing before the token has to be noted."""
        here = Position(np.array([way], np.int64))
        table = self.vocabulary.token_bytes
        fitting = [t for t in tokens.tolist() if self.advance_bytes(here, table[t], text) is not REJECTED]
        return pack_token_ids(fitting, self.vocabulary.size)

    def _leaving(self, way: list[int]) -> NDArray[np.int32]:
        """Return the tokens with a byte that may follow the text, for only these can leave it."""
        owner = self.network.owners[self.network.origins[way[0]][0]]
        if not isinstance(owner, RawStates):
            return self._tables.empty_row - 1
        mask = self._tables.empty_row.copy()
        outside = Position(np.array([(STATE_POP, way[1], 0, 0, UNBOUNDED)], np.int64))
        for byte in np.flatnonzero(self.next_bytes(outside)).tolist() if way[1] else ():
            mask |= self._with_byte(byte)
        return mask

    def _with_byte(self, byte: int) -> NDArray[np.int32]:
        """Return the tokens that have a byte in them; kept with the vocabulary."""
        kept: dict[int, NDArray[np.int32]] = self.vocabulary.__dict__.setdefault("_with_byte", {})
        row = kept.get(byte)
        if row is None:
            places = np.flatnonzero(self._tables.texts == byte)
            tokens = np.unique(np.searchsorted(self._tables.offsets, places, side="right") - 1)
            row = kept[byte] = pack_token_ids(tokens.tolist(), self.vocabulary.size)
        return row

    def _row(self, dfa: Dfa, state: int, partial: int) -> NDArray[np.int32]:
        masks = regular_masks_of(self.vocabulary, dfa)
        place = masks.place(state)
        for byte in read_bytes(partial):
            place = masks.step(place, byte)
        # The row is shared with grammars that may end here.
        return masks.row(place, is_accepting=not partial and dfa.is_accepting(state)) & ~self._ends

    def _mask_of(self, ways: list[list[int]]) -> NDArray[np.int32]:
        """Return the mask of other ways on, by walking the trie."""
        other = Position(np.array(ways, np.int64))
        super().fill(other)
        assert other.base is not None
        mask = other.base.copy()
        if other.words is not None and other.values is not None:
            mask[other.words] = other.values
        return mask
