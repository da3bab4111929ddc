"""Sort the tokens by what follows the white space they begin with, so that no mask walks them one by one.

Where JSON allows white space, hundreds of tokens are white space alone and ten thousands begin with it. Which of the
first fit depends on a count only; of the others, what follows the white space is walked, once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fsm.mask import pack_token_ids
from fsm.tokens.trie import TokenTrie, build_trie
from fsm.vocabulary import Vocabulary

__all__ = ["SpaceTokens", "build_space_tokens"]

_SPACES = b" \t\n\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceTokens:
    """Hold the tokens by the white space they begin with.

    alone   : token ids that are white space only, by their length, ascending
    trie    : what follows the white space, if any, in the others, labelled by its number
    tokens  : int32[P]   those others, grouped by what follows
    counts  : int32[P]   white space characters before it, often none
    starts  : int32[E + 1]  those with ending e are ``starts[e]:starts[e + 1]``
    row_addresses : int64[longest + 1]  where the rows that were asked for stand, by how much white space; 0 = not asked
    rows_at : those rows by address
    """

    alone: tuple[tuple[int, int], ...]
    trie: TokenTrie
    tokens: NDArray[np.int32]
    counts: NDArray[np.int32]
    starts: NDArray[np.int32]
    row_addresses: NDArray[np.int64]
    vocabulary_size: int
    rows_at: dict[int, NDArray[np.int32]] = field(default_factory=dict)
    _rows: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    def row(self, most: int) -> NDArray[np.int32]:
        """Return the mask of the tokens that are at most so many characters of white space: int32[W]."""
        most = min(most, len(self.row_addresses) - 1)
        row = self._rows.get(most)
        if row is None:
            fitting = [token for size, token in self.alone if size <= most]
            row = pack_token_ids(fitting, self.vocabulary_size)
            address = row.ctypes.data
            # Each holds what the next one names, so that an interruption leaves nothing named that is not there.
            self.rows_at[address] = row
            self.row_addresses[most] = address
            self._rows[most] = row
        return row


def build_space_tokens(vocabulary: Vocabulary) -> SpaceTokens:
    """Sort the tokens of a vocabulary; one pass over all of them."""
    texts, ids = vocabulary.token_bytes, vocabulary.text_token_ids
    rests = [texts[token].lstrip(_SPACES) for token in ids]
    sizes = np.fromiter((len(texts[token]) for token in ids), np.int64, len(ids))
    counts = sizes - np.fromiter(map(len, rests), np.int64, len(ids))
    order = sorted(range(len(ids)), key=rests.__getitem__)
    num_alone = next((i for i, place in enumerate(order) if rests[place]), len(order))
    alone = sorted((int(counts[place]), ids[place]) for place in order[:num_alone])
    others = order[num_alone:]
    starts = [i for i, place in enumerate(others) if not i or rests[place] != rests[others[i - 1]]]
    endings = [rests[others[i]] for i in starts]
    return SpaceTokens(
        alone=tuple(alone),
        trie=build_trie(endings, list(range(len(endings))), max(1, len(endings))),
        tokens=np.fromiter((ids[place] for place in others), np.int32, len(others)),
        counts=counts[others].astype(np.int32),
        starts=np.array([*starts, len(others)], np.int32),
        row_addresses=np.zeros(alone[-1][0] + 1 if alone else 1, np.int64),
        vocabulary_size=vocabulary.size,
    )
