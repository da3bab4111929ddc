"""Fill the mask of a place where tables alone do not, because of counters; say what is known of numbers and quotes.

Input: a place that ``mask_entry`` left. Output: the scratch mask, and the row it differs from. Cost: a walk of a trie.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm._fill_kernels import fill_entry
from fsm.addresses import addresses_of
from fsm.codes import R_FOUND, R_KEPT, R_MOST, R_PLACE, R_STACKS, WALK_BELOW, WALK_ENDINGS
from fsm.kernel_runs import KernelRuns
from fsm.layout import UNBOUNDED
from fsm.shared_masks import SharedMasks
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
    shared : where is noted what is known.

    Attributes
    ----------
    row_of : the rows of summaries, and with numbers and quotes, by address.
    """

    __slots__ = ("_network", "_numerals", "_runs", "_shared", "_summaries", "_summary_of", "_tables", "row_of")

    def __init__(self, runs: KernelRuns, tables: VocabularyTables, shared: SharedMasks) -> None:
        self._runs = runs
        self._network = runs.network
        self._tables = tables
        self._shared = shared
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

    def learn_extras(self) -> None:
        """Say what the vocabulary knows of the numbers and quotes that the walk of a state of bytes left out."""
        tables, regs = self._tables, self._network.regs
        most, num_found = regs.item(R_MOST), regs.item(R_FOUND)
        stack, _, is_spaced = regs[R_KEPT : R_KEPT + 3].tolist()
        row, found = tables.spaces.row(most), tables.workspace.found[:num_found].copy()
        if num_found:
            row = self._with_numerals(row, found, most, is_spaced=is_spaced != 0)
        if stack >= 0:
            row = openings_of(tables).row(row, most)
        address = int(addresses_of(row)[0])
        self.row_of[address] = row  # first: whoever finds the extras asks for their row
        self._shared.add_extras((num_found, stack >= 0, is_spaced, most, address), found)

    def _with_numerals(self, base: Row, found: NDArray[np.int64], most: int, *, is_spaced: bool) -> Row:
        """Return a row with the tokens that begin a number."""
        numerals, network, spaces = self._numerals, self._network, self._tables.spaces
        trie, endings = self._tables.trie, _NO_ENDINGS
        if is_spaced:
            trie, endings = spaces.trie, (spaces.tokens, spaces.counts, spaces.starts)
            most = min(most, self._tables.trie.max_depth)
        else:
            most = -1
        key = (most, *((node, *network.numerals[state]) for node, state in found.tolist()))
        if numerals.get(key) is None:
            regs = network.regs
            kept = regs.copy()
            row = np.zeros_like(base)
            self.walk(self._tables.empty_row, WALK_BELOW, len(found), trie, endings, 0, most, mask=row)
            kept[R_STACKS] = regs[R_STACKS]
            regs[:] = kept
            self._tables.workspace.found[: len(found)] = found
            numerals.add(key, row)
        return numerals.widen(key, base)
