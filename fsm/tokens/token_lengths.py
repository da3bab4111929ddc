"""Know how many characters the tokens of a vocabulary have, for texts of limited length.

Cost: a pass over the trie, once per vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsm.patterns._position_kernels import count_characters_kernel
from fsm.tokens.tables import VocabularyTables
from fsm.tokens.token_parts import token_parts_of

__all__ = ["TokenLengths", "token_lengths_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLengths:
    """Hold the lengths in characters; a part of a character at the end of a token counts as one.

    before    : int16[N]   the whole characters before each node of the trie
    by_length : int32[T]   the tokens that are text, those of the most characters first
    longer    : int32[L]   how many tokens have more than so many characters
    """

    before: NDArray[np.int16]
    by_length: NDArray[np.int32]
    longer: NDArray[np.int32]


def token_lengths_of(tables: VocabularyTables) -> TokenLengths:
    """Return the lengths of a vocabulary's tokens, kept with it."""
    found: TokenLengths | None = tables.vocabulary.__dict__.get("_token_lengths")
    if found is None:
        trie = tables.trie
        before, counts = np.zeros(len(trie.nodes), np.int16), np.full(tables.vocabulary.size, -1, np.int16)
        path = np.zeros((trie.max_depth + 2, 2), np.int32)
        count_characters_kernel(token_parts_of(tables).texts, trie.nodes, trie.duplicates, path, before, counts)
        tokens = np.flatnonzero(counts >= 0)
        by_length = tokens[np.argsort(-counts[tokens], kind="stable")].astype(np.int32)
        most = int(counts.max(initial=0))
        longer = len(by_length) - np.searchsorted(np.sort(counts[tokens]), np.arange(most), side="right")
        found = TokenLengths(before=before, by_length=by_length, longer=longer.astype(np.int32))
        tables.vocabulary.__dict__["_token_lengths"] = found
    return found
