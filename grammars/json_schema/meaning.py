"""Tell subschemas that mean the same, so that all places with one of them share its states and its masks.

Input: a subschema without references. Output: what it asks for as a value to compare, whatever annotations stand beside
it. Cost: one look at each keyword; a subschema whose keywords hold others (but ``items``) is left alone, and so is one
with a draft of its own, in which the same keywords may mean something else.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from grammars.json_schema.shapes import KEYWORDS

__all__ = ["is_reference_only", "meaning_beside", "meaning_of"]

_SIMPLE = frozenset(
    """enum const exclusiveMaximum exclusiveMinimum format maxItems maxLength maximum minItems minLength minimum
    multipleOf pattern type uniqueItems""".split()
)
_SCALARS = frozenset({str, int, float, bool, type(None)})
_REFERENCE = frozenset({"$ref"})
MAX_DEPTH = 8


def meaning_of(schema: dict[str, Any], depth: int = 0) -> Hashable:
    """Return a value that subschemas share only where they accept the same values; None where that is not told.

    Examples
    --------
    >>> plain, described = {"type": "string"}, {"description": "its name", "type": "string"}
    >>> meaning_of(plain) == meaning_of(described), meaning_of({"enum": [1]}) == meaning_of({"enum": [True]})
    (True, False)
    """
    if "$schema" in schema:
        return None
    found: list[tuple[str, Any, Any]] = []
    for keyword in KEYWORDS.intersection(schema):
        value = schema[keyword]
        if keyword in _SIMPLE:
            kind = type(value)
            if kind is list:
                kinds = tuple(map(type, value))
                if not _SCALARS.issuperset(kinds):
                    return None
                found.append((keyword, tuple(value), kinds))
            elif kind in _SCALARS:
                found.append((keyword, value, kind))
            else:
                return None
        elif keyword == "items" and type(value) is dict and depth < MAX_DEPTH:
            inner = meaning_of(value, depth + 1)
            if inner is None:
                return None
            found.append((keyword, inner, dict))
        elif keyword != "required" or type(value) is not bool:  # draft 3 wrote a boolean, which says nothing
            return None
    return frozenset(found)


def meaning_beside(schema: dict[str, Any]) -> Hashable:
    """Return the same for subschemas that stand beside one another, where equal references lead to the same place.

    Examples
    --------
    >>> meaning_beside({"$ref": "#/$defs/a", "title": "x"}) == meaning_beside({"$ref": "#/$defs/a"})
    True
    >>> meaning_beside({"$ref": "#/$defs/a", "$schema": "http://json-schema.org/draft-07/schema#"}) is None
    True
    """
    if "$schema" not in schema and is_reference_only(schema, ignores_siblings=False):
        return ("$ref", schema["$ref"])
    return meaning_of(schema)


def is_reference_only(schema: dict[str, Any], *, ignores_siblings: bool) -> bool:
    """Tell whether a subschema only stands for the one it refers to."""
    if type(schema.get("$ref")) is not str:
        return False
    return ignores_siblings or KEYWORDS.intersection(schema) == _REFERENCE
