"""Order the terminals of a grammar as ``lark``'s lexers try them, and say which are tried where.

A lexer tries terminals by priority, the widest and longest first. A string that a pattern matches too ("if" and a
name) is not tried by itself: the pattern is, and where what it matched is the string, the token is the string's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fsm.automata.ranges import Ranges
from grammars.regex.letter_case import close_under_case

__all__ = ["Context", "Terminals"]


@dataclass(frozen=True, slots=True)
class Context:
    """Say what is tried at a place: patterns in order, and the strings that what they match may be instead."""

    patterns: tuple[int, ...]
    strings: tuple[int, ...]


class Terminals:
    """Hold terminals in the order in which they are tried.

    Parameters
    ----------
    terms : as ``lark`` compiled them.
    ignored : names of those that are skipped.
    is_ordered : one terminal is tried after the other; otherwise, all of them at once, whatever their order.
    """

    def __init__(self, terms: Iterable[Any], ignored: Iterable[str], *, is_ordered: bool = True) -> None:
        self.is_ordered = is_ordered
        self.terms = sorted(terms, key=lambda x: (-x.priority, -x.pattern.max_width, -len(x.pattern.value), x.name))
        self.names: list[str] = [term.name for term in self.terms]
        self.numbers = {name: number for number, name in enumerate(self.names)}
        self.ignored = frozenset([self.numbers[name] for name in ignored])

    @cached_property
    def expressions(self) -> list[re.Pattern[str]]:
        """By terminal, what it matches alone."""
        return [re.compile(term.pattern.to_regexp()) for term in self.terms]

    def is_string(self, number: int) -> bool:
        """Tell whether a terminal is one string."""
        return bool(self.terms[number].pattern.type == "str")

    @cached_property
    def strings(self) -> dict[int, tuple[int, ...]]:
        """By pattern, the strings that it matches too, in order."""
        found: dict[int, tuple[int, ...]] = {}
        if not self.is_ordered:
            return found
        texts = [number for number in range(len(self.terms)) if self.is_string(number)]
        for number, term in enumerate(self.terms):
            if self.is_string(number):
                continue
            same = [one for one in texts if self.terms[one].priority == term.priority]
            match = self.expressions[number].match
            matched = [one for one in same if (m := match(self.value(one))) and m.group(0) == self.value(one)]
            if matched:
                found[number] = tuple(matched)
        return found

    def value(self, number: int) -> str:
        """Return a terminal's string."""
        return str(self.terms[number].pattern.value)

    @cached_property
    def letters(self) -> dict[int, tuple[Ranges, ...]]:
        """By string that some pattern matches too, its characters, in both cases where case does not count."""
        found = {}
        for number in {one for strings in self.strings.values() for one in strings}:
            ranges: list[Ranges] = [((ord(letter), ord(letter)),) for letter in self.value(number)]
            if "i" in self.terms[number].pattern.flags:
                ranges = [close_under_case(one, is_ecma=False, is_ascii=False) for one in ranges]
            found[number] = tuple(ranges)
        return found

    def context(self, wanted: frozenset[int]) -> Context:
        """Return what is tried where these terminals may come."""
        embedded: set[int] = set()
        strings: set[int] = set()
        for number in wanted:
            for one in self.strings.get(number, ()):
                if one in wanted:
                    strings.add(one)
                    if self.terms[one].pattern.flags <= self.terms[number].pattern.flags:
                        embedded.add(one)
        return Context(tuple(sorted(wanted - embedded)), tuple(sorted(strings)))
