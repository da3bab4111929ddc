"""Know, per vocabulary, which tokens only hold bytes of a set, and where the others leave it.

A name, a string or a comment reads on and on by the same bytes, whatever grammar it stands in. The tokens that do
nothing else are one row, made once; only what follows the nodes at which a token leaves the set depends on the grammar.
Cost: some 0.1 ms per set of bytes, once per vocabulary.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fsm.addresses import addresses_of
from fsm.patterns._byte_kernels import WIDE
from fsm.tokens._loop_kernels import leave_loop_kernel
from fsm.tokens.tables import VocabularyTables
from fsm.tokens.token_parts import TokenPart, TokenTexts, token_parts_of
from fsm.tokens.token_rests import join_rests
from fsm.tokens.trie import BYTE, DEPTH, SKIP

__all__ = ["ROOT", "TokenLoop", "TokenLoops", "token_loops_of"]

ROOT = -1
"""Stands for the whole trie."""

_HALF = (1 << 64) - 1

_MANY, _OFTEN = 500, 32
"""Exits of a loop, and how often it is asked for, from where on what follows at them is joined."""

MOST_LOOPS = 64
"""Sets of bytes that are kept per vocabulary; the least recently asked for go first."""


@dataclass(slots=True, kw_only=True)
class TokenLoop:
    """Hold what a set of bytes does to the tokens below a node of the trie.

    row      : int32[W]     the tokens that go on by its bytes only
    exits    : int32[E]     the nodes of the trie at which others leave it, by byte
    groups   : int32[257]   where the exits of each byte begin
    begins   : int32[E]     the child of the node on the way to each exit
    children : int32[C]     all children of the node
    depth    : how many bytes come before
    firsts   : the exits that are children of the node, as a loop of its own; once there are ``rests``
    rests    : what follows at the other exits, each text once; once the loop was asked for often
    stays    : int32[W]     of ``row``, those that end between characters; once they were asked for
    addresses : names the arrays for kernels (``fsm.addresses``)
    """

    row: NDArray[np.int32]
    exits: NDArray[np.int32]
    groups: NDArray[np.int32]
    begins: NDArray[np.int32]
    children: NDArray[np.int32]
    depth: int
    firsts: TokenLoop | None = None
    rests: TokenTexts | None = None
    num_asked: int = 0
    stays: NDArray[np.int32] | None = None
    addresses: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Name the arrays, which never move."""
        self.addresses = addresses_of(self.row, self.exits, self.groups, self.begins, self.children)


class TokenLoops:
    """Make and keep the loops of one vocabulary.

    addresses : names the tokens that are looked at, for kernels (``fsm.addresses``)

    Parameters
    ----------
    tables : what the vocabulary knows.
    texts : an automaton of all texts, state 1 between characters.
    part : the tokens that are looked at.
    """

    def __init__(self, tables: VocabularyTables, texts: NDArray[np.int32], part: TokenPart) -> None:
        self._tables = tables
        self._texts, self._part = texts, part
        self.addresses = part.addresses
        self._known: OrderedDict[tuple[int, int, int, int], TokenLoop] = OrderedDict()
        self._path = np.zeros(tables.trie.max_depth + 2, np.int32)
        self._children_of: dict[int, NDArray[np.int32]] = {}

    def get(self, low: int, high: int, wide: int, node: int = ROOT) -> TokenLoop:
        """Return what a set of bytes does below a node between characters (``fsm.rules._set_loop_kernels``)."""
        key = (low, high, wide, node)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST_LOOPS:
                self._known.popitem(last=False)
            known = self._known[key] = self._make(np.array((low, high, wide), np.uint64), node)
        else:
            self._known.move_to_end(key)
        return known

    def after(self, node: int) -> int:
        """Return the node after a subtree."""
        return int(self._part.nodes[node, SKIP])

    def ask_rests(self, loop: TokenLoop, *, at_once: bool = False) -> bool:
        """Tell whether ``rests`` are there: a loop of many exits that is asked for often is worth their making."""
        loop.num_asked += 1
        if loop.rests is None and len(loop.exits) > _MANY and (at_once or loop.num_asked >= _OFTEN):
            is_first = self._part.nodes[loop.exits, DEPTH] == loop.depth + 1
            exits = loop.exits[is_first]
            groups = np.searchsorted(self._part.nodes[exits, BYTE], np.arange(257)).astype(np.int32)
            loop.firsts = replace(loop, exits=exits, groups=groups, begins=loop.begins[is_first])
            loop.rests = join_rests(self._part, self._texts, loop.exits[~is_first], self._tables.trie.max_depth)
        return loop.rests is not None

    def staying(self, loop: TokenLoop) -> NDArray[np.int32]:
        """Return the tokens after which the loop goes on as before: int32[W]."""
        if loop.stays is None:
            loop.stays = loop.row & ~token_parts_of(self._tables).broken
        return loop.stays

    def _make(self, loop: NDArray[np.uint64], node: int) -> TokenLoop:
        part, row = self._part, np.zeros(self._tables.num_words, np.int32)
        exits, begins = np.empty(len(part.nodes), np.int32), np.empty(len(part.nodes), np.int32)
        count = leave_loop_kernel(
            self._texts, part.nodes, part.low, part.high, part.heights, part.ordered, part.places, node, loop,
            self._path, exits, begins, row,
        )  # fmt: skip
        found = exits[:count]
        labels = part.nodes[found, BYTE]
        order = np.argsort(labels, kind="stable")
        groups = np.searchsorted(labels[order], np.arange(257)).astype(np.int32)
        depth = 0 if node == ROOT else int(part.nodes[node, DEPTH])
        return TokenLoop(
            row=row,
            exits=found[order],
            groups=groups,
            begins=begins[:count][order],
            children=self.children(node),
            depth=depth,
        )

    def children(self, node: int) -> NDArray[np.int32]:
        """Return the children of a node."""
        known = self._children_of.get(node)
        if known is None:
            found, nodes = [], self._part.nodes
            child, end = (0, len(nodes)) if node == ROOT else (node + 1, int(nodes[node, SKIP]))
            while child < end:
                found.append(child)
                child = int(nodes[child, SKIP])
            known = self._children_of[node] = np.array(found, np.int32)
        return known

    def make_common(self) -> None:
        """Make what nearly every grammar asks for: strings, of JSON and others, words, lines, any text."""
        every = (1 << 128) - 1
        unescaped = every & ~(1 << 34 | 1 << 92)
        quoted = every & ~((1 << 32) - 1 | 1 << 34 | 1 << 92)
        lines = every & ~(1 << 10)
        letters = sum(1 << byte for byte in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        words = letters | sum(1 << byte for byte in b"0123456789_")
        for bits, wide in ((quoted, WIDE), (unescaped, WIDE), (lines, WIDE), (every, WIDE), (words, 0)):
            self.ask_rests(self.get(bits & _HALF, bits >> 64, wide), at_once=True)
        spaces = [int(child) for child in self.children(ROOT) if self._part.nodes[child, BYTE] == ord(" ")]
        for node in spaces:
            self.get(words & _HALF, words >> 64, 0, node)


def token_loops_of(tables: VocabularyTables, part: TokenPart) -> TokenLoops:
    """Return the loops of a part of a vocabulary, kept with it."""
    kept: dict[str, TokenLoops] = tables.vocabulary.__dict__.setdefault("_token_loops", {})
    found = kept.get(part.name)
    if found is None:
        found = kept[part.name] = TokenLoops(tables, token_parts_of(tables).texts, part)
        if part is token_parts_of(tables).whole:
            found.make_common()
    return found
