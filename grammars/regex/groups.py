"""Read what opens a group: kind, name, flags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from grammars.regex.errors import make_pattern_error
from grammars.regex.flags import FLAG_LETTERS, Flag

__all__ = ["Group", "GroupKind", "read_flags_prefix", "read_group"]

_NAME = re.compile(r"([^>)]*)(>?)")
_FLAGS = re.compile(r"([A-Za-z]*)(?:(-)([A-Za-z]*))?([:)])")
_RECURSION = re.compile(r"(?:R|[+-]?[0-9]+|&\w+|P>\w+)\)")
_COMMENT = re.compile(r"\(\?#(?:[^\\)]|\\.)*\)", re.DOTALL)
_VERBOSE_SPACE = " \t\n\r\f\v"


class GroupKind(Enum):
    """What a group does with what it holds."""

    PLAIN = auto()
    ATOMIC = auto()
    AHEAD = auto()
    NOT_AHEAD = auto()
    BEHIND = auto()
    NOT_BEHIND = auto()
    COMMENT = auto()


@dataclass(frozen=True, slots=True)
class Group:
    """The opening of a group; its contents start at ``end``."""

    kind: GroupKind
    end: int
    added: Flag = Flag.NONE
    removed: Flag = Flag.NONE


_PREFIXES = {
    "(?:": GroupKind.PLAIN,
    "(?=": GroupKind.AHEAD,
    "(?!": GroupKind.NOT_AHEAD,
    "(?<=": GroupKind.BEHIND,
    "(?<!": GroupKind.NOT_BEHIND,
}


def read_group(pattern: str, place: int, *, is_ecma: bool, names: set[str]) -> Group:
    """Return the group that opens at ``place``; its name is added to ``names``."""
    if not pattern.startswith("(?", place):
        return Group(GroupKind.PLAIN, place + 1)
    for size in (3, 4):
        kind = _PREFIXES.get(pattern[place : place + size])
        if kind is not None:
            return Group(kind, place + size)
    opening = "(?<" if is_ecma else "(?P<"
    if pattern.startswith(opening, place):
        return _read_name(pattern, place, place + len(opening), names)
    if not is_ecma and pattern.startswith("(?#", place):
        return _read_comment(pattern, place)
    if not is_ecma and pattern.startswith("(?>", place):
        return Group(GroupKind.ATOMIC, place + 3)
    _refuse_context(pattern, place)
    return _read_flags(pattern, place, is_ecma=is_ecma)


def read_flags_prefix(pattern: str, *, is_ecma: bool) -> tuple[Flag, int]:
    """Return the flags written for the whole pattern at its start, and where the rest begins.

    ECMA has no such notation, but patterns in real schemas do, and it can mean nothing else.
    """
    flags, place = Flag.NONE, 0
    while pattern.startswith("(?", place):
        comment = None if is_ecma else _COMMENT.match(pattern, place)
        if comment is not None:
            place = comment.end()
            continue
        match = _FLAGS.match(pattern, place + 2)
        if match is None or match.group(4) != ")" or match.group(2) or not match.group(1):
            break
        _refuse_context(pattern, place)
        flags |= _read_letters(pattern, place, match.group(1), is_ecma=is_ecma)
        place = match.end()
        if flags & Flag.VERBOSE:
            place += len(pattern) - place - len(pattern[place:].lstrip(_VERBOSE_SPACE))
    return flags, place


def _read_name(pattern: str, place: int, begin: int, names: set[str]) -> Group:
    match = _NAME.match(pattern, begin)
    name, closed = match.groups() if match else ("", "")
    if not closed or not name.replace("$", "_").isidentifier():
        raise make_pattern_error("group_name", pattern, place, name)
    if name in names:
        raise make_pattern_error("group_name_twice", pattern, place, name)
    names.add(name)
    return Group(GroupKind.PLAIN, begin + len(name) + 1)


def _read_comment(pattern: str, place: int) -> Group:
    match = _COMMENT.match(pattern, place)
    if match is None:
        raise make_pattern_error("comment_open", pattern, place, "(?#")
    return Group(GroupKind.COMMENT, match.end())


def _refuse_context(pattern: str, place: int) -> None:
    """Raise for groups that depend on earlier groups or on themselves."""
    if pattern.startswith("(?(", place):
        raise make_pattern_error("conditional", pattern, place, pattern[place : place + 6])
    if pattern.startswith("(?P=", place):
        raise make_pattern_error("back_reference", pattern, place, pattern[place:].partition(")")[0] + ")")
    match = _RECURSION.match(pattern, place + 2)
    if match:
        raise make_pattern_error("recursion", pattern, place, pattern[place : match.end()])


def _read_flags(pattern: str, place: int, *, is_ecma: bool) -> Group:
    match = _FLAGS.match(pattern, place + 2)
    if match is None or match.end() == place + 3:
        raise make_pattern_error("group_unknown", pattern, place, pattern[place : place + 4])
    added, minus, removed, closing = match.groups()
    flags = _read_letters(pattern, place, added, is_ecma=is_ecma)
    if closing == ")":
        raise make_pattern_error("flag_place", pattern, place, pattern[place : match.end()])
    without = _read_letters(pattern, place, removed or "", is_ecma=is_ecma)
    if (minus and not removed) or flags & without or without & Flag.ASCII:
        raise make_pattern_error("flag_unknown", pattern, place, pattern[place : match.end()])
    if "u" in added:
        without |= Flag.ASCII
    return Group(GroupKind.PLAIN, match.end(), flags, without)


def _read_letters(pattern: str, place: int, letters: str, *, is_ecma: bool) -> Flag:
    flags = Flag.NONE
    for letter in letters:
        if letter == "L":
            raise make_pattern_error("locale", pattern, place, letters)
        if letter not in FLAG_LETTERS or (is_ecma and letter not in "ims"):
            raise make_pattern_error("flag_unknown", pattern, place, letters)
        flags |= FLAG_LETTERS[letter]
    if "a" in letters and "u" in letters:
        raise make_pattern_error("flag_unknown", pattern, place, letters)
    return flags
