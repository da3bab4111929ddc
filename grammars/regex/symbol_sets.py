r"""Give the symbol sets behind ``\d``, ``\w``, ``\s`` and ``.`` in both dialects."""

from __future__ import annotations

import re
from functools import lru_cache

from fsm.automata.ranges import Ranges, complement_ranges

__all__ = ["ECMA_LINE_ENDS", "find_matching", "find_named_set"]

_DIGITS: Ranges = ((0x30, 0x39),)
_WORDS: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_ASCII_SPACES: Ranges = ((0x09, 0x0D), (0x20, 0x20))
_ECMA_SPACES: Ranges = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
ECMA_LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))

# PERF: no character above plane 3 is a digit, a word character or a space, save the tags and selectors of plane 14.
_SEARCHED = (range(0x40000), range(0xE0000, 0xE1000))


@lru_cache(maxsize=64)
def find_named_set(letter: str, *, is_ecma: bool, is_ascii: bool) -> Ranges:
    r"""Return the set of ``\letter``, for d, D, w, W, s, S."""
    if letter.isupper():
        return complement_ranges(find_named_set(letter.lower(), is_ecma=is_ecma, is_ascii=is_ascii))
    if not is_ecma and not is_ascii:
        return find_matching(f"\\{letter}")
    spaces = _ECMA_SPACES if is_ecma else _ASCII_SPACES
    return {"d": _DIGITS, "w": _WORDS, "s": spaces}[letter]


@lru_cache(maxsize=64)
def find_matching(pattern: str) -> Ranges:
    """Return the code points that Python's ``re`` matches with ``pattern``, so that both always agree.

    Cost: about 10 ms, once per pattern.
    """
    found: list[tuple[int, int]] = []
    runs = re.compile(f"(?:{pattern})+")
    for searched in _SEARCHED:
        text = "".join(map(chr, searched))
        found += [(match.start() + searched.start, match.end() + searched.start - 1) for match in runs.finditer(text)]
    return tuple(found)
