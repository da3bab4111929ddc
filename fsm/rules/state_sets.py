"""Hold the sets of configurations that one grammar's texts can lead to, as the numbered states of a growing table.

Input: configurations. Output: their number, where tokens lead from it, and its mask. Cost: what a byte does to a set is
computed once, in some 100 ns; afterwards a mask costs a few nanoseconds per node of the trie that is looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm.addresses import addresses_of
from fsm.codes import NOTED
from fsm.expansion_time import ExpansionTime, check_expansion_time
from fsm.kernel_runs import KernelRuns
from fsm.patterns._byte_kernels import ALL_ONES
from fsm.rules._set_kernels import (
    FULL,
    NOT_LOOKED,
    NUM_SET_REGISTERS,
    S_EXIT,
    S_HOME,
    S_LOWEST,
    S_NODE,
    S_SET,
    S_SETS,
    advance_sets_entry,
    intern_set_entry,
    rehash_sets_kernel,
)
from fsm.rules._set_loop_kernels import find_wide_entry
from fsm.rules._set_mask_kernels import EXITS, HOME, LOOP, RESTS, ROOTS, fill_sets_entry
from fsm.rules.set_masks import SetMask
from fsm.tokens.tables import VocabularyTables
from fsm.tokens.token_loops import ROOT, TokenLoop, token_loops_of
from fsm.tokens.token_parts import TokenTexts, token_parts_of

__all__ = ["StateSets"]

Row = NDArray[np.int32]
_FIRST_SETS = 256


class StateSets:
    """Number sets of configurations and fill their masks; the caller holds the vocabulary's lock.

    Parameters
    ----------
    runs : the grammar's network and scratch room.
    tables : what the vocabulary knows.
    max_bytes : tables that have passed this size are begun anew.
    """

    def __init__(self, runs: KernelRuns, tables: VocabularyTables, *, max_bytes: int = 16_000_000) -> None:
        self._runs = runs
        self._tables = tables
        self._token_loops = token_loops_of(tables, token_parts_of(tables).whole)
        self._wide: dict[int, bool] = {}
        nothing = np.zeros(0, np.int32)
        self._no_loop = TokenLoop(row=nothing, exits=nothing, groups=nothing, begins=nothing, children=nothing, depth=0)
        self._known = np.full((256, 3), ALL_ONES, np.uint64)
        # One for the walk of the tokens, one for what is walked while that waits.
        self._path, self._inner_path = np.zeros((2, tables.trie.max_depth + 2), np.int64)
        self._max_sets = max(max_bytes // 1200, 64)
        self._allocate(_FIRST_SETS, 2 * _FIRST_SETS)

    def _allocate(self, num_sets: int, num_rows: int) -> None:
        self._delta = np.empty((num_sets, 256), np.int32)
        self._delta[0] = 0
        self._spans = np.zeros(num_sets + 1, np.int64)
        self._rows = np.zeros((num_rows, 5), np.int64)
        self._table = np.zeros(4 * num_sets, np.int64)
        self._lowest = np.zeros(num_sets, np.int64)
        self._set_loops = np.zeros((num_sets, 3), np.uint64)
        self._registers = np.zeros(NUM_SET_REGISTERS, np.int64)
        self._registers[S_SETS] = 1
        self._addresses = self._named()

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the tables."""
        arrays: list[NDArray[Any]] = [self._delta, self._spans, self._rows, self._table, self._lowest, self._set_loops]
        return sum(array.nbytes for array in arrays)

    def _bound(self) -> None:
        """Begin tables anew that have grown too large; what sets were numbered is forgotten."""
        if len(self._delta) > self._max_sets:
            self._allocate(_FIRST_SETS, 2 * _FIRST_SETS)

    def _number(self, configurations: NDArray[np.int64]) -> int:
        """Return the number of a set, good for this call."""
        self._bound()
        configurations = configurations.copy()
        resumes = 0
        while True:
            found = int(intern_set_entry(self._runs.network.addresses, self._addresses, configurations))
            if found >= 0:
                return found
            self._mend(found, resumes)
            resumes = 1

    def advance(
        self, configurations: NDArray[np.int64], data: NDArray[np.uint8], first: int, last: int
    ) -> NDArray[np.int64] | None:
        """Return the set after ``data[first:last]``, its calls made: int64[n, 5], a view; None: they do not fit."""
        self._bound()
        runs, configurations = self._runs, configurations.copy()
        resumes = 0
        while True:
            after = int(
                advance_sets_entry(
                    runs.network.addresses, runs.workspace.addresses, self._addresses, configurations, data, first, last
                )
            )
            if after >= 0:
                break
            self._mend(after, resumes)
            resumes = 1
        return self._rows[self._spans[after] : self._spans[after + 1]] if after else None

    def fill(self, configurations: NDArray[np.int64]) -> tuple[SetMask, int]:
        """Return the mask of a set, and the lowest stack depth that was looked at."""
        mask = np.zeros(self._tables.num_words, np.int32)
        number = self._number(configurations)
        self._registers[S_LOWEST] = NOT_LOOKED
        home, stays = self._run(HOME, number, mask), None
        if home:
            loop = self._fill_loop(number, home, ROOT, mask)
            stays = self._token_loops.staying(loop) if home == number else None
        else:
            self._registers[S_NODE], self._registers[S_EXIT] = 0, 0
            self._run(ROOTS, number, mask)
        return SetMask(mask, stays), int(self._registers[S_LOWEST])

    def _fill_loop(self, number: int, home: int, node: int, mask: Row) -> TokenLoop:
        """Allow what can be read below a node from a set that leads to one that keeps itself going; return its loop."""
        low, high, wide = self._set_loops[home].tolist()
        if wide and number != home and not self._is_wide(number):
            wide = 0
        loop = self._token_loops.get(low, high, wide, node)
        self._registers[S_NODE], self._registers[S_EXIT] = 0, 0
        if number == home and self._token_loops.ask_rests(loop):
            self._run(EXITS, number, mask, home=home, loop=loop.firsts)
            self._registers[S_NODE], self._registers[S_EXIT] = 0, 0
            self._run(RESTS, home, mask, rests=loop.rests)
        else:
            self._run(EXITS, number, mask, home=home, loop=loop)
        return loop

    def _run(
        self,
        mode: int,
        number: int,
        mask: Row,
        *,
        home: int = 0,
        loop: TokenLoop | None = None,
        rests: TokenTexts | None = None,
    ) -> int:
        """Run the kernel that fills masks to its end; return its answer."""
        runs, named, depth = self._runs, self._no_loop.addresses, 0
        walked, path = self._token_loops.addresses, self._path
        if rests is not None:
            walked, path = rests.addresses, self._inner_path
        if loop is not None:
            named, depth = loop.addresses, loop.depth
        resumes = 0
        while True:
            code = int(
                fill_sets_entry(
                    runs.network.addresses, runs.workspace.addresses, self._addresses, walked, named, depth, number,
                    home, path, mask, mode,
                )
            )  # fmt: skip
            if code >= 0:
                return code
            if code == LOOP:
                self._fill_inner(mask)
            else:
                self._mend(code, resumes)
            resumes = 1

    def _fill_inner(self, mask: Row) -> None:
        """Fill what lies below the large subtree at which a walk stopped, and let the walk go on behind it."""
        place, node, home, after = self._registers[[S_EXIT, S_NODE, S_HOME, S_SET]].tolist()
        self._fill_loop(after, home, node, mask)
        self._registers[S_EXIT], self._registers[S_NODE] = place, self._token_loops.after(node)

    def _is_wide(self, number: int) -> bool:
        """Tell whether a set goes where its letters lead by all characters that are not ASCII."""
        begin, end = self._spans[number : number + 2].tolist()
        if end - begin > 1 or self._rows[begin, 2]:
            return False
        state = int(self._rows[begin, 0])
        known = self._wide.get(state)
        if known is None:
            network, loop = self._runs.network, np.zeros(3, np.uint64)
            while True:
                code = int(find_wide_entry(network.addresses, self._runs.workspace.addresses, state, loop))
                if code >= 0:
                    break
                self._mend(code, 1)
            known = self._wide[state] = code == 1
        return known

    def _mend(self, code: int, resumes: int) -> None:
        """Make room, or expand what a kernel stopped for."""
        if code == FULL:
            with ExpansionTime(continues=resumes > 0):
                check_expansion_time()
                self._grow()
        else:
            assert code != NOTED
            self._runs.mend(code, resumes=resumes)

    def _grow(self) -> None:
        """Double the room and keep what it holds."""
        old = self._kept
        if len(self._known) < self._runs.network.num_states:
            bigger = np.full((2 * self._runs.network.num_states, 3), ALL_ONES, np.uint64)
            bigger[: len(self._known)] = self._known
            self._known = bigger
            self._addresses = self._named()
            return
        self._allocate(2 * len(self._delta), 2 * len(self._rows))
        for array, bigger in zip(old, self._kept, strict=True):
            bigger[: len(array)] = array
        rehash_sets_kernel(self._spans, self._rows, int(self._registers[S_SETS]), self._table)

    @property
    def _kept(self) -> tuple[NDArray[Any], ...]:
        return self._delta, self._spans, self._rows, self._lowest, self._set_loops, self._registers

    def _named(self) -> NDArray[np.int64]:
        return addresses_of(
            self._delta, self._spans, self._rows, self._table, self._lowest, self._set_loops, self._registers,
            self._known,
        )  # fmt: skip
