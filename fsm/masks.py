"""Fill the masks of positions: look up what the vocabulary knows, walk the trie for what only the grammar knows.

Input: a position. Output: its mask, as a shared row and the words in which it differs. Cost: a few microseconds where
a summary or a row of openings covers most tokens, a walk of the trie elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import (
    NO_ROW,
    R_FOUND,
    R_LOWEST,
    R_MOST,
    R_NODE,
    R_OPENED,
    R_OPENED_STATE,
    R_STAGE,
    R_TOUCHED,
    SPACED_STAGE,
    WALK_ALL,
    WALK_BELOW,
    WALK_ENDINGS,
    WALK_NAMES,
    bytes_entry,
    fill_entry,
    widen_kernel,
)
from fsm.kernel_runs import KernelRuns
from fsm.layout import BASE, BYTE, CALLEE, CHAR, KIND, LONGEST, RETURN, STATE_POP, UNBOUNDED
from fsm.position import Position
from fsm.shared_masks import ACCEPTS, STAYS, Mask, Shape, SharedMasks
from fsm.summaries import Summary, summaries_of
from fsm.tokens.numerals import numerals_of
from fsm.tokens.openings import openings_of, staying_row
from fsm.tokens.tables import VocabularyTables
from fsm.tokens.trie import TokenTrie

__all__ = ["Masks"]

Row = NDArray[np.int32]
Endings = tuple[Row, Row, Row]

_EMPTY = np.zeros(0, np.int32)
_NO_ENDINGS: Endings = (_EMPTY, _EMPTY, _EMPTY)


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
        self._numerals = numerals_of(tables.vocabulary)
        self._summaries = summaries_of(tables.vocabulary)
        self._rows: dict[bytes, Row] = {}
        self._cells: dict[int, memoryview] = {}
        self._summary_of: dict[int, Summary] = {}
        self._other_names: dict[tuple[int, int], tuple[Row, NDArray[np.int64], Row, Shape]] = {}
        self._shared = SharedMasks(runs)
        self._sparse_bytes = 0

    @property
    def sparse_bytes(self) -> int:
        """Count the bytes of the words in which masks differ from their rows."""
        return self._sparse_bytes

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of all masks."""
        rows = sum(row.nbytes for row in self._rows.values())
        return self._sparse_bytes + rows + self._shared.memory_bytes

    def forget(self) -> None:
        """Drop the shared rows; positions keep the ones they hold."""
        self._rows.clear()
        self._cells.clear()
        self._other_names.clear()
        self._shared.clear()
        self._summary_of.clear()
        self._sparse_bytes = 0

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        shared = self._shared
        mask = shared.find(position.configurations)
        flags = shared.flags
        if mask is None:
            mask = self._fill_fresh(shared.closed)
        position.is_accepting = flags & ACCEPTS != 0
        if position.is_accepting:
            mask = self._with_end(mask)
        if flags & STAYS:
            position.stays = staying_row(self._tables)
        position.base, position.words, position.values = mask
        position.cells = self._cells_of(mask[0])

    def _cells_of(self, base: Row) -> memoryview:
        """Return the buffer of a row: one for all positions that share the row, as two objects less are kept."""
        cells = self._cells.get(id(base))  # which it holds, so that no other row has its identity
        if cells is None:
            cells = self._cells[id(base)] = base.data
        return cells

    def _fill_fresh(self, closed: list[list[int]]) -> Mask:
        """Fill the mask of what `SharedMasks.find` closed and did not find."""
        if len(closed) != 1:
            self._network.regs[R_TOUCHED] = 0
            return self._taken(self._fill_many(closed, self._tables.empty_row))
        mask = self._taken(self._fill_one(closed[0], self._tables.empty_row))
        self._shared.keep(closed[0], mask)
        return mask

    def _of_one(self, configuration: list[int]) -> Mask:
        """Return the mask of one closed configuration."""
        mask = self._shared.find(np.array([configuration], np.int64))
        return self._fill_fresh(self._shared.closed) if mask is None else mask

    def _fill_one(self, configuration: list[int], base: Row) -> Row:
        """Fill the scratch mask from one configuration, where ``find`` left it; return the base row it differs from."""
        network, state = self._network, configuration[0]
        kind = network.states.item(state, KIND)
        if kind == BYTE:
            return self._fill_bytes()
        if kind == CHAR and configuration[2] == 0:
            heavy = network.heavy.get(state)
            if heavy is not None and (configuration[3] == 0 or network.states.item(state, LONGEST) == UNBOUNDED):
                return self._fill_heavy(state, heavy, configuration)
            base_state = network.states.item(state, BASE)
            if base_state:
                return self._fill_names(base_state, configuration)
        self._tables.workspace.mask[:] = base
        self._walk(base, WALK_ALL)
        return base

    def _fill_many(self, configurations: list[list[int]], base: Row) -> Row:
        """Unite the masks of several configurations in the scratch mask."""
        space, regs = self._tables.workspace, self._network.regs
        union = base.copy()
        light = []
        for configuration in configurations:
            state = configuration[0]
            row = self._network.states[state]
            if row[KIND] == BYTE or state in self._network.heavy or row[BASE]:
                union |= _whole(self._of_one(configuration))
            else:
                light.append(configuration)
        if light:
            space.mask[:] = base
            regs[R_TOUCHED] = 0
            space.frontier[: len(light)] = light
            self._walk(base, WALK_ALL, len(light))
            union |= space.mask
        space.mask[:] = union
        differing = np.flatnonzero(union)
        regs[R_TOUCHED] = len(differing)
        space.touched[: len(differing)] = differing
        return base

    def _fill_heavy(self, state: int, heavy: tuple[Any, int], configuration: list[int]) -> Row:
        owner, automaton_state = heavy
        stack, low, high = configuration[1], configuration[3], configuration[4]
        summary = self._summary_of.get(state)
        if summary is None:
            summary = self._summaries.get(owner.dfa, automaton_state, counted=owner.counted)
            self._summary_of[state] = summary
        base = summary.base_for(high)
        self._tables.workspace.mask[:] = base
        # The tokens that close the string and go on as the grammar around it permits.
        exits = summary.exits
        endings = (exits.tokens, exits.counts, exits.starts)
        self._walk(base, WALK_ENDINGS, 1, self._tables.endings.trie, endings, low, high, owner.close, stack)
        return base

    def _fill_names(self, base_state: int, configuration: list[int]) -> Row:
        """Fill a state inside a trie of key names: as any other key, but for the names themselves."""
        space, network = self._tables.workspace, self._network
        call = network.states[base_state].tolist()
        if call[CALLEE] not in network.heavy:
            space.mask[:] = self._tables.empty_row
            base = self._tables.empty_row
            self._walk(base, WALK_ALL)
            return base
        base = self._fill_other_names(base_state, call[CALLEE], call[RETURN], configuration[1])
        self._walk(base, WALK_NAMES, state=configuration[0], stack=configuration[1])
        return base

    def _fill_other_names(self, base_state: int, callee: int, ret: int, stack: int) -> Row:
        """Fill what holds for every name that is not listed, and remember it: all places in the names share it.

        Where no token reached past the member, other stacks share it as well.
        """
        space, regs = self._tables.workspace, self._network.regs
        known = self._other_names.get((base_state, -1)) or self._other_names.get((base_state, stack))
        if known is not None:
            base, words, values, shape = known
            space.mask[:] = base
            space.mask[words] = values
            space.touched[: len(words)] = words
            regs[R_TOUCHED] = len(words)
            self._shared.look_again(shape)
            return base
        heavy = self._network.heavy[callee]
        base = self._fill_heavy(callee, heavy, [callee, self._network.push(ret, stack), 0, 0, UNBOUNDED])
        looked = self._shared.looked()
        if looked is not None:
            words = space.touched[: regs[R_TOUCHED]].astype(np.int64)
            key = (base_state, -1 if looked == (0, (0,)) else stack)
            self._other_names[key] = (base, words, space.mask[words], looked)
            self._sparse_bytes += 12 * len(words)
        return base

    def _walk(  # noqa: PLR0917 - called so often that naming the arguments would show
        self,
        base: Row,
        mode: int,
        size: int = 1,
        trie: TokenTrie | None = None,
        endings: Endings = _NO_ENDINGS,
        low: int = 0,
        high: int = UNBOUNDED,
        state: int = -1,
        stack: int = 0,
        mask: Row | None = None,
    ) -> None:
        """Walk a trie from a state, or from the configurations in ``frontier[:size]``.

        mode : ``WALK_ALL``, ``WALK_NAMES``, ``WALK_ENDINGS``, or ``WALK_BELOW`` for what is below node ``R_NODE``.
        trie, endings : the trie, the vocabulary's by default; for a trie of endings, the tokens by ending.
        mask : what to write, the scratch mask by default.
        """
        network, space, words = self._network, self._tables.workspace, self._tables.trie
        named = words.addresses if trie is None else trie.addresses
        mask = space.mask if mask is None else mask
        tokens, counts, starts = endings
        resumes = 0
        while True:
            code = fill_entry(
                network.addresses, space.addresses, named, words.duplicates, base, mask, tokens, counts, starts, mode,
                size, low, high, state, stack, resumes,
            )  # fmt: skip
            if code == 0:
                return
            self._runs.mend(code, resumes=resumes)
            resumes = 1

    def _fill_bytes(self) -> Row:
        """Fill a state of bytes; where white space may come, tokens that begin with it go by what follows."""
        tables, network = self._tables, self._network
        space, spaces, regs = tables.workspace, tables.spaces, network.regs
        resumes = 0
        while (code := bytes_entry(network.addresses, space.addresses, tables.walk_addresses, resumes)) != 0:
            if code == NO_ROW:
                spaces.row(int(regs[R_MOST]))
            else:
                self._runs.mend(code, resumes=resumes)
            resumes = 1
        most = regs.item(R_MOST)
        base = wider = spaces.row(most)
        opened, opened_state, num_found = regs.item(R_OPENED), regs.item(R_OPENED_STATE), regs.item(R_FOUND)
        if num_found:
            wider = self._with_numerals(base, space.found[:num_found].tolist(), most)
        if opened >= 0:
            wider = openings_of(tables).row(wider, most)
        if wider is not base:
            widen_kernel(space.mask, wider, space.touched, regs[R_TOUCHED])
        if opened >= 0:
            self._fill_opened(wider, opened_state, opened, most)
        return wider

    def _with_numerals(self, base: Row, found: list[list[int]], most: int) -> Row:
        """Return a row with the tokens that begin a number, which were left out of the walk."""
        numerals, network, spaces = self._numerals, self._network, self._tables.spaces
        trie, endings = self._tables.trie, _NO_ENDINGS
        if network.regs[R_STAGE] == SPACED_STAGE:
            trie, endings = spaces.trie, (spaces.tokens, spaces.counts, spaces.starts)
            most = min(most, self._tables.trie.max_depth)
        else:
            most = -1
        key = (most, *((node, *network.numerals[state]) for node, state in found))
        if numerals.get(key) is None:
            regs = network.regs
            kept = regs[R_TOUCHED], regs[R_OPENED], regs[R_OPENED_STATE], regs[R_LOWEST]
            row = np.zeros_like(base)
            for node, state in found:
                regs[R_NODE] = node
                self._walk(self._tables.empty_row, WALK_BELOW, 1, trie, endings, 0, most, state, mask=row)
            regs[R_TOUCHED], regs[R_OPENED], regs[R_OPENED_STATE], regs[R_LOWEST] = kept
            numerals.add(key, row)
        return numerals.widen(key, base)

    def _fill_opened(self, base: Row, opened: int, stack: int, most: int) -> None:
        """Add the tokens that open a free string or a key and close it again, which were left out of the walk."""
        openings, network = openings_of(self._tables), self._network
        row = network.states[opened].tolist()
        # A key that is none of the names is a free string that returns to where the others go.
        close = int(network.states[row[BASE], RETURN]) if row[BASE] else STATE_POP
        self._walk(base, WALK_ENDINGS, 1, openings.trie, openings.exits, 0, most, close, stack)
        if row[BASE]:
            self._walk(base, WALK_NAMES, 1, openings.bodies, openings.spelled, 0, most, opened, stack)

    def _with_end(self, mask: Mask) -> Mask:
        """Return a mask with the end tokens added."""
        base, words, _ = mask
        row, ends = _whole(mask), self._tables.vocabulary.eos_token_ids
        for token in ends:
            row[token >> 5] |= np.uint32(1 << (token & 31)).astype(np.int32)
        changed = np.array([token >> 5 for token in ends], np.int64)
        words = changed if words is None else np.union1d(words, changed)
        self._sparse_bytes += 12 * len(words)
        return base, words, row[words]

    def _taken(self, base: Row) -> Mask:
        """Take the mask just filled out of the scratch room."""
        space, num_touched = self._tables.workspace, self._network.regs.item(R_TOUCHED)
        if num_touched > self._tables.num_words // 4:
            row = space.mask.copy()
            return self._rows.setdefault(row.tobytes(), row), None, None
        if not num_touched:
            return base, None, None
        words = space.touched[:num_touched].astype(np.int64)
        self._sparse_bytes += 12 * num_touched
        return base, words, space.mask[words]


def _whole(mask: Mask) -> Row:
    """Return a mask as one row of its own."""
    base, words, values = mask
    row = base.copy()
    if words is not None and values is not None:
        row[words] = values
    return row
