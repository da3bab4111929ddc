"""Compile a list of texts: a mask is a walk through two tries at once, that of the tokens and that of the texts.

Cost: sorting the texts; a mask costs what tokens and texts have in common, tens of microseconds for 10,000 texts.
"""

from __future__ import annotations

from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from fsm.automata.literals import LiteralsDfa
from fsm.compiled import Compiled, TextSource
from fsm.dfa_states import RawStates
from fsm.mask import pack_token_ids
from fsm.network import Network
from fsm.patterns._byte_kernels import (
    advance_texts_kernel,
    join_all_tries_kernel,
    join_tries_kernel,
    measure_texts_kernel,
    unite_rests_kernel,
)
from fsm.position import MOVE_BYTES, NO_MOVES, NO_TOKEN, POSITION_BYTES, REJECTED, Position
from fsm.tokens.token_parts import first_nodes
from fsm.tokens.trie import BYTE, SKIP, TOKEN, TokenTrie, build_trie
from fsm.vocabulary import Vocabulary

__all__ = ["LiteralCompiled"]

_START = -1
_NO_ROOM = np.zeros((0, 2), np.int32)

MOST_NODES, MOST_BYTES = 3000, 24_000
"""Lists of texts of no more bytes, common beginnings counted once and every time, have all masks filled at once."""


