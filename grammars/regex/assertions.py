"""Write anchors and word boundaries as looks, and join anchors with what stands around the pattern.

Looks and anchors inside a pattern need a slower automaton. The usual ones, first or last in a searched pattern, only
say that no text comes before or after, which a plain expression can say.
"""

from __future__ import annotations

import re
from typing import Final

from fsm.automata.expression import (
    ANY_SYMBOL,
    ANY_TEXT,
    EMPTY,
    END,
    START,
    Choice,
    Expression,
    Look,
    Repeat,
    Sequence,
    Symbols,
    choice,
    look,
    repeat,
    sequence,
    symbols,
)
from fsm.automata.ranges import Ranges
from grammars.regex.flags import Flag
from grammars.regex.letter_case import close_under_case
from grammars.regex.symbol_sets import ECMA_LINE_ENDS, find_named_set

__all__ = ["enclose", "make_boundary", "make_line_end", "make_line_start"]

_NEWLINE: Final[Ranges] = ((0x0A, 0x0A),)
_LAST_NEWLINE: Final = repeat(Symbols(_NEWLINE), 0, 1)
_PYTHON_END: Final[Expression] = Look(sequence([_LAST_NEWLINE, END]), is_ahead=True, is_negative=False)
"""Python's ``$``: at the end, or before a newline at the end."""


def make_line_start(*, is_ecma: bool) -> Expression:
    """Return ``^`` under the multi-line flag."""
    ends = ECMA_LINE_ENDS if is_ecma else _NEWLINE
    return choice([START, look(symbols(ends), is_ahead=False, is_negative=False)])


def make_line_end(*, is_ecma: bool, is_multi_line: bool) -> Expression:
    """Return ``$``."""
    if not is_multi_line:
        return END if is_ecma else _PYTHON_END
    ends = ECMA_LINE_ENDS if is_ecma else _NEWLINE
    return choice([END, look(symbols(ends), is_ahead=True, is_negative=False)])


def make_boundary(*, is_ecma: bool, flags: Flag, is_negative: bool) -> Expression:
    r"""Return ``\b``, or ``\B``: word characters on exactly one side, or on both or neither."""
    ranges = find_named_set("w", is_ecma=is_ecma, is_ascii=bool(flags & Flag.ASCII))
    if is_ecma and flags & Flag.IGNORE_CASE:
        ranges = close_under_case(ranges, is_ecma=True)
    word = symbols(ranges)
    options = [
        sequence(
            [
                look(word, is_ahead=False, is_negative=not is_before),
                look(word, is_ahead=True, is_negative=is_before is not is_negative),
            ]
        )
        for is_before in (True, False)
    ]
    if is_negative and not is_ecma and not _matches_empty_text():
        sides = [look(ANY_SYMBOL, is_ahead=is_ahead, is_negative=False) for is_ahead in (True, False)]
        options[1] = sequence([options[1], choice(sides)])
    return choice(options)


def _matches_empty_text() -> bool:
    r"""Tell whether this Python's ``\B`` matches the empty text: not before 3.14."""
    return re.match(r"\B", "") is not None


def enclose(body: Expression, around: Expression) -> Expression:
    """Return ``around body around``, with anchors at both ends of ``body`` resolved.

    ``around`` is `EMPTY` for a full match, `ANY_TEXT` for a search.
    """
    if around is ANY_TEXT and body.is_plain and body.is_nullable:
        return ANY_TEXT
    return _close_end(_close_start(body, around), around)


def _close_start(node: Expression, before: Expression) -> Expression:
    """Return ``before node``, where ``before`` starts where the text starts."""
    if node is START:
        return EMPTY
    if not node.is_plain:
        if type(node) is Choice:
            return choice([_close_start(option, before) for option in node.options])
        if type(node) is Sequence:
            return sequence([_close_start(node.items[0], before), *node.items[1:]])
    if before is ANY_TEXT:
        node = _trim(node, is_first=True)
    return sequence([before, node])


def _close_end(node: Expression, after: Expression) -> Expression:
    if node is END:
        return EMPTY
    if node is _PYTHON_END:
        return _LAST_NEWLINE if after is ANY_TEXT else EMPTY
    if not node.is_plain:
        if type(node) is Choice:
            return choice([_close_end(option, after) for option in node.options])
        if type(node) is Sequence:
            return sequence([*node.items[:-1], _close_end(node.items[-1], after)])
    if after is ANY_TEXT:
        node = _trim(node, is_first=False)
    return sequence([node, after])


def _trim(node: Expression, *, is_first: bool) -> Expression:
    """Drop what any text beside ``node`` makes superfluous: optional items, and repetitions beyond the least."""
    items = list(node.items) if type(node) is Sequence else [node]
    end = 0 if is_first else -1
    while items and items[end].is_plain and (items[end].is_nullable or items[end] is ANY_TEXT):
        items.pop(end)
    if items:
        last = items[end]
        if type(last) is Repeat and last.is_plain and last.least > 0:
            items[end] = repeat(last.body, last.least, last.least)
    return sequence(items)
