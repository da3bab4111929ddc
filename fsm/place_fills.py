"""Fill the mask of a place where tables alone do not: counters, numbers, what follows a quote.

Input: a place that ``mask_entry`` left. Output: the scratch mask, and the row it differs from. Cost: a walk of a trie,
of the words of others where those are known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import (
    R_FOUND,
    R_LOWEST,
    R_MOST,
    R_OPENED,
    R_OPENED_STATE,
    R_PLACE,
    R_STAGE,
    R_TOUCHED,
    SPACED_STAGE,
    WALK_BELOW,
    WALK_ENDINGS,
    WALK_NAMES,
    fill_entry,
    widen_kernel,
)
from fsm.kernel_runs import KernelRuns
from fsm.layout import BASE, RETURN, STATE_POP, UNBOUNDED
from fsm.summaries import Summary, summaries_of
from fsm.tokens.numerals import numerals_of
from fsm.tokens.openings import openings_of
from fsm.tokens.tables import VocabularyTables
from fsm.tokens.trie import TokenTrie

__all__ = ["PlaceFills"]

Row = NDArray[np.int32]
Endings = tuple[Row, Row, Row]

_EMPTY = np.zeros(0, np.int32)
_NO_ENDINGS: Endings = (_EMPTY, _EMPTY, _EMPTY)


class PlaceFills:
    """Fill the scratch mask for places of one grammar.

    Parameters
    ----------
    runs : the grammar's network and scratch room, whose lock the caller holds.
    tables : what the vocabulary knows.

    Attributes
    ----------
    row_of : the rows of summaries by address.
    """

    __slots__ = ("_network", "_numerals", "_runs", "_summaries", "_summary_of", "_tables", "row_of")

    def __init__(self, runs: KernelRuns, tables: VocabularyTables) -> None:
        self._runs = runs
        self._network = runs.network
        self._tables = tables
        self._numerals = numerals_of(tables.vocabulary)
        self._summaries = summaries_of(tables.vocabulary)
        self._summary_of: dict[int, Summary] = {}
        self.row_of: dict[int, Row] = {}

    def forget(self) -> None:
        """Drop what was kept, after ``shared`` has forgotten its addresses."""
        self._summary_of.clear()
        self.row_of.clear()  # last: what is found above asks for its row

    def fill_counted(self) -> Row:
        """Fill the scratch mask for a heavy state, where few characters may come; return the row it differs from.

        The configuration is in the registers.
        """
        state, stack, _, low, high = self._network.regs[R_PLACE : R_PLACE + 5].tolist()
        owner, _ = heavy = self._network.heavy[state]
        summary = self.summary(state, heavy)
        base = summary.base_for(high)
        self._tables.workspace.mask[:] = base
        # The tokens that close the string and go on as the grammar around it permits.
        exits = summary.exits
        endings = (exits.tokens, exits.counts, exits.starts)
        self.walk(base, WALK_ENDINGS, 1, self._tables.endings.trie, endings, low, high, owner.close, stack)
        return base

    def summary(self, state: int, heavy: tuple[Any, int]) -> Summary:
        """Return the summary of a heavy state."""
        summary = self._summary_of.get(state)
        if summary is None:
            owner, automaton_state = heavy
            summary = self._summaries.get(owner.dfa, automaton_state, counted=owner.counted)
            self.row_of[summary.walk.item(20)] = summary.base  # first: whoever finds the summary asks for its row
            self._summary_of[state] = summary
        return summary

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
