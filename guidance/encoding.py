"""Turn text into token ids, whatever the tokenizer calls it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fsm import Vocabulary
from guidance.errors import ModelError

__all__ = ["TextEncoder"]


class TextEncoder:
    """Encode prompts, with the tokenizer's own start tokens, and texts that continue them, without.

    Parameters
    ----------
    tokenizer : anything `vocabulary_from` reads: from transformers, tokenizers, tiktoken, SentencePiece or
        mistral-common; for a list of bytes the longest token that fits is taken, from left to right.
    vocabulary : its vocabulary.

    Raises
    ------
    ModelError : when the tokenizer has no way to encode text.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._ends = frozenset(vocabulary.eos_token_ids)
        self._encode_prompt, self._encode_text = _find_encodes(tokenizer, vocabulary)

    def encode_prompt(self, text: str) -> list[int]:
        """Return the ids of a text with start tokens; end tokens that the tokenizer adds are left out."""
        token_ids = _ids(self._encode_prompt(text))
        if token_ids and token_ids[-1] in self._ends:
            plain = self.encode_text(text)
            is_added = len(token_ids) > len(plain) and (not plain or plain[-1] not in self._ends)
            while is_added and token_ids and token_ids[-1] in self._ends:
                token_ids.pop()
        return token_ids

    def encode_text(self, text: str) -> list[int]:
        """Return the ids of a text as it stands inside a longer one."""
        return _ids(self._encode_text(text))


Encode = Callable[[str], Any]


def _find_encodes(tokenizer: Any, vocabulary: Vocabulary) -> tuple[Encode, Encode]:
    """Return how to encode with start tokens and without."""
    if isinstance(tokenizer, Sequence) and not isinstance(tokenizer, str):
        longest_match = _make_longest_match(vocabulary)
        return longest_match, longest_match
    encode = _unwrap(tokenizer).encode
    names = set(inspect.signature(encode).parameters)
    if "add_special_tokens" in names:
        return partial(encode, add_special_tokens=True), partial(encode, add_special_tokens=False)
    if {"bos", "eos"} <= names:
        return partial(encode, bos=True, eos=False), partial(encode, bos=False, eos=False)
    if "add_bos" in names:
        return partial(encode, add_bos=True, add_eos=False), partial(encode, add_bos=False, add_eos=False)
    if "disallowed_special" in names:
        return partial(encode, disallowed_special=()), partial(encode, disallowed_special=())
    return encode, encode


def _unwrap(tokenizer: Any) -> Any:
    """Find what encodes plain text, inside a multi-modal processor or mistral-common's layers."""
    inner = getattr(tokenizer, "instruct_tokenizer", None) or tokenizer
    if not hasattr(inner, "convert_ids_to_tokens") and hasattr(getattr(inner, "tokenizer", None), "encode"):
        inner = inner.tokenizer
    if not hasattr(inner, "encode"):
        raise ModelError(
            f"tokenizer: got a {type(tokenizer).__name__}, which has no encode, expected one that turns text into "
            "token ids; pass the tokenizer itself"
        )
    return inner


def _ids(encoded: Any) -> list[int]:
    return [int(token_id) for token_id in getattr(encoded, "ids", encoded)]


def _make_longest_match(vocabulary: Vocabulary) -> Encode:
    silent = {*vocabulary.special_token_ids, *vocabulary.eos_token_ids}
    table: dict[bytes, int] = {}
    for token_id, piece in enumerate(vocabulary.token_bytes):
        if piece and token_id not in silent:
            table.setdefault(piece, token_id)
    longest = max(map(len, table), default=0)

    def encode(text: str) -> list[int]:
        rest, found = text.encode(), []
        while rest:
            size = next((size for size in range(min(longest, len(rest)), 0, -1) if rest[:size] in table), 0)
            if not size:
                raise ModelError(
                    f"tokenizer: got {text!r}, whose byte {rest[:1]!r} no token starts with, expected a vocabulary "
                    "with every byte; add the missing tokens"
                )
            found.append(table[rest[:size]])
            rest = rest[size:]
        return found

    return encode
