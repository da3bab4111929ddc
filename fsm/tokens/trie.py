"""Flatten the tokens of a vocabulary into a depth-first trie, so that a walk is one loop over an array.

Cost: one sort of the tokens and one pass over their bytes; about 0.2 s for 128,000 tokens, once per vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm.addresses import addresses_of
from fsm.codes import NUMERAL
from fsm.layout import CHAR, NUM_COLUMNS, STATE_POP, UNBOUNDED
from fsm.tokens._body_kernels import openings_kernel
from fsm.tokens._trie_kernels import build_trie_kernel, count_nodes_kernel, group_siblings_kernel
from fsm.vocabulary import Vocabulary

__all__ = [
    "BYTE",
    "DEPTH",
    "END",
    "FIRST",
    "MARK",
    "PLACE",
    "SKIP",
    "TOKEN",
    "TokenTrie",
    "build_token_trie",
    "build_trie",
    "name_walk",
]

BYTE, DEPTH, SKIP, TOKEN = range(4)
FIRST, END, MARK = range(3)
PLACE, OPENING = range(2)
QUOTE = ord('"')
_NUMBER_BYTES = np.frombuffer(b"0123456789+-.eE", np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTrie:
    """Hold the tokens as a depth-first trie.

    nodes      : int32[N, 4]   depth first: byte, depth (1 = first byte), first node after the subtree, token id or -1
    duplicates : int32[V]      another token with the same bytes, or -1; the chain visits all of them
    twins      : int32[V]      the same; int32[0] where no two tokens have the same bytes
    max_depth  : the longest token in bytes

    The same nodes after a root numbered 0, siblings side by side and what is below them behind them, so that a walk
    stays in one place of memory:

    labels   : uint8[N + 1]     byte
    rows     : int32[N + 1, 3]  first child, the one after the last child, token id or -1
    marks    : int32[N + 1, 2]  number of the node depth first; number of the quote; or ``NUMERAL`` where a number
                                begins and nothing but numbers is spelled below; else -1

    What follows a quote, read as the body of a JSON string without rules:

    inside   : int32[Q + 1, 2]  where each quote's tokens begin in ``insides``, and its nodes in ``closings``
    insides  : int32[I]         tokens that end inside the string
    closings : int32[C]         nodes, by their number, whose byte closes it
    addresses : int64           names the arrays for kernels (``fsm.addresses``)
    """

    nodes: NDArray[np.int32]
    duplicates: NDArray[np.int32]
    max_depth: int
    labels: NDArray[np.uint8]
    rows: NDArray[np.int32]
    marks: NDArray[np.int32]
    inside: NDArray[np.int32]
    insides: NDArray[np.int32]
    closings: NDArray[np.int32]
    twins: NDArray[np.int32] = field(init=False)
    addresses: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Name the arrays, which never move."""
        object.__setattr__(self, "twins", self.duplicates if (self.duplicates >= 0).any() else self.duplicates[:0])
        arrays = (self.labels, self.rows, self.nodes, self.inside, self.closings, self.insides, self.marks)
        object.__setattr__(self, "addresses", addresses_of(*arrays))

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of all arrays."""
        arrays: tuple[NDArray[Any], ...] = (
            self.nodes, self.duplicates, self.labels, self.rows, self.marks, self.inside, self.insides, self.closings,
        )  # fmt: skip
        return sum(array.nbytes for array in arrays)


_NOTHING = np.zeros(0, np.int32)


def name_walk(
    trie: TokenTrie,
    tokens: NDArray[np.int32] = _NOTHING,
    counts: NDArray[np.int32] = _NOTHING,
    starts: NDArray[np.int32] = _NOTHING,
    *more: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Name what a kernel walks (``mask_entry``): a trie; for one of endings also the tokens with each: int64[20].

    more : arrays that are named after these, two numbers each.
    """
    return np.concatenate([trie.addresses, addresses_of(tokens, counts, starts, *more)])


