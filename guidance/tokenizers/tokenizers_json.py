"""Read a Hugging Face `tokenizers` tokenizer: its JSON says how each piece is spelled.

The decoder is the truth, because it is what turns ids back into text. It is a chain of steps; those that
work on one piece are applied to every piece, those that work on a whole text (joining pieces, dropping the
space ahead of a text) do not touch a piece in the middle and are skipped. A chain that cannot be read piece
by piece is refused, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from fsm.errors import VocabularyError
from guidance.tokenizers.pieces import SPACE_MARK, read_byte_piece, spell_byte_level, spell_marked
from guidance.tokenizers.token_table import TokenTable

__all__ = ["SerializableTokenizer", "read_tokenizer", "read_tokenizer_json"]

Spelling = Callable[[str], bytes]
Step = Callable[[str], "str | bytes"]

_REFUSED = {
    "WordPiece": "WordPiece drops the white space between words, so its tokens have no bytes of their own",
    "WordLevel": "whole words without white space have no bytes of their own",
    "BPEDecoder": "a word-end suffix stands for white space that may or may not be in the text",
    "CTC": "CTC tokens are frames of speech, not bytes of text",
}
_CURE = "use a model whose tokenizer is byte-level BPE, SentencePiece or tiktoken"


class SerializableTokenizer(Protocol):
    """What is needed of a ``tokenizers.Tokenizer``."""

    def to_str(self) -> str:
        """Give the tokenizer as JSON."""


def read_tokenizer(tokenizer: SerializableTokenizer) -> TokenTable:
    """Read a ``tokenizers.Tokenizer``. Raises VocabularyError when its pieces have no bytes of their own."""
    return read_tokenizer_json(json.loads(tokenizer.to_str()))


def read_tokenizer_json(document: Mapping[str, Any]) -> TokenTable:
    """Read the parsed content of a ``tokenizer.json`` file.

    Raises
    ------
    VocabularyError
        The model or a decoder step cannot be read piece by piece; the message names it.
    """
    spell = _spelling(document)
    pieces = dict(_model_pieces(document["model"]))
    spelled = {token_id: spell(piece) for token_id, piece in pieces.items()}
    special = set(_unknown_ids(document["model"], pieces))
    for added in document.get("added_tokens") or ():
        spelled[added["id"]] = _spell_added(added["content"], spell)
        if added["special"]:
            special.add(added["id"])
    return TokenTable.from_mapping(spelled, special=special)


def _model_pieces(model: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield (id, piece) of the model: a mapping for BPE, a list of (piece, score) for Unigram."""
    vocab = model["vocab"]
    if isinstance(vocab, Mapping):
        yield from ((token_id, piece) for piece, token_id in vocab.items())
    else:
        yield from ((token_id, entry[0]) for token_id, entry in enumerate(vocab))


def _unknown_ids(model: Mapping[str, Any], pieces: Mapping[int, str]) -> Iterator[int]:
    """Yield the id that stands for unreadable text: it is not text itself."""
    if model.get("unk_id") is not None:
        yield model["unk_id"]
    unknown = model.get("unk_token")
    if unknown is not None:
        yield from (token_id for token_id, piece in pieces.items() if piece == unknown)


def _spell_added(content: str, spell: Spelling) -> bytes:
    """Spell an added token: it is found in raw text, so byte-level stand-ins do not apply to it."""
    return content.encode("utf-8", "surrogatepass") if spell is spell_byte_level else spell(content)


def _spelling(document: Mapping[str, Any]) -> Spelling:
    _check_model(document["model"])
    decoder = document.get("decoder")
    if decoder is None:
        return _spelling_without_decoder(document)
    steps = [step for part in _flatten(decoder, "decoders") if (step := _step(part)) is not None]
    if steps == [spell_byte_level]:
        return spell_byte_level

    def spell(piece: str) -> bytes:
        value: str | bytes = piece
        for step in steps:
            if isinstance(value, str):
                value = step(value)
        return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")

    return spell


def _check_model(model: Mapping[str, Any]) -> None:
    kind = model.get("type") or ("Unigram" if "unk_id" in model else "BPE")
    if kind in _REFUSED:
        raise _refusal(f"model {kind}", _REFUSED[kind])
    if model.get("continuing_subword_prefix"):
        raise _refusal(f"continuing_subword_prefix {model['continuing_subword_prefix']!r}", _REFUSED["WordPiece"])
    if model.get("end_of_word_suffix"):
        raise _refusal(f"end_of_word_suffix {model['end_of_word_suffix']!r}", _REFUSED["BPEDecoder"])


def _spelling_without_decoder(document: Mapping[str, Any]) -> Spelling:
    """Fall back on how text is taken apart: byte-level stand-ins, or a space mark."""
    parts = [
        *_flatten(document.get("pre_tokenizer"), "pretokenizers"),
        *_flatten(document.get("normalizer"), "normalizers"),
    ]
    if any(part["type"] == "ByteLevel" for part in parts):
        return spell_byte_level
    if any(part["type"] == "Metaspace" or part.get("content") == SPACE_MARK for part in parts):
        return spell_marked
    raise _refusal("no decoder", "nothing says how pieces become text")


def _flatten(part: Mapping[str, Any] | None, member: str) -> Iterator[Mapping[str, Any]]:
    if part is None:
        return
    if part["type"] == "Sequence":
        for inner in part[member]:
            yield from _flatten(inner, member)
    else:
        yield part


def _step(part: Mapping[str, Any]) -> Step | None:
    """Give what one decoder step does to a piece in the middle of a text; None for nothing."""
    kind = part["type"]
    if kind in ("Fuse", "Strip"):  # Strip drops the space ahead of a whole text
        return None
    if kind == "ByteLevel":
        return spell_byte_level
    if kind == "ByteFallback":
        return lambda piece: piece if (byte := read_byte_piece(piece)) is None else byte
    if kind == "Metaspace":
        return _replacement(part.get("replacement", SPACE_MARK), " ")
    if kind == "Replace" and "String" in part["pattern"]:
        return _replacement(part["pattern"]["String"], part["content"])
    raise _refusal(f"decoder {kind}", _REFUSED.get(kind, "its effect on one piece is not known"))


def _replacement(old: str, new: str) -> Step:
    return lambda piece: piece.replace(old, new)


def _refusal(what: str, why: str) -> VocabularyError:
    return VocabularyError(f"tokenizer: got {what}, expected pieces that spell bytes: {why}; {_CURE}")
