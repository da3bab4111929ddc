"""Spell forced bytes in tokens: longest match first, and nothing that a longer token might swallow."""

from __future__ import annotations

import numpy as np

from fsm.tokens.tables import vocabulary_tables
from fsm.tokens.trie import END, FIRST, MARK
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
    node, best, size = 0, -1, 0
    for place in range(start, len(text)):
        first, end = int(trie.rows[node, FIRST]), int(trie.rows[node, END])
        node = first + int(np.searchsorted(trie.labels[first:end], text[place]))
        if node == end or trie.labels[node] != text[place]:
            return best, size, False
        if trie.rows[node, MARK] >= 0:
            best, size = int(trie.rows[node, MARK]), place - start + 1
    return best, size, bool(trie.rows[node, FIRST] < trie.rows[node, END])
