"""Fill the mask of a place where tables alone do not: names of keys, counters, numbers, what follows a quote.

Input: a place that ``mask_entry`` left. Output: the scratch mask, and the row it differs from. Cost: a walk of a trie,
of the words of others where those are known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import (
    MAX_TESTED,
    R_FOUND,
    R_LOWEST,
    R_MOST,
    R_OPENED,
    R_OPENED_STATE,
    R_PLACE,
    R_STAGE,
    R_TOUCHED,
    SPACED_STAGE,
    WALK_ALL,
    WALK_BELOW,
    WALK_ENDINGS,
    WALK_NAMES,
    fill_entry,
    widen_kernel,
)
from fsm.addresses import addresses_of
from fsm.kernel_runs import KernelRuns
from fsm.layout import BASE, CALLEE, RETURN, STATE_POP, UNBOUNDED
from fsm.shared_masks import Shape, SharedMasks
from fsm.summaries import Summary, summaries_of
from fsm.tokens.numerals import numerals_of
from fsm.tokens.openings import openings_of
from fsm.tokens.tables import VocabularyTables
from fsm.tokens.trie import TokenTrie

__all__ = ["PlaceFills"]

Row = NDArray[np.int32]
Endings = tuple[Row, Row, Row]
OtherNames = tuple[Row, NDArray[np.int64], Row, Shape]
"""The row that a mask differs from, the words that differ, what they are, and what was looked at for it."""

_EMPTY = np.zeros(0, np.int32)
_STACK = 1 << 63  # tells stacks from bits tested, of which there are fewer
_NO_ENDINGS: Endings = (_EMPTY, _EMPTY, _EMPTY)


class PlaceFills:
    """Fill the scratch mask for places of one grammar.

    Parameters
    ----------
    runs : the grammar's network and scratch room, whose lock the caller holds.
    tables : what the vocabulary knows.
    shared : where is noted what a fill looks at, and how states are filled from then on.

    Attributes
    ----------
    row_of : the rows of summaries by address.
    num_bytes : bytes kept of words in which masks differ from their rows.
    """

    __slots__ = (
        "_network", "_numerals", "_other_names", "_runs", "_shared", "_summaries", "_summary_of", "_tables", "_tested",
        "num_bytes", "row_of",
    )  # fmt: skip

    def __init__(self, runs: KernelRuns, tables: VocabularyTables, shared: SharedMasks) -> None:
        self._runs = runs
        self._network = runs.network
        self._tables = tables
        self._shared = shared
        self._numerals = numerals_of(tables.vocabulary)
        self._summaries = summaries_of(tables.vocabulary)
        self._summary_of: dict[int, Summary] = {}
        self._other_names: dict[tuple[int, int, int], OtherNames] = {}
        self._tested: dict[int, set[int]] = {}
        self.row_of: dict[int, Row] = {}
        self.num_bytes = 0

    def forget(self) -> None:
        """Drop what was kept, after ``shared`` has forgotten its addresses."""
        self._other_names.clear()
        self._tested.clear()
        self._summary_of.clear()
        self.row_of.clear()  # last: what is found above asks for its row
        self.num_bytes = 0

    def fill_one(self) -> Row:
        """Fill the scratch mask for a place whose configuration is in the registers; return the row it differs from."""
        network = self._network
        configuration = network.regs[R_PLACE : R_PLACE + 5].tolist()
        state = configuration[0]
        heavy = network.heavy.get(state)
        if heavy is not None:
            return self._fill_heavy(state, heavy, configuration)
        return self._fill_names(network.states.item(state, BASE), configuration)

    def summary(self, state: int, heavy: tuple[Any, int]) -> Summary:
        """Return the summary of a heavy state."""
        summary = self._summary_of.get(state)
        if summary is None:
            owner, automaton_state = heavy
            summary = self._summaries.get(owner.dfa, automaton_state, counted=owner.counted)
            self.row_of[summary.walk.item(20)] = summary.base  # first: whoever finds the summary asks for its row
            self._summary_of[state] = summary
        return summary

    def _fill_heavy(self, state: int, heavy: tuple[Any, int], configuration: list[int]) -> Row:
        """Fill a heavy state: what stays inside is summed up."""
        owner, stack, low, high = heavy[0], configuration[1], configuration[3], configuration[4]
        summary = self.summary(state, heavy)
        base = summary.base_for(high)
        self._tables.workspace.mask[:] = base
        # The tokens that close the string and go on as the grammar around it permits.
        exits = summary.exits
        endings = (exits.tokens, exits.counts, exits.starts)
        self.walk(base, WALK_ENDINGS, 1, self._tables.endings.trie, endings, low, high, owner.close, stack)
        return base

    def _fill_names(self, base_state: int, configuration: list[int]) -> Row:
        """Fill a state inside a trie of key names: as any other key, but for the names themselves."""
        space, network = self._tables.workspace, self._network
        call = network.states[base_state].tolist()
        if call[CALLEE] not in network.heavy:
            space.mask[:] = self._tables.empty_row
            base = self._tables.empty_row
            self.walk(base, WALK_ALL)
            return base
        base = self._fill_other_names(base_state, call[CALLEE], call[RETURN], configuration[1])
        self.walk(base, WALK_NAMES, state=configuration[0], stack=configuration[1])
        return base

    def _fill_other_names(self, base_state: int, callee: int, ret: int, stack: int) -> Row:
        """Fill what holds for every name that is not listed, and remember it: all places in the names share it.

        Where no token reached past the member, other stacks share it as well, if the bits tested are the same.
        """
        space, regs = self._tables.workspace, self._network.regs
        known = self._known_other_names(base_state, stack)
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
            popped, tested = looked
            bits = self._network.stacks.item(stack, 2) & tested[0]
            if popped:
                self._other_names[base_state, _STACK, stack] = (base, words, values, looked)
            else:
                self._other_names[base_state, tested[0], bits] = (base, words, values, looked)
                self._tested.setdefault(base_state, set()).add(tested[0])
            self.num_bytes += 12 * len(words)
            way = np.zeros(8 + MAX_TESTED, np.int64)
            addresses = addresses_of(base, words, values)
            way[:6] = stack if popped else -1, addresses[0], addresses[2], addresses[4], len(words), popped
            way[6 : 7 + popped] = tested
            way[-1] = bits
            self._shared.set_way(base_state, way)
        return base

    def _known_other_names(self, base_state: int, stack: int) -> OtherNames | None:
        """Return what is known to hold for every name that is not listed."""
        bits = self._network.stacks.item(stack, 2)
        for tested in self._tested.get(base_state, ()):
            known = self._other_names.get((base_state, tested, bits & tested))
            if known is not None:
                return known
        return self._other_names.get((base_state, _STACK, stack))

    def walk(  # noqa: PLR0917 - called so often that naming the arguments would show
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
            self._runs.mend(code, resumes=resumes, fills=True)
            resumes = 1

    def fill_extras(self) -> Row:
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
            self.walk(self._tables.empty_row, WALK_BELOW, len(found), trie, endings, 0, most, mask=row)
            regs[R_TOUCHED], regs[R_OPENED], regs[R_OPENED_STATE], regs[R_LOWEST] = kept
            numerals.add(key, row)
        return numerals.widen(key, base)

    def _fill_opened(self, base: Row, opened: int, stack: int, most: int) -> None:
        """Add the tokens that open a free string or a key and close it again, which were left out of the walk."""
        openings, network = openings_of(self._tables), self._network
        row = network.states[opened].tolist()
        # A key that is none of the names is a free string that returns to where the others go.
        close = int(network.states[row[BASE], RETURN]) if row[BASE] else STATE_POP
        self.walk(base, WALK_ENDINGS, 1, openings.trie, openings.exits, 0, most, close, stack)
        if row[BASE]:
            self.walk(base, WALK_NAMES, 1, openings.bodies, openings.spelled, 0, most, opened, stack)
