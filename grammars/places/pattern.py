"""Say at which column of a regular expression a text stands.

The pattern is cut off after each of its characters, open groups are closed, and the shortest beginning that the text
still fits is the place: cost is one small automaton per character, so only the one who asks why pays.
"""

from __future__ import annotations

import re

from fsm.dfa import Dfa
from fsm.errors import GuidanceError
from grammars.regex import regex_dfa
from grammars.regex.compile import Dialect

__all__ = ["describe_pattern"]

MAX_PATTERN = 400
_QUANTIFIERS = ("*", "+", "?", "{")
_OPEN_COUNT = re.compile(r"\{\d*,?\d*$")


def describe_pattern(pattern: str, dialect: Dialect, read: str) -> str:
    r"""Return where in a pattern stands who has read a text; empty where that cannot be told.

    Examples
    --------
    >>> describe_pattern(r"\d{4}-\d\d", "python", "2024")
    "in the pattern '\\\\d{4}-\\\\d\\\\d', '-' at column 6 comes next"
    >>> describe_pattern(r"\d{4}-\d\d", "python", "20")
    "in the pattern '\\\\d{4}-\\\\d\\\\d', '\\\\d{4}' at columns 1 to 5 is not complete"
    """
    if len(pattern) > MAX_PATTERN:
        return ""
    before = 0
    for end in range(len(pattern) + 1):
        dfa = _beginning(pattern, end, dialect)
        if dfa is None:
            continue
        state = dfa.start
        for character in read:
            state = dfa.step(state, ord(character)) if state else 0
        if state and dfa.is_accepting(state):
            return _next(pattern, dialect, _after_quantifier(pattern, dialect, end, read))
        if state:
            part = f"{pattern[before:end]!r} at columns {before + 1} to {end}"
            return f"in the pattern {pattern!r}, {part} is not complete"
        before = end
    return ""


def _after_quantifier(pattern: str, dialect: Dialect, end: int, read: str) -> int:
    """Return how far the beginning goes that the text fits, with all that may be left out."""
    for longer in range(end + 1, len(pattern) + 1):
        dfa = _beginning(pattern, longer, dialect)
        if dfa is not None:
            if not dfa.accepts(read):
                break
            end = longer
    return end


def _next(pattern: str, dialect: Dialect, end: int) -> str:
    if end == len(pattern):
        return f"the pattern {pattern!r} is complete"
    after = end + 1
    while after < len(pattern) and _beginning(pattern, after, dialect) is None:
        after += 1
    columns = f"column {end + 1}" if after == end + 1 else f"columns {end + 1} to {after}"
    return f"in the pattern {pattern!r}, {pattern[end:after]!r} at {columns} comes next"


def _beginning(whole: str, end: int, dialect: Dialect) -> Dfa | None:
    """Return the automaton of a beginning with its groups closed, None where it does not end with a whole item."""
    pattern = whole[:end]
    if pattern.endswith(("(", "|")) or whole[end : end + 1] in _QUANTIFIERS or _OPEN_COUNT.search(pattern):
        return None
    depth, is_class, is_escaped = 0, False, False
    for character in pattern:
        if is_escaped:
            is_escaped = False
        elif character == "\\":
            is_escaped = True
        elif is_class:
            is_class = character != "]"
        elif character == "[":
            is_class = True
        else:
            depth += (character == "(") - (character == ")")
    if is_class or is_escaped:
        return None
    try:
        return regex_dfa(pattern + ")" * depth, dialect, search=False)
    except GuidanceError:
        return None
