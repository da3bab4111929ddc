"""Spell forced bytes in tokens, the longest first.

Input: a vocabulary and the bytes that must come next. Output: token ids. Cost: one look-up per byte of the longest
token, for each token returned; the table is made once per vocabulary.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from fsm.vocabulary import Vocabulary

__all__ = ["split_forced"]


def split_forced(vocabulary: Vocabulary, run: bytes) -> list[int]:
    """Return tokens that spell the bytes, the longest first; what a longer token might swallow is left out.

    Examples
    --------
    >>> split_forced(Vocabulary([b"a", b"b", b"ab", b"abc"]), b"abcab")
    [3]
    >>> split_forced(Vocabulary([b"a", b"b", b"ab"]), b"abb")
    [2, 1]
    """
    pieces = _pieces_of(vocabulary)
    tokens: list[int] = []
    place = 0
    while place < len(run) and not pieces.has_longer(run[place:]):
        token = pieces.longest(run, place)
        if token is None:
            break
        tokens.append(token)
        place += len(vocabulary.token_bytes[token])
    return tokens


class _Pieces:
    """Hold a vocabulary's text tokens by their bytes."""

    __slots__ = ("_ids", "_longest", "_sorted")

    def __init__(self, vocabulary: Vocabulary) -> None:
        special = frozenset(vocabulary.special_token_ids)
        self._ids: dict[bytes, int] = {}
        for token_id, data in enumerate(vocabulary.token_bytes):
            if data and token_id not in special:
                self._ids.setdefault(data, token_id)
        self._sorted = sorted(self._ids)
        self._longest = max(map(len, self._sorted), default=0)

    def longest(self, run: bytes, place: int) -> int | None:
        """Return the longest token that the run continues with."""
        for size in range(min(self._longest, len(run) - place), 0, -1):
            token = self._ids.get(run[place : place + size])
            if token is not None:
                return token
        return None

    def has_longer(self, rest: bytes) -> bool:
        """Tell whether a token begins with all that is left and goes on."""
        if len(rest) >= self._longest:
            return False
        after = bisect_right(self._sorted, rest)
        return after < len(self._sorted) and self._sorted[after].startswith(rest)


@lru_cache(maxsize=8)
def _pieces_of(vocabulary: Vocabulary) -> _Pieces:
    """Return the table of a vocabulary; vocabularies are frozen, and few are in use at once."""
    return _Pieces(vocabulary)
