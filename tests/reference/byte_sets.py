"""Say the slow, obvious way what sets of bytes do to tokens, and what classes of characters are as bytes."""

from __future__ import annotations

__all__ = ["count_characters", "is_beginning_of_text", "rest_of_token", "spell_class"]


def is_beginning_of_text(data: bytes) -> bool:
    """Tell whether some text begins with these bytes."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and len(data) - error.start < 4
    return True


def count_characters(data: bytes) -> int:
    """Count the characters of the beginning of a text; a part of one counts as one."""
    whole = data.decode(errors="ignore")
    return len(whole) + (whole.encode() != data)


def rest_of_token(token: bytes, allowed: set[int], *, is_wide: bool) -> bytes | None:
    """Return a token from where it leaves a set of bytes on; None where it is no text before that.

    is_wide : whether characters that are not ASCII are in the set too; otherwise they leave it.
    """
    place = 0
    while place < len(token):
        size = next((n for n in (1, 2, 3, 4) if _is_character(token[place : place + n])), 0)
        if token[place] < 0x80:
            if token[place] not in allowed:
                return token[place:]
            place += 1
        elif not is_wide:
            return token[place:]
        elif size:
            place += size
        else:
            return b"" if is_beginning_of_text(token[place:]) else None
    return b""


def spell_class(characters: set[str]) -> set[bytes]:
    """Return the bytes of each character."""
    return {character.encode() for character in characters}


def _is_character(data: bytes) -> bool:
    try:
        return len(data.decode()) == 1
    except UnicodeDecodeError:
        return False
