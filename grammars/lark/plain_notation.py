"""Read the plain part of Lark's notation into rules and terminals, some ten times as fast as ``lark`` reads all of it.

Input: the text of a grammar. Output: what ``lark`` compiles it to, up to the numbers in names that nobody gave; or
nothing, where the text has more than rules, patterns, ``%ignore`` and the common terminals, or has anything that
``lark`` might refuse: it reads that itself, and says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, NamedTuple

import lark.load_grammar as reader
from lark.exceptions import GrammarError as ReaderError
from lark.lexer import PatternRE, PatternStr, TerminalDef, Token

__all__ = ["PlainRule", "PlainSymbol", "read_plain"]

MOST_ALTERNATIVES = 1_000
"""Rules that multiply out to more alternatives are left to ``lark``."""
MOST_REPEATED = 49
"""Repetitions of more are left to ``lark``, which makes rules of their own for them."""


class PlainSymbol(NamedTuple):
    """Be a terminal or a rule, by its name."""

    name: str
    is_term: bool


class PlainRule(NamedTuple):
    """Be one alternative of a rule."""

    origin: PlainSymbol
    expansion: tuple[PlainSymbol, ...]


class _Group(NamedTuple):
    """Be alternatives, each a sequence of parts."""

    options: tuple[tuple[Any, ...], ...]


class _Marker(NamedTuple):
    """Stand for what ``lark`` tells from nothing: an alias, or what an optional part in brackets leaves out."""

    name: str


class _NotPlainError(Exception):
    """The text is left to ``lark``."""


_TOKENS = re.compile(
    r"""
      (?P<space>[ \t]+)
    | (?P<or>(?:\r?\n[ \t]*)*\|)
    | (?P<line>(?:[ \t]*(?:(?://|\#)[^\n]*)?\r?\n)+[ \t]*(?:(?://|\#)[^\n]*\Z)?)
    | (?P<string>"(?:\\"|\\\\|[^"\n])*?"i?)
    | (?P<regexp>/(?!/)(?:\\/|\\\\|[^/\n])*?/[imslux]*)
    | (?P<rule>_?[a-z][_a-z0-9]*)
    | (?P<terminal>_?[A-Z][_A-Z0-9]*)
    | (?P<to>->)
    | (?P<operator>[+*]|[?](?![a-z_]))
    | (?P<modifiers>(?:![?]?|[?]!?)(?=[_a-z]))
    | (?P<range>\.\.)
    | (?P<number>[+-]?[0-9]+)
    | (?P<mark>[:()\[\].~,])
    | (?P<statement>%ignore|%import)
    """,
    re.VERBOSE,
)
_read_literal: Any = vars(reader)["_literal_to_pattern"]  # escapes and flags as ``lark`` reads them
_TERMINAL_NAMES: dict[str, str] = vars(reader)["_TERMINAL_NAMES"]
_COMMENTED = re.compile(r"\n[ \t]*(?://|#)[^\n]*(?:\r?\n[ \t]*)+\|")
_PLAIN_STRING = re.compile(r'"[^"\\\n]+"')


def read_plain(
    text: str, start: str, common: Callable[[str], Any] | None
) -> tuple[list[Any], list[PlainRule], list[str]] | None:
    """Return the terminals, the rules and the names of the ignored terminals; None where ``lark`` must read the text.

    common : returns the pattern of one of ``lark``'s common terminals; None where others may be meant.
    """
    try:
        return _Reader(text, common).read(start)
    except (_NotPlainError, ReaderError, AssertionError, IndexError, RecursionError):
        return None


class _Reader:
    """Hold the place among the tokens of a text, and what was defined."""

    def __init__(self, text: str, common: Callable[[str], Any] | None) -> None:
        if _COMMENTED.search(text):
            raise _NotPlainError
        self.common = common
        self.kinds: list[str] = []
        self.words: list[str] = []
        place = 0
        text += "\n"
        while place < len(text):
            match = _TOKENS.match(text, place)
            if match is None:
                raise _NotPlainError
            place = match.end()
            if match.lastgroup != "space":
                self.kinds.append(str(match.lastgroup))
                self.words.append(match.group())
        self.place = 0
        self.num_markers = 0
        self.rules: dict[str, _Group] = {}
        self.patterns: dict[str, Any] = {}
        self.ignored: list[str] = []
        self.by_pattern: dict[Any, str] = {}
        self.repeated: dict[Any, PlainSymbol] = {}
        self.made: list[tuple[str, _Group]] = []

    def read(self, start: str) -> tuple[list[Any], list[PlainRule], list[str]]:
        while self.place < len(self.kinds):
            self._statement()
        if start not in self.rules:
            raise _NotPlainError
        self.by_pattern = {pattern: name for name, pattern in self.patterns.items()}
        rules: list[PlainRule] = []
        for name, group in self.rules.items():
            rules += self._alternatives(name, self._open(group, name))
        for name, group in self.made:
            rules += self._alternatives(name, group)
        rules = _used(rules, start)
        names = {symbol.name for rule in rules for symbol in rule.expansion if symbol.is_term} | {*self.ignored}
        if not names <= self.patterns.keys():
            raise _NotPlainError
        terms = [TerminalDef(name, pattern) for name, pattern in self.patterns.items() if name in names]
        return terms, rules, self.ignored

    # -- statements ------------------------------------------------------------------------------------------------

    def _take(self, kind: str) -> str:
        if self.kinds[self.place] != kind:
            raise _NotPlainError
        self.place += 1
        return self.words[self.place - 1]

    def _takes(self, word: str) -> bool:
        if self.words[self.place] != word:
            return False
        self.place += 1
        return True

    def _statement(self) -> None:
        kind = self.kinds[self.place]
        if kind == "line":
            self.place += 1
            return
        if kind == "terminal":
            self._define_terminal()
        elif kind == "statement":
            (self._ignore if self.words[self.place] == "%ignore" else self._import)()
        else:
            if kind == "modifiers":
                self.place += 1
            self._define_rule()
        self._take("line")

    def _priority(self) -> None:
        if self._takes("."):
            self._take("number")
        if self._take("mark") != ":":
            raise _NotPlainError

    def _define_rule(self) -> None:
        name = self._take("rule")
        self._priority()
        group = self._options(name, is_inner=False)
        if name in self.rules or name.startswith("__"):
            raise _NotPlainError
        self.rules[name] = group

    def _define_terminal(self) -> None:
        name = self._take("terminal")
        self._priority()
        self._add_pattern(name, self._literal())

    def _add_pattern(self, name: str, pattern: Any) -> None:
        if name in self.patterns or name.startswith("__"):
            raise _NotPlainError
        self.patterns[name] = pattern

    def _ignore(self) -> None:
        self.place += 1
        if self.kinds[self.place] == "terminal":
            self.ignored.append(self._take("terminal"))
            return
        name = f"__IGNORE_{len(self.ignored)}"
        self.patterns[name] = self._literal()
        self.ignored.append(name)

    def _import(self) -> None:
        self.place += 1
        if self.common is None or self._take("rule") != "common" or not self._takes("."):
            raise _NotPlainError
        names = [self._take("terminal")]
        called = names
        if self.kinds[self.place] == "to":
            self.place += 1
            called = [self._take("terminal")]
        for name, alias in zip(names, called, strict=True):
            self._add_pattern(alias, self.common(name))

    # -- expressions -----------------------------------------------------------------------------------------------

    def _options(self, name: str, *, is_inner: bool) -> _Group:
        options: list[tuple[Any, ...]] = []
        while True:
            parts: list[Any] = []
            while (part := self._part(name)) is not None:
                parts.append(part)
            if self.kinds[self.place] == "to":
                if is_inner or name.startswith("_"):
                    raise _NotPlainError
                self.place += 1
                parts.append(_Marker(self._take("rule")))
            options.append(tuple(parts))
            if self.kinds[self.place] != "or":
                return _Group(tuple(options))
            self.place += 1

    def _part(self, name: str) -> Any:
        """Return what stands here with its repetition; None where the alternative ends."""
        kind, word = self.kinds[self.place], self.words[self.place]
        found: Any
        if kind in ("rule", "terminal"):
            self.place += 1
            found = PlainSymbol(word, kind == "terminal")
        elif kind in ("string", "regexp"):
            found = self._literal()
        elif word in ("(", "["):
            self.place += 1
            found = self._options(name, is_inner=True)
            if not self._takes(")" if word == "(" else "]"):
                raise _NotPlainError
            if word == "[":
                self.num_markers += 1
                return _Group((*found.options, (_Marker(f"[{self.num_markers}]"),)))
        else:
            return None
        if self.kinds[self.place] == "operator":
            self.place += 1
            return found, self.words[self.place - 1]
        return (found, self._bounds()) if self._takes("~") else found

    def _bounds(self) -> tuple[int, int]:
        least = most = int(self._take("number"))
        if self.kinds[self.place] == "range":
            self.place += 1
            most = int(self._take("number"))
        if not 0 <= least <= most <= MOST_REPEATED:
            raise _NotPlainError
        return least, most

    def _literal(self) -> Any:
        """Return the pattern here."""
        kind, word = self.kinds[self.place], self.words[self.place]
        if kind not in ("string", "regexp"):
            raise _NotPlainError
        self.place += 1
        is_plain = kind == "string" and _PLAIN_STRING.fullmatch(word)
        if self.kinds[self.place] == "range":
            self.place += 1
            last = self._take("string")
            if not is_plain or len(word) != 3 or len(last) != 3 or last == '"""' or last[1] == "\\":
                raise _NotPlainError
            return PatternRE(f"[{word[1:-1]}-{last[1:-1]}]")
        if is_plain:
            return PatternStr(word[1:-1], (), raw=word)
        return _read_literal(Token(kind.upper(), word))

    # -- rules -----------------------------------------------------------------------------------------------------

    def _open(self, part: Any, name: str) -> Any:
        """Return a part in which terminals have names and repetitions are rules of their own."""
        if isinstance(part, PlainSymbol):
            known = self.patterns if part.is_term else self.rules
            if part.name not in known:
                raise _NotPlainError
            return part
        if isinstance(part, _Group):
            return _Group(tuple([tuple([self._open(one, name) for one in option]) for option in part.options]))
        if isinstance(part, _Marker) or not isinstance(part, tuple):
            return part if isinstance(part, _Marker) else self._named(part)
        return self._repeat(self._open(part[0], name), part[1], name)

    def _repeat(self, inner: Any, times: str | tuple[int, int], name: str) -> Any:
        if times == "?":
            return _Group(((inner,), ()))
        if not isinstance(times, str):
            return _Group(tuple([(inner,) * count for count in range(times[0], times[1] + 1)]))
        again = self.repeated.get(inner)
        if again is None:
            again = PlainSymbol(f"__{name}_{'plus' if times == '+' else 'star'}_{len(self.made)}", is_term=False)
            self.repeated[inner] = again
            self.made.append((again.name, _Group(((inner,), (again, inner)))))
        return again if times == "+" else _Group(((again,), ()))

    def _named(self, pattern: Any) -> PlainSymbol:
        """Return the terminal of a pattern that stands in a rule."""
        name = self.by_pattern.get(pattern)
        if name is None:
            name = self._new_name(pattern)
            self.by_pattern[pattern] = name
            self.patterns[name] = pattern
        return PlainSymbol(name, is_term=True)

    def _new_name(self, pattern: Any) -> str:
        value = pattern.value
        if isinstance(pattern, PatternStr):
            name = _TERMINAL_NAMES.get(value)
            if name is None and value.isidentifier():
                name = value.upper()
            if name is not None and name not in self.patterns:
                return name
        number = 0
        while f"__ANON_{number}" in self.patterns:
            number += 1
        return f"__ANON_{number}"

    def _alternatives(self, name: str, group: _Group) -> list[PlainRule]:
        """Multiply out what a rule may be."""
        origin = PlainSymbol(name, is_term=False)
        found = [tuple([one for one in option if not isinstance(one, _Marker)]) for option in _multiply(group)]
        if len({*found}) < len(found):  # where brackets may leave out this or that, which ``lark`` refuses
            raise _NotPlainError
        return [PlainRule(origin, expansion) for expansion in found]


def _multiply(part: Any) -> list[tuple[Any, ...]]:
    """Return the sequences of symbols that a part may be, each once."""
    if not isinstance(part, _Group):
        return [(part,)]
    found: dict[tuple[Any, ...], None] = {}
    for option in part.options:
        if not any(isinstance(one, _Group) for one in option):
            found[option] = None
            continue
        for ways in product(*map(_multiply, option)):
            found[tuple([symbol for way in ways for symbol in way])] = None
            if len(found) > MOST_ALTERNATIVES:
                raise _NotPlainError
    return list(found)


def _used(rules: Iterable[PlainRule], start: str) -> list[PlainRule]:
    """Leave out rules that no other uses, again and again, as ``lark`` does."""
    kept = list(rules)
    while True:
        used = {one.name for rule in kept for one in rule.expansion if not one.is_term and one != rule.origin}
        used.add(start)
        left = [rule for rule in kept if rule.origin.name in used]
        if len(left) == len(kept):
            return kept
        kept = left
