"""Match by frozen tables: no grammar is read or expanded, so texts are masked at once and at full speed."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from fsm.compiled import Compiled, TextSource
from fsm.freezing._frozen_kernels import move_tokens_kernel
from fsm.freezing.frozen import FrozenTables
from fsm.freezing.saving import load_tables
from fsm.layout import STATE_DEAD
from fsm.mask import pack_token_ids
from fsm.network import Network
from fsm.position import REJECTED, Position
from fsm.vocabulary import Vocabulary

__all__ = ["FrozenCompiled", "load_compiled"]

_FAR = 1 << 40


class _FrozenPosition(Position):
    """Be a row of the automaton over bytes."""

    __slots__ = ("row", "state")

    def __init__(self, row: int, state: int) -> None:
        super().__init__(np.array([(STATE_DEAD, 0, 0, 0, 0)], np.int64))
        self.row = row
        self.state = state


class FrozenCompiled(Compiled):
    """Hold frozen tables as a compiled grammar; its matchers are as any other's.

    Parameters
    ----------
    tables : of the vocabulary they were frozen for.
    """

    def __init__(self, tables: FrozenTables) -> None:
        super().__init__(Network(), STATE_DEAD, tables.vocabulary)
        self.tables = tables
        self._state_of = {int(row): state for state, row in enumerate(tables.places.tolist()) if row >= 0}
        self._by_row: dict[int, _FrozenPosition] = {}
        self._shortest_of: NDArray[np.int64] | None = None
        self.start = self._position(1)

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the tables."""
        return self.tables.memory_bytes + self._position_bytes

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit."""
        assert isinstance(position, _FrozenPosition)
        if position.state < 0:
            return self.advance_bytes(position, self.vocabulary.token_bytes[token_id], text)
        tables = self.tables
        state = int(tables.next[position.state, tables.class_of[token_id]])
        after = self._position(int(tables.places[state])) if state else REJECTED
        return self._remember(position, token_id, after)

    def advance_bytes(self, position: Position, data: bytes, text: TextSource) -> Position:
        """Return the position after some bytes, ``REJECTED`` where they do not fit."""
        assert isinstance(position, _FrozenPosition)
        row = position.row
        for byte in data:
            row = int(self.tables.delta[row, byte])
        return self._position(row) if data and row else REJECTED

    def is_accepting(self, position: Position) -> bool:
        """Tell whether the text may end here."""
        assert isinstance(position, _FrozenPosition)
        return bool(self.tables.ends[position.row])

    def next_bytes(self, position: Position) -> NDArray[np.uint8]:
        """Tell for each byte whether it may come next: uint8[256]."""
        assert isinstance(position, _FrozenPosition)
        allowed: NDArray[np.uint8] = (self.tables.delta[position.row] > 0).astype(np.uint8)
        return allowed

    def shortest(self, position: Position) -> int:
        """Return the fewest bytes to the end of a text."""
        assert isinstance(position, _FrozenPosition)
        if self._shortest_of is None:
            self._shortest_of = _distances(self.tables)
        return int(self._shortest_of[position.row])

    def fill(self, position: Position) -> None:
        """Compute the mask of a position: a row of the tables, where tokens lead to it."""
        assert isinstance(position, _FrozenPosition)
        position.base = self.tables.mask(position.state) if position.state >= 0 else self._walk(position.row)
        self._position_bytes += position.base.nbytes

    def _walk(self, row: int) -> NDArray[np.int32]:
        """Return the mask of a row that no token leads to, but bytes do."""
        trie, size = self._tables.trie, self.vocabulary.size
        moves, path = np.zeros(size, np.int32), np.zeros(trie.max_depth + 2, np.int32)
        move_tokens_kernel(self.tables.delta, trie.nodes, trie.duplicates, path, row, moves)
        ends = self.vocabulary.eos_token_ids if self.tables.ends[row] else ()
        return pack_token_ids([*np.flatnonzero(moves).tolist(), *ends], size)

    def _position(self, row: int) -> _FrozenPosition:
        found = self._by_row.get(row)
        if found is None:
            if self._position_bytes > self.max_bytes:
                self._forget()
            found = self._by_row[row] = _FrozenPosition(row, self._state_of.get(row, -1))
        return found

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        self._untie(self._by_row)
        super()._forget()

    def __del__(self) -> None:
        """Take the cycles apart."""
        self._untie(self.__dict__.get("_by_row", {}))
        super().__del__()


def load_compiled(path: str | os.PathLike[str], vocabulary: Vocabulary, *, key: str | None = None) -> FrozenCompiled:
    """Return the compiled grammar in a file that ``Compiled.save`` wrote.

    key : of the grammar it must be; None takes any.

    Raises
    ------
    SavedFileError : no such file, damaged, another version's, or of another grammar or vocabulary.
    """
    return FrozenCompiled(load_tables(path, vocabulary, key=key))


def _distances(tables: FrozenTables) -> NDArray[np.int64]:
    """Return the fewest bytes from each row to the end of a text: int64[D], by relaxation from the ends."""
    columns = np.unique(tables.delta, axis=1)
    known = np.where(tables.ends, 0, _FAR).astype(np.int64)
    while True:
        after = np.where(columns > 0, known[columns], _FAR).min(axis=1, initial=_FAR) + 1
        better = np.minimum(known, after)
        if (better == known).all():
            return known
        known = better
