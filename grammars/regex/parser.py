"""Parse the text of a pattern into an expression: choices, sequences, repetitions and groups.

The parser reads each character once and builds expressions directly. Escapes are in ``escapes.py``, classes in
``character_class.py``, groups and flags in ``groups.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from fsm.automata.expression import (
    END,
    NOTHING,
    START,
    Expression,
    Repeat,
    Symbols,
    choice,
    look,
    repeat,
    sequence,
    symbols,
    texts,
)
from fsm.automata.ranges import ALL, Ranges, complement_ranges
from fsm.errors import LimitError
from grammars.regex.assertions import make_boundary, make_line_end, make_line_start
from grammars.regex.character_class import parse_class
from grammars.regex.errors import make_pattern_error
from grammars.regex.escapes import NAMED_SETS, read_escape
from grammars.regex.flags import Flag
from grammars.regex.groups import GroupKind, read_flags_prefix, read_group
from grammars.regex.letter_case import close_under_case
from grammars.regex.symbol_sets import ECMA_LINE_ENDS

__all__ = ["MAX_NESTING", "MAX_PATTERN_SIZE", "parse_pattern"]

MAX_NESTING = 100
MAX_PATTERN_SIZE = 100_000

_SPECIAL = frozenset("\\^$.|?*+()[{")
_PLAIN = re.compile(r"[^\\^$.|?*+()\[{]+")
_PLAIN_OPTIONS = re.compile(r"(?:[^\\^$.|?*+()\[{]+\|){4,}")
_BRACES = re.compile(r"\{([0-9]*)(?:(,)([0-9]*))?\}")
_SKIPPED = re.compile(r"(?:[ \t\n\r\f\v]|#[^\n]*)*")
_NEWLINE: Ranges = ((0x0A, 0x0A),)


def parse_pattern(pattern: str, *, is_ecma: bool, flags: Flag = Flag.NONE) -> Expression:
    """Return the expression that ``pattern`` means, anchors and looks included.

    Raises
    ------
    GrammarError : the pattern is malformed, or not regular; see `grammars.regex.errors.PROBLEMS`.
    LimitError : it is longer than `MAX_PATTERN_SIZE` or nested deeper than `MAX_NESTING`.
    """
    if len(pattern) > MAX_PATTERN_SIZE:
        raise LimitError(
            f"regular expression: got {len(pattern)} characters, expected at most {MAX_PATTERN_SIZE} "
            "(limit MAX_PATTERN_SIZE); split the pattern"
        )
    return _Parser(pattern, is_ecma=is_ecma).parse(flags)


LEAST_GROUP = 16
"""Groups of fewer characters are read anew where they come again."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Hold a group that was read; places are counted from where it begins, those before it are below 0."""

    text: str
    expression: Expression
    depth: int
    last_choice: int
    last_lazy: int


