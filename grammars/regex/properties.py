"""Find the symbols that have a Unicode property, by the names of ECMA-262."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from fsm.automata.ranges import Ranges, union_ranges

__all__ = ["find_property"]

_SEARCHED = (range(0x34000), range(0xE0000, 0xE0200), range(0xF0000, 0x110000))


@lru_cache(maxsize=256)
def find_property(name: str) -> Ranges | None:
    """Return the symbols with property ``name``, such as ``Lu`` or ``Script=Greek``; None when it is not known."""
    return _find_categories().get(name)


@lru_cache(maxsize=1)
def _find_categories() -> dict[str, Ranges]:
    found: dict[str, list[tuple[int, int]]] = {}
    begin, current = 0, unicodedata.category("\0")
    for code in range(0x110000):
        category = unicodedata.category(chr(code))
        if category != current:
            found.setdefault(current, []).append((begin, code - 1))
            begin, current = code, category
    found.setdefault(current, []).append((begin, 0x10FFFF))
    result = {name: tuple(ranges) for name, ranges in found.items()}
    for letter in {name[0] for name in found}:
        result[letter] = union_ranges([pair for name in found if name[0] == letter for pair in found[name]])
    return result