class _LiteralPosition(Position):
    """Be a node of the texts' trie; -1 is before the first byte."""

    __slots__ = ("node",)

    def __init__(self, configurations: NDArray[np.int64], node: int) -> None:
        self.configurations, self.node = configurations, node
        self.is_noted = False
        # PERF: as `clear`, which would be called hundreds of times in a row
        self.base = self.cells = self.lent = self.words = self.values = self.stays = self.after = None
        self.is_accepting = self.is_complete = self.shortest = None
        self.token, self.next = NO_TOKEN, NO_MOVES


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
        self._token_bytes = vocabulary.token_bytes
        self._most_words = self._tables.num_words // 32
        self._ends = pack_token_ids(vocabulary.eos_token_ids, vocabulary.size)
        self._is_begun = False
        self._distances_of: NDArray[np.int32] | None = None
        self._start_row = self.start.configurations
        self.start = self._first = _LiteralPosition(self._start_row, _START)
        self._by_node: dict[int, _LiteralPosition] = {_START: self._first}

    def __del__(self) -> None:
        """Take the cycles apart."""
        self._untie(self.__dict__.get("_by_node", {}))
        super().__del__()

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the trie, the positions and their masks."""
        return super().memory_bytes + self._nodes.nbytes

    def advance(self, position: Position, token_id: int, text: TextSource) -> Position:
        """Return the position after a text token, ``REJECTED`` where it does not fit."""
        # PERF: no lock is taken: the trie never changes, and of two positions of one node either will do.
        after = self._after(position, self._token_bytes[token_id])  # type: ignore[arg-type]
        if self._position_bytes > self.max_bytes:
            self._forget()
        return self._remember(position, token_id, after)

    def advance_bytes(self, position: Position, data: bytes, text: TextSource) -> Position:
        """Return the position after some bytes, ``REJECTED`` where they do not fit."""
        assert isinstance(position, _LiteralPosition)
        return self._after(position, data)

    def _after(self, position: _LiteralPosition, data: bytes) -> Position:
        if not data:
            return REJECTED
        node = int(advance_texts_kernel(self._nodes, position.node, np.frombuffer(data, np.uint8), 0, len(data)))
        if node < 0:
            return REJECTED
        found = self._by_node.get(node)
        if found is None:
            found = self._by_node[node] = _LiteralPosition(self._start_row, node)
            self._position_bytes += POSITION_BYTES
        return found

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
            if not self._is_begun:
                self._is_begun = True
                self._fill_all()
            if position.base is not None:
                return
            tables, (first, end) = self._tables, self._children(position.node)
            mask, touched = np.zeros(tables.num_words, np.int32), np.empty(tables.num_words, np.int32)
            count = join_tries_kernel(
                tables.trie.nodes, tables.trie.duplicates, self._firsts(), self._nodes, first, end, self._scratch(),
                mask, touched, _NO_ROOM, np.zeros(1, np.int64),
            )  # fmt: skip
            words = touched[:count].astype(np.int64)
            self._keep(position, words, mask[words])

    def _fill_all(self) -> None:
        """Fill every mask where there are few texts: in all they cost less than some of them one by one."""
        nodes = self._nodes
        if not 0 < len(nodes) <= MOST_NODES or sum(map(len, self._literals().texts)) > MOST_BYTES:
            return
        tables, room = self._tables, 8 * MOST_NODES
        rests = np.empty(len(nodes), np.int32)
        unite_rests_kernel(nodes, np.full(4 * MOST_NODES, -1, np.int32)[: 2 << len(nodes).bit_length()], rests)
        starts = np.zeros(len(nodes) + 2, np.int32)
        words, values = np.empty(room, np.int64), np.empty(room, np.int32)
        mask, touched = np.zeros(tables.num_words, np.int32), np.empty(tables.num_words, np.int32)
        begins, moves = np.zeros_like(starts), np.empty((room, 2), np.int32)
        if join_all_tries_kernel(
            tables.trie.nodes, tables.trie.duplicates, self._firsts(), nodes, rests, self._scratch(), mask, touched,
            starts, words, values, begins, moves, np.zeros(1, np.int64),
        ):  # fmt: skip
            size = int(starts[-1])
            self._place_all(rests, starts, words[:size].copy(), values[:size].copy())
            self._move_all(begins.tolist(), moves[: begins[-1]])

    def _place_all(
        self, rests: NDArray[np.int32], starts: NDArray[np.int32], words: NDArray[np.int64], values: NDArray[np.int32]
    ) -> None:
        """Make the positions of all nodes with their masks, one for all after which the same may come."""
        numbers = np.flatnonzero(rests == np.arange(len(rests)))
        begins, ends = starts[numbers + 1], starts[numbers + 2]
        made = list(map(_LiteralPosition, repeat(self._start_row), numbers.tolist()))
        base = self._tables.empty_row
        for position, begin, end in zip(made, begins.tolist(), ends.tolist(), strict=True):
            position.base, position.words, position.values = base, words[begin:end], values[begin:end]
        text_ends, sizes = np.flatnonzero(self._ends), ends - begins
        end_values = self._ends[text_ends]
        is_odd = (self._nodes[numbers, TOKEN] >= 0) | (sizes > self._most_words)
        for place in np.flatnonzero(is_odd).tolist():
            if sizes[place]:
                self._keep(made[place], made[place].words, made[place].values)
            else:
                made[place].words, made[place].values = text_ends, end_values
        by_rest = dict(zip(numbers.tolist(), made, strict=True))
        by_node = dict(enumerate(map(by_rest.__getitem__, rests.tolist())))
        for node, place in dict(self._by_node).items():  # which matchers may hold, and others may add to
            if node != _START:
                new = by_node[node]
                place.base, place.words, place.values = new.base, new.words, new.values
        by_node[_START] = self._first
        self._keep(self._first, words[: starts[1]], values[: starts[1]])
        self._by_node = by_node
        self._position_bytes += 12 * len(words) + POSITION_BYTES * len(made)

    def _move_all(self, begins: list[int], moves: NDArray[np.int32]) -> None:
        """Note where each token leads from every position."""
        places = list(self._by_node.values())  # of the nodes, in order; then the start
        tokens, targets = moves[:, 0].tolist(), list(map(places.__getitem__, moves[:, 1].tolist()))
        begin = 0
        for place, end in zip([places[-1], *places], begins[1:], strict=False):
            if end - begin == 1:
                place.token, place.after = tokens[begin], targets[begin]
            elif end > begin:
                place.next = dict(zip(tokens[begin:end], targets[begin:end], strict=True))
            begin = end
        self._position_bytes += MOVE_BYTES * len(tokens)

    def _keep(self, position: _LiteralPosition, words: NDArray[np.int64], values: NDArray[np.int32]) -> None:
        """Keep a mask: as a row where many tokens are allowed, as the words that are not zero where few are."""
        is_dense, is_accepting = len(words) > self._most_words, self.is_accepting(position)
        if is_dense or is_accepting:
            row = self._tables.empty_row.copy()
            row[words] = values
            if is_accepting:
                row |= self._ends
            if is_dense:
                position.base, position.words, position.values = row, None, None
                self._position_bytes += row.nbytes
                return
            words = np.flatnonzero(row)
            values = row[words]
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

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        forgotten, self._by_node = self._by_node, {_START: self._first}
        self._untie(dict(forgotten))  # other threads may still add to it
        super()._forget()
