"""Spell one piece of a tokenizer in bytes: byte alphabet, byte fallback, space mark."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["SPACE_MARK", "read_byte_piece", "spell_byte_level", "spell_marked"]

SPACE_MARK = "\N{LOWER ONE EIGHTH BLOCK}"
_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def spell_byte_level(piece: str) -> bytes:
    r"""Give the bytes of a piece of byte-level BPE; a piece outside the alphabet is its own text.

    Examples
    --------
    >>> spell_byte_level("Ġcafé"), spell_byte_level("<think>\n")
    (b' caf\xe9', b'<think>\n')
    """
    alphabet = _byte_of_character()
    try:
        return bytes(alphabet[character] for character in piece)
    except KeyError:
        return piece.encode("utf-8", "surrogatepass")


def spell_marked(piece: str) -> bytes:
    r"""Give the bytes of a SentencePiece piece: ``<0x0A>`` is one byte, the mark is a space.

    Examples
    --------
    >>> spell_marked("▁Ada"), spell_marked("<0xF0>")
    (b' Ada', b'\xf0')
    """
    byte = read_byte_piece(piece)
    return piece.replace(SPACE_MARK, " ").encode() if byte is None else byte


def read_byte_piece(piece: str) -> bytes | None:
    """Give the byte that a byte-fallback piece names, None for any other piece."""
    match = _BYTE_PIECE.fullmatch(piece)
    return bytes([int(match[1], 16)]) if match else None


@cache
def _byte_of_character() -> dict[str, int]:
    """Map the 256 printable stand-ins of GPT-2 to their bytes: printable bytes are themselves, others U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(hidden)}
