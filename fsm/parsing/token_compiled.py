"""Compile a grammar of tokens: a lexer and a parser of tables, which decide every place by one configuration.

Input: tables (``fsm.parsing.token_tables``). Output: positions and masks as of every other grammar. Cost: a step per
byte and configuration, of which there is one nearly everywhere; a mask is a walk of the token trie.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import EXPANSION_LOCK
from fsm.compiled import Compiled, TextSource
from fsm.errors import UnsupportedFeatureError
from fsm.expansion_time import ExpansionTime, check_expansion_time
from fsm.layout import STATE_FINAL
from fsm.network import Network
from fsm.parsing._token_kernels import (
    NEED_ROW,
    NEED_START,
    R_BRACKETS,
    R_DEBTS,
    R_EXIT,
    R_FULL,
    R_NEEDED,
    R_PLACE,
    accept_tokens_kernel,
    advance_tokens_kernel,
    fill_exits_kernel,
    fill_tokens_kernel,
    next_token_bytes_kernel,
)
from fsm.parsing.token_arena import Arena
from fsm.parsing.token_distance import TokenDistances
from fsm.parsing.token_stays import TokenStays
from fsm.parsing.token_tables import ParserTables, TokenTables
from fsm.position import POSITION_BYTES, REJECTED, Position
from fsm.vocabulary import Vocabulary

if TYPE_CHECKING:
    from fsm.freezing.frozen import FrozenTables

__all__ = ["TokenCompiled"]


MANY_NODES = 1 << 17
"""When there are more places on stacks than these, those that no position stands on are dropped."""


class _TokenPosition(Position):
    """Be known to the grammar for as long as somebody holds it."""

    __slots__ = ("__weakref__",)


class TokenCompiled(Compiled):
    """Hold a grammar of tokens for one vocabulary.

    Parameters
    ----------
    tokens, parser : the grammar; rows of ``tokens`` are written as texts get there.
    """

    def __init__(self, tokens: TokenTables, parser: ParserTables, vocabulary: Vocabulary) -> None:
        super().__init__(Network(), STATE_FINAL, vocabulary)
        self._tokens = tokens
        self._parser = parser
        self._arena = Arena(len(parser.arrays.ignored))
        self._alive: weakref.WeakSet[_TokenPosition] = weakref.WeakSet()
        self._many_nodes = MANY_NODES
        self._stays = TokenStays(tokens, self._tables)
        self._frontier = np.zeros((1024, 4), np.int64)
        stack, widths = self._arena.push(parser.start_state, 0), self._arena.push(-1, 0)
        context = int(parser.arrays.contexts[parser.start_state])
        with EXPANSION_LOCK:
            begin = tokens.reader.find_start(tokens, context, 0)
        self._lengths = TokenDistances(tokens, parser, self._arena)
        self.start = self._keep(np.array([(begin, stack, widths, 0)], np.int64))

    @property
    def memory_bytes(self) -> int:
        """Count the bytes this grammar holds, the states of tokens, which it shares, included."""
        held = self._arena.memory_bytes + self._tokens.memory_bytes + self._stays.memory_bytes
        return held + self._position_bytes

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit."""
        tables = self._tables
        with tables.lock:
            first, last = tables.offsets[token_id], tables.offsets[token_id + 1]
            return self._remember(position, token_id, self._read(position, tables.texts, first, last))

    def advance_bytes(self, position: Position, data: bytes, text: TextSource) -> Position:
        """Return the position after some bytes, ``REJECTED`` where they do not fit."""
        with self._tables.lock:
            return self._read(position, np.frombuffer(data, np.uint8), 0, len(data))

    def is_accepting(self, position: Position) -> bool:
        """Tell whether the text may end here."""
        if position.is_accepting is None:
            with self._tables.lock:
                rows = position.configurations
                code = self._run(
                    lambda: accept_tokens_kernel(self._tokens.arrays, self._parser.arrays, self._arena.arrays, rows)
                )
                position.is_accepting = code == 1
        return position.is_accepting

    def next_bytes(self, position: Position) -> NDArray[np.uint8]:
        """Tell for each byte whether it may come next: uint8[256]."""
        allowed = np.zeros(256, np.uint8)
        with self._tables.lock:
            size = self._load(position)
            self._run(
                lambda: next_token_bytes_kernel(
                    self._tokens.arrays, self._parser.arrays, self._arena.arrays, self._frontier, size, allowed
                )
            )
        return allowed

    def shortest(self, position: Position) -> int:
        """Return how many bytes complete the text; a few fewer may do where tokens need nothing between them."""
        if position.shortest is None:
            with self._tables.lock:
                if self.is_accepting(position):
                    position.shortest = 0
                else:
                    rows = position.configurations.tolist()
                    position.shortest = min(self._lengths.of_configuration(tuple(row)) for row in rows)
        return position.shortest

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        with self._tables.lock:
            if position.base is not None:
                return
            row = self._walk(position)
            if self.is_accepting(position):
                for token in self.vocabulary.eos_token_ids:
                    row[token >> 5] |= np.uint32(1 << (token & 31)).astype(np.int32)
            position.base = row
            self._position_bytes += row.nbytes

    def _walk(self, position: Position) -> NDArray[np.int32]:
        """Return the mask of a position without the end."""
        trie = self._tables.trie
        levels, size = np.zeros(trie.max_depth + 4, np.int64), self._load(position)
        regs = self._arena.arrays.regs
        regs[R_PLACE] = regs[R_EXIT] = 0
        stay = self._stays.get(int(self._frontier[0, 0])) if size == 1 else None
        if stay is not None:
            row = stay.row.copy()
            self._run(
                lambda: fill_exits_kernel(
                    self._tokens.arrays, self._parser.arrays, self._arena.arrays, self._frontier, levels, stay.exits,
                    trie.nodes, trie.duplicates, np.zeros(len(self._tokens.arrays.marks), np.uint8), row,
                )
            )  # fmt: skip
            return row
        row = np.zeros(self._tables.num_words, np.int32)
        levels[1] = size
        self._run(
            lambda: fill_tokens_kernel(
                self._tokens.arrays, self._parser.arrays, self._arena.arrays, self._frontier, levels, trie.nodes,
                len(trie.nodes), trie.duplicates, np.zeros(len(self._tokens.arrays.marks), np.uint8), row,
            )
        )  # fmt: skip
        return row

    def terminals_at(self, position: Position) -> tuple[list[str], list[str]]:
        """Return the names of what the text may be inside of, and of what may come where that has ended."""
        inside: dict[str, None] = {}
        after: dict[str, None] = {}
        with self._tables.lock:
            for row in position.configurations.tolist():
                for terminal, names in self._lengths.terminals_at(tuple(row)):
                    inside[self._parser.names[terminal]] = None
                    after.update(dict.fromkeys(self._parser.names[one] for one in names))
        return list(inside), list(after)

    def freeze(self, *, max_states: int = 4096) -> FrozenTables:
        """Refuse: a grammar of rules has no finite tables.

        Raises
        ------
        UnsupportedFeatureError : always.
        """
        raise UnsupportedFeatureError("freeze: a grammar with a parser has no finite tables; use its matchers")

    # -- running kernels -------------------------------------------------------------------------------------------

    def _read(self, position: Position, data: NDArray[np.uint8], first: int, last: int) -> Position:
        """Return the position after ``data[first:last]``."""
        if first == last:
            return REJECTED
        size = self._load(position)
        regs = self._arena.arrays.regs
        resumes = 0
        while True:
            found = advance_tokens_kernel(
                self._tokens.arrays, self._parser.arrays, self._arena.arrays, self._frontier, size, data, first, last
            )
            if found >= 0:
                return self._keep(self._frontier[:found]) if found else REJECTED
            first, size = int(regs[R_PLACE]), int(regs[R_BRACKETS])
            self._mend(found, resumes)
            resumes = 1

    def _run(self, kernel: Callable[[], int]) -> int:
        resumes = 0
        while True:
            code = kernel()
            if code >= 0:
                return code
            self._mend(code, resumes)
            resumes = 1

    def _mend(self, code: int, resumes: int) -> None:
        """Write or grow what a kernel stopped for."""
        regs, tokens = self._arena.arrays.regs, self._tokens
        if code == NEED_ROW:
            with EXPANSION_LOCK, ExpansionTime(continues=resumes > 0):
                check_expansion_time()
                tokens.reader.write_row(tokens, int(regs[R_NEEDED]))
        elif code == NEED_START:
            with EXPANSION_LOCK, ExpansionTime(continues=resumes > 0):
                check_expansion_time()
                tokens.reader.find_start(tokens, int(regs[R_NEEDED]), int(regs[R_DEBTS]))
        elif regs[R_FULL]:
            with ExpansionTime(continues=resumes > 0):
                check_expansion_time()
                self._arena.grow()
        else:
            self._frontier = np.concatenate([self._frontier, np.zeros_like(self._frontier)])

    def _load(self, position: Position) -> int:
        if self._arena.num_nodes > self._many_nodes:
            self._tidy()
        rows = position.configurations
        self._frontier[: len(rows)] = rows
        return len(rows)

    def _keep(self, rows: NDArray[np.int64]) -> Position:
        """Return the one position with these configurations; they are copied where it is new."""
        if len(rows) > 1:
            rows = np.unique(rows, axis=0)
        key = rows.tobytes()
        position = self._positions.get(key)
        if position is None:
            if self._position_bytes > self.max_bytes:
                self._forget()
            position = self._positions[key] = _TokenPosition(rows.copy())
            self._alive.add(position)
            self._position_bytes += POSITION_BYTES + len(key)
        return position

    def _tidy(self) -> None:
        """Forget the places on stacks that no text stands on any more."""
        self._forget()
        self._lengths.forget()
        self._arena.keep_only([one.configurations for one in self._alive])
        self._many_nodes = max(MANY_NODES, 2 * self._arena.num_nodes)
