"""List the tokens that spell a text on: those that begin it, those that begin with it and go on as a grammar allows.

Cost: a step down the trie per byte; for what goes on, a step of the grammar per trie node that fits.
"""

from __future__ import annotations

import numpy as np

from fsm.compiled import Compiled
from fsm.position import REJECTED, Position
from fsm.tokens.tables import VocabularyTables, vocabulary_tables
from fsm.tokens.trie import BYTE, DEPTH, END, FIRST, PLACE, SKIP, TOKEN
from fsm.vocabulary import Vocabulary

__all__ = ["iterate_beginnings", "list_extensions"]


def iterate_beginnings(vocabulary: Vocabulary, text: bytes) -> list[tuple[int, int]]:
    """Return (token, size) of every text token that begins ``text``, the whole of it included.

    Examples
    --------
    >>> iterate_beginnings(Vocabulary([b"a", b"ab", b"b"]), b"abc")
    [(0, 1), (1, 2)]
    """
    tables = vocabulary_tables(vocabulary)
    found = []
    for size, node in enumerate(_path(tables, text), 1):
        found += [(token, size) for token in _labels(tables, node)]
    return found


def list_extensions(vocabulary: Vocabulary, text: bytes, compiled: Compiled | None = None) -> list[int]:
    """Return every text token that begins with ``text``, is longer, and whose rest may begin a text of the grammar.

    Parameters
    ----------
    compiled : the grammar, compiled for this vocabulary; None allows every rest.

    Examples
    --------
    >>> list_extensions(Vocabulary([b"a", b"ab", b"ac"]), b"a")
    [1, 2]
    """
    tables = vocabulary_tables(vocabulary)
    path = _path(tables, text)
    if not text or len(path) < len(text):
        return []
    if compiled is None:
        return _every_below(tables, path[-1])
    return _those_that_fit(tables, path[-1], compiled)


def _path(tables: VocabularyTables, text: bytes) -> list[int]:
    """Return the trie nodes along a text, as far as there are any."""
    trie, found, node = tables.trie, [], 0
    for byte in text:
        first, end = int(trie.rows[node, FIRST]), int(trie.rows[node, END])
        node = first + int(np.searchsorted(trie.labels[first:end], byte))
        if node == end or trie.labels[node] != byte:
            break
        found.append(int(trie.marks[node, PLACE]))
    return found


def _labels(tables: VocabularyTables, node: int) -> list[int]:
    """Return the tokens that end at a node."""
    found = []
    token = int(tables.trie.nodes[node, TOKEN])
    while token >= 0:
        found.append(token)
        token = int(tables.trie.duplicates[token])
    return found


def _every_below(tables: VocabularyTables, node: int) -> list[int]:
    nodes = tables.trie.nodes
    below = nodes[node + 1 : nodes[node, SKIP], TOKEN]
    found = below[below >= 0]
    everything = []
    while len(found):
        everything.append(found)
        found = tables.trie.duplicates[found]
        found = found[found >= 0]
    return sorted(np.concatenate(everything).tolist()) if everything else []


def _those_that_fit(tables: VocabularyTables, top: int, compiled: Compiled) -> list[int]:
    nodes = tables.trie.nodes
    base = int(nodes[top, DEPTH])
    positions: list[Position] = [compiled.start]
    read = bytearray()
    found: list[int] = []
    node, end = top + 1, int(nodes[top, SKIP])
    while node < end:
        depth = int(nodes[node, DEPTH]) - base
        del positions[depth:], read[depth - 1 :]
        before = bytes(read)
        after = compiled.advance_bytes(positions[-1], bytes([nodes[node, BYTE]]), lambda before=before: before)  # type: ignore[misc]
        if after is REJECTED:
            node = int(nodes[node, SKIP])
            continue
        positions.append(after)
        read.append(int(nodes[node, BYTE]))
        found += _labels(tables, node)
        node += 1
    return sorted(found)
