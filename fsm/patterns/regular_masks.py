"""Fill the masks of regular grammars: one walk of the token trie per place that matters, shared by all texts.

Counters far from their end make no difference to a mask, so ``.{0,10000}`` has as few masks as ``.*``. Nearly all
tokens are short: those of up to ``SHORT`` bytes are walked from places that agree so far, the others from places that
agree as far as the longest token goes. Where nearly all tokens fit, only those with an unusual byte are looked at
(``fsm.patterns.byte_loops``). Cost: microseconds where few tokens fit or few do not, up to 1 ms in between.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import Dfa
from fsm.patterns._byte_kernels import ALL_ONES, allow_exits_kernel, allow_tokens_kernel, forbid_tokens_kernel
from fsm.patterns.byte_loops import ByteLoops
from fsm.patterns.byte_table import ByteTable
from fsm.tokens.tables import VocabularyTables, vocabulary_tables
from fsm.tokens.token_loops import TokenLoop, token_loops_of
from fsm.tokens.token_parts import SHORT, TokenPart, token_parts_of
from fsm.vocabulary import Vocabulary

__all__ = ["RegularMasks", "regular_masks_of", "renew_masks"]

MAX_BYTES = 32_000_000
_EAGER_PLACES, _EAGER_NODES, _EAGER_STATES = 96, 60_000, 120
_NARROW = 16


class _Half:
    """Walk one half of the tokens, from places that agree on as many bytes as they have."""

    def __init__(self, tables: VocabularyTables, part: TokenPart, table: ByteTable, horizon: int) -> None:
        self.table = table
        self.loops = ByteLoops(table, horizon)
        self.rows: dict[int, NDArray[np.int32]] = {}
        self.num_looked = 0
        self._tables = tables
        self._part = part
        self._path = np.zeros(tables.trie.max_depth + 2, np.int32)
        self._registers = np.zeros(3, np.int64)

    def row(self, number: int, *, is_narrow: bool = False) -> NDArray[np.int32]:
        """Return the mask of a place: int32[W], not to be changed.

        is_narrow : few bytes are read there, so that a walk is short.
        """
        row = self.rows.get(number)
        if row is None:
            self._registers[:] = 0
            row = self.rows[number] = self._allow(number) if is_narrow else self._make(number)
            self.num_looked += int(self._registers[1])
        return row

    def _make(self, number: int) -> NDArray[np.int32]:
        home, low, high, wide = self.loops.home(number)
        if home:
            return self._leave(number, home, token_loops_of(self._tables, self._part).get(low, high, wide))
        return self._forbid(number) if self.loops.is_wide(number) else self._allow(number)

    def _allow(self, number: int) -> NDArray[np.int32]:
        row = np.zeros(self._tables.num_words, np.int32)
        nodes, duplicates = self._part.nodes, self._tables.trie.duplicates
        self._path[0] = number
        while True:
            need = allow_tokens_kernel(self.table.delta, nodes, duplicates, self._path, self._registers, row)
            if need < 0:
                return row
            self.table.expand(need)

    def _leave(self, number: int, home: int, loop: TokenLoop) -> NDArray[np.int32]:
        row, part, table = loop.row.copy(), self._part, self.table
        while True:
            need = allow_exits_kernel(
                table.delta, part.nodes, self._tables.trie.duplicates, part.ordered, part.places, loop.exits,
                loop.begins, loop.children, number, home, self._path, self._registers, row,
            )  # fmt: skip
            if need < 0:
                return row
            table.expand(need)

    def _forbid(self, number: int) -> NDArray[np.int32]:
        self._path[0] = number
        part, table, loops = self._part, self.table, self.loops
        row = part.every.copy()
        while True:
            loops.grow()
            need = forbid_tokens_kernel(
                table.delta, loops.rows, part.nodes, self._tables.trie.duplicates, part.low, part.high, part.heights,
                self._path, self._registers, row,
            )  # fmt: skip
            if need < 0:
                return row
            if loops.rows[need, 2] == ALL_ONES:
                loops.measure(need)
            else:
                table.expand(need)

    def step(self, number: int, byte: int) -> int:
        """Return the place after a byte."""
        if self.table.delta[number, 0] < 0:
            self.table.expand(number)
        return int(self.table.delta[number, byte])


class RegularMasks:
    """Fill and keep the masks of one automaton for one vocabulary.

    A place is a state of the table in which all agrees that tokens can tell apart.

    Parameters
    ----------
    tables : what the vocabulary knows.
    dfa : the automaton.
    """

    def __init__(self, tables: VocabularyTables, dfa: Dfa) -> None:
        parts, farthest = token_parts_of(tables), max(tables.trie.max_depth, SHORT)
        near = ByteTable(dfa, lambda state: dfa.near_key(state, SHORT))
        far = ByteTable(dfa, lambda state: dfa.near_key(state, farthest))
        self._short = _Half(tables, parts.short, near, SHORT)
        self._long = _Half(tables, parts.long, far, farthest)
        self._whole = _Half(tables, parts.whole, far, farthest)
        self._tables = tables
        self._dfa = dfa
        self._rows: dict[tuple[int, bool], NDArray[np.int32]] = {}
        self._is_begun = False

    @property
    def memory_bytes(self) -> int:
        """Count the bytes held."""
        halves = (self._short, self._long, self._whole)
        rows = len(self._rows) + sum(len(half.rows) for half in halves)
        tables = self._short.table.memory_bytes + self._long.table.memory_bytes
        return 4 * self._tables.num_words * rows + tables

    def place(self, state: int) -> int:
        """Return the place of an automaton's state."""
        return self._long.table.number(state)

    def step(self, place: int, byte: int) -> int:
        """Return the place after a byte, also inside a character."""
        return self._long.step(place, byte)

    def row(self, place: int, *, is_accepting: bool) -> NDArray[np.int32]:
        """Return the mask of a place: int32[W], shared. With ``is_accepting``, end tokens are allowed."""
        row = self._rows.get((place, is_accepting))
        if row is None:
            row = self._rows[place, is_accepting] = self._make(place, is_accepting=is_accepting)
            if not self._is_begun:
                self._is_begun = True
                self._look_ahead(place)
        return row

    def _make(self, place: int, *, is_accepting: bool) -> NDArray[np.int32]:
        if self._is_narrow(place):
            row = self._whole.row(place, is_narrow=True)
        else:
            near = self._short.table.number(self._long.table.places[place].state)
            row = self._short.row(near) | self._long.row(place)
        if is_accepting:
            row = row.copy()
            for token in self._tables.vocabulary.eos_token_ids:
                row[token >> 5] |= np.uint32(1 << (token & 31)).astype(np.int32)
        return row

    def _is_narrow(self, number: int) -> bool:
        """Tell whether so few characters fit that one walk over all tokens costs least."""
        place = self._long.table.places[number]
        if place.tail is not None:
            return True
        edges = self._dfa.edges(place.state)
        return sum(min(last, 127) - first + 1 for first, last, _ in edges if first < 128) < _NARROW

    @property
    def _has_leisure(self) -> bool:
        """Whether looking ahead has cost little so far."""
        looked = self._short.num_looked + self._long.num_looked + self._whole.num_looked
        states = len(self._short.table.places) + len(self._long.table.places)
        return looked < _EAGER_NODES and states < _EAGER_STATES

    def _look_ahead(self, place: int) -> None:
        """Fill the masks that a text meets next while they are cheap: few places, few nodes of the trie each."""
        waiting, seen = [place], {place}
        while waiting and len(seen) < _EAGER_PLACES and self._has_leisure:
            here = self._long.table.places[waiting.pop(0)]
            if here.tail is not None:
                continue
            self.row(self.place(here.state), is_accepting=self._dfa.is_accepting(here.state))
            for _, _, target in self._dfa.edges(here.state):
                after = self.place(target)
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)


def regular_masks_of(vocabulary: Vocabulary, dfa: Dfa) -> RegularMasks:
    """Return the masks of an automaton, kept with the vocabulary; the least recently asked for go first."""
    kept: OrderedDict[object, RegularMasks] = vocabulary.__dict__.setdefault("_regular_masks", OrderedDict())
    found = kept.get(dfa.key)
    if found is None:
        while len(kept) > 1 and sum(masks.memory_bytes for masks in kept.values()) > MAX_BYTES:
            kept.popitem(last=False)
        found = kept[dfa.key] = RegularMasks(vocabulary_tables(vocabulary), dfa)
    else:
        kept.move_to_end(dfa.key)
    return found


def renew_masks(vocabulary: Vocabulary, dfa: Dfa) -> RegularMasks:
    """Return the masks of an automaton begun anew; whoever holds the old ones may go on with them."""
    kept: OrderedDict[object, RegularMasks] = vocabulary.__dict__.setdefault("_regular_masks", OrderedDict())
    kept.pop(dfa.key, None)
    return regular_masks_of(vocabulary, dfa)
