"""Read a SentencePiece processor: pieces with a space mark, byte pieces, control pieces."""

# ruff: noqa: D102 -- the members of a protocol are documented by the library that has them

from __future__ import annotations

from typing import Protocol

from guidance.tokenizers.pieces import spell_marked
from guidance.tokenizers.token_table import TokenTable

__all__ = ["PieceProcessor", "is_text_piece", "read_sentence_piece"]


class PieceProcessor(Protocol):
    """What is needed of a ``sentencepiece.SentencePieceProcessor``."""

    def get_piece_size(self) -> int: ...
    def id_to_piece(self, token_id: int) -> str: ...
    def piece_to_id(self, piece: str) -> int: ...
    def eos_id(self) -> int: ...
    def is_control(self, token_id: int) -> bool: ...
    def is_unknown(self, token_id: int) -> bool: ...
    def is_unused(self, token_id: int) -> bool: ...


def read_sentence_piece(processor: PieceProcessor) -> TokenTable:
    """Read every piece; control, unknown and unused pieces are not text."""
    token_ids = range(processor.get_piece_size())
    end = processor.eos_id()
    return TokenTable.from_mapping(
        {token_id: spell_marked(processor.id_to_piece(token_id)) for token_id in token_ids},
        special=[token_id for token_id in token_ids if not is_text_piece(processor, token_id)],
        eos=[end] if end >= 0 else [],
    )


def is_text_piece(processor: PieceProcessor, token_id: int) -> bool:
    """Tell whether the piece stands for text."""
    return not (processor.is_control(token_id) or processor.is_unknown(token_id) or processor.is_unused(token_id))
