"""Parse a bracketed character class into the set of its symbols."""

from __future__ import annotations

import re
from functools import lru_cache

from fsm.automata.ranges import Ranges, complement_ranges, union_ranges
from grammars.regex.errors import make_pattern_error
from grammars.regex.escapes import NAMED_SETS, read_escape
from grammars.regex.flags import Flag
from grammars.regex.letter_case import close_under_case

__all__ = ["parse_class"]

_PYTHON_CLASS = re.compile(r"\[(?>\^?\]?)(?:[^\]\\]|\\.)*\]", re.DOTALL)
_ECMA_CLASS = re.compile(r"\[(?:[^\]\\]|\\.)*\]", re.DOTALL)
_SETS = frozenset("dDwWsSpP")


def parse_class(pattern: str, place: int, *, is_ecma: bool, flags: Flag) -> tuple[Ranges, int]:
    """Return the symbols of the class that opens at ``place``, and where it ends."""
    match = (_ECMA_CLASS if is_ecma else _PYTHON_CLASS).match(pattern, place)
    if match is None:
        raise make_pattern_error("class_open", pattern, place, "[")
    try:
        return _parse_body(match.group(), is_ecma=is_ecma, flags=flags), match.end()
    except _ClassError as error:
        raise make_pattern_error(error.name, pattern, place + error.place, error.got) from error


class _ClassError(Exception):
    """Carry a problem out of the cached parser, which does not know where the class stands."""

    def __init__(self, name: str, place: int, got: str) -> None:
        super().__init__(name)
        self.name, self.place, self.got = name, place, got


@lru_cache(maxsize=2048)
def _parse_body(text: str, *, is_ecma: bool, flags: Flag) -> Ranges:
    is_negative = text.startswith("[^")
    found: list[tuple[int, int]] = []
    fixed: list[tuple[int, int]] = []
    place, end = 1 + is_negative, len(text) - 1
    while place < end:
        begin = place
        first, place = _read_item(text, begin, is_ecma=is_ecma, flags=flags)
        if text[place] == "-" and place + 1 < end:
            last, after = _read_item(text, place + 1, is_ecma=is_ecma, flags=flags)
            if _is_set(text, begin) or _is_set(text, place + 1):
                if not is_ecma:
                    raise _ClassError("class_range_of_sets", begin, text[begin:after])
                first = (*first, (0x2D, 0x2D), *last)
            elif first[0][0] > last[0][0]:
                raise _ClassError("class_range", begin, text[begin:after])
            else:
                first = ((first[0][0], last[0][0]),)
            place = after
        if text[begin] == "\\" and text[begin + 1] in NAMED_SETS:
            fixed += first
        else:
            found += first
    ranges = union_ranges(found)
    if flags & Flag.IGNORE_CASE:
        ranges = close_under_case(ranges, is_ecma=is_ecma, is_ascii=bool(flags & Flag.ASCII))
    if fixed:
        ranges = union_ranges([*ranges, *fixed])
    return complement_ranges(ranges) if is_negative else ranges


def _read_item(text: str, place: int, *, is_ecma: bool, flags: Flag) -> tuple[Ranges, int]:
    if text[place] != "\\":
        code = ord(text[place])
        return ((code, code),), place + 1
    return read_escape(text, place, is_ecma=is_ecma, flags=flags, is_in_class=True)


def _is_set(text: str, place: int) -> bool:
    return text[place] == "\\" and text[place + 1] in _SETS
