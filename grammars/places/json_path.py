"""Follow the beginning of a JSON text to the value it stands in."""

from __future__ import annotations

import json
from dataclasses import dataclass

__all__ = ["JsonPlace", "find_place"]

_SPACES = " \t\n\r"


@dataclass(frozen=True, slots=True)
class JsonPlace:
    """Say what stands where a text breaks off.

    path : names and places of members that lead to the value.
    kind : ``value`` (one begins), ``name`` (a member's name begins or goes on), ``string``, ``scalar`` (a number or a
        literal goes on), ``colon``, ``after`` (a value has ended).
    part : what was read of a name, a string, or a scalar; strings decoded.
    names : of an object, the names that were read.
    """

    path: tuple[str | int, ...]
    kind: str
    part: str = ""
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class _Open:
    """Hold an open object or array."""

    is_object: bool
    names: list[str]
    index: int = 0


def find_place(text: str) -> JsonPlace:
    """Return where a text stands that is the beginning of a JSON text.

    Examples
    --------
    >>> find_place('{"a": [1, "x')
    JsonPlace(path=('a', 1), kind='string', part='x', names=())
    """
    stack: list[_Open] = []
    kind, place, begin = "value", 0, 0
    while place < len(text):
        character = text[place]
        if character in _SPACES:
            kind = "after" if kind == "scalar" else kind
        elif character == '"':
            end = _string_end(text, place)
            if end < 0:
                return _found(stack, "name" if kind == "name" else "string", _decoded(text[place:]))
            if kind == "name":
                stack[-1].names.append(_decoded(text[place:end]))
            kind, place = "colon" if kind == "name" else "after", end - 1
        elif character in "{[":
            stack.append(_Open(character == "{", []))
            kind = "name" if character == "{" else "value"
        elif character in "}]":
            stack.pop()
            kind = "after"
        elif character == ":":
            kind = "value"
        elif character == ",":
            if not stack[-1].is_object:
                stack[-1].index += 1
            kind = "name" if stack[-1].is_object else "value"
        elif kind != "scalar":
            kind, begin = "scalar", place
        place += 1
    return _found(stack, kind, text[begin:] if kind == "scalar" else "")


def _found(stack: list[_Open], kind: str, part: str) -> JsonPlace:
    path: list[str | int] = []
    for depth, level in enumerate(stack):
        is_last = depth == len(stack) - 1
        if is_last and (kind in {"name", "colon"} or (kind == "after" and level.is_object)):
            return JsonPlace(tuple(path), kind, part, tuple(level.names))
        if level.is_object and not level.names:
            break
        path.append(level.names[-1] if level.is_object else level.index)
    return JsonPlace(tuple(path), kind, part)


def _string_end(text: str, place: int) -> int:
    """Return where a string ends, its closing quote included; -1 where it is open."""
    place += 1
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == '"':
            return place + 1
        place += 1
    return -1


def _decoded(spelled: str) -> str:
    """Return the characters of a string that may be open, without a last one that is not whole."""
    body = spelled if len(spelled) > 1 and _string_end(spelled, 0) > 0 else spelled + '"'
    for cut in range(1, 14):
        try:
            return str(json.loads(body))
        except ValueError:
            body = spelled[: len(spelled) - cut] + '"'
    return ""
