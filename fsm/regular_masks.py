"""Fill the masks of regular grammars: one walk of the token trie per place that matters, shared by all texts.

Counters far from their end make no difference to a mask, so ``.{0,10000}`` has as few masks as ``.*``. Nearly all
tokens are short: those of up to ``SHORT`` bytes are walked from places that agree so far, the others from places that
agree as far as the longest token goes. Where nearly all tokens fit, only those with an unusual byte are looked at
(``fsm.byte_loops``). Cost: microseconds where few tokens fit or few do not, up to 1 ms in between.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsm._byte_kernels import (
    ALL_ONES,
    allow_tokens_kernel,
    forbid_tokens_kernel,
    keep_nodes_kernel,
    measure_nodes_kernel,
    split_trie_kernel,
)
from fsm.automata.dfa import Dfa
from fsm.automata.texts import ALL_TEXTS
from fsm.byte_loops import ByteLoops
from fsm.byte_table import ByteTable
from fsm.mask import pack_token_ids
from fsm.tables import VocabularyTables, vocabulary_tables
from fsm.vocabulary import Vocabulary

__all__ = ["SHORT", "RegularMasks", "regular_masks_of", "renew_masks", "split_tokens"]

SHORT = 16
"""Bytes of the longest token that counts as short."""

MAX_BYTES = 32_000_000
_EAGER_PLACES, _EAGER_NODES, _EAGER_STATES = 96, 60_000, 120
_NARROW = 16


@dataclass(frozen=True, slots=True)
class _Part:
    """Hold the tokens of some lengths as a trie, and what its subtrees hold (``measure_nodes_kernel``).

    every : int32[W]   all of them
    """

    nodes: NDArray[np.int32]
    low: NDArray[np.uint64]
    high: NDArray[np.uint64]
    heights: NDArray[np.int32]
    every: NDArray[np.int32]


class _Half:
    """Walk one half of the tokens, from places that agree on as many bytes as they have."""

    def __init__(self, tables: VocabularyTables, part: _Part, table: ByteTable, horizon: int) -> None:
        self.table = table
        self.loops = ByteLoops(table, horizon)
        self.rows: dict[int, NDArray[np.int32]] = {}
        self.num_looked = 0
        self._tables = tables
        self._part = part
        self._path = np.zeros(tables.trie.max_depth + 2, np.int32)
        self._registers = np.zeros(2, np.int64)

    def row(self, number: int) -> NDArray[np.int32]:
        """Return the mask of a place: int32[W], not to be changed."""
        row = self.rows.get(number)
        if row is None:
            self._path[0] = number
            self._registers[:] = 0
            row = self.rows[number] = self._forbid() if self.loops.is_wide(number) else self._allow()
            self.num_looked += int(self._registers[1])
        return row

    def _allow(self) -> NDArray[np.int32]:
        row = np.zeros(self._tables.num_words, np.int32)
        nodes, duplicates = self._part.nodes, self._tables.trie.duplicates
        while True:
            need = allow_tokens_kernel(self.table.delta, nodes, duplicates, self._path, self._registers, row)
            if need < 0:
                return row
            self.table.expand(need)

    def _forbid(self) -> NDArray[np.int32]:
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

    Parameters
    ----------
    tables : what the vocabulary knows.
    dfa : the automaton.
    """

    def __init__(self, tables: VocabularyTables, dfa: Dfa) -> None:
        _, short, long, whole = _split(tables)
        farthest = max(tables.trie.max_depth, SHORT)
        near = ByteTable(dfa, lambda state: dfa.near_key(state, SHORT))
        far = ByteTable(dfa, lambda state: dfa.near_key(state, farthest))
        self._short = _Half(tables, short, near, SHORT)
        self._long = _Half(tables, long, far, farthest)
        self._whole = _Half(tables, whole, far, farthest)
        self._tables = tables
        self._dfa = dfa
        self._rows: dict[tuple[int, int, bool], NDArray[np.int32]] = {}
        self._is_begun = False

    @property
    def memory_bytes(self) -> int:
        """Count the bytes held."""
        halves = (self._short, self._long, self._whole)
        rows = len(self._rows) + sum(len(half.rows) for half in halves)
        tables = self._short.table.memory_bytes + self._long.table.memory_bytes
        return 4 * self._tables.num_words * rows + tables

    def place(self, state: int) -> tuple[int, int]:
        """Return the place of an automaton's state: as far as short tokens see it, and as far as any."""
        return self._short.table.number(state), self._long.table.number(state)

    def step(self, place: tuple[int, int], byte: int) -> tuple[int, int]:
        """Return the place after a byte, also inside a character."""
        return self._short.step(place[0], byte), self._long.step(place[1], byte)

    def row(self, place: tuple[int, int], *, is_accepting: bool) -> NDArray[np.int32]:
        """Return the mask of a place: int32[W], shared. With ``is_accepting``, end tokens are allowed."""
        row = self._rows.get((*place, is_accepting))
        if row is None:
            row = self._rows[*place, is_accepting] = self._make(place, is_accepting=is_accepting)
            if not self._is_begun:
                self._is_begun = True
                self._look_ahead(place)
        return row

    def _make(self, place: tuple[int, int], *, is_accepting: bool) -> NDArray[np.int32]:
        if self._is_narrow(place[1]):
            row = self._whole.row(place[1])
        else:
            row = self._short.row(place[0]) | self._long.row(place[1])
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

    def _look_ahead(self, place: tuple[int, int]) -> None:
        """Fill the masks that a text meets next while they are cheap: few places, few nodes of the trie each."""
        waiting, seen = [place], {place}
        while waiting and len(seen) < _EAGER_PLACES and self._has_leisure:
            here = waiting.pop(0)
            state = self._short.table.places[here[0]]
            if state.tail is not None:
                continue
            self.row(here, is_accepting=self._dfa.is_accepting(state.state))
            for _, _, target in self._dfa.edges(state.state):
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


