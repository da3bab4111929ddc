"""Find the symbols that have a Unicode property, by the names of ECMA-262.

General categories come from ``unicodedata``, so they match this Python; scripts and binary properties come from a
table, as the standard library has none.
"""

from __future__ import annotations

import base64
import unicodedata
import zlib
from functools import lru_cache

from fsm.automata.dfa import LAST_SYMBOL
from fsm.automata.ranges import Ranges, union_ranges
from grammars.regex._property_tables import BINARY, RANGES, SCRIPTS

__all__ = ["find_property"]

_CATEGORY_NAMES = """
L Letter/LC Cased_Letter/Lu Uppercase_Letter/Ll Lowercase_Letter/Lt Titlecase_Letter/Lm Modifier_Letter/Lo Other_Letter/
M Mark Combining_Mark/Mn Nonspacing_Mark/Mc Spacing_Mark/Me Enclosing_Mark/N Number/Nd Decimal_Number digit/
Nl Letter_Number/No Other_Number/P Punctuation punct/Pc Connector_Punctuation/Pd Dash_Punctuation/Ps Open_Punctuation/
Pe Close_Punctuation/Pi Initial_Punctuation/Pf Final_Punctuation/Po Other_Punctuation/S Symbol/Sm Math_Symbol/
Sc Currency_Symbol/Sk Modifier_Symbol/So Other_Symbol/Z Separator/Zs Space_Separator/Zl Line_Separator/
Zp Paragraph_Separator/C Other/Cc Control cntrl/Cf Format/Cs Surrogate/Co Private_Use/Cn Unassigned
"""
_KINDS = {
    "General_Category": "category",
    "gc": "category",
    "Script": "script",
    "sc": "script",
    "Script_Extensions": "extensions",
    "scx": "extensions",
}


@lru_cache(maxsize=256)
def find_property(name: str) -> Ranges | None:
    """Return the symbols with property ``name``, such as ``Lu`` or ``Script=Greek``; None when it is not known.

    Cost: the first general category reads the character database, about 0.1 s.

    Examples
    --------
    >>> find_property("ASCII")
    ((0, 127),)
    """
    kind, equals, value = name.partition("=")
    if equals:
        return _find_value(_KINDS.get(kind, ""), value)
    if name in _read_category_names():
        return _find_value("category", name)
    offset = _read_offsets(BINARY, 0).get(name)
    return None if offset is None else _read_ranges(offset)


def _find_value(kind: str, value: str) -> Ranges | None:
    if kind == "category":
        category = _read_category_names().get(value)
        return None if category is None else _find_categories().get(category)
    if kind == "":
        return None
    offset = _read_offsets(SCRIPTS, 0 if kind == "script" else 1).get(value)
    return None if offset is None else _read_ranges(offset)


@lru_cache(maxsize=1)
def _read_category_names() -> dict[str, str]:
    """Return the short name for every name of a category."""
    groups = [group.split() for group in _CATEGORY_NAMES.split("/")]
    return {name: group[0] for group in groups for name in group}


@lru_cache(maxsize=4)
def _read_offsets(table: str, column: int) -> dict[str, int]:
    rows = [row.split(":") for row in table.split()]
    return {name: int(row[1 + column]) for row in rows for name in row[0].split("/")}


@lru_cache(maxsize=1)
def _read_blob() -> bytes:
    return zlib.decompress(base64.b85decode(RANGES))


def _read_ranges(offset: int) -> Ranges:
    count, offset = _read_number(offset)
    found: list[tuple[int, int]] = []
    end = 0
    for _ in range(count):
        distance, offset = _read_number(offset)
        length, offset = _read_number(offset)
        end += distance + length
        found.append((end - length, end))
    return tuple(found)


def _read_number(offset: int) -> tuple[int, int]:
    blob = _read_blob()
    value = shift = 0
    while True:
        byte = blob[offset]
        offset += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, offset
        shift += 7


@lru_cache(maxsize=1)
def _find_categories() -> dict[str, Ranges]:
    found: dict[str, list[tuple[int, int]]] = {}
    category = unicodedata.category
    begin, current = 0, category("\0")
    for code in range(1, LAST_SYMBOL + 1):
        following = category(chr(code))
        if following != current:
            found.setdefault(current, []).append((begin, code - 1))
            begin, current = code, following
    found.setdefault(current, []).append((begin, LAST_SYMBOL))
    result = {name: tuple(ranges) for name, ranges in found.items()}
    for letter in {name[0] for name in found}:
        result[letter] = union_ranges([pair for name in found if name[0] == letter for pair in found[name]])
    result["LC"] = union_ranges([*found["Lu"], *found["Ll"], *found["Lt"]])
    return result
