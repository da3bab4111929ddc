"""Split the tokens of a vocabulary by length, and say of every node of their tries what its subtree holds.

Nearly all tokens are short, and few places of a grammar differ for them. Cost: some 20 ms and 7 MB for 128,000 tokens,
once per vocabulary, and 12 MB more where they are split.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fsm.addresses import addresses_of
from fsm.automata.texts import ALL_TEXTS
from fsm.mask import pack_token_ids
from fsm.patterns._byte_kernels import keep_nodes_kernel, measure_nodes_kernel, split_trie_kernel
from fsm.patterns.byte_table import ByteTable
from fsm.tokens.tables import VocabularyTables
from fsm.tokens.trie import BYTE, SKIP, TOKEN

__all__ = ["SHORT", "TokenPart", "TokenParts", "TokenTexts", "first_nodes", "measure_nodes", "token_parts_of"]

SHORT = 16
"""Bytes of the longest token that counts as short."""

_ANY = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTexts:
    """Hold texts as a trie, the tokens that each belongs to, and what its subtrees hold (``measure_nodes_kernel``).

    nodes   : int32[N, 4]    ``fsm.tokens.trie``;  low, high : uint64[N];  heights : int32[N]
    ordered : int32[T]       the tokens in the order of the trie
    places  : int32[N + 1]   how many come before each node
    firsts  : int32[256]     the nodes by first byte, or -1
    addresses : names the arrays for kernels (``fsm.addresses``)
    """

    nodes: NDArray[np.int32]
    low: NDArray[np.uint64]
    high: NDArray[np.uint64]
    heights: NDArray[np.int32]
    ordered: NDArray[np.int32]
    places: NDArray[np.int32]
    firsts: NDArray[np.int32] = field(init=False)
    addresses: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Find the first nodes and name the arrays, which never move."""
        firsts = first_nodes(self.nodes)
        arrays = (self.nodes, self.low, self.high, self.heights, self.ordered, self.places, firsts)
        object.__setattr__(self, "firsts", firsts)
        object.__setattr__(self, "addresses", addresses_of(*arrays))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPart(TokenTexts):
    """Hold the tokens of some lengths.

    name    : which part it is
    every   : int32[W]   all of them
    """

    name: str
    every: NDArray[np.int32]


class TokenParts:
    """Make the short tokens of a vocabulary, the long ones, and all of them, each when first asked for.

    texts : int32[S, 256]   an automaton of all texts, state 1 between characters

    Parameters
    ----------
    tables : what the vocabulary knows.
    """

    def __init__(self, tables: VocabularyTables) -> None:
        self._tables = tables
        texts = ByteTable(ALL_TEXTS(), lambda state: state)
        texts.number(texts.dfa.start)
        for number in iter(lambda: int(np.argmax(texts.delta[: len(texts.places), 0] < 0)), 0):
            texts.expand(number)
        self.texts: NDArray[np.int32] = texts.delta

    @cached_property
    def short(self) -> TokenPart:
        """The tokens of up to ``SHORT`` bytes."""
        return _part("short", self._tables, self.texts, (1, SHORT))

    @cached_property
    def long(self) -> TokenPart:
        """The tokens of more bytes."""
        return _part("long", self._tables, self.texts, (SHORT + 1, _ANY))

    @cached_property
    def broken(self) -> NDArray[np.int32]:
        """The tokens that end inside a character, where they are text: int32[W]."""
        ends = np.array(self._tables.offsets[1:], np.int64)
        sizes = np.diff(np.array(self._tables.offsets, np.int64))
        found = np.zeros(len(ends), bool)
        for back, least in ((1, 0xC0), (2, 0xE0), (3, 0xF0)):  # a first byte of more bytes than are left
            found |= (sizes >= back) & (self._tables.texts[np.maximum(ends - back, 0)] >= least)
        return pack_token_ids(np.flatnonzero(found).tolist(), self._tables.vocabulary.size)

    @cached_property
    def whole(self) -> TokenPart:
        """All of them."""
        return _part("whole", self._tables, self.texts, (1, _ANY))


def token_parts_of(tables: VocabularyTables) -> TokenParts:
    """Return the parts of a vocabulary, kept with it."""
    found: TokenParts | None = tables.vocabulary.__dict__.get("_token_parts")
    if found is None:
        found = tables.vocabulary.__dict__["_token_parts"] = TokenParts(tables)
    return found


def _part(name: str, tables: VocabularyTables, texts: NDArray[np.int32], span: tuple[int, int]) -> TokenPart:
    least, most = span
    nodes, size = tables.trie.nodes, tables.trie.max_depth
    kept = np.zeros(len(nodes) + 1, np.int32)
    part = np.empty((keep_nodes_kernel(nodes, least, most, kept), 4), np.int32)
    split_trie_kernel(nodes, least, most, kept, part)
    if len(part) == len(nodes) and most == _ANY:
        part = nodes
    low, high, heights = measure_nodes(texts, part, size)
    ordered, places = _order(part, tables.trie.duplicates)
    every = pack_token_ids(ordered.tolist(), tables.vocabulary.size)
    return TokenPart(
        name=name,
        nodes=part,
        low=low,
        high=high,
        heights=heights,
        every=every,
        ordered=ordered,
        places=places,
    )


def measure_nodes(
    texts: NDArray[np.int32], nodes: NDArray[np.int32], max_depth: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int32]]:
    """Return what the subtrees of a trie hold (``measure_nodes_kernel``): low, high and heights.

    texts : int32[S, 256]   an automaton of all texts, state 1 between characters
    """
    low, high = np.empty((2, len(nodes)), np.uint64)
    heights = np.empty(len(nodes), np.int32)
    measure_nodes_kernel(texts, nodes, np.zeros(max_depth + 2, np.int32), low, high, heights)
    return low, high, heights


def first_nodes(nodes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the nodes of a trie by first byte: int32[256], -1 where there is none."""
    found, node = np.full(256, -1, np.int32), 0
    while node < len(nodes):
        found[nodes[node, BYTE]] = node
        node = int(nodes[node, SKIP])
    return found


def _order(nodes: NDArray[np.int32], duplicates: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return all tokens in the order of the trie, and how many come before each node."""
    counts = np.zeros(len(nodes) + 1, np.int32)
    is_token = nodes[:, TOKEN] >= 0
    counts[1:] = is_token
    tokens = nodes[is_token, TOKEN]
    if (duplicates[tokens] >= 0).any():
        ordered: list[int] = []
        sizes: list[int] = []
        for first in tokens.tolist():
            before, token = len(ordered), first
            while token >= 0:
                ordered.append(token)
                token = int(duplicates[token])
            sizes.append(len(ordered) - before)
        counts[1:][is_token] = sizes
        tokens = np.array(ordered, np.int32)
    return tokens, np.cumsum(counts, dtype=np.int32)
