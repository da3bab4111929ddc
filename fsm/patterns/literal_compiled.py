"""Compile a list of texts: a mask is a walk through two tries at once, that of the tokens and that of the texts.

Cost: sorting the texts; a mask costs what tokens and texts have in common, tens of microseconds for 10,000 texts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm.automata.literals import LiteralsDfa
from fsm.compiled import Compiled, TextSource, untie
from fsm.dfa_states import RawStates
from fsm.mask import pack_token_ids
from fsm.network import Network
from fsm.patterns._byte_kernels import (
    advance_texts_kernel,
    join_all_tries_kernel,
    join_tries_kernel,
    measure_texts_kernel,
)
from fsm.position import REJECTED, Position
from fsm.tokens.token_parts import first_nodes
from fsm.tokens.trie import BYTE, SKIP, TOKEN, TokenTrie, build_trie
from fsm.vocabulary import Vocabulary

__all__ = ["LiteralCompiled"]

_START = -1

MOST_NODES = 3000
"""Lists of texts with no more bytes than these, common beginnings counted once, have all their masks filled at once."""


class _LiteralPosition(Position):
    """Be a node of the texts' trie; -1 is before the first byte."""

    __slots__ = ("node",)

    def __init__(self, configurations: NDArray[np.int64], node: int) -> None:
        super().__init__(configurations)
        self.node = node


