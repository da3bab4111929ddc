"""Freeze a small grammar into tables: next state by class of token, so that masks and moves need no host.

Input: a compiled grammar whose places are finite and few. Output: arrays that a device can index (DESIGN 4.2, point 8).
Cost: one walk of the token trie per state, twice; a few milliseconds each for 128,000 tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fsm.compiled import Compiled
from fsm.errors import LimitError, TokenRejected, UnsupportedFeatureError
from fsm.freezing._frozen_kernels import move_tokens_kernel
from fsm.freezing.byte_automaton import ByteAutomaton
from fsm.mask import num_mask_words
from fsm.parts.regions import marks_of
from fsm.parts.special_tokens import special_tokens_of
from fsm.pushdown import Pushdown
from fsm.tokens.tables import VocabularyTables, vocabulary_tables
from fsm.vocabulary import Vocabulary

__all__ = ["MAX_FROZEN_STATES", "FrozenTables", "freeze"]

MAX_FROZEN_STATES = 4096

DEAD, ENDED, START = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class FrozenTables:
    """Hold a grammar as tables. State 0 is dead, 1 the ended text, ``start`` where a text begins.

    next      : int32[S, C]   next state by class of token; 0 = the token is not allowed
    class_of  : int32[V]      the class of each token; tokens of one class do the same in every state
    accepting : bool[S]       whether the text may end here, and so whether an end token is allowed
    places    : int32[S]      the row of ``delta`` each state is; -1 = none
    delta     : int32[D, 256] next row by byte, 0 = dead; the smallest automaton over bytes, row 1 its start
    ends      : bool[D]       whether a text may end in a row
    An end token leads to state 1, where only end tokens are allowed and lead to it again.
    """

    next: NDArray[np.int32]
    class_of: NDArray[np.int32]
    accepting: NDArray[np.bool_]
    places: NDArray[np.int32]
    delta: NDArray[np.int32]
    ends: NDArray[np.bool_]
    start: int
    vocabulary: Vocabulary

    @property
    def num_states(self) -> int:
        """Count the states, the dead and the ended one included."""
        return int(self.next.shape[0])

    @property
    def num_classes(self) -> int:
        """Count the classes of tokens."""
        return int(self.next.shape[1])

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the tables."""
        arrays = (self.next, self.class_of, self.accepting, self.places, self.delta, self.ends)
        return sum(array.nbytes for array in arrays) + (self.masks.nbytes if "masks" in self.__dict__ else 0)

    @cached_property
    def masks(self) -> NDArray[np.int32]:
        """The mask of each state (``fsm.mask``): int32[S, W]; made when first asked for."""
        return np.stack([self.mask(state) for state in range(self.num_states)])

    def mask(self, state: int) -> NDArray[np.int32]:
        """Return the mask of one state: int32[W]."""
        size = len(self.class_of)
        bits = np.zeros(32 * num_mask_words(size), np.bool_)
        np.take(self.next[state] > 0, self.class_of, out=bits[:size])
        return np.packbits(bits, bitorder="little").view(np.int32)

    def step(self, state: int, token_id: int) -> int:
        """Return the state after a token.

        Raises
        ------
        TokenRejected : the grammar forbids it here.
        """
        after = int(self.next[state, self.class_of[token_id]])
        if after == DEAD:
            raise TokenRejected(f"token {token_id} is not allowed in frozen state {state}", token_id=token_id)
        return after


def freeze(compiled: Compiled, *, max_states: int = MAX_FROZEN_STATES) -> FrozenTables:
    """Return a grammar's tables.

    Raises
    ------
    LimitError : more than ``max_states`` states are reachable; the message has the count reached.
    UnsupportedFeatureError : the grammar remembers what was read, or has captures or special tokens.

    Examples
    --------
    >>> from fsm import Vocabulary
    >>> from grammars import regex
    >>> tables = freeze(regex("ab*").compile(Vocabulary([b"</s>", b"a", b"b"], eos_token_ids=[0])))
    >>> tables.step(tables.start, 1), bool(tables.accepting[tables.start])
    (3, False)
    """
    if special_tokens_of(compiled.network) is not None or marks_of(compiled.network) is not None:
        raise UnsupportedFeatureError(
            "freeze: the grammar has captures or special tokens, which tables over bytes do not hold; "
            "freeze the parts without them"
        )
    tables = vocabulary_tables(compiled.vocabulary)
    with tables.lock:
        delta, accepting = _dense(compiled, max_bytes_states=16 * max_states)
        delta, accepting = _minimise(delta, accepting)
    return _TokenMoves(tables, delta, accepting, max_states).freeze()