def split_tokens(tables: VocabularyTables) -> tuple[NDArray[np.int32], _Part]:
    """Return an automaton of all texts, state 1 between characters, and the trie of all tokens."""
    return _split(tables)[0], _split(tables)[3]


def _split(tables: VocabularyTables) -> tuple[NDArray[np.int32], _Part, _Part, _Part]:
    """Return ``split_tokens``' automaton, and the tries of short, long and all tokens, made once per vocabulary."""
    found: tuple[NDArray[np.int32], _Part, _Part, _Part] | None = tables.vocabulary.__dict__.get("_halves")
    if found is None:
        texts = ByteTable(ALL_TEXTS(), lambda state: state)
        texts.number(texts.dfa.start)
        for number in iter(lambda: int(np.argmax(texts.delta[: len(texts.places), 0] < 0)), 0):
            texts.expand(number)
        most = 1 << 30
        spans = ((1, SHORT), (SHORT + 1, most), (1, most))
        short, long, whole = (_part(tables, texts.delta, *span) for span in spans)
        found = tables.vocabulary.__dict__["_halves"] = (texts.delta, short, long, whole)
    return found


def _part(tables: VocabularyTables, texts: NDArray[np.int32], least: int, most: int) -> _Part:
    nodes, size = tables.trie.nodes, tables.trie.max_depth
    kept = np.zeros(len(nodes) + 1, np.int32)
    part = np.empty((keep_nodes_kernel(nodes, least, most, kept), 4), np.int32)
    split_trie_kernel(nodes, least, most, kept, part)
    low, high, heights = np.empty(len(part), np.uint64), np.empty(len(part), np.uint64), np.empty(len(part), np.int32)
    measure_nodes_kernel(texts, part, np.zeros(size + 2, np.int32), low, high, heights)
    token_bytes = tables.vocabulary.token_bytes
    every = [token for token in tables.vocabulary.text_token_ids if least <= len(token_bytes[token]) <= most]
    return _Part(part, low, high, heights, pack_token_ids(every, tables.vocabulary.size))
