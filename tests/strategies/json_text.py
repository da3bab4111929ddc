"""Write a JSON value in a random but equal way, and cut a text into random tokens."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

from fsm.vocabulary import Vocabulary

__all__ = ["cut", "mixed_vocabulary", "spell"]

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "/": "\\/"}
_FRAGMENTS = (
    *('{"', '"}', '":', '": ', '": "', '", "', '","', "{}", "[]", "[[", "]]", "}}"),
    *("},{", "], [", "[{", "}]", ",\n", "  "),
    *("true", "false", "null", "tru", "e,", "fal", "se}", '"a', '"a"', 'a":'),
    *('"b":1', "ab", "aab", "abc", "é", "éa", "日本"),
    *("\\u", "\\u0", "\\u00", "\\ud8", "\\udc", "00e", "\\n", '\\"', "\\\\"),
    *("1.", ".0", "10", "00", "-1", "12", "0,", "e+"),
)


@cache
def mixed_vocabulary() -> Vocabulary:
    """Build a vocabulary of all bytes, fragments of JSON, and tokens that split characters; the last id ends."""
    split = [b"\xc3", b"\xa9a", b"\xe6\x97", b'\xa5"', b"\xf0\x9f", b'\x98\x80"']
    tokens = [bytes([byte]) for byte in range(256)] + [text.encode() for text in _FRAGMENTS] + split
    return Vocabulary([*tokens, b"<end>"], eos_token_ids=[len(tokens)])


def cut(text: bytes, vocabulary: Vocabulary, source: random.Random) -> list[int]:
    """Cut a text into tokens, each chosen among all that fit."""
    token_ids, position = [], 0
    while position < len(text):
        fitting = _fitting(text, position, vocabulary)
        token_id = source.choice(fitting)
        token_ids.append(token_id)
        position += len(vocabulary.token_bytes[token_id])
    return token_ids


def _fitting(text: bytes, position: int, vocabulary: Vocabulary) -> Sequence[int]:
    return [i for i in vocabulary.text_token_ids if text.startswith(vocabulary.token_bytes[i], position)]


def spell(value: Any, source: random.Random) -> str:
    """Write a value with random white space, escapes, key order, and ``1.0`` for ``1``."""
    if isinstance(value, dict):
        members = source.sample(list(value.items()), len(value))
        inner = ",".join(
            _pad(f"{_pad(_spell_string(k, source), source)}:{spell(v, source)}", source) for k, v in members
        )
        return _pad("{" + (inner or _space(source)) + "}", source)
    if isinstance(value, list):
        inner = ",".join(spell(item, source) for item in value)
        return _pad("[" + (inner or _space(source)) + "]", source)
    if isinstance(value, str):
        return _pad(_spell_string(value, source), source)
    if isinstance(value, int) and not isinstance(value, bool) and source.random() < 0.2:
        return _pad(f"{value}.0", source)
    return _pad(json.dumps(value), source)


def _pad(text: str, source: random.Random) -> str:
    return _space(source) + text + _space(source)


def _space(source: random.Random) -> str:
    return "".join(source.choice(" \n\t\r") for _ in range(source.choice((0, 0, 0, 0, 1, 2))))


def _spell_string(value: str, source: random.Random) -> str:
    return '"' + "".join(_spell_character(character, source) for character in value) + '"'


def _spell_character(character: str, source: random.Random) -> str:
    ways = []
    if character not in '"\\' and character >= " " and not "\ud800" <= character <= "\udfff":
        ways += [character] * 4
    if character in _SHORT:
        ways.append(_SHORT[character])
    units = character.encode("utf-16-be", "surrogatepass")
    escaped = "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    ways += [escaped, "\\u".join(part.upper() for part in escaped.split("\\u"))]
    return source.choice(ways)