def _dense(compiled: Compiled, *, max_bytes_states: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the automaton over bytes as a table, state 1 its start."""
    places = Pushdown(compiled.network)
    state, _, _, low, high = compiled.start.configurations[0].tolist()
    automaton = ByteAutomaton(places, places.node(state, low, high), max_states=max_bytes_states)
    rows: list[NDArray[np.int32]] = [np.zeros(256, np.int32)]
    accepting = [False]
    while len(rows) < automaton.num_states:
        row = np.zeros(256, np.int32)
        for first, last, target in automaton.edges(len(rows)):
            row[first : last + 1] = target
        accepting.append(automaton.is_accepting(len(rows)))
        rows.append(row)
    return np.array(rows), np.array(accepting)


def _minimise(delta: NDArray[np.int32], accepting: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Merge states that accept the same rests (Moore, 1956); the dead one stays 0, the start becomes 1."""
    columns = np.unique(delta, axis=1)
    # A way into a cycle without an end is as dead as no way.
    live = accepting.copy()
    while True:
        more = live | (live[columns] & (columns > 0)).any(axis=1)
        if (more == live).all():
            break
        live = more
    block = np.where(live, 1 + accepting.astype(np.int64), 0)
    count = len(np.unique(block))
    while True:
        rows = np.concatenate([block[:, None], block[columns]], axis=1)
        _, block_of = np.unique(rows, axis=0, return_inverse=True)
        block_of = block_of.reshape(-1)
        size = int(block_of.max()) + 1
        block = block_of
        if size == count:
            break
        count = size
    order = np.full(count, -1, np.int64)
    order[block[0]] = 0
    numbers = iter(range(1, count))
    for state in [1, *range(2, len(delta))]:
        if order[block[state]] < 0:
            order[block[state]] = next(numbers)
    number = order[block]
    merged = np.zeros((count, 256), np.int32)
    merged[number] = number[delta]
    merged[0] = 0
    ends = np.zeros(count, np.bool_)
    ends[number] = accepting
    return merged, ends


class _TokenMoves:
    """Find the states that whole tokens lead to, then the classes of tokens."""

    def __init__(
        self, tables: VocabularyTables, delta: NDArray[np.int32], accepting: NDArray[np.bool_], max_states: int
    ) -> None:
        self._tables = tables
        self._delta = delta
        self._accepting = accepting
        self._max_states = max_states
        self._vocabulary = tables.vocabulary
        self._ends = np.array(self._vocabulary.eos_token_ids, np.int64)
        self._numbers = np.zeros(len(delta), np.int32)
        self._states: list[int] = [-1, -1]

    def freeze(self) -> FrozenTables:
        size, seed = self._vocabulary.size, np.uint64(0x9E3779B97F4A7C15)
        hashes = np.zeros(size, np.uint64)
        self._number(1)
        state = START
        while state < len(self._states):
            row = self._row(state)
            hashes = hashes * seed + row.astype(np.uint64) + np.uint64(1)
            state += 1
        hashes[self._ends] = np.uint64(0)
        _, first, class_of = np.unique(hashes, return_index=True, return_inverse=True)
        class_of = class_of.reshape(-1)
        following = np.stack([self._row(state)[first] for state in range(len(self._states))])
        for state in range(len(self._states)):
            # Hashes of different columns could agree; they do not.
            assert (following[state][class_of] == self._row(state)).all()
        accepting = np.array([False, True, *(bool(self._accepting[s]) for s in self._states[2:])])
        return FrozenTables(
            next=following,
            class_of=class_of.astype(np.int32),
            accepting=accepting,
            places=np.array(self._states, np.int32),
            delta=self._delta,
            ends=self._accepting,
            start=START,
            vocabulary=self._vocabulary,
        )

    def _row(self, state: int) -> NDArray[np.int32]:
        """Return where every token leads from a state: int32[V]; new states get their numbers."""
        moves = np.zeros(self._vocabulary.size, np.int32)
        inner = self._states[state]
        if inner >= 0:
            trie = self._tables.trie
            path = np.zeros(trie.max_depth + 2, np.int32)
            move_tokens_kernel(self._delta, trie.nodes, trie.duplicates, path, inner, moves)
            for target in np.flatnonzero(np.bincount(moves, minlength=len(self._delta))[1:]) + 1:
                self._number(int(target))
            moves = self._numbers[moves]
        if state == ENDED or (inner >= 0 and self._accepting[inner]):
            moves[self._ends] = ENDED
        return moves

    def _number(self, inner: int) -> None:
        if self._numbers[inner] == 0:
            if len(self._states) > self._max_states:
                raise LimitError(
                    f"freeze: more than {self._max_states} states are reachable by tokens; "
                    "freeze a smaller grammar, or raise max_states"
                )
            self._numbers[inner] = len(self._states)
            self._states.append(inner)
