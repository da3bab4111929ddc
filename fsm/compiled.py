"""Compile a grammar against a vocabulary, lazily: positions, masks and moves are made when asked for.

Input: a network whose start is a stub or a state. Output: ``Position`` objects shared by all matchers of the grammar.
Cost: compiling is constant; a mask costs a few microseconds when first asked for, then a row copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fsm._step_kernels import advance_entry, next_bytes_kernel
from fsm.codes import NOTED, R_CLOSED, R_FREE, R_NODE
from fsm.distance import Distances
from fsm.expansion_time import ExpansionTime
from fsm.kernel_runs import KernelRuns
from fsm.layout import UNBOUNDED
from fsm.lent_row import LentRow
from fsm.mask import is_allowed
from fsm.masks import Masks
from fsm.network import Network
from fsm.notes import must_note, resolve_notes
from fsm.position import MOVE_BYTES, NO_TOKEN, POSITION_BYTES, REJECTED, Position
from fsm.tokens.tables import vocabulary_tables
from fsm.vocabulary import Vocabulary

if TYPE_CHECKING:
    from fsm.forced import ForcedRuns
    from fsm.freezing.frozen import FrozenTables
    from fsm.matcher import Matcher

__all__ = ["Compiled", "TextSource"]

TextSource = Callable[[], bytes]
_BEGIN = np.array([(0, 0, 0, 0, UNBOUNDED)], np.int64)


class Compiled:
    """Hold one grammar's network and positions for one vocabulary; shared by its matchers.

    Parameters
    ----------
    network : the grammar's network.
    start : the state a text begins in.
    vocabulary : the tokens.
    max_bytes : when the positions kept pass this size they are forgotten and made anew when needed.
    """

    def __init__(self, network: Network, start: int, vocabulary: Vocabulary, *, max_bytes: int = 16_000_000) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.max_bytes = max_bytes
        self._tables = vocabulary_tables(vocabulary)
        self._positions: dict[bytes, Position] = {}
        self._runs = KernelRuns(network, self._tables.workspace)
        self._masks = Masks(self._runs, self._tables)
        self._position_bytes = 0
        self.spare_rows = self._tables.spare_rows
        self.empty_row = self._tables.empty_row
        self._cells: dict[int, memoryview] = {}
        self._was_noted = False
        self._distances = Distances(network)
        self._forced: ForcedRuns | None = None
        begin = _BEGIN.copy()
        begin[0, 0] = start
        self.start = self._intern(begin)

    def __del__(self) -> None:
        """Take the cycles apart, so that memory returns at once and no garbage collection has to find them."""
        self._untie(self.__dict__.get("_positions", {}))  # which is not there where making it was interrupted
        network: Network | None = self.__dict__.get("network")
        if network is not None:
            network.release()

    @staticmethod
    def _untie(positions: dict[Any, Any]) -> None:
        """Drop positions and what they remember of one another.

        A method, because objects may outlive the names of their modules where the interpreter ends.
        """
        for position in positions.values():
            position.forget_moves()
        positions.clear()

    @property
    def memory_bytes(self) -> int:
        """Count the bytes this grammar holds; what it shares with others of the vocabulary is not counted."""
        return self.network.memory_bytes + self._position_bytes + self._masks.memory_bytes

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the grammar leaves unchecked (``json_schema(..., lenient=True)``), with its place."""
        owners = self.network.owners
        return tuple(dict.fromkeys(line for owner in owners for line in getattr(owner, "warnings", ())))

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit.

        text : returns the bytes read so far; asked only where a grammar must note what was read.
        """
        if position.stays is not None and is_allowed(position.stays, token_id):
            return self._remember(position, token_id, position)
        tables = self._tables
        with tables.lock:
            after = self._advance(position, tables.texts, tables.offsets[token_id], tables.offsets[token_id + 1], text)
            is_noted = self.network.has_notes and self._was_noted
            return after if is_noted else self._remember(position, token_id, after)

    def _remember(self, position: Position, token_id: int, after: Position) -> Position:
        """Remember where a token leads, and return that; ``Matcher`` looks there before it asks."""
        if position.token == NO_TOKEN:
            position.after, position.token = after, token_id
        elif position.next:
            position.next[token_id] = after
        else:
            position.next = {token_id: after}
        self._position_bytes += MOVE_BYTES
        return after

    def advance_bytes(self, position: Position, data: bytes, text: TextSource) -> Position:
        """Return the position after some bytes, ``REJECTED`` where they do not fit."""
        with self._tables.lock:
            return self._advance(position, np.frombuffer(data, np.uint8), 0, len(data), text)

    def _advance(
        self, position: Position, data: NDArray[np.uint8], first: int, last: int, text: TextSource
    ) -> Position:
        """Return the position after ``data[first:last]``."""
        if first == last:
            return REJECTED
        configurations, place = position.configurations, first
        network, space = self.network, self._tables.workspace
        self._was_noted = False
        resumes = 0
        while True:
            found = advance_entry(network.addresses, space.addresses, configurations, data, place, last)
            if found >= 0:
                break
            if found == NOTED:
                place = int(network.regs[R_FREE])
                configurations = self._resolve(text() + data[first:place].tobytes(), int(data[place]))
            else:
                self._runs.mend(found, resumes=resumes)
                resumes = 1
        if found < 2:
            return REJECTED
        after = self._intern(space.frontier[: found >> 1], is_noted=found & 1 != 0)
        return self.note(after, text() + data[first:last].tobytes()) if after.is_noted else after

    def note(self, position: Position, text: bytes) -> Position:
        """Return the position once what was just read is noted."""
        with self._tables.lock:
            self._was_noted = True
            rows = resolve_notes(self.network, position.configurations.tolist(), text, None)
            return self._intern(np.array(rows, np.int64)) if rows else REJECTED

    def _resolve(self, text: bytes, byte: int) -> NDArray[np.int64]:
        """Note what was read before ``byte``, in the level where the kernel stopped; return what follows."""
        self._was_noted = True
        begin, end = int(self.network.regs[R_NODE]), int(self.network.regs[R_CLOSED])
        level = self._tables.workspace.frontier[begin:end].tolist()
        rows = resolve_notes(self.network, level, text, byte)
        return np.array(rows, np.int64).reshape(-1, 5)

    def freeze(self, *, max_states: int = 4096) -> FrozenTables:
        """Return the grammar as tables that a device can index (``fsm.freezing.frozen.freeze``).

        Raises
        ------
        LimitError : more than ``max_states`` states are reachable.
        UnsupportedFeatureError : the grammar remembers what was read, or has captures or special tokens.
        """
        from fsm.freezing.frozen import freeze

        return freeze(self, max_states=max_states)

    def save(self, path: str | os.PathLike[str], *, key: str = "", max_states: int = 4096) -> None:
        """Write the frozen tables to a file, whole or not at all; ``fsm.load_compiled`` reads them.

        key : identifies the grammar; loading may ask for it. ``grammars.save`` makes one from the grammar's source.
        """
        from fsm.freezing.saving import save_tables

        save_tables(self.freeze(max_states=max_states), path, key=key)

    def matcher(self) -> Matcher:
        """Return a matcher at the beginning of a text."""
        return _matcher_type()(self)

    def cells_of(self, row: NDArray[np.int32]) -> memoryview:
        """Return the buffer of a row: one for all positions that share it, as two objects less are kept."""
        cells = self._cells.get(id(row))  # which it holds, so that no other row has its identity
        if cells is None:
            cells = self._cells[id(row)] = row.data
        return cells

    def take_spare_row(self) -> LentRow | None:
        """Return a row that an earlier matcher lent, if nobody looks at it any more."""
        try:
            row = self.spare_rows.pop()
        except IndexError:
            return None
        return None if row.is_seen else row

    def is_accepting(self, position: Position) -> bool:
        """Tell whether the text may end here."""
        if position.is_accepting is None:
            with self._tables.lock:
                position.is_accepting = self._runs.accepts(position.configurations)
        return position.is_accepting

    def is_complete(self, position: Position) -> bool:
        """Tell whether the text may end here and nothing but white space may follow."""
        if position.is_complete is None:
            position.is_complete = self.is_accepting(position) and not (
                set(np.flatnonzero(self.next_bytes(position)).tolist()) - {9, 10, 13, 32}
            )
        return position.is_complete

    def shortest(self, position: Position) -> int:
        """Return the fewest bytes to the end of a text."""
        if position.shortest is None:
            with self._tables.lock, ExpansionTime():
                rows = position.configurations.tolist()
                position.shortest = min(self._distances.of_configuration(row) for row in rows)
        return position.shortest

    def forced_bytes(self, position: Position, text: TextSource) -> bytes:
        """Return the bytes that must come next (``fsm.forced``)."""
        if self._forced is None:
            from fsm.forced import ForcedRuns

            self._forced = ForcedRuns(self)
        with self._tables.lock:
            return self._forced.after(position, text)

    def next_bytes(self, position: Position) -> NDArray[np.uint8]:
        """Tell for each byte whether it may come next: uint8[256]."""
        allowed = np.zeros(256, np.uint8)
        with self._tables.lock:
            size = self._runs.load(position.configurations)
            self.network.regs[R_NODE] = 0
            self._runs.run(
                lambda n, w: next_bytes_kernel(
                    n.states, n.edges, n.stacks, n.table, n.regs, w.work, w.frontier, size, allowed
                )
            )
        return allowed

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        with self._tables.lock:
            if position.base is None:
                self._masks.fill(position)

    # -- positions -------------------------------------------------------------------------------------------------

    def _intern(self, configurations: NDArray[np.int64], *, is_noted: bool | None = None) -> Position:
        """Return the one position with these configurations; they are copied where it is new.

        is_noted : whether one of them has nothing left to read before a NOTE; None = to be found.
        """
        if len(configurations) > 1:  # PERF: a fifth of what np.unique(configurations, axis=0) takes
            configurations = np.array(sorted(set(map(tuple, configurations.tolist()))), np.int64)
        key = configurations.tobytes()
        position = self._positions.get(key)
        if position is None:
            if self._position_bytes + self._masks.sparse_bytes > self.max_bytes:
                self._forget()
            if is_noted is None:
                is_noted = self.network.has_notes and must_note(self.network, configurations)
            position = self._positions[key] = Position(configurations.copy(), is_noted=is_noted)
            self._position_bytes += POSITION_BYTES + len(key)
        return position

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        self._untie(self._positions)
        self._masks.forget()
        self._cells.clear()
        self._position_bytes = 0


@cache
def _matcher_type() -> type[Matcher]:
    """Return the class, whose module imports this one."""
    from fsm.matcher import Matcher

    return Matcher