class _Parser:
    """Hold the place in the pattern; owned by `parse_pattern`."""

    def __init__(self, pattern: str, *, is_ecma: bool) -> None:
        self.pattern = pattern
        self.is_ecma = is_ecma
        self.place = 0
        self.depth = self.deepest = 0
        self.names: set[str] = set()
        self.groups: dict[tuple[str, Flag], _Group] = {}
        self.last_choice = 0
        self.last_lazy = -1

    def parse(self, flags: Flag) -> Expression:
        added, self.place = read_flags_prefix(self.pattern, is_ecma=self.is_ecma)
        found = self.parse_choice(flags | added)
        if self.place < len(self.pattern):
            self.fail("group_closed", self.place)
        return found

    def parse_choice(self, flags: Flag) -> Expression:
        options: list[Expression] = []
        run = None if flags & (Flag.IGNORE_CASE | Flag.VERBOSE) else _PLAIN_OPTIONS.match(self.pattern, self.place)
        if run is not None:  # words, one after the other
            options += texts(run.group()[:-1].split("|"))
            self.place = run.end()
            self.last_choice = self.place - 1
        options.append(self.parse_sequence(flags))
        while self.pattern.startswith("|", self.place):
            self.last_choice = self.place
            self.place += 1
            options.append(self.parse_sequence(flags))
        return options[0] if len(options) == 1 else choice(options)

    def parse_sequence(self, flags: Flag) -> Expression:
        pattern, end = self.pattern, len(self.pattern)
        is_simple = not flags & (Flag.IGNORE_CASE | Flag.VERBOSE)
        items: list[Expression] = []
        while self.place < end:
            begin = self.place
            symbol = pattern[begin]
            if symbol not in _SPECIAL and is_simple:
                run = _PLAIN.match(pattern, begin)
                assert run is not None
                self.place = run.end()
                items += map(_literal, run.group())
                continue
            if symbol in "|)":
                break
            if symbol in "*+?{" and (bounds := self.read_bounds()) is not None:
                self.repeat_last(items, bounds, begin)
            elif flags & Flag.VERBOSE and symbol in " \t\n\r\f\v#":
                self.place = self.skip_verbose()
            else:
                found = self.parse_atom(symbol, flags)
                if found is not None:
                    items.append(found)
        return items[0] if len(items) == 1 else sequence(items)

    def parse_atom(self, symbol: str, flags: Flag) -> Expression | None:  # noqa: PLR0911
        """Return what starts here, None for what matches nothing and cannot be repeated (comments)."""
        if symbol == "(":
            return self.parse_group(flags)
        if symbol == "[":
            ranges, self.place = parse_class(self.pattern, self.place, is_ecma=self.is_ecma, flags=flags)
            return symbols(ranges)
        if symbol == "\\":
            return self.parse_escape(flags)
        self.place += 1
        if symbol == ".":
            return self.make_dot(flags)
        if symbol == "^":
            return make_line_start(is_ecma=self.is_ecma) if flags & Flag.MULTI_LINE else START
        if symbol == "$":
            return make_line_end(is_ecma=self.is_ecma, is_multi_line=bool(flags & Flag.MULTI_LINE))
        return self.make_symbols(((ord(symbol), ord(symbol)),), flags)

    def parse_escape(self, flags: Flag) -> Expression:
        begin = self.place
        letter = self.pattern[begin + 1 : begin + 2]
        if letter in ("b", "B"):
            self.place += 2
            return make_boundary(is_ecma=self.is_ecma, flags=flags, is_negative=letter == "B")
        if not self.is_ecma and letter in ("A", "Z"):
            self.place += 2
            return START if letter == "A" else END
        ranges, self.place = read_escape(self.pattern, begin, is_ecma=self.is_ecma, flags=flags)
        if letter in NAMED_SETS:
            return _shared(ranges)
        return self.make_symbols(ranges, flags)

    def parse_group(self, flags: Flag) -> Expression | None:
        """Return the group here; one that is written as an earlier one is the same expression (``x(, x)*``)."""
        begin = self.place
        known = self.groups.get((self.pattern[begin : begin + LEAST_GROUP], flags))
        is_shallow = known is not None and self.depth + known.depth <= MAX_NESTING
        if known is not None and is_shallow and self.pattern.startswith(known.text, begin):
            self.deepest = max(self.deepest, self.depth + known.depth)
            self.place = begin + len(known.text)
            self.last_choice = max(self.last_choice, begin + known.last_choice)
            self.last_lazy = max(self.last_lazy, begin + known.last_lazy)
            return known.expression
        num_names, deepest, self.deepest = len(self.names), self.deepest, self.depth
        found = self.parse_new_group(flags)
        depth, self.deepest = self.deepest - self.depth, max(self.deepest, deepest)
        if found is not None and self.place - begin >= LEAST_GROUP and len(self.names) == num_names:
            text = self.pattern[begin : self.place]
            last_choice, last_lazy = self.last_choice - begin, self.last_lazy - begin
            self.groups[text[:LEAST_GROUP], flags] = _Group(text, found, depth, last_choice, last_lazy)
        return found

    def parse_new_group(self, flags: Flag) -> Expression | None:
        begin = self.place
        group = read_group(self.pattern, begin, is_ecma=self.is_ecma, names=self.names)
        self.place = group.end
        if group.kind is GroupKind.COMMENT:
            return None
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        if self.depth > MAX_NESTING:
            raise LimitError(
                f"regular expression, column {begin + 1}: groups are nested more than {MAX_NESTING} deep "
                "(limit MAX_NESTING); flatten the pattern"
            )
        inside = self.parse_choice((flags | group.added) & ~group.removed)
        self.depth -= 1
        if not self.pattern.startswith(")", self.place):
            self.fail("group_open", begin)
        self.place += 1
        if group.kind is GroupKind.PLAIN:
            return inside
        if group.kind is GroupKind.ATOMIC:
            return self.make_atomic(inside, begin)
        is_ahead = group.kind in (GroupKind.AHEAD, GroupKind.NOT_AHEAD)
        is_negative = group.kind in (GroupKind.NOT_AHEAD, GroupKind.NOT_BEHIND)
        return look(inside, is_ahead=is_ahead, is_negative=is_negative)

    def read_bounds(self) -> tuple[int, int | None] | None:
        """Return the bounds of the repetition here, None when the brace is a character; move past it."""
        begin = self.place
        symbol = self.pattern[begin]
        if symbol != "{":
            self.place += 1
            return (1 if symbol == "+" else 0), (1 if symbol == "?" else None)
        match = _BRACES.match(self.pattern, begin)
        if match is None or match.group() == "{}":
            return None
        least, comma, most = match.groups()
        if self.is_ecma and not least:
            if most:
                self.fail("repeat_without_least", begin, match.group())
            return None
        bounds = int(least or 0), (int(most) if most else None) if comma else int(least)
        if bounds[1] is not None and bounds[0] > bounds[1]:
            self.fail("repeat_bounds", begin, match.group())
        self.place = match.end()
        return bounds

    def repeat_last(self, items: list[Expression], bounds: tuple[int, int | None], begin: int) -> None:
        written = self.pattern[begin]
        if not items or (not self.is_ecma and self.is_anchor(items[-1], begin)):
            self.fail("repeat_nothing", begin, written)
        if self.pattern.startswith("?", self.place):
            self.last_lazy = self.place
            self.place += 1
        elif not self.is_ecma and self.pattern.startswith("+", self.place):
            self.place += 1
            items[-1] = self.make_possessive(items[-1], bounds, begin)
            self.refuse_second_repetition()
            return
        items[-1] = repeat(items[-1], *bounds)
        self.refuse_second_repetition()

    def refuse_second_repetition(self) -> None:
        begin = self.place
        symbol = self.pattern[begin : begin + 1]
        if symbol and symbol in "*+?{" and self.read_bounds() is not None:
            self.fail("repeat_nothing" if self.is_ecma else "repeat_twice", begin, symbol)

    def is_anchor(self, item: Expression, place: int) -> bool:
        """Tell whether ``item`` was written as an anchor, which Python does not repeat."""
        return not item.is_plain and self.pattern[place - 1] != ")"

    def make_possessive(self, item: Expression, bounds: tuple[int, int | None], place: int) -> Expression:
        """Return a repetition that never gives back: exact when each time ``item`` has one length.

        Then how often it repeats is decided by the text alone: as often as it can. So x{m,n}+ is x{n}, or fewer
        times with no x following.
        """
        if item.shortest != item.longest or item.shortest == 0:
            self.fail("atomic", place, self.pattern[place : self.place])
        least, most = bounds
        stop = look(item, is_ahead=True, is_negative=True)
        if most is None:
            return sequence([repeat(item, least, None), stop])
        full = repeat(item, most, most)
        if least == most:
            return full
        return choice([full, sequence([repeat(item, least, most - 1), stop])])

    def make_atomic(self, inside: Expression, begin: int) -> Expression:
        if inside.is_plain and inside.shortest == inside.longest:
            return inside
        is_greedy = self.last_lazy < begin and self.last_choice < begin
        if is_greedy and type(inside) is Repeat and inside.body.is_plain:
            return self.make_possessive(inside.body, (inside.least, inside.most), begin)
        return self.fail("atomic", begin, self.pattern[begin : self.place])

    def make_dot(self, flags: Flag) -> Expression:
        if flags & Flag.DOT_ALL:
            return _shared(ALL)
        return _shared(complement_ranges(ECMA_LINE_ENDS if self.is_ecma else _NEWLINE))

    def make_symbols(self, ranges: Ranges, flags: Flag) -> Expression:
        if flags & Flag.IGNORE_CASE:
            is_ascii = bool(flags & Flag.ASCII)
            ranges = close_under_case(ranges, is_ecma=self.is_ecma, is_ascii=is_ascii)
        return _shared(ranges) if ranges else NOTHING

    def skip_verbose(self) -> int:
        match = _SKIPPED.match(self.pattern, self.place)
        return match.end() if match else self.place

    def fail(self, name: str, place: int, got: str = "") -> NoReturn:
        raise make_pattern_error(name, self.pattern, place, got)


@lru_cache(maxsize=1024)
def _literal(symbol: str) -> Expression:
    return Symbols(((ord(symbol), ord(symbol)),))


@lru_cache(maxsize=1024)
def _shared(ranges: Ranges) -> Expression:
    return Symbols(ranges)