class LiteralCompiled(Compiled):
    """Hold a list of texts for one vocabulary.

    Parameters
    ----------
    network, states : the automaton's network, for what asks about it.
    """

    def __init__(self, network: Network, states: RawStates, vocabulary: Vocabulary) -> None:
        assert isinstance(states.dfa, LiteralsDfa)
        super().__init__(network, states.start(network), vocabulary)
        texts = [text.encode() for text in states.dfa.texts]
        self._texts: TokenTrie = build_trie(
            [text for text in texts if text], list(range(len(texts))), max(len(texts), 1)
        )
        self._nodes = self._texts.nodes if any(texts) else self._texts.nodes[:0]
        self._has_empty = b"" in texts
        self._stack: NDArray[np.int32] | None = None
        self._starts: NDArray[np.int32] | None = None
        self._words, self._values = np.zeros(0, np.int64), np.zeros(0, np.int32)
        self._ends = pack_token_ids(vocabulary.eos_token_ids, vocabulary.size)
        self._is_begun = False
        self._distances_of: NDArray[np.int32] | None = None
        self._by_node: dict[int, _LiteralPosition] = {}
        self._start_row = self.start.configurations
        self.start = self._position(_START)

    def __del__(self) -> None:
        """Take the cycles apart."""
        untie(self.__dict__.get("_by_node", {}))
        super().__del__()

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the trie, the positions and their masks."""
        return super().memory_bytes + self._nodes.nbytes

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit."""
        assert isinstance(position, _LiteralPosition)
        tables = self._tables
        with tables.lock:
            after = self._after(position, tables.texts, tables.offsets[token_id], tables.offsets[token_id + 1])
            position.next[token_id] = after
            self._position_bytes += 120
        return after

    def advance_bytes(self, position: Position, data: bytes, text: TextSource) -> Position:
        """Return the position after some bytes, ``REJECTED`` where they do not fit."""
        assert isinstance(position, _LiteralPosition)
        with self._tables.lock:
            return self._after(position, np.frombuffer(data, np.uint8), 0, len(data))

    def _after(self, position: _LiteralPosition, data: NDArray[np.uint8], first: int, last: int) -> Position:
        if first == last:
            return REJECTED
        node = int(advance_texts_kernel(self._nodes, position.node, data, first, last))
        return self._position(node) if node >= 0 else REJECTED

    def is_accepting(self, position: Position) -> bool:
        """Tell whether the text may end here."""
        assert isinstance(position, _LiteralPosition)
        return self._has_empty if position.node == _START else bool(self._nodes[position.node, TOKEN] >= 0)

    def next_bytes(self, position: Position) -> NDArray[np.uint8]:
        """Tell for each byte whether it may come next: uint8[256]."""
        assert isinstance(position, _LiteralPosition)
        allowed = np.zeros(256, np.uint8)
        child, end = self._children(position.node)
        while child < end:
            allowed[self._nodes[child, BYTE]] = 1
            child = int(self._nodes[child, SKIP])
        return allowed

    def shortest(self, position: Position) -> int:
        """Return the fewest bytes to the end of a text."""
        assert isinstance(position, _LiteralPosition)
        if self.is_accepting(position):
            return 0
        if self._distances_of is None:
            self._distances_of = np.zeros(len(self._nodes), np.int32)
            measure_texts_kernel(self._nodes, self._distances_of)
        if position.node != _START:
            return int(self._distances_of[position.node])
        return min(len(text.encode()) for text in self._literals().texts)

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        assert isinstance(position, _LiteralPosition)
        with self._tables.lock:
            if position.base is not None:
                return
            if not self._is_begun:
                self._is_begun = True
                self._fill_all()
            if self._starts is not None and position.node != _START:
                self._take(position)
                return
            tables, (first, end) = self._tables, self._children(position.node)
            mask, touched = np.zeros(tables.num_words, np.int32), np.empty(tables.num_words, np.int32)
            count = join_tries_kernel(
                tables.trie.nodes, tables.trie.duplicates, self._firsts(), self._nodes, first, end, self._scratch(),
                mask, touched,
            )  # fmt: skip
            words = touched[:count].astype(np.int64)
            self._keep(position, words, mask[words])

    def _fill_all(self) -> None:
        """Fill every mask where there are few texts: in all they cost less than some of them one by one."""
        if len(self._nodes) > MOST_NODES:
            return
        tables, room = self._tables, 8 * MOST_NODES
        starts = np.zeros(len(self._nodes) + 1, np.int32)
        words, values = np.empty(room, np.int64), np.empty(room, np.int32)
        mask, touched = np.zeros(tables.num_words, np.int32), np.empty(tables.num_words, np.int32)
        if join_all_tries_kernel(
            tables.trie.nodes, tables.trie.duplicates, self._firsts(), self._nodes, self._scratch(), mask, touched,
            starts, words, values,
        ):  # fmt: skip
            size = int(starts[-1])
            self._starts, self._words, self._values = starts, words[:size].copy(), values[:size].copy()
            self._position_bytes += 12 * size

    def _take(self, position: _LiteralPosition) -> None:
        """Take a mask that was filled with all others."""
        assert self._starts is not None
        begin, end = int(self._starts[position.node]), int(self._starts[position.node + 1])
        self._keep(position, self._words[begin:end], self._values[begin:end])

    def _keep(self, position: _LiteralPosition, words: NDArray[np.int64], values: NDArray[np.int32]) -> None:
        """Keep a mask: as a row where many tokens are allowed, as the words that are not zero where few are."""
        is_dense = len(words) > self._tables.num_words // 16
        if is_dense or self.is_accepting(position):
            row = self._tables.empty_row.copy()
            row[words] = values
            if self.is_accepting(position):
                row |= self._ends
            words = np.flatnonzero(row)
            values = row[words]
            if is_dense:
                position.base = row
                self._position_bytes += row.nbytes
                return
        position.words, position.values = words, values
        position.base = self._tables.empty_row
        self._position_bytes += 12 * len(words)

    def _scratch(self) -> NDArray[np.int32]:
        if self._stack is None:
            self._stack = np.zeros((len(self._nodes) + 258, 4), np.int32)
        return self._stack

    def _firsts(self) -> NDArray[np.int32]:
        """Return the nodes of the token trie by first byte, kept with the vocabulary."""
        found: NDArray[np.int32] | None = self.vocabulary.__dict__.get("_first_nodes")
        if found is None:
            found = self.vocabulary.__dict__["_first_nodes"] = first_nodes(self._tables.trie.nodes)
        return found

    def _children(self, node: int) -> tuple[int, int]:
        """Return where the nodes that follow begin and end."""
        return (0, len(self._nodes)) if node == _START else (node + 1, int(self._nodes[node, SKIP]))

    def _literals(self) -> LiteralsDfa:
        owner = self.network.owners[0]
        assert isinstance(owner, RawStates)
        assert isinstance(owner.dfa, LiteralsDfa)
        return owner.dfa

    def _position(self, node: int) -> _LiteralPosition:
        found = self._by_node.get(node)
        if found is None:
            if self._position_bytes > self.max_bytes:
                self._forget()
            found = self._by_node[node] = _LiteralPosition(self._start_row, node)
            self._position_bytes += 500
        return found

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        for position in self._by_node.values():
            position.next = {}
        self._by_node.clear()
        super()._forget()
