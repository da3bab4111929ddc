"""Sort the tokens that open a JSON string by what they do inside it, for strings without rules.

Where any string may begin, thousands of tokens open one, perhaps after white space. Which of them stay inside is known
once per vocabulary; of those that close it again, what follows is walked, once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fsm.addresses import addresses_of
from fsm.codes import PARTIAL
from fsm.dfa import any_string
from fsm.mask import allowed_token_ids, pack_token_ids
from fsm.summaries import summaries_of
from fsm.tokens.tables import VocabularyTables, vocabulary_tables
from fsm.tokens.trie import TOKEN, TokenTrie, name_walk
from fsm.vocabulary import Vocabulary

__all__ = ["Openings", "openings_of", "staying_row"]

_SPACES = b" \t\n\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """Hold the tokens that are white space, a quote, and something more.

    inside : (white space characters, token) of those that stay inside the string, ascending
    trie   : what follows the closing quote in the others
    exits  : those others by ending, as ``Exits``: tokens, white space before, starts
    bodies : what follows the opening quote in all of them, as a trie
    spelled : all of them by body: tokens, white space before, starts
    walks   : names for kernels what follows the closing quote, and the bodies
    """

    inside: tuple[tuple[int, int], ...]
    trie: TokenTrie
    exits: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
    bodies: TokenTrie
    spelled: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
    vocabulary_size: int
    walks: tuple[NDArray[np.int64], NDArray[np.int64]] = field(init=False)
    _rows: dict[tuple[int, int], tuple[NDArray[np.int32], NDArray[np.int32]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name what kernels walk."""
        walks = name_walk(self.trie, *self.exits), name_walk(self.bodies, *self.spelled)
        object.__setattr__(self, "walks", walks)

    def row(self, base: NDArray[np.int32], most: int) -> NDArray[np.int32]:
        """Return a base row with the tokens that stay inside, after at most so much white space."""
        most = min(most, self.inside[-1][0] if self.inside else 0)
        kept = self._rows.get((id(base), most))
        if kept is None:
            inside = pack_token_ids([token for count, token in self.inside if count <= most], self.vocabulary_size)
            kept = self._rows[id(base), most] = (base, base | inside)
        return kept[1]


def openings_of(tables: VocabularyTables) -> Openings:
    """Return the openings of a vocabulary, sorted on first use; its tables keep them, whose lock the caller holds."""
    openings: Openings | None = tables.__dict__.get("_openings")
    if openings is None:
        openings = _build(tables.vocabulary)
        tables.addresses[12:] = addresses_of(*openings.walks)
        tables.__dict__["_openings"] = openings  # last: whoever finds them finds them named
    return openings


def staying_row(tables: VocabularyTables) -> NDArray[np.int32]:
    """Return the tokens that a free string reads whole and is then where it was: int32[W]; kept with the vocabulary."""
    row: NDArray[np.int32] | None = tables.vocabulary.__dict__.get("_staying")
    if row is None:
        dfa = any_string()
        inside = summaries_of(tables.vocabulary).get(dfa, dfa.start, counted=False).base
        nodes = tables.trie.nodes
        tokens = nodes[(nodes[:, TOKEN] >= 0) & (tables.characters[:, 0] == PARTIAL), TOKEN]
        partial: list[int] = []
        while len(tokens):
            partial += tokens.tolist()
            tokens = tables.trie.duplicates[tokens]
            tokens = tokens[tokens >= 0]
        row = inside & ~pack_token_ids(partial, tables.vocabulary.size)
        tables.vocabulary.__dict__["_staying"] = row
    return row


def _build(vocabulary: Vocabulary) -> Openings:
    """Summarise the free string over what follows the opening quote, as over a vocabulary of its own."""
    groups: dict[bytes, list[tuple[int, int]]] = {}
    for token in vocabulary.text_token_ids:
        text = vocabulary.token_bytes[token]
        rest = text.lstrip(_SPACES)
        if rest[:1] == b'"':
            groups.setdefault(rest[1:], []).append((len(text) - len(rest), token))
    inside = groups.pop(b"", [])
    bodies = Vocabulary(list(groups) or [b"x"])
    summary = summaries_of(bodies).get(any_string(), any_string().start, counted=False)
    pairs = list(groups.values())
    for body in allowed_token_ids(summary.base).tolist():
        inside = inside + pairs[body] if pairs else inside
    exits = summary.exits
    numbers = np.repeat(np.arange(len(exits.starts) - 1), np.diff(exits.starts))
    tokens, counts, endings = [], [], []
    for body, ending in zip(exits.tokens.tolist(), numbers.tolist(), strict=True):
        for count, token in pairs[body]:
            tokens.append(token)
            counts.append(count)
            endings.append(ending)
    return Openings(
        inside=tuple(sorted(inside)),
        trie=vocabulary_tables(bodies).endings.trie,
        exits=(
            np.array(tokens, np.int32),
            np.array(counts, np.int32),
            np.searchsorted(endings, np.arange(len(exits.starts))).astype(np.int32),
        ),
        bodies=vocabulary_tables(bodies).trie,
        spelled=(
            np.array([token for group in pairs for _, token in group], np.int32),
            np.array([count for group in pairs for count, _ in group], np.int32),
            np.cumsum([0, *(len(group) for group in pairs)]).astype(np.int32),
        ),
        vocabulary_size=vocabulary.size,
    )
