r"""Spell an ECMA-262 pattern in Python's dialect, so that the validator library reads it as JSON Schema means it.

``\d \w \s . $`` differ: Python's take in all of Unicode, not U+FEFF, every line end but one, and a last line end.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["python_pattern", "with_python_patterns"]

_SPACES = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_CLASSES = {r"\d": "0-9", r"\w": "A-Za-z0-9_", r"\s": _SPACES}
_LINE_ENDS = r"\n\r\u2028\u2029"
_PART = re.compile(r"\\.|\[\^?|\]|\.|\$", re.DOTALL)
_VALUES = ("enum", "const", "default", "examples")


def python_pattern(pattern: str) -> str:
    r"""Return a pattern that Python reads as ECMA-262 reads this one.

    Examples
    --------
    >>> python_pattern(r"^\d[\d.]$")
    '^[0-9][0-9.]\\Z'
    """
    spelled, place, is_class = [], 0, False
    for found in _PART.finditer(pattern):
        part = found[0]
        spelled.append(pattern[place : found.start()])
        place = found.end()
        spelled.append(_spell(part, is_class=is_class))
        if part in ("[", "[^"):
            is_class = True
        elif part == "]":
            is_class = False
    return "".join(spelled) + pattern[place:]


def with_python_patterns(schema: Any) -> Any:
    """Return a copy of a schema with every pattern spelled for Python."""
    if isinstance(schema, list):
        return [with_python_patterns(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copy: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "pattern" and isinstance(value, str):
            copy[key] = python_pattern(value)
        elif key == "patternProperties" and isinstance(value, dict):
            copy[key] = {python_pattern(name): with_python_patterns(each) for name, each in value.items()}
        else:
            copy[key] = value if key in _VALUES else with_python_patterns(value)
    return copy


def _spell(part: str, *, is_class: bool) -> str:
    lower = part.lower()
    if lower in _CLASSES:
        members = _CLASSES[lower]
        if part == lower:
            return members if is_class else f"[{members}]"
        return part if is_class else f"[^{members}]"
    if is_class:
        return r"\[" if part == "[" else part
    if part == ".":
        return f"[^{_LINE_ENDS}]"
    return r"\Z" if part == "$" else part
