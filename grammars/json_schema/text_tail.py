"""Find where the last complete JSON value of a text begins."""

from __future__ import annotations

import json

__all__ = ["last_string", "last_value_start"]

_OPENING = {ord("}"): ord("{"), ord("]"): ord("[")}
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_BEFORE_SCALAR = frozenset(b" \t\n\r,:[{")


def last_value_start(text: bytes) -> int:
    """Return where the value begins that ends at the end of ``text``.

    Examples
    --------
    >>> last_value_start(b'{"a": [1, {"b": "x]"}]')
    6
    """
    place = len(text) - 1
    depth = 0
    while place >= 0:
        byte = text[place]
        if byte == _QUOTE:
            place = _string_start(text, place)
        elif byte in _OPENING:
            depth += 1
        elif byte in (ord("{"), ord("[")):
            depth -= 1
        elif depth == 0:
            while place > 0 and text[place - 1] not in _BEFORE_SCALAR:
                place -= 1
        if depth == 0:
            return place
        place -= 1
    return 0


def last_string(text: bytes) -> str:
    """Return the JSON string that ends at the end of ``text``."""
    written = text[_string_start(text, len(text) - 1) :]
    return str(json.loads(written)) if b"\\" in written else written[1:-1].decode()


def _string_start(text: bytes, end: int) -> int:
    """Return the opening quote of the string that closes at ``end``."""
    place = end - 1
    while True:
        place = text.rfind(b'"', 0, place + 1)
        before = place
        while before > 0 and text[before - 1] == _BACKSLASH:
            before -= 1
        if (place - before) % 2 == 0:
            return place
        place -= 1
