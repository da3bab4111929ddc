"""Give positions their masks: one known for a place like it, or one that a kernel fills, or ``fsm.place_fills``.

Input: a position. Output: its mask, as a shared row and the words in which it differs. Cost: one call of a kernel,
which walks the trie for what only the grammar knows; a few microseconds where a summary covers most tokens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm._mask_kernels import mask_entry, take_entry
from fsm.codes import (
    EXTRAS,
    FULL,
    LOOSE,
    NO_ROW,
    R_BASE,
    R_CLOSED,
    R_FLAGS,
    R_MOST,
    R_NEED,
    R_TOUCHED,
    SEVERAL,
    TAKEN,
    UNKNOWN,
    WALK_ALL,
    WHOLE,
)
from fsm.kernel_runs import KernelRuns
from fsm.layout import BASE, BYTE, KIND
from fsm.place_fills import PlaceFills
from fsm.position import Position
from fsm.shared_masks import ACCEPTS, STAYS, Mask, SharedMasks
from fsm.tokens.openings import staying_row
from fsm.tokens.tables import VocabularyTables

__all__ = ["Masks"]

Row = NDArray[np.int32]


class Masks:
    """Fill masks of one grammar; owns the rows that positions share.

    Parameters
    ----------
    runs : the grammar's network and scratch room, whose lock the caller holds.
    tables : what the vocabulary knows.
    """

    def __init__(self, runs: KernelRuns, tables: VocabularyTables) -> None:
        self._runs = runs
        self._network = runs.network
        self._tables = tables
        self._rows: dict[bytes, Row] = {}
        self._flags = 0
        self._shared = SharedMasks(runs.network)
        self._fills = PlaceFills(runs, tables, self._shared)
        self._num_bytes = 0

    @property
    def sparse_bytes(self) -> int:
        """Count the bytes of the words in which masks differ from their rows."""
        return self._num_bytes

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of all masks."""
        rows = sum(row.nbytes for row in self._rows.values())
        return self.sparse_bytes + rows + self._shared.memory_bytes

    def forget(self) -> None:
        """Drop the shared rows; positions keep the ones they hold."""
        self._shared.clear()  # first: kernels must find no address of what is gone
        self._fills.forget()
        self._rows.clear()
        self._num_bytes = 0

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        mask = self._mask_of(position.configurations)
        flags = self._flags
        position.is_accepting = flags & ACCEPTS != 0
        if position.is_accepting:
            mask = self._with_end(mask)
        if flags & STAYS:
            position.stays = staying_row(self._tables)
        position.base, position.words, position.values = mask

    def _mask_of(self, configurations: NDArray[np.int64]) -> Mask:
        """Return the mask of a place: one that was filled for a place like it, or a new one. Its flags are noted."""
        network, space, shared, tables, masks = (
            self._network, self._tables.workspace, self._shared, self._tables, self._shared.masks,
        )  # fmt: skip
        resumes = 0
        try:
            while True:
                code: int = mask_entry(
                    network.addresses, space.addresses, shared.addresses, tables.addresses, configurations, len(masks),
                    resumes,
                )  # fmt: skip
                if code >= 0:
                    self._flags = code & 3
                    return masks[code >> 2]
                if code in (TAKEN, LOOSE):
                    self._flags, address = network.regs[R_FLAGS : R_BASE + 1].tolist()
                    return self._kept(code, self._row_at(address))
                if not self._mend(code, resumes):
                    break
                resumes = 1
            self._flags = flags = int(network.regs[R_FLAGS])
            mask = self._fill_slowly(code, len(configurations))
        except BaseException:
            self.forget()  # what was remembered last may not be in the list of masks yet
            raise
        self._flags = flags
        return mask

    def _mend(self, code: int, resumes: int) -> bool:
        """Do what ``mask_entry`` stopped for, if it can go on then."""
        regs = self._network.regs
        if code == FULL:
            self._shared.grow()
        elif code == NO_ROW:
            self._tables.spaces.row(regs.item(R_MOST))
        elif code == UNKNOWN:
            self._learn(regs.item(R_NEED))
        elif code == EXTRAS:
            self._fills.learn_extras()
        else:
            return self._runs.mend(code, resumes=resumes, fills=True)
        return True

    def _learn(self, state: int) -> None:
        """Say how masks of a state of characters are filled."""
        heavy = self._network.heavy.get(state)
        if heavy is None:
            self._shared.set_way(state, None)
        else:
            self._shared.set_way(state, self._fills.summary(state, heavy).walk, heavy[0].close)

    def _kept(self, code: int, base: Row) -> Mask:
        """Return the mask that a kernel has just taken, and keep it where it is remembered."""
        mask = self._shared.taken(base)
        if code == TAKEN:
            self._shared.masks.append(mask)
        if mask[1] is not None:
            self._num_bytes += 12 * len(mask[1])
        return mask

    def _row_at(self, address: int) -> Row:
        """Return the row that begins at an address: one that kernels begin masks with."""
        row = self._tables.rows_at.get(address)
        return self._fills.row_of[address] if row is None else row

    def _fill_slowly(self, code: int, size: int) -> Mask:
        """Fill a mask for which a kernel has not all there is to know."""
        network, space = self._network, self._tables.workspace
        if code == SEVERAL:
            return self._united(space.frontier[size : int(network.regs[R_CLOSED])].tolist())
        if code == WHOLE:
            return self._taken(self._row_at(network.regs.item(R_BASE)))
        return self._taken(self._fills.fill_counted())

    def _taken(self, base: Row) -> Mask:
        """Take the mask just filled out of the scratch room, and remember it."""
        network, space, shared = self._network, self._tables.workspace, self._shared
        is_whole = 0
        while True:
            code: int = take_entry(
                network.addresses, space.addresses, shared.addresses, space.mask, len(shared.masks), is_whole
            )
            if code == FULL:
                shared.grow()
            elif code == WHOLE:
                is_whole = 1
            else:
                break
        if is_whole:
            row = space.mask.copy()
            base = self._rows.setdefault(row.tobytes(), row)
        return self._kept(code, base)

    def _united(self, configurations: list[list[int]]) -> Mask:
        """Unite the masks of several configurations."""
        space, states, base = self._tables.workspace, self._network.states, self._tables.empty_row
        union = base.copy()
        light = []
        for configuration in configurations:
            state = configuration[0]
            if states.item(state, KIND) == BYTE or state in self._network.heavy or states.item(state, BASE):
                union |= _whole(self._mask_of(np.array([configuration], np.int64)))
            else:
                light.append(configuration)
        if light:
            space.mask[:] = base
            self._network.regs[R_TOUCHED] = 0
            space.frontier[: len(light)] = light
            self._fills.walk(base, WALK_ALL, len(light))
            union |= space.mask
        words = np.flatnonzero(union)
        if len(words) > self._tables.num_words // 4:
            return self._rows.setdefault(union.tobytes(), union), None, None
        self._num_bytes += 12 * len(words)
        return (base, words, union[words]) if len(words) else (base, None, None)

    def _with_end(self, mask: Mask) -> Mask:
        """Return a mask with the end tokens added."""
        base, words, _ = mask
        row, ends = _whole(mask), self._tables.vocabulary.eos_token_ids
        for token in ends:
            row[token >> 5] |= np.uint32(1 << (token & 31)).astype(np.int32)
        changed = np.array([token >> 5 for token in ends], np.int64)
        words = changed if words is None else np.union1d(words, changed)
        self._num_bytes += 12 * len(words)
        return base, words, row[words]


def _whole(mask: Mask) -> Row:
    """Return a mask as one row of its own."""
    base, words, values = mask
    row = base.copy()
    if words is not None and values is not None:
        row[words] = values
    return row
