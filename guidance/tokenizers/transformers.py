"""Read a `transformers` tokenizer, fast or slow, by what is inside it.

A fast tokenizer is a `tokenizers` tokenizer with a list of special tokens around it. A slow one either holds
a SentencePiece processor, or the byte alphabet of byte-level BPE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fsm.errors import VocabularyError
from guidance.tokenizers.pieces import spell_byte_level, spell_marked
from guidance.tokenizers.sentence_piece import is_text_piece
from guidance.tokenizers.token_table import TokenTable
from guidance.tokenizers.tokenizers_json import read_tokenizer

__all__ = ["read_transformers_fast", "read_transformers_slow"]


def read_transformers_fast(tokenizer: Any) -> TokenTable:
    """Read a tokenizer that has a ``backend_tokenizer``."""
    table = read_tokenizer(tokenizer.backend_tokenizer)
    return TokenTable.from_mapping(
        dict(enumerate(table.token_bytes)),
        special={*table.special_token_ids, *_special_ids(tokenizer)},
        eos=_end_ids(tokenizer),
    )


def read_transformers_slow(tokenizer: Any) -> TokenTable:
    """Read a pure Python tokenizer with an ``sp_model`` or a ``byte_decoder``.

    Raises
    ------
    VocabularyError
        It has neither, so nothing says which bytes its tokens stand for.
    """
    size = len(tokenizer)
    special: set[int] = set()
    spell: Callable[[str], bytes]
    spell_added: Callable[[str], bytes]
    if hasattr(tokenizer, "sp_model"):
        special = _non_text_ids(tokenizer, size)
        spell, spell_added = spell_marked, spell_marked
    elif len(getattr(tokenizer, "byte_decoder", ())) == 256:
        spell, spell_added = spell_byte_level, str.encode
    else:
        raise VocabularyError(
            f"tokenizer: got {type(tokenizer).__name__}, a slow tokenizer with neither sp_model nor byte_decoder, "
            "expected one of these; load it with use_fast=True, or pass the token bytes as a list"
        )
    added = {token_id: token.content for token_id, token in tokenizer.added_tokens_decoder.items()}
    spelled = {token_id: spell_added(content) for token_id, content in added.items()}
    for token_id in range(size):
        if token_id not in added:
            spelled[token_id] = spell(_piece(tokenizer, token_id))
    return TokenTable.from_mapping(spelled, special={*special, *_special_ids(tokenizer)}, eos=_end_ids(tokenizer))


def _piece(tokenizer: Any, token_id: int) -> str:
    try:
        return tokenizer.convert_ids_to_tokens(token_id) or ""
    except (IndexError, KeyError):  # a hole between the pieces and the added tokens
        return ""


def _non_text_ids(tokenizer: Any, size: int) -> set[int]:
    """Find control, unknown and unused pieces through the processor; ids may be shifted against it."""
    processor, found = tokenizer.sp_model, set()
    for token_id in range(size):
        piece = _piece(tokenizer, token_id)
        inner = processor.piece_to_id(piece)
        is_same = processor.id_to_piece(inner) == piece
        if is_same and not is_text_piece(processor, inner):
            found.add(token_id)
    return found


def _special_ids(tokenizer: Any) -> Iterator[int]:
    yield from tokenizer.all_special_ids
    yield from (token_id for token_id, token in tokenizer.added_tokens_decoder.items() if token.special)


def _end_ids(tokenizer: Any) -> Iterator[int]:
    if tokenizer.eos_token_id is not None:
        yield tokenizer.eos_token_id
