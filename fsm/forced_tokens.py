"""Spell forced bytes in tokens: longest match first, and nothing that a longer token might swallow."""

from __future__ import annotations

from fsm.tables import vocabulary_tables
from fsm.trie import BYTE, SKIP, TOKEN
from fsm.vocabulary import Vocabulary

__all__ = ["split_forced"]


def split_forced(vocabulary: Vocabulary, forced: bytes) -> list[int]:
    """Return the ids of longest tokens one after another, as far as no token reaches past the forced bytes.

    Cost: one step down the trie per byte.
    """
    found: list[int] = []
    place = 0
    while place < len(forced):
        token, size, reaches_past = _longest_token(vocabulary, forced, place)
        if token < 0 or reaches_past:
            break
        found.append(token)
        place += size
    return found


def _longest_token(vocabulary: Vocabulary, text: bytes, start: int) -> tuple[int, int, bool]:
    """Return the longest token at a place, its size, and whether the text ends inside a longer one."""
    trie = vocabulary_tables(vocabulary).trie
    nodes = trie.nodes
    node = int(trie.roots[text[start]])
    best, size = -1, 0
    if node < 0:
        return best, size, False
    for place in range(start, len(text)):
        if nodes[node, TOKEN] >= 0:
            best, size = int(nodes[node, TOKEN]), place - start + 1
        child, end = node + 1, int(nodes[node, SKIP])
        if place + 1 == len(text):
            return best, size, child < end
        while child < end and nodes[child, BYTE] != text[place + 1]:
            child = int(nodes[child, SKIP])
        if child >= end:
            break
        node = child
    return best, size, False
