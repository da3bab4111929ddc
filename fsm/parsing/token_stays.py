"""Remember, for places inside tokens that read nearly everything, which tokens of the vocabulary stay there.

Inside a string, a comment or a name, that depends on the place alone, not on the rules that are open; only what follows
where the token may end is walked anew. Cost: a walk of the trie for each place that comes a second time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import EXPANSION_LOCK
from fsm.parsing._token_kernels import NEED_ROW, stay_inside_kernel
from fsm.parsing.token_tables import TokenTables
from fsm.tokens.tables import VocabularyTables

__all__ = ["TokenStay", "TokenStays"]

MOST_EXITS = 20_000
"""Where a token may end at more nodes than these, a walk of all is as good."""

MOST_STAYS = 128
"""More places than these are forgotten."""

FEWEST_TOKENS = 1_000
"""Where fewer tokens stay inside, nothing is saved."""


@dataclass(frozen=True, slots=True)
class TokenStay:
    """Hold one place.

    row   : int32[W]     the tokens that stay inside
    exits : int32[E, 2]  trie nodes whose byte the token may end before, with its state there
    """

    row: NDArray[np.int32]
    exits: NDArray[np.int32]


class TokenStays:
    """Hold places inside tokens of one grammar for one vocabulary."""

    def __init__(self, tokens: TokenTables, tables: VocabularyTables) -> None:
        self._tokens = tokens
        self._tables = tables
        self._known: dict[int, TokenStay | None] = {}
        self._asked: set[int] = set()

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of all places."""
        return sum(one.row.nbytes + one.exits.nbytes for one in self._known.values() if one is not None)

    def get(self, state: int) -> TokenStay | None:
        """Return a place that was asked for before; None where walking all is as good."""
        if state in self._known:
            return self._known[state]
        if state not in self._asked:
            self._asked.add(state)
            return None
        if len(self._known) >= MOST_STAYS:
            self._known.clear()
        found = self._known[state] = self._find(state)
        return found

    def _find(self, state: int) -> TokenStay | None:
        trie = self._tables.trie
        exits = np.empty((len(trie.nodes), 2), np.int32)
        row = np.zeros(self._tables.num_words, np.int32)
        path, regs = np.zeros(trie.max_depth + 2, np.int32), np.zeros(3, np.int64)
        path[0] = state
        while True:
            arrays = self._tokens.arrays
            if stay_inside_kernel(arrays, trie.nodes, trie.duplicates, path, regs, exits, row) != NEED_ROW:
                break
            with EXPANSION_LOCK:
                self._tokens.reader.write_row(self._tokens, int(regs[2]))
        count = int(regs[1])
        num_inside = int(np.unpackbits(row.view(np.uint8)).sum())
        if count > MOST_EXITS or num_inside < FEWEST_TOKENS:
            return None
        return TokenStay(row, exits[:count].copy())
