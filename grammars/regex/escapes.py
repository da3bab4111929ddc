r"""Read escapes that stand for symbols: ``\d``, ``\x41``, ``\p{Lu}``, ``\N{BULLET}``, ``\.``."""

from __future__ import annotations

import re
import unicodedata

from fsm.automata.dfa import LAST_SYMBOL
from fsm.automata.ranges import Ranges, complement_ranges
from grammars.regex.errors import make_pattern_error
from grammars.regex.flags import Flag
from grammars.regex.letter_case import close_under_case
from grammars.regex.properties import find_property
from grammars.regex.symbol_sets import find_named_set

__all__ = ["NAMED_SETS", "read_escape"]

NAMED_SETS = frozenset("dDwWsS")

_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
_HEX = {"x": re.compile(r"[0-9A-Fa-f]{2}"), "u": re.compile(r"[0-9A-Fa-f]{4}"), "U": re.compile(r"[0-9A-Fa-f]{8}")}
_BRACED_HEX = re.compile(r"\{([0-9A-Fa-f]+)\}")
_LOW_SURROGATE = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-3][0-7]{2}")
_TOO_LARGE_OCTAL = re.compile(r"[4-7][0-7]{2}")
_NAMED = re.compile(r"\{([^}]*)\}")
_PROPERTY = re.compile(r"\{(\^?)([^{}]*)\}")
_REFERENCE = re.compile(r"[1-9][0-9]?|k<[^>]*>")


def read_escape(  # noqa: PLR0911
    pattern: str, place: int, *, is_ecma: bool, flags: Flag = Flag.NONE, is_in_class: bool = False
) -> tuple[Ranges, int]:
    """Return the symbols that the escape at ``place`` stands for, and where it ends."""
    letter = pattern[place + 1 : place + 2]
    after = place + 2
    if not letter:
        raise make_pattern_error("escape_end", pattern, place, "\\")
    if letter in NAMED_SETS:
        return _find_set(letter, is_ecma=is_ecma, flags=flags), after
    if letter in _CONTROLS:
        return _one(_CONTROLS[letter]), after
    if not letter.isascii() or not letter.isalnum():
        return _one(ord(letter)), after
    if letter in "pP":
        return _read_property(pattern, place)
    if letter in "xu" or (letter == "U" and not is_ecma):
        code, after = _read_hex(pattern, place, is_ecma=is_ecma)
        return _one(code), after
    if is_in_class and letter == "b":
        return _one(0x08), after
    code, after = (_read_ecma_only if is_ecma else _read_python_only)(pattern, place, letter)
    return _one(code), after


def _find_set(letter: str, *, is_ecma: bool, flags: Flag) -> Ranges:
    if is_ecma and flags & Flag.IGNORE_CASE and letter in "wW":
        words = close_under_case(find_named_set("w", is_ecma=True, is_ascii=False), is_ecma=True)
        return words if letter == "w" else complement_ranges(words)
    return find_named_set(letter, is_ecma=is_ecma, is_ascii=bool(flags & Flag.ASCII))


def _read_python_only(pattern: str, place: int, letter: str) -> tuple[int, int]:
    if letter == "a":
        return 0x07, place + 2
    if letter == "N":
        return _read_name(pattern, place)
    if _TOO_LARGE_OCTAL.match(pattern, place + 1):
        raise make_pattern_error("escape_octal", pattern, place, pattern[place : place + 4])
    octal = _OCTAL.match(pattern, place + 1)
    if octal:
        return int(octal.group(), 8), octal.end()
    return _refuse(pattern, place)


def _read_ecma_only(pattern: str, place: int, letter: str) -> tuple[int, int]:
    if letter == "0":
        if pattern[place + 2 : place + 3].isdigit():
            raise make_pattern_error("escape_octal", pattern, place, pattern[place : place + 3])
        return 0, place + 2
    if letter == "c":
        control = pattern[place + 2 : place + 3]
        if not (control.isascii() and control.isalpha()):
            raise make_pattern_error("escape_control", pattern, place, pattern[place : place + 3])
        return ord(control) % 32, place + 3
    return _refuse(pattern, place)


def _refuse(pattern: str, place: int) -> tuple[int, int]:
    reference = _REFERENCE.match(pattern, place + 1)
    if reference:
        raise make_pattern_error("back_reference", pattern, place, f"\\{reference.group()}")
    raise make_pattern_error("escape_unknown", pattern, place, pattern[place : place + 2])


def _read_hex(pattern: str, place: int, *, is_ecma: bool) -> tuple[int, int]:
    braced = _BRACED_HEX.match(pattern, place + 2) if is_ecma and pattern[place + 1] == "u" else None
    match = braced or _HEX[pattern[place + 1]].match(pattern, place + 2)
    if match is None:
        raise make_pattern_error("escape_short", pattern, place, pattern[place : place + 4])
    code = int(match.group(match.lastindex or 0), 16)
    if code > LAST_SYMBOL:
        raise make_pattern_error("escape_large", pattern, place, pattern[place : match.end()])
    if is_ecma and braced is None and 0xD800 <= code < 0xDC00:
        low = _LOW_SURROGATE.match(pattern, match.end())
        if low:
            return 0x10000 + ((code - 0xD800) << 10) + int(low.group(1), 16) - 0xDC00, low.end()
    return code, match.end()


def _read_name(pattern: str, place: int) -> tuple[int, int]:
    match = _NAMED.match(pattern, place + 2)
    if match is None:
        raise make_pattern_error("escape_name", pattern, place, "\\N")
    try:
        return ord(unicodedata.lookup(match.group(1))), match.end()
    except (KeyError, TypeError) as error:
        raise make_pattern_error("escape_name", pattern, place, match.group()) from error


def _read_property(pattern: str, place: int) -> tuple[Ranges, int]:
    match = _PROPERTY.match(pattern, place + 2)
    found = None if match is None else find_property(match.group(2))
    if match is None or found is None:
        end = match.end() if match else place + 3
        raise make_pattern_error("property_unknown", pattern, place, pattern[place:end])
    is_negative = (pattern[place + 1] == "P") is not bool(match.group(1))
    return complement_ranges(found) if is_negative else found, match.end()


def _one(code: int) -> Ranges:
    return ((code, code),)
