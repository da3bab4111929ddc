"""Hold the automaton over bytes that positions of an expression make, and fill the masks of its states.

Input: positions (``fsm.automata.positions``) and a vocabulary. Output: numbered states, moves and masks. Cost: some
0.1 µs per state and byte when first met, then a look-up; a mask takes microseconds where few tokens fit, and some 20 µs
where a state goes on by many bytes, however long.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from fsm.addresses import addresses_of
from fsm.automata.dfa import Dfa
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.automata.positions import ACCEPT, Positions, find_positions
from fsm.automata.ranges import Ranges
from fsm.mask import pack_token_ids
from fsm.patterns._byte_kernels import WIDE
from fsm.patterns._position_kernels import (
    AHEAD,
    FULL,
    LEAVE,
    NUM_POSITION_REGISTERS,
    P_EXIT,
    P_HIGH,
    P_LOW,
    P_MET,
    P_NODE,
    P_PLACE,
    P_SEEN,
    P_STATES,
    P_TOUCHED,
    P_WIDE,
    SHIFT,
    WALK,
    advance_positions_entry,
    fill_positions_entry,
    intern_first_entry,
    rehash_states_kernel,
)
from fsm.patterns.class_tables import class_table, class_width
from fsm.tokens.tables import VocabularyTables, vocabulary_tables
from fsm.tokens.token_lengths import token_lengths_of
from fsm.tokens.token_loops import TokenLoop, token_loops_of
from fsm.tokens.token_parts import token_parts_of
from fsm.vocabulary import Vocabulary

__all__ = ["PositionTable", "position_table_of"]

MAX_BYTES = 32_000_000
MOST_WORDS = 64
"""Masks with more words than these are kept as rows, which are copied faster than so many words are written."""

# How many states are filled ahead, or as many as there are positions; how many nodes of the trie may be looked at for
# that, or so many for each position; and how many words the masks may have.
_AHEAD_STATES, _AHEAD_NODES, _STATE_NODES, _AHEAD_WORDS = 96, 100_000, 200, 40_000
_FIRST_STATES = 512

Row = NDArray[np.int32]
Mask = tuple[Row, "NDArray[np.int64] | None", "Row | None"]
"""A row, the words that differ from it, and what they are."""


class PositionTable:
    """Number the states of one expression for one vocabulary and keep their masks; the caller holds its lock.

    start : the number of the first state; 0 stands for the dead one
    masks : those filled, by state
    no_cells : the buffer of the row in which nothing is allowed, from which masks of few words differ
    moves : the buffer of int32[S * 256], state by state and byte: 0 = dead, below 0 = ask ``advance``

    Parameters
    ----------
    tables : what the vocabulary knows.
    positions : of the expression.
    spellings : the table of each class (``fsm.patterns.class_tables``).
    """

    def __init__(self, tables: VocabularyTables, positions: Positions, spellings: list[NDArray[np.uint16]]) -> None:
        self._tables = tables
        self.no_cells = tables.empty_row.data
        self._loops = token_loops_of(tables, token_parts_of(tables).whole)
        self._lengths = token_lengths_of(tables)
        self.masks: dict[int, Mask] = {}
        self._mask_bytes = 0
        self._end_ids = np.array(tables.vocabulary.eos_token_ids, np.int32)
        self._ends = pack_token_ids(tables.vocabulary.eos_token_ids, tables.vocabulary.size)
        self._path = np.zeros(tables.trie.max_depth + 2, np.int64)
        self._chain = np.zeros(tables.trie.max_depth + 3, np.int64)
        self._waiting = np.zeros(1, np.int64)
        self._ahead = addresses_of(self._waiting, *_NOTHING_AHEAD)
        self._touched = np.zeros(tables.num_words, np.int32)
        lengths, trie = self._lengths, tables.trie
        self._stack = np.zeros((trie.max_depth + 2, 3), np.int64)
        more = addresses_of(
            trie.duplicates, lengths.before, lengths.by_length, lengths.longer, trie.labels, trie.rows, self._stack
        )
        self._trie = np.concatenate([self._loops.addresses, more])
        self._lay(positions, spellings)
        self._registers = np.zeros(NUM_POSITION_REGISTERS, np.int64)
        self._registers[P_STATES] = 1
        self._delta = np.zeros((1, 256), np.int32)
        self._spans, self._items = np.zeros(2, np.int64), np.zeros(0, np.int32)
        # As many states as positions, where each text leads on its own: lists of words.
        num_states = _FIRST_STATES if len(self._starts) < _FIRST_STATES else len(self._starts) + 64
        self._allocate(num_states, 4 * num_states + len(self._scratch))
        self.start = int(intern_first_entry(self._addresses, self._follow[: self._starts[1]].copy()))
        self._is_begun = False

    def _lay(self, positions: Positions, spellings: list[NDArray[np.uint16]]) -> None:
        """Write what the kernels need of the positions."""
        bases = np.cumsum([0, *(len(table) for table in spellings)])
        self._classes = np.concatenate(spellings) if spellings else np.zeros((1, 256), np.uint16)
        class_of = np.array(positions.class_of, np.int64)
        spelled = [ranges[0][0] if _is_one_byte(ranges) else -1 for ranges in positions.classes] or [-1]
        self._bases = np.stack([bases[class_of], np.array(spelled)[class_of]], axis=1).astype(np.int32)
        widths = np.array([class_width(ranges) for ranges in positions.classes] or [0], np.uint8)
        self._wide = widths[class_of]
        self._starts = np.cumsum([0, *map(len, positions.follow)], dtype=np.int32)
        self._follow = np.fromiter(chain.from_iterable(positions.follow), np.int32) << SHIFT
        self._scratch = np.zeros(len(self._follow) + len(class_of) + 16, np.int32)
        self._alike = _alike([table[0, :128].tolist() for table in spellings])

    def _allocate(self, num_states: int, num_items: int) -> None:
        """Make room, and keep what there is."""
        count = int(self._registers[P_STATES])
        delta, spans = np.empty((num_states, 256), np.int32), np.zeros(num_states + 1, np.int64)
        delta[:count], spans[: count + 1] = self._delta[:count], self._spans[: count + 1]
        items = np.zeros(num_items, np.int32)
        items[: spans[count]] = self._items[: spans[count]]
        self._delta, self._spans, self._items = delta, spans, items
        self.moves = delta.reshape(-1).data
        self._table = np.zeros(1 << (4 * num_states - 1).bit_length(), np.int64)
        rehash_states_kernel(self._spans, self._items, count, self._table)
        self._addresses: NDArray[np.int64] = addresses_of(
            self._delta, self._spans, self._items, self._table, self._registers, self._scratch, self._classes,
            self._bases, self._starts, self._follow, self._alike, self._wide, self._path, self._chain, self._touched,
        )  # fmt: skip

    def _grow(self) -> None:
        self._allocate(2 * len(self._delta), 2 * len(self._items))

    @property
    def memory_bytes(self) -> int:
        """Count the bytes held."""
        laid = self._classes.nbytes + self._follow.nbytes + self._scratch.nbytes
        return laid + self._delta.nbytes + self._items.nbytes + self._mask_bytes

    def is_accepting(self, number: int) -> bool:
        """Tell whether the text may end in a state."""
        return int(self._items[self._spans[number]]) == ACCEPT

    def advance(self, number: int, data: bytes) -> int:
        """Return the state after some bytes, 0 where they do not fit."""
        text = np.frombuffer(data, np.uint8)
        while True:
            after = int(advance_positions_entry(self._addresses, number, text, 0, len(data)))
            if after != FULL:
                return after
            self._grow()

    def begin(self, number: int) -> dict[int, Mask]:
        """Fill the masks that a text meets next, once; return those there are now by state, none the next time."""
        if self._is_begun:
            return {}
        self._is_begun = True
        self.advance(number, b"")  # loads the kernel, which the first of many texts would else wait for
        self._look_ahead(number)
        return self.masks

    def mask(self, number: int) -> Mask:
        """Return the mask of a state, end tokens included."""
        self.begin(number)
        return self.masks.get(number) or self._keep(number, self._make(number))

    def _make(self, number: int) -> Row:
        """Fill one state; where it goes on by many bytes, by what the vocabulary knows of them."""
        row = np.zeros(self._tables.num_words, np.int32)
        self._waiting[0] = number
        if self._run(WALK, row) == 1:
            registers = self._registers
            low, high, is_wide = registers[[P_LOW, P_HIGH, P_WIDE]].tolist()
            loop = self._loops.get(low & _ALL_BITS, high & _ALL_BITS, WIDE if is_wide else 0)
            row[:] = loop.row
            self._run(LEAVE, row, loop)
        return row | self._ends if self.is_accepting(number) else row

    def _run(self, mode: int, mask: Row, loop: TokenLoop | None = None) -> int:
        """Run the kernel that fills masks to its end; return its answer."""
        exits, groups = (_NO_EXITS, _NO_EXITS) if loop is None else (loop.exits, loop.groups)
        registers = self._registers
        registers[P_NODE] = registers[P_EXIT] = registers[P_TOUCHED] = 0
        most = int(registers[P_SEEN]) + max(_AHEAD_NODES, _STATE_NODES * len(self._starts))
        while True:
            code = int(
                fill_positions_entry(
                    self._addresses, self._trie, exits, groups, self._ahead, self._end_ids, mask, most, mode
                )
            )
            if code != FULL:
                return code
            self._grow()

    def _keep(self, number: int, row: Row) -> Mask:
        """Keep a row, as the words that are not zero where there are few."""
        words = np.flatnonzero(row)
        if len(words) > MOST_WORDS:
            mask: Mask = row, None, None
            self._mask_bytes += row.nbytes
        else:
            mask = self._tables.empty_row, words, row[words]
            self._mask_bytes += 12 * len(words)
        self.masks[number] = mask
        return mask

    def _look_ahead(self, number: int) -> None:
        """Fill the masks that a text meets next while they are cheap: few states, few nodes of the trie each."""
        words, values = np.empty(_AHEAD_WORDS, np.int64), np.empty(_AHEAD_WORDS, np.int32)
        num_states = max(_AHEAD_STATES, len(self._starts))
        waiting, firsts = np.zeros(num_states, np.int64), np.zeros(num_states + 1, np.int32)
        marks = np.zeros(8 * num_states, np.uint8)
        waiting[0] = number
        marks[number] = 1
        kept, self._ahead = self._ahead, addresses_of(waiting, firsts, words, values, marks)
        self._registers[P_PLACE], self._registers[P_MET] = 0, 1
        self._run(AHEAD, np.zeros(self._tables.num_words, np.int32))
        self._ahead = kept
        begins, count = firsts.tolist(), int(self._registers[P_PLACE])
        size, states = begins[count], waiting[:count].tolist()
        words, values = words[:size].copy(), values[:size].copy()
        slices = list(map(slice, begins[:count], begins[1:]))
        parts = map(words.__getitem__, slices), map(values.__getitem__, slices)
        masks: dict[int, Mask] = dict(zip(states, zip(repeat(self._tables.empty_row), *parts), strict=True))
        self._mask_bytes += 12 * size + 100 * count
        for place in np.flatnonzero(np.diff(firsts[: count + 1]) > MOST_WORDS).tolist():
            row = self._tables.empty_row.copy()
            row[words[slices[place]]] = values[slices[place]]
            masks[states[place]] = row, None, None
            self._mask_bytes += row.nbytes
        chained = [state for state in states if state < 0]
        for state in chained:
            del masks[state]
        self.masks.update(masks)
        for state in chained:
            self._keep(-state, self._make(-state))


_NOTHING_AHEAD = (np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8))
_NO_EXITS = np.zeros(0, np.int32)
_ALL_BITS = (1 << 64) - 1


def position_table_of(vocabulary: Vocabulary, dfa: Dfa, *, is_new: bool = False) -> PositionTable | None:
    """Return the table of an automaton, kept with the vocabulary; None where it is none of positions, or too large.

    is_new : begin the table anew; whoever holds the old one may go on with it.
    """
    kept: OrderedDict[object, PositionTable | None] = vocabulary.__dict__.setdefault("_position_tables", OrderedDict())
    if is_new:
        kept.pop(dfa.key, None)
    if dfa.key in kept:
        kept.move_to_end(dfa.key)
        return kept[dfa.key]
    while len(kept) > 1 and sum(table.memory_bytes for table in kept.values() if table) > MAX_BYTES:
        kept.popitem(last=False)
    found = kept[dfa.key] = _make_table(vocabulary_tables(vocabulary), dfa)
    return found


def _make_table(tables: VocabularyTables, dfa: Dfa) -> PositionTable | None:
    if not isinstance(dfa, ExpressionDfa):
        return None
    positions = find_positions(dfa.expression)
    if positions is None:
        return None
    spellings = [class_table(ranges) for ranges in positions.classes]
    known = [table for table in spellings if table is not None]
    return PositionTable(tables, positions, known) if len(known) == len(spellings) else None


def _is_one_byte(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1] < 0x80


def _alike(rows: list[list[int]]) -> NDArray[np.uint8]:
    """Return for each byte the first one that no class tells from it; bytes that are not ASCII are their own."""
    firsts: dict[tuple[int, ...], int] = {}
    found = list(range(256))
    for byte, column in enumerate(zip(*rows, strict=True)):
        found[byte] = firsts.setdefault(column, byte)
    return np.array(found, np.uint8)
