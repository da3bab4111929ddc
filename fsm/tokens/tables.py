"""Hold what every grammar shares for one vocabulary: the trie, endings after quotes, scratch room.

Input: a vocabulary. Cost: about 0.3 s for 128,000 tokens, once per vocabulary; then shared by reference.
"""

from __future__ import annotations

import itertools
import threading
from array import array
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm.addresses import addresses_of
from fsm.automata.dfa import LAST_SYMBOL
from fsm.errors import LimitError
from fsm.layout import CHAR, NUM_COLUMNS, STATE_POP, UNBOUNDED
from fsm.lent_row import MOST_SPARE, LentRow
from fsm.mask import num_mask_words
from fsm.tokens._body_kernels import decode_kernel
from fsm.tokens.character_classes import build_character_classes
from fsm.tokens.space_tokens import build_space_tokens
from fsm.tokens.trie import BYTE, SKIP, TOKEN, TokenTrie, build_token_trie, build_trie, name_walk
from fsm.vocabulary import Vocabulary

__all__ = ["QuoteEndings", "VocabularyTables", "Workspace", "vocabulary_tables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteEndings:
    """List the tokens that have a quote inside a JSON string, by what follows the quote; one may be listed twice.

    nodes   : int32[Q]   trie nodes whose byte is a quote, ascending
    quotes  : int32[P]   number of the quote, and in tokens the token; by ending
    starts  : int32[E + 1]  those with ending e are ``starts[e]:starts[e + 1]``; number 0: nothing follows
    trie    : the endings as a trie labelled by their number
    """

    nodes: NDArray[np.int32]
    quotes: NDArray[np.int32]
    tokens: NDArray[np.int32]
    starts: NDArray[np.int32]
    trie: TokenTrie


MAX_CONFIGURATIONS = 1 << 18
_BUILDING = threading.RLock()


class Workspace:
    """Hold scratch arrays for the kernels; owned by ``VocabularyTables`` and used under its lock.

    work     : int64[64, 5]     configurations yet to follow within one step
    frontier : int64[4096, 5]   configurations by depth of the walk
    levels   : int64[depth]     where each depth begins in the frontier
    mask     : int32[W]         the row being filled
    touched  : int32[4 * W]     words that differ from the base row
    path     : int64[depth, 4]    what to visit at each depth of the walk (``enter_kernel``)
    gates    : uint8[depth, 256]  bytes worth trying at each depth
    found    : int64[16, 2]     first bytes of numbers, with the state after each
    """

    __slots__ = ("_addresses", "found", "frontier", "gates", "levels", "mask", "path", "touched", "work")

    def __init__(self, num_words: int, max_depth: int) -> None:
        self.work = np.zeros((64, 5), np.int64)
        self.frontier = np.zeros((4096, 5), np.int64)
        self.levels = np.zeros(max_depth + 4, np.int64)
        self.mask = np.zeros(num_words, np.int32)
        self.path = np.zeros((max_depth + 4, 4), np.int64)
        self.found = np.zeros((16, 2), np.int64)
        self.gates = np.zeros((max_depth + 4, 256), np.uint8)
        self.touched = np.zeros(4 * num_words + 64, np.int32)
        self._addresses: NDArray[np.int64] | None = None

    @property
    def addresses(self) -> NDArray[np.int64]:
        """Name the arrays for kernels (``fsm.addresses``); good until the room grows."""
        if self._addresses is None:
            self._addresses = addresses_of(
                self.work, self.frontier, self.levels, self.path, self.gates, self.found, self.touched
            )
        return self._addresses

    def grow(self) -> None:
        """Double the room for configurations; what the frontier holds stays.

        Raises
        ------
        LimitError : more than ``MAX_CONFIGURATIONS`` would be held side by side.
        """
        if len(self.frontier) >= MAX_CONFIGURATIONS:
            raise LimitError(
                f"grammar: more than {MAX_CONFIGURATIONS} configurations side by side; "
                "the grammar is too ambiguous here: give its alternatives different beginnings"
            )
        work = np.zeros((2 * len(self.work), 5), np.int64)
        bigger = np.zeros((2 * len(self.frontier), 5), np.int64)
        bigger[: len(self.frontier)] = self.frontier
        # In one step, so that an interruption leaves no names of arrays that are gone.
        self.work, self.frontier, self._addresses = work, bigger, None


class VocabularyTables:
    """Hold everything grammars share for one vocabulary.

    Attributes
    ----------
    texts, offsets : uint8[N] the bytes of all tokens, one after another; where each begins (and the last one ends).
    trie : the tokens, depth first.
    endings : what may follow a quote inside a token.
    characters : int32[N, 2], what each trie node is inside a JSON string (``decode_kernel``).
    character_classes : the same by classes, for whole subtrees and tokens.
    spaces : what may follow white space at the beginning of a token.
    empty_row : int32[W], no token allowed.
    spare_rows : rows that matchers lent, for the next ones.
    addresses : int64, names the arrays of ``mask_entry``: duplicates, rows of white space, scratch mask, empty row, and
        what is walked (``name_walk``): all tokens, and those by what follows white space; once they are asked for,
        those that open a string and close it, by what follows, and all that open one (``fsm.tokens.openings``).
    rows_at : the rows that kernels begin masks with, by address.
    workspace, lock : scratch arrays and the lock under which they are used.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.num_words = num_mask_words(vocabulary.size)
        self.texts = np.frombuffer(b"".join(vocabulary.token_bytes) or b"\0", np.uint8)
        self.offsets = array("q", itertools.accumulate(map(len, vocabulary.token_bytes), initial=0))
        self.trie = build_token_trie(vocabulary)
        self.endings = _build_endings(vocabulary, self.trie)
        self.spaces = build_space_tokens(vocabulary)
        self.characters = _decode(self.trie)
        self.character_classes = build_character_classes(self.trie, self.characters, vocabulary.size)
        self.empty_row = np.zeros(self.num_words, np.int32)
        self.spare_rows: deque[LentRow] = deque(maxlen=MOST_SPARE)
        self.workspace = Workspace(self.num_words, self.trie.max_depth)
        self.lock = threading.RLock()
        spaces = self.spaces
        self._walks = (name_walk(self.trie), name_walk(spaces.trie, spaces.tokens, spaces.counts, spaces.starts))
        named = addresses_of(self.trie.twins, spaces.row_addresses, self.workspace.mask, self.empty_row, *self._walks)
        self.addresses = np.append(named, np.zeros(4, np.int64))
        self.rows_at = spaces.rows_at
        self.rows_at[int(self.addresses[6])] = self.empty_row

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the tables, scratch room included."""
        space, endings = self.workspace, self.endings
        arrays: list[NDArray[Any]]
        arrays = [endings.nodes, endings.quotes, endings.tokens, endings.starts]
        arrays += [self.spaces.tokens, self.spaces.counts, space.work, space.frontier, space.mask, space.touched]
        tries = (self.trie, self.spaces.trie, endings.trie)
        arrays += [self.texts, self.characters]
        shared = sum(trie.memory_bytes for trie in tries) + self.character_classes.memory_bytes
        return sum(array.nbytes for array in arrays) + 8 * len(self.offsets) + shared


def vocabulary_tables(vocabulary: Vocabulary) -> VocabularyTables:
    """Return the tables of a vocabulary, built on first use and kept with it."""
    tables: VocabularyTables | None = vocabulary.__dict__.get("_tables")
    if tables is None:
        with _BUILDING:  # one for all threads: it names arrays by their addresses
            tables = vocabulary.__dict__.get("_tables")
            if tables is None:
                tables = vocabulary.__dict__["_tables"] = VocabularyTables(vocabulary)
    return tables


def _decode(trie: TokenTrie) -> NDArray[np.int32]:
    """Read the trie's paths as characters of a JSON string, once for all automata."""
    characters = np.empty((len(trie.nodes), 2), np.int32)
    states = np.zeros((4, NUM_COLUMNS), np.int64)
    states[3] = (CHAR, 0, 1, 0, STATE_POP, 0, UNBOUNDED, 0)
    edges = np.array([(0, LAST_SYMBOL, 3)], np.int64)
    frontier = np.zeros((trie.max_depth + 4, 5), np.int64)
    frontier[0] = (3, 0, 0, 0, UNBOUNDED)
    decode_kernel(states, edges, frontier, np.zeros(trie.max_depth + 4, np.int64), trie.nodes, characters)
    return characters


def _build_endings(vocabulary: Vocabulary, trie: TokenTrie) -> QuoteEndings:
    quotes = np.flatnonzero(trie.nodes[:, BYTE] == ord('"')).astype(np.int32)
    listed: dict[bytes, list[tuple[int, int]]] = {b"": []}
    for number, node in enumerate(quotes.tolist()):
        depth = int(trie.nodes[node, 1])
        below = trie.nodes[node : trie.nodes[node, SKIP], TOKEN]
        for token in below[below >= 0].tolist():
            listed.setdefault(vocabulary.token_bytes[token][depth:], []).append((number, token))
    pairs = np.array(list(itertools.chain(*listed.values())), np.int32).reshape(-1, 2)
    return QuoteEndings(
        nodes=quotes,
        quotes=pairs[:, 0].copy(),
        tokens=pairs[:, 1].copy(),
        starts=np.cumsum([0, *map(len, listed.values())]).astype(np.int32),
        trie=build_trie(list(listed)[1:], list(range(1, len(listed))), len(listed)),
    )
