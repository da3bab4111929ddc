"""Hold the bytes of every token of a tokenizer, and which ids are special.

Input: one ``bytes`` per token id. Output: a frozen value that grammars compile against. Cost: one pass over the tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from fsm.errors import VocabularyError

__all__ = ["Vocabulary"]


class Vocabulary:
    """Hold the bytes of every token id; frozen.

    Parameters
    ----------
    token_bytes : the bytes that token ``i`` stands for, for every id; empty bytes are padding and never match.
    eos_token_ids : ids that end a text; allowed by a mask exactly where a text may end.
    special_token_ids : ids that are control symbols; they never match as text.

    Raises
    ------
    VocabularyError : there is no token, an entry is not bytes, or an id lies outside the vocabulary.

    Examples
    --------
    >>> vocabulary = Vocabulary([b"</s>", b"a", b"b", b"ab"], eos_token_ids=[0])
    >>> vocabulary.size
    4
    """

    __slots__ = ("__dict__", "eos_token_ids", "special_token_ids", "token_bytes")

    token_bytes: tuple[bytes, ...]
    eos_token_ids: tuple[int, ...]
    special_token_ids: tuple[int, ...]

    def __init__(
        self,
        token_bytes: Sequence[bytes],
        eos_token_ids: Iterable[int] = (),
        special_token_ids: Iterable[int] = (),
    ) -> None:
        tokens = tuple(token_bytes)
        eos = tuple(sorted(set(eos_token_ids)))
        special = tuple(sorted({*special_token_ids, *eos}))
        _check_tokens(tokens)
        _check_ids(special, len(tokens))
        object.__setattr__(self, "token_bytes", tokens)
        object.__setattr__(self, "eos_token_ids", eos)
        object.__setattr__(self, "special_token_ids", special)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Vocabulary is frozen: cannot set {name!r}; build a new Vocabulary")

    def __repr__(self) -> str:
        return f"Vocabulary(size={self.size}, eos_token_ids={list(self.eos_token_ids)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __len__(self) -> int:
        return self.size

    @property
    def size(self) -> int:
        """Count the token ids, special and padding ids included."""
        return len(self.token_bytes)

    @cached_property
    def fingerprint(self) -> str:
        """Identify the vocabulary: equal tokens and ids give an equal hexadecimal digest, also in other processes."""
        lengths = np.fromiter((len(token) for token in self.token_bytes), np.int32, self.size)
        digest = hashlib.blake2b(lengths.tobytes(), digest_size=16)
        digest.update(b"".join(self.token_bytes))
        digest.update(repr((self.eos_token_ids, self.special_token_ids)).encode())
        return digest.hexdigest()

    @cached_property
    def eos_set(self) -> frozenset[int]:
        """The ids that end a text, as a set."""
        return frozenset(self.eos_token_ids)

    @cached_property
    def special_set(self) -> frozenset[int]:
        """The ids that are control symbols, as a set."""
        return frozenset(self.special_token_ids)

    @cached_property
    def text_token_ids(self) -> tuple[int, ...]:
        """List the ids that match as text: neither special nor empty."""
        special = self.special_set
        return tuple(i for i, token in enumerate(self.token_bytes) if token and i not in special)

    def decode(self, token_ids: Iterable[int]) -> bytes:
        """Join the bytes of text tokens; special tokens stand for nothing.

        Raises
        ------
        VocabularyError : an id lies outside the vocabulary.
        """
        special = set(self.special_token_ids)
        ids = list(token_ids)
        _check_ids(ids, self.size)
        return b"".join(self.token_bytes[i] for i in ids if i not in special)


def _check_tokens(tokens: tuple[bytes, ...]) -> None:
    if not tokens:
        raise VocabularyError("vocabulary: got no tokens, expected at least one; pass the bytes of every token id")
    for i, token in enumerate(tokens):
        if type(token) is not bytes:
            raise VocabularyError(
                f"vocabulary: token {i} is {type(token).__name__}, expected bytes; "
                "convert a tokenizer with guidance.tokenizers.vocabulary_from"
            )


def _check_ids(ids: Iterable[int], size: int) -> None:
    for i in ids:
        if not 0 <= i < size:
            raise VocabularyError(f"vocabulary: token id {i} lies outside 0..{size - 1}; pass ids of this vocabulary")
