"""Read the token bytes of any tokenizer into a :class:`fsm.Vocabulary`.

    vocabulary.py         vocabulary_from: recognise the tokenizer by its structure, read it, build
    token_table.py        what every reader returns: bytes per id, special ids, end ids
    pieces.py             how one piece is spelled in bytes: byte alphabet, byte fallback, space mark
    tokenizers_json.py    Hugging Face `tokenizers`
    transformers.py       `transformers`, fast and slow
    sentence_piece.py     a SentencePiece processor
    tiktoken.py           a tiktoken encoding
    rank_file.py          a tiktoken rank file on disk
    mistral.py            `mistral-common`, SentencePiece and Tekken

Token bytes are what a token adds in the *middle* of a text. SentencePiece tokenizers put one space
ahead of a text when they encode and drop it when they decode; here the piece ``▁Ada`` is always
``b" Ada"``, because what a model writes follows a prompt.
"""

from __future__ import annotations

from guidance.tokenizers.rank_file import load_ranks
from guidance.tokenizers.vocabulary import vocabulary_from

__all__ = ["load_ranks", "vocabulary_from"]
