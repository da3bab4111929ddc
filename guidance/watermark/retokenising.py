"""Turn a text back into tokens, by a tokenizer where there is one, else by the vocabulary alone."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from fsm import Vocabulary
from guidance.errors import WatermarkError

__all__ = ["TextReader", "as_token_ids", "as_vocabulary", "merge_tokens"]


@runtime_checkable
class TextReader(Protocol):
    """List what is asked of a model whose tokenizer reads the text; `guidance.Model` has it."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the tokens' bytes."""

    def encode_text(self, text: str) -> list[int]:
        """Return a text's token ids without start tokens."""


def as_vocabulary(source: Vocabulary | TextReader) -> Vocabulary:
    """Return the vocabulary of a model, or the vocabulary itself.

    Raises
    ------
    WatermarkError : for anything else.
    """
    if isinstance(source, Vocabulary):
        return source
    if isinstance(source, TextReader):
        return source.vocabulary
    raise WatermarkError(
        f"detect_watermark: got a {type(source).__name__} as the vocabulary, expected a guidance.Model or its "
        "vocabulary; pass the model the text is said to come from"
    )


def as_token_ids(text: str | Sequence[int] | Any, source: Vocabulary | TextReader) -> list[int]:
    """Return the token ids of a text; ids are returned as they are.

    Raises
    ------
    WatermarkError : for ids outside the vocabulary.
    """
    vocabulary = as_vocabulary(source)
    if isinstance(text, str):
        return source.encode_text(text) if isinstance(source, TextReader) else merge_tokens(text.encode(), vocabulary)
    ids = [int(token) for token in text]
    wrong = [token for token in ids if not 0 <= token < vocabulary.size]
    if wrong:
        raise WatermarkError(
            f"detect_watermark: got the token id {wrong[0]}, expected ids below {vocabulary.size}; "
            "pass the vocabulary of the model that wrote the text"
        )
    return ids


def merge_tokens(text: bytes, vocabulary: Vocabulary) -> list[int]:
    """Merge bytes into tokens, the lowest id first: what a byte-pair encoder does whose ids are its merge ranks.

    A tokenizer that splits the text before it merges may draw a few boundaries elsewhere; pass the model to
    `detect_watermark` where that matters. Cost: O(n log n).

    Examples
    --------
    >>> merge_tokens(b"aab", Vocabulary([b"a", b"b", b"ab"]))
    [0, 2]
    """
    table = _tokens_by_bytes(vocabulary)
    pieces: list[bytes | None] = [bytes([byte]) for byte in text]
    after = [*range(1, len(pieces)), -1]
    before = list(range(-1, len(pieces) - 1))
    queue: list[tuple[int, int, bytes]] = []

    def offer(left: int) -> None:
        right = after[left] if left >= 0 else -1
        if right >= 0:
            joined = (pieces[left] or b"") + (pieces[right] or b"")
            if joined in table:
                heapq.heappush(queue, (table[joined], left, joined))

    for place in range(len(pieces)):
        offer(place)
    while queue:
        _, left, joined = heapq.heappop(queue)
        right = after[left]
        if pieces[left] is None or right < 0 or (pieces[left] or b"") + (pieces[right] or b"") != joined:
            continue
        pieces[left], pieces[right] = joined, None
        after[left] = after[right]
        if after[left] >= 0:
            before[after[left]] = left
        offer(left)
        offer(before[left])
    return [table[piece] for piece in pieces if piece is not None and piece in table]


@lru_cache(maxsize=4)
def _tokens_by_bytes(vocabulary: Vocabulary) -> Mapping[bytes, int]:
    """Return the first id of every token's bytes."""
    return {vocabulary.token_bytes[token]: token for token in reversed(vocabulary.text_token_ids)}
