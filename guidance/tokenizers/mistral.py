"""Read a `mistral-common` tokenizer: Tekken ids are bytes, SentencePiece ids are marked pieces."""

# ruff: noqa: D102 -- the members of a protocol are documented by the library that has them

from __future__ import annotations

from typing import Protocol

from guidance.tokenizers.pieces import spell_marked
from guidance.tokenizers.token_table import TokenTable

__all__ = ["MistralTokenizer", "read_mistral"]


class MistralTokenizer(Protocol):
    """What is needed of the tokenizer inside ``MistralTokenizer.instruct_tokenizer``."""

    @property
    def n_words(self) -> int: ...
    @property
    def eos_id(self) -> int: ...
    def is_special(self, token: int) -> bool: ...
    def id_to_piece(self, token_id: int) -> str: ...


def read_mistral(tokenizer: MistralTokenizer) -> TokenTable:
    """Read every id; control tokens are never text."""
    spell = getattr(tokenizer, "id_to_byte_piece", None)
    special = {token_id for token_id in range(tokenizer.n_words) if tokenizer.is_special(token_id)}
    return TokenTable.from_mapping(
        {
            token_id: spell(token_id) if spell else spell_marked(tokenizer.id_to_piece(token_id))
            for token_id in range(tokenizer.n_words)
            if token_id not in special
        },
        special=special,
        eos=[tokenizer.eos_id],
    )