def build_token_trie(vocabulary: Vocabulary) -> TokenTrie:
    """Build the trie of a vocabulary's text tokens; special and empty tokens are left out."""
    ids = vocabulary.text_token_ids
    return build_trie([vocabulary.token_bytes[i] for i in ids], ids, vocabulary.size)


def build_trie(strings: list[bytes], labels: tuple[int, ...] | list[int], num_labels: int) -> TokenTrie:
    """Build the trie of non-empty byte strings, each with a label below ``num_labels``."""
    order = sorted(range(len(strings)), key=strings.__getitem__)
    joined = np.frombuffer(b"".join([strings[i] for i in order]) or b"\0", np.uint8)
    lengths = np.fromiter((len(strings[i]) for i in order), np.int64, len(order))
    offsets = np.zeros(len(order) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    ids = np.fromiter((labels[i] for i in order), np.int32, len(order))
    nodes = np.empty((count_nodes_kernel(joined, offsets), 4), np.int32)
    duplicates = np.full(num_labels, -1, np.int32)
    build_trie_kernel(joined, offsets, ids, nodes, duplicates)
    return _with_siblings(nodes, duplicates, int(lengths.max()) if order else 0)


def _with_siblings(nodes: NDArray[np.int32], duplicates: NDArray[np.int32], max_depth: int) -> TokenTrie:
    """Number the nodes siblings first as well."""
    num_nodes = len(nodes)
    numbers = np.empty(num_nodes, np.int32)
    children = np.empty((num_nodes + 1, 2), np.int32)
    group_siblings_kernel(nodes, numbers, children)
    places = np.empty(num_nodes, np.int32)
    places[numbers - 1] = np.arange(num_nodes, dtype=np.int32)
    labels = np.zeros(num_nodes + 1, np.uint8)
    labels[1:] = nodes[places, BYTE]
    quotes = np.flatnonzero(labels == QUOTE)
    rows = np.full((num_nodes + 1, 3), -1, np.int32)
    rows[:, :MARK] = children
    rows[1:, MARK] = nodes[places, TOKEN]
    marks = np.full((num_nodes + 1, 2), -1, np.int32)
    marks[1:, PLACE] = places
    marks[quotes, OPENING] = np.arange(len(quotes))
    marks[_numerals(nodes, numbers), OPENING] = NUMERAL
    inside, insides, closings = _read_openings(nodes, numbers, places[quotes - 1], max_depth)
    return TokenTrie(
        nodes=nodes,
        duplicates=duplicates,
        max_depth=max_depth,
        labels=labels,
        rows=rows,
        marks=marks,
        inside=inside,
        insides=insides,
        closings=closings,
    )


def _numerals(nodes: NDArray[np.int32], numbers: NDArray[np.int32]) -> list[int]:
    """Return the nodes of first bytes of numbers below which nothing but numbers is spelled."""
    found, node = [], 0
    while node < len(nodes):
        end = int(nodes[node, SKIP])
        if nodes[node, BYTE] in b"0123456789-" and np.isin(nodes[node:end, BYTE], _NUMBER_BYTES).all():
            found.append(int(numbers[node]))
        node = end
    return found


def _read_openings(
    nodes: NDArray[np.int32], numbers: NDArray[np.int32], quotes: NDArray[np.int32], max_depth: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Find, for every quote, the tokens that stay inside a free string that it opens, and where it closes."""
    states = np.zeros((4, NUM_COLUMNS), np.int64)
    states[3] = (CHAR, 0, 1, 0, STATE_POP, 0, UNBOUNDED, 0)
    inside = np.zeros((len(quotes) + 1, 2), np.int32)
    levels = np.zeros(max_depth + 4, np.int64)
    sizes = [4 * len(quotes), 4 * len(quotes)]
    while True:
        insides, closings = (np.empty(size, np.int32) for size in sizes)
        if openings_kernel(states, levels, nodes, numbers, quotes, inside, closings, insides):
            num_inside, num_closings = inside[-1].tolist()
            return inside, insides[:num_inside].copy(), closings[:num_closings].copy()
        sizes = inside[-1].tolist()
