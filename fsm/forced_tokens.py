"""Spell forced bytes in tokens: longest match first, and nothing that a longer token might swallow."""

from __future__ import annotations

import numpy as np

from fsm.tokens._trie_kernels import split_kernel
from fsm.tokens.tables import vocabulary_tables
from fsm.vocabulary import Vocabulary

__all__ = ["split_forced"]


def split_forced(vocabulary: Vocabulary, forced: bytes, *, is_whole: bool = False) -> list[int]:
    """Return the ids of longest tokens one after another, as far as they are certain.

    Cost: one step down the trie per byte.

    Parameters
    ----------
    is_whole : whether nothing follows the bytes; else a token that might reach past them ends the split.
    """
    trie, text = vocabulary_tables(vocabulary).trie, np.frombuffer(forced, np.uint8)
    found = np.empty(len(text), np.int32)
    count = split_kernel(trie.labels, trie.rows, text, is_whole, found)
    tokens: list[int] = found[:count].tolist()
    return tokens
