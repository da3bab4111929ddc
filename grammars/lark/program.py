"""Translate a Python pattern into a program of ordered threads, which keeps what backtracking would try first.

Input: a pattern as ``lark`` writes it. Output: instructions; a thread that meets ``Split`` tries the first way first.
Python's own parser reads the pattern, so that both always agree on what it means.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from fsm.automata.ranges import ALL, Ranges, complement_ranges, union_ranges
from fsm.errors import LimitError
from grammars.regex.letter_case import close_under_case
from grammars.regex.symbol_sets import find_named_set

__all__ = [
    "MAX_INSTRUCTIONS",
    "Behind",
    "Character",
    "Instruction",
    "Look",
    "Loop",
    "Match",
    "Program",
    "Split",
    "Untranslatable",
    "width",
]

MAX_INSTRUCTIONS = 100_000

_parser: Any = importlib.import_module("re._parser")
_NEWLINE: Final[Ranges] = ((0x0A, 0x0A),)


class Untranslatable(Exception):
    """Say which row of the error table a pattern falls under."""


@dataclass(slots=True)
class Character:
    """Consume one character of ``ranges``."""

    ranges: Ranges
    after: int


@dataclass(slots=True)
class Split:
    """Continue at both, the first preferred."""

    first: int
    second: int


@dataclass(slots=True)
class Loop:
    """Continue at the body or after it, the body preferred unless lazy; a body that consumed nothing is not repeated.

    Copies of one bounded repetition share ``repetition``.
    """

    body: int
    after: int
    is_lazy: bool
    repetition: int


@dataclass(slots=True)
class Match:
    """End; ``number`` says which of several patterns did."""

    number: int = 0


@dataclass(slots=True)
class Look:
    """Continue where the program at ``body`` matches (or must not) just ahead."""

    body: int
    is_negative: bool
    after: int


@dataclass(slots=True)
class Behind:
    """Continue where program number ``body`` of ``Program.behind`` matches (or must not) just before."""

    body: int
    is_negative: bool
    after: int


Instruction = Character | Split | Loop | Match | Look | Behind


class Program:
    """Hold the instructions of a pattern; ``start`` is where it begins, ``behind`` where its look-behinds do."""

    def __init__(self, pattern: str) -> None:
        self.code: list[Instruction] = [Match()]
        self.behind: list[int] = []
        self.widths: list[int] = []
        self.num_repetitions = 0
        self.start = self._read(pattern, 0)
        self._check_behind(self.start)

    def add(self, pattern: str, number: int) -> int:
        """Add another pattern, whose end has this number; return where it begins.

        Raises
        ------
        Untranslatable, re.error : the pattern cannot be read; the program must not be used any more.
        """
        start = self._read(pattern, self._add(Match(number)))
        self._check_behind(start)
        return start

    @property
    def has_looks(self) -> bool:
        """Tell whether some pattern looks ahead or behind."""
        return any(isinstance(one, Look | Behind) for one in self.code)

    @cached_property
    def distances(self) -> list[int]:
        """By instruction, the fewest bytes to the end, looks taken as passed; patterns are added before, not after."""
        return self._measure()

    def _read(self, pattern: str, after: int) -> int:
        parsed = _parser.parse(pattern, 0)
        return self._sequence(parsed, after, parsed.state.flags)

    def _add(self, instruction: Instruction) -> int:
        if len(self.code) >= MAX_INSTRUCTIONS:
            raise LimitError(
                f"terminal: more than {MAX_INSTRUCTIONS} instructions are needed (limit MAX_INSTRUCTIONS); "
                "shorten its repetitions"
            )
        self.code.append(instruction)
        return len(self.code) - 1

    def _sequence(self, items: Iterable[Any], after: int, flags: int) -> int:
        for name, value in reversed(list(items)):
            after = self._item(str(name), value, after, flags)
        return after

    def _item(self, name: str, value: Any, after: int, flags: int) -> int:
        build: Callable[[Any, int, int], int] | None = getattr(self, f"_{name.lower()}", None)
        if build is None:
            raise Untranslatable(_REFUSED.get(name, "pattern"))
        return build(value, after, flags)

    # -- characters ------------------------------------------------------------------------------------------------

    def _literal(self, value: Any, after: int, flags: int) -> int:
        return self._add(Character(_close(((value, value),), flags), after))

    def _not_literal(self, value: Any, after: int, flags: int) -> int:
        return self._add(Character(complement_ranges(_close(((value, value),), flags)), after))

    def _any(self, value: Any, after: int, flags: int) -> int:
        return self._add(Character(ALL if flags & re.DOTALL else complement_ranges(_NEWLINE), after))

    def _in(self, value: Any, after: int, flags: int) -> int:
        return self._add(Character(_class(value, flags), after))

    # -- structure -------------------------------------------------------------------------------------------------

    def _branch(self, value: Any, after: int, flags: int) -> int:
        options = [self._sequence(option, after, flags) for option in value[1]]
        last = options.pop()
        while options:
            last = self._add(Split(options.pop(), last))
        return last

    def _subpattern(self, value: Any, after: int, flags: int) -> int:
        _, added, removed, body = value
        return self._sequence(body, after, (flags | added) & ~removed)

    def _max_repeat(self, value: Any, after: int, flags: int) -> int:
        return self._repeat(value, after, flags, is_lazy=False)

    def _min_repeat(self, value: Any, after: int, flags: int) -> int:
        return self._repeat(value, after, flags, is_lazy=True)

    def _repeat(self, value: Any, after: int, flags: int, *, is_lazy: bool) -> int:
        least, most, body = value
        least, most = int(least), None if most == _parser.MAXREPEAT else int(most)
        self.num_repetitions += 1
        number = self.num_repetitions
        begin = after
        if most is None:
            loop = Loop(0, after, is_lazy, number)
            begin = self._add(loop)
            loop.body = self._sequence(body, begin, flags)
        else:
            for _ in range(most - least):
                begin = self._add(Loop(self._sequence(body, begin, flags), after, is_lazy, number))
        for _ in range(least):
            begin = self._sequence(body, begin, flags)
        return begin

    # -- looks -----------------------------------------------------------------------------------------------------

    def _assert(self, value: Any, after: int, flags: int) -> int:
        return self._look(value, after, flags, is_negative=False)

    def _assert_not(self, value: Any, after: int, flags: int) -> int:
        return self._look(value, after, flags, is_negative=True)

    def _look(self, value: Any, after: int, flags: int, *, is_negative: bool) -> int:
        direction, body = value
        if direction > 0:
            return self._add(Look(self._sequence(body, 0, flags), is_negative, after))
        before = len(self.code)
        start = self._sequence(body, 0, flags)
        if any(isinstance(one, Look | Behind) for one in self.code[before:]):
            raise Untranslatable("look_in_behind")
        return self._behind(start, body.getwidth()[0], is_negative=is_negative, after=after)

    def _behind(self, start: int, width: int, *, is_negative: bool, after: int) -> int:
        self.behind.append(start)
        self.widths.append(width)
        return self._add(Behind(len(self.behind) - 1, is_negative, after))

    def _failure(self, value: Any, after: int, flags: int) -> int:
        return self._add(Character((), after))

    def _at(self, value: Any, after: int, flags: int) -> int:
        place = str(value)
        if place in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
            return self._boundary(after, flags, is_negative=place == "AT_NON_BOUNDARY")
        if place == "AT_END_STRING":
            return self._ahead(ALL, after, is_negative=True)
        if place == "AT_END" and flags & re.MULTILINE:
            return self._ahead(complement_ranges(_NEWLINE), after, is_negative=True)
        if place == "AT_END":
            last = self._add(Character(_NEWLINE, self._ahead(ALL, 0, is_negative=True)))
            body = self._add(Split(last, self._ahead(ALL, 0, is_negative=True)))
            return self._add(Look(body, is_negative=False, after=after))
        ranges = complement_ranges(_NEWLINE) if place == "AT_BEGINNING" and flags & re.MULTILINE else ALL
        return self._behind(self._add(Character(ranges, 0)), 1, is_negative=True, after=after)

    def _boundary(self, after: int, flags: int, *, is_negative: bool) -> int:
        word = find_named_set("w", is_ecma=False, is_ascii=bool(flags & re.ASCII))
        ways = []
        for is_before in (True, False):
            ahead = self._ahead(word, after, is_negative=is_before is not is_negative)
            body = self._add(Character(word, 0))
            ways.append(self._behind(body, 1, is_negative=not is_before, after=ahead))
        return self._add(Split(*ways))

    def _ahead(self, ranges: Ranges, after: int, *, is_negative: bool) -> int:
        return self._add(Look(self._add(Character(ranges, 0)), is_negative, after))

    # -- measures --------------------------------------------------------------------------------------------------

    def _measure(self) -> list[int]:
        """Return, by instruction, the fewest bytes to the end, looks taken as passed."""
        far = 1 << 40
        distances = [far] * len(self.code)
        is_changed = True
        while is_changed:
            is_changed = False
            for place, one in enumerate(self.code):  # what comes next mostly has a lower number
                known = _distance(one, distances)
                if known < distances[place]:
                    distances[place] = known
                    is_changed = True
        return distances

    def _check_behind(self, start: int) -> None:
        """Refuse look-behinds that may look at the text before the terminal."""
        if not self.behind:
            return
        fewest = {start: 0}
        waiting = [start]
        while waiting:
            place = waiting.pop()
            here, one = fewest[place], self.code[place]
            if isinstance(one, Behind) and here < self.widths[one.body]:
                raise Untranslatable("look_before")
            step = 1 if isinstance(one, Character) else 0
            for after in _successors(one):
                if fewest.get(after, 1 << 40) > here + step:
                    fewest[after] = here + step
                    waiting.append(after)


_REFUSED = {
    "GROUPREF": "back_reference",
    "GROUPREF_IGNORE": "back_reference",
    "GROUPREF_EXISTS": "conditional",
    "ATOMIC_GROUP": "atomic",
    "POSSESSIVE_REPEAT": "atomic",
}


def _successors(one: Instruction) -> tuple[int, ...]:
    if isinstance(one, Split):
        return one.first, one.second
    if isinstance(one, Look | Loop):
        return one.body, one.after
    return () if isinstance(one, Match) else (one.after,)


def _distance(one: Instruction, distances: list[int]) -> int:
    if isinstance(one, Match):
        return 0
    if isinstance(one, Split):
        return min(distances[one.first], distances[one.second])
    if isinstance(one, Loop):
        return min(distances[one.body], distances[one.after])
    if isinstance(one, Character):
        return (width(one.ranges[0][0]) if one.ranges else 1 << 40) + distances[one.after]
    return distances[one.after]


def width(code: int) -> int:
    """Return the bytes of a character in UTF-8."""
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def _close(ranges: Ranges, flags: int) -> Ranges:
    if flags & re.IGNORECASE:
        return close_under_case(ranges, is_ecma=False, is_ascii=bool(flags & re.ASCII))
    return ranges


def _class(items: Any, flags: int) -> Ranges:
    found: list[tuple[int, int]] = []
    fixed: list[tuple[int, int]] = []
    is_negative = False
    for name, value in items:
        kind = str(name)
        if kind == "NEGATE":
            is_negative = True
        elif kind == "LITERAL":
            found.append((value, value))
        elif kind == "RANGE":
            found.append((value[0], value[1]))
        else:
            fixed += _category(str(value), flags)
    ranges = union_ranges([*_close(union_ranges(found), flags), *fixed])
    return complement_ranges(ranges) if is_negative else ranges


def _category(name: str, flags: int) -> Ranges:
    letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[name.rpartition("_")[2]]
    letter = letter.upper() if "_NOT_" in name else letter
    return find_named_set(letter, is_ecma=False, is_ascii=bool(flags & re.ASCII))
