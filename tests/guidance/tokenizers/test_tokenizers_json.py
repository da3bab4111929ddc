"""Check how the parts of a ``tokenizer.json`` decide the spelling of a piece."""

from __future__ import annotations

from typing import Any

import pytest

from fsm.errors import VocabularyError
from guidance.tokenizers.tokenizers_json import read_tokenizer_json

MARK = "▁"
REPLACE = {"type": "Replace", "pattern": {"String": MARK}, "content": " "}
FALLBACK = {"type": "ByteFallback"}
FUSE = {"type": "Fuse"}
STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}


def document(*pieces: str, decoder: Any, **more: Any) -> dict[str, Any]:
    """Make the JSON of a BPE tokenizer with these pieces."""
    vocab = {piece: token_id for token_id, piece in enumerate(pieces)}
    return {"model": {"type": "BPE", "vocab": vocab, "merges": []}, "decoder": decoder, **more}


def added(token_id: int, content: str, *, special: bool = False) -> dict[str, Any]:
    """Make an entry of the added tokens."""
    return {"id": token_id, "content": content, "special": special, "normalized": False}


def test_chain_with_byte_fallback_spells_bytes_marks_and_text() -> None:
    """Llama 2's chain: the mark is a space, byte pieces are bytes, joining and stripping change no piece."""
    chain = {"type": "Sequence", "decoders": [REPLACE, FALLBACK, FUSE, STRIP]}
    table = read_tokenizer_json(document("<0xE6>", f"{MARK}a", "<0x0A>b", f"{MARK}{MARK}", decoder=chain))
    assert table.token_bytes == (b"\xe6", b" a", b"<0x0A>b", b"  ")


def test_nested_sequences_read_as_one_chain() -> None:
    """A sequence inside a sequence is the same steps."""
    inner = {"type": "Sequence", "decoders": [FALLBACK, FUSE]}
    chain = {"type": "Sequence", "decoders": [REPLACE, inner]}
    assert read_tokenizer_json(document("<0x41>", MARK, decoder=chain)).token_bytes == (b"A", b" ")


def test_added_tokens_of_marked_pieces_are_spelled_like_pieces() -> None:
    """Gemma lists runs of marks as added tokens: they are runs of spaces."""
    chain = {"type": "Sequence", "decoders": [REPLACE, FALLBACK, FUSE]}
    tokens = [added(1, MARK * 2), added(2, "<turn>", special=True), added(5, "\n\n")]
    table = read_tokenizer_json(document("a", decoder=chain, added_tokens=tokens))
    assert table.token_bytes == (b"a", b"  ", b"<turn>", b"", b"", b"\n\n")
    assert table.special_token_ids == (2,)


def test_unigram_list_gives_ids_by_place_and_its_unknown_is_special() -> None:
    """Unigram models list (piece, score); the unknown id is not text."""
    model = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], [f"{MARK}the", -1.0], ["s", -2.0]]}
    decoder = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always"}
    table = read_tokenizer_json({"model": model, "decoder": decoder})
    assert table.token_bytes[1:] == (b" the", b"s")
    assert table.special_token_ids == (0,)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"pre_tokenizer": {"type": "ByteLevel"}}, b"\xe9 a"),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}]}}, b"\xe9 a"),
    ],
)
def test_without_decoder_the_pre_tokenizer_decides(more: dict[str, Any], expected: bytes) -> None:
    """A byte-level pre-tokeniser means byte-level pieces."""
    assert read_tokenizer_json(document("éĠa", decoder=None, **more)).token_bytes == (expected,)


def test_without_decoder_a_mark_in_the_normalizer_decides() -> None:
    """A normaliser that writes marks means marked pieces."""
    normalizer = {"type": "Replace", "pattern": {"String": " "}, "content": MARK}
    assert read_tokenizer_json(document(f"{MARK}a", decoder=None, normalizer=normalizer)).token_bytes == (b" a",)


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        ({"type": "CTC"}, "decoder CTC.*speech"),
        ({"type": "BPEDecoder", "suffix": "</w>"}, "decoder BPEDecoder.*word-end suffix"),
        ({"type": "WordPiece"}, "decoder WordPiece.*white space"),
        ({"type": "Replace", "pattern": {"Regex": " +"}, "content": " "}, "decoder Replace.*not known"),
        ({"type": "Novel"}, "decoder Novel.*not known"),
    ],
)
def test_decoder_that_cannot_be_read_piece_by_piece_is_refused(decoder: dict[str, Any], message: str) -> None:
    """The refusal names the step and why."""
    with pytest.raises(VocabularyError, match=message):
        read_tokenizer_json(document("a", decoder=decoder))
