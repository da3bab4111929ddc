"""Build a vocabulary from any tokenizer, recognised by its structure and not by its class name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from fsm.errors import VocabularyError
from fsm.vocabulary import Vocabulary
from guidance.tokenizers.mistral import read_mistral
from guidance.tokenizers.rank_file import read_rank_file
from guidance.tokenizers.sentence_piece import read_sentence_piece
from guidance.tokenizers.tiktoken import read_encoding
from guidance.tokenizers.token_table import TokenTable
from guidance.tokenizers.tokenizers_json import read_tokenizer
from guidance.tokenizers.transformers import read_transformers_fast, read_transformers_slow

__all__ = ["vocabulary_from"]

_EXPECTED = (
    "a transformers, tokenizers, sentencepiece, tiktoken or mistral-common tokenizer, "
    "the path of a tiktoken rank file, or a list of bytes"
)


def vocabulary_from(
    tokenizer: object,
    *,
    eos_token_ids: Iterable[int] | None = None,
    generation_config: object | None = None,
    vocab_size: int | None = None,
) -> Vocabulary:
    """Build the vocabulary of a tokenizer.

    Parameters
    ----------
    tokenizer : a transformers tokenizer (fast or slow), ``tokenizers.Tokenizer``, SentencePiece processor,
        tiktoken encoding, mistral-common tokenizer, path of a tiktoken rank file, or list of bytes.
    eos_token_ids : the ids that end a text; by default those the tokenizer and the generation config name.
    generation_config : an object with ``eos_token_id``, an integer or a list: chat models have several.
    vocab_size : the width of the model's logits where it is larger; the extra ids have no bytes.

    Raises
    ------
    VocabularyError
        The tokenizer is not known, its tokens have no bytes of their own (WordPiece), or an id is out of range.

    Examples
    --------
    >>> vocabulary = vocabulary_from([b"a", b"b", b""], eos_token_ids=[2])
    >>> vocabulary.size, vocabulary.eos_token_ids
    (3, (2,))
    """
    table = _read(tokenizer)
    ends = _end_ids(table, eos_token_ids, generation_config)
    token_bytes = _widen(table.token_bytes, vocab_size)
    special = sorted({*table.special_token_ids, *ends})
    return Vocabulary(token_bytes, eos_token_ids=ends, special_token_ids=special)


def _read(tokenizer: Any) -> TokenTable:
    if isinstance(tokenizer, (str, Path)):
        return read_rank_file(tokenizer)
    if isinstance(tokenizer, Sequence):
        return _read_list(tokenizer)
    tokenizer = _unwrap(tokenizer)
    for attributes, read in _READERS:
        if all(hasattr(tokenizer, attribute) for attribute in attributes):
            return read(tokenizer)
    raise VocabularyError(f"tokenizer: got {type(tokenizer).__name__}, expected {_EXPECTED}; pass one of these")


def _unwrap(tokenizer: Any) -> Any:
    """Find the tokenizer inside a multi-modal processor, or inside mistral-common's layers."""
    while not hasattr(tokenizer, "backend_tokenizer") and (
        inner := getattr(tokenizer, "instruct_tokenizer", None) or getattr(tokenizer, "tokenizer", None)
    ):
        tokenizer = inner
    return tokenizer


def _read_list(token_bytes: Sequence[object]) -> TokenTable:
    spelled: dict[int, bytes] = {}
    for token_id, token in enumerate(token_bytes):
        if not isinstance(token, bytes):
            raise VocabularyError(
                f"token {token_id}: got {type(token).__name__}, expected bytes; encode the text of the tokens"
            )
        spelled[token_id] = token
    return TokenTable.from_mapping(spelled)


def _end_ids(table: TokenTable, given: Iterable[int] | None, generation_config: object | None) -> tuple[int, ...]:
    if given is not None:
        return tuple(dict.fromkeys(int(token_id) for token_id in given))
    named = getattr(generation_config, "eos_token_id", None)
    more = [] if named is None else [named] if isinstance(named, int) else list(named)
    return tuple(dict.fromkeys([*table.eos_token_ids, *more]))


def _widen(token_bytes: tuple[bytes, ...], vocab_size: int | None) -> tuple[bytes, ...]:
    if vocab_size is None:
        return token_bytes
    if vocab_size < len(token_bytes):
        raise VocabularyError(
            f"vocab_size: got {vocab_size}, expected at least the tokenizer's {len(token_bytes)} tokens; "
            "pass the width of the model's logits"
        )
    return token_bytes + (b"",) * (vocab_size - len(token_bytes))


_READERS: tuple[tuple[tuple[str, ...], Callable[[Any], TokenTable]], ...] = (
    (("backend_tokenizer", "all_special_ids"), read_transformers_fast),
    (("convert_ids_to_tokens", "all_special_ids"), read_transformers_slow),
    (("to_str", "get_vocab"), read_tokenizer),
    (("decode_single_token_bytes", "special_tokens_set"), read_encoding),
    (("id_to_piece", "is_special", "n_words"), read_mistral),
    (("id_to_piece", "is_control", "get_piece_size"), read_sentence_piece),
)
