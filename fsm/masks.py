"""Fill the masks of positions: look up what the vocabulary knows, walk the trie for what only the grammar knows.

Input: a position. Output: its mask, as a shared row and the words in which it differs. Cost: a few microseconds where
a summary or a row of openings covers most tokens, a walk of the trie elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import (
    FRESH,
    FULL,
    LOOSE,
    MAX_TESTED,
    NO_ROW,
    R_BASE,
    R_CLOSED,
    R_FLAGS,
    R_FOUND,
    R_LOWEST,
    R_MOST,
    R_OPENED,
    R_OPENED_STATE,
    R_PLACE,
    R_STAGE,
    R_TOUCHED,
    SEVERAL,
    SPACED_STAGE,
    TAKEN,
    UNKNOWN,
    WALK_ALL,
    WALK_BELOW,
    WALK_ENDINGS,
    WALK_NAMES,
    WHOLE,
    fill_entry,
    mask_entry,
    take_entry,
    widen_kernel,
)
from fsm.addresses import addresses_of
from fsm.kernel_runs import KernelRuns
from fsm.layout import BASE, BYTE, CALLEE, KIND, RETURN, STATE_POP, UNBOUNDED
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
        self._row_of: dict[int, Row] = {}
        self._cells: dict[int, memoryview] = {}
        self._flags = 0
        self._summary_of: dict[int, Summary] = {}
        self._other_names: dict[tuple[int, int], tuple[Row, NDArray[np.int64], Row, Shape]] = {}
        self._shared = SharedMasks(runs.network)
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
        self._shared.clear()  # first: kernels must find no address of what is gone
        self._rows.clear()
        self._row_of.clear()
        self._cells.clear()
        self._other_names.clear()
        self._summary_of.clear()
        self._sparse_bytes = 0

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
        position.cells = self._cells_of(mask[0])

    def _cells_of(self, base: Row) -> memoryview:
        """Return the buffer of a row: one for all positions that share the row, as two objects less are kept."""
        cells = self._cells.get(id(base))  # which it holds, so that no other row has its identity
        if cells is None:
            cells = self._cells[id(base)] = base.data
        return cells

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
            shared.clear()  # what was remembered last may not be in the list of masks yet
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
            self._learn(regs.item(R_PLACE))
        else:
            return self._runs.mend(code, resumes=resumes)
        return True

    def _learn(self, state: int) -> None:
        """Say how masks of a state of characters are filled."""
        heavy = self._network.heavy.get(state)
        if heavy is None:
            self._shared.set_way(state, None)
        else:
            self._shared.set_way(state, self._summary(state, heavy).walk, heavy[0].close)

    def _kept(self, code: int, base: Row) -> Mask:
        """Return the mask that a kernel has just taken, and keep it where it is remembered."""
        mask = self._shared.taken(base)
        if code == TAKEN:
            self._shared.masks.append(mask)
        if mask[1] is not None:
            self._sparse_bytes += 12 * len(mask[1])
        return mask

    def _row_at(self, address: int) -> Row:
        """Return the row that begins at an address: one that kernels begin masks with."""
        row = self._tables.rows_at.get(address)
        return self._row_of[address] if row is None else row

    def _fill_slowly(self, code: int, size: int) -> Mask:
        """Fill a mask for which a kernel has not all there is to know."""
        network, space = self._network, self._tables.workspace
        if code == SEVERAL:
            return self._united(space.frontier[size : int(network.regs[R_CLOSED])].tolist())
        if code == WHOLE:
            return self._taken(self._row_at(network.regs.item(R_BASE)))
        return self._taken(self._fill_one() if code == FRESH else self._fill_extras())

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
            self._walk(base, WALK_ALL, len(light))
            union |= space.mask
        words = np.flatnonzero(union)
        if len(words) > self._tables.num_words // 4:
            return self._rows.setdefault(union.tobytes(), union), None, None
        self._sparse_bytes += 12 * len(words)
        return (base, words, union[words]) if len(words) else (base, None, None)

    def _fill_one(self) -> Row:
        """Fill the scratch mask for a place whose configuration is in the registers; return the row it differs from."""
        network = self._network
        configuration = network.regs[R_PLACE : R_PLACE + 5].tolist()
        state = configuration[0]
        heavy = network.heavy.get(state)
        if heavy is not None:
            return self._fill_heavy(state, heavy, configuration)
        return self._fill_names(network.states.item(state, BASE), configuration)

    def _summary(self, state: int, heavy: tuple[Any, int]) -> Summary:
        """Return the summary of a heavy state."""
        summary = self._summary_of.get(state)
        if summary is None:
            owner, automaton_state = heavy
            summary = self._summaries.get(owner.dfa, automaton_state, counted=owner.counted)
            self._summary_of[state] = summary
            self._row_of[summary.walk.item(20)] = summary.base
        return summary

    def _fill_heavy(self, state: int, heavy: tuple[Any, int], configuration: list[int]) -> Row:
        """Fill a heavy state: what stays inside is summed up."""
        owner, stack, low, high = heavy[0], configuration[1], configuration[3], configuration[4]
        summary = self._summary(state, heavy)
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
            values = space.mask[words]
            stack = -1 if looked == (0, (0,)) else stack
            self._other_names[base_state, stack] = (base, words, values, looked)
            self._sparse_bytes += 12 * len(words)
            way = np.zeros(7 + MAX_TESTED, np.int64)
            popped, tested = looked
            addresses = addresses_of(base, words, values)
            way[:6] = stack, addresses[0], addresses[2], addresses[4], len(words), popped
            way[6 : 7 + popped] = tested
            self._shared.set_way(base_state, way)
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

        mode : ``WALK_ALL``, ``WALK_NAMES``, ``WALK_ENDINGS``, or ``WALK_BELOW`` for what is below ``size`` nodes found.
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
                network.addresses, space.addresses, named, words.twins, base, mask, tokens, counts, starts, mode,
                size, low, high, state, stack, resumes,
            )  # fmt: skip
            if code == 0:
                return
            self._runs.mend(code, resumes=resumes)
            resumes = 1

    def _fill_extras(self) -> Row:
        """Add what the walk of a state of bytes left out: what the vocabulary knows of numbers and quotes."""
        tables, space, regs = self._tables, self._tables.workspace, self._network.regs
        most, opened, stack = regs.item(R_MOST), regs.item(R_OPENED_STATE), regs.item(R_OPENED)
        base = wider = tables.spaces.row(most)
        num_found = regs.item(R_FOUND)
        if num_found:
            wider = self._with_numerals(base, space.found[:num_found].tolist(), most)
        if stack >= 0:
            wider = openings_of(tables).row(wider, most)
        if wider is not base:
            widen_kernel(space.mask, wider, space.touched, regs[R_TOUCHED])
        if stack >= 0:
            self._fill_opened(wider, opened, stack, most)
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
            self._walk(self._tables.empty_row, WALK_BELOW, len(found), trie, endings, 0, most, mask=row)
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


def _whole(mask: Mask) -> Row:
    """Return a mask as one row of its own."""
    base, words, values = mask
    row = base.copy()
    if words is not None and values is not None:
        row[words] = values
    return row
