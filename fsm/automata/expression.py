"""Write regular languages as trees: symbol sets, sequences, choices, repetitions, assertions.

Nodes are values that nobody changes after construction; they are compared by identity. The builders below simplify as
they build, so that ``(a|a)*b`` is ``a*b`` and ``(x{0,3}){0,5}`` is ``x{0,15}`` before any state exists. Every node but
`NOTHING` accepts some text when its assertions are left out of account, so a plain state is never a dead end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from collections.abc import Sequence as SequenceOf
from functools import lru_cache
from typing import Final, Protocol

from fsm.automata.ranges import ALL, Ranges, union_ranges

__all__ = [
    "ANY_SYMBOL",
    "ANY_TEXT",
    "EMPTY",
    "END",
    "NOTHING",
    "START",
    "Choice",
    "Deferred",
    "Expression",
    "Look",
    "Repeat",
    "Sequence",
    "Symbols",
    "TextEnd",
    "TextStart",
    "are_lengths_joined",
    "choice",
    "look",
    "repeat",
    "sequence",
    "symbols",
    "text",
    "texts",
]


class Expression:
    """A regular language.

    ``is_nullable`` : accepts the empty text, wherever it stands.
    ``is_plain`` : holds no assertion, so its meaning does not depend on what surrounds it.
    ``shortest``, ``longest`` : lengths of the texts, assertions left out of account; ``longest`` None = unbounded.
    ``is_gapless``, ``is_every`` : see `fsm.dfa.Lengths`.
    """

    __slots__ = ("is_every", "is_gapless", "is_nullable", "is_plain", "longest", "shortest")

    is_nullable: bool
    is_plain: bool
    shortest: int
    longest: int | None
    is_gapless: bool
    is_every: bool


class Symbols(Expression):
    """One symbol out of a set."""

    __slots__ = ("ranges",)

    def __init__(self, ranges: Ranges) -> None:
        self.ranges: Final = ranges
        self.is_nullable = False
        self.is_plain = True
        self.shortest = self.longest = 1
        self.is_gapless = True
        self.is_every = ranges == ALL


_ONLY_SYMBOLS = {Symbols}


class Sequence(Expression):
    """One item after the other; the empty sequence is the empty text.

    ``is_symbols`` : every item is a `Symbols`, and there is one.
    """

    __slots__ = ("is_symbols", "items")

    def __init__(self, items: tuple[Expression, ...]) -> None:
        self.items: Final = items
        self.is_symbols = {*map(type, items)} == _ONLY_SYMBOLS
        if self.is_symbols:  # PERF: texts are long: a tenth of the time of the loop below
            self.is_nullable = False
            self.is_plain = self.is_gapless = True
            self.is_every = all(item.is_every for item in items)
            self.shortest = self.longest = len(items)
            return
        nullable = plain = gapless = every = True
        shortest = longest = 0
        unbounded = False
        for item in items:
            nullable = nullable and item.is_nullable
            plain = plain and item.is_plain
            gapless = gapless and item.is_gapless
            every = every and item.is_every
            shortest += item.shortest
            if item.longest is None:
                unbounded = True
            else:
                longest += item.longest
        self.is_nullable, self.is_plain, self.is_gapless, self.is_every = nullable, plain, gapless, every
        self.shortest = shortest
        self.longest: int | None = None if unbounded else longest


class Choice(Expression):
    """Any one of the options; no option is `NOTHING` unless all are."""

    __slots__ = ("options",)

    def __init__(self, options: tuple[Expression, ...]) -> None:
        self.options: Final = options
        self.is_nullable = any(option.is_nullable for option in options)
        self.is_plain = all(option.is_plain for option in options)
        self.shortest = min((option.shortest for option in options), default=0)
        longest = [option.longest for option in options]
        self.longest = None if None in longest else max((length for length in longest if length is not None), default=0)
        self.is_gapless = all(option.is_gapless for option in options) and are_lengths_joined(options)
        self.is_every = all(option.is_every for option in options)


class Repeat(Expression):
    """Between ``least`` and ``most`` times ``body``; ``most`` None = no bound."""

    __slots__ = ("body", "fewer", "least", "most")

    def __init__(self, body: Expression, least: int, most: int | None) -> None:
        self.body: Final = body
        self.least: Final = least
        self.most: Final = most
        self.fewer: Repeat | None = None
        self.is_nullable = least == 0 or body.is_nullable
        self.is_plain = body.is_plain
        self.shortest = least * body.shortest
        if body.longest == 0:
            self.longest: int | None = 0
        else:
            self.longest = None if most is None or body.longest is None else most * body.longest
        self.is_gapless = body.is_gapless and _is_repeat_gapless(body, least, most)
        self.is_every = body.is_every

    def after_one(self) -> Repeat:
        """Return what may follow one time ``body``; ``most`` must not be 0."""
        if self.most is None and self.least == 0:
            return self
        if self.fewer is None:
            most = None if self.most is None else self.most - 1
            self.fewer = Repeat(self.body, max(self.least - 1, 0), most)
        return self.fewer


class Deferred(Expression):
    """A plain, not nullable expression that is built when a text first reaches it.

    Parameters
    ----------
    make : builds it; called once.
    shortest, longest : the lengths of its texts.
    ranges : the symbols that may occur in them.
    """

    __slots__ = ("_made", "make", "ranges")

    def __init__(
        self, make: Callable[[], Expression], shortest: int, longest: int | None, *, ranges: Ranges = ALL
    ) -> None:
        self.make: Final = make
        self.ranges: Final = ranges
        self._made: Expression | None = None
        self.is_nullable = False
        self.is_plain = True
        self.shortest, self.longest = shortest, longest
        self.is_gapless = self.is_every = False

    def open(self) -> Expression:
        """Return the expression."""
        if self._made is None:
            self._made = self.make()
        return self._made


class TextStart(Expression):
    """The empty text, where the whole text starts."""

    __slots__ = ()

    def __init__(self) -> None:
        _fill_assertion(self)


class TextEnd(Expression):
    """The empty text, where the whole text ends."""

    __slots__ = ()

    def __init__(self) -> None:
        _fill_assertion(self)


class Look(Expression):
    """The empty text, where ``body`` matches (or must not) just ahead, or just behind."""

    __slots__ = ("body", "is_ahead", "is_negative")

    def __init__(self, body: Expression, *, is_ahead: bool, is_negative: bool) -> None:
        self.body: Final = body
        self.is_ahead: Final = is_ahead
        self.is_negative: Final = is_negative
        _fill_assertion(self)


def symbols(ranges: Ranges) -> Expression:
    """Return one symbol out of sorted, disjoint ``ranges``; `NOTHING` for the empty set."""
    return Symbols(ranges) if ranges else NOTHING


def sequence(items: SequenceOf[Expression]) -> Expression:
    """Return one item after the other, nested sequences flattened.

    Examples
    --------
    >>> sequence([text("ab"), EMPTY, text("c")]).shortest
    3
    """
    if len(items) > 1 and {*map(type, items)} == _ONLY_SYMBOLS:
        return Sequence(tuple(items))
    flat: list[Expression] = []
    for item in items:
        if item is NOTHING:
            return NOTHING
        if type(item) is Sequence:
            flat.extend(item.items)
        else:
            flat.append(item)
    if len(flat) == 1:
        return flat[0]
    return Sequence(tuple(flat)) if flat else EMPTY


def choice(options: SequenceOf[Expression]) -> Expression:
    """Return any one of the options, nested choices flattened and single symbols merged into one set."""
    ranges: list[tuple[int, int]] = []
    flat: list[Expression] = []
    for option in options:
        for inner in option.options if type(option) is Choice else (option,):
            if type(inner) is Symbols:
                ranges.extend(inner.ranges)
            elif inner is not NOTHING and inner not in flat[-4:]:
                flat.append(inner)
    if ranges:
        flat.insert(0, Symbols(union_ranges(ranges)))
    if len(flat) == 1:
        return flat[0]
    return Choice(tuple(flat)) if flat else NOTHING


def repeat(body: Expression, least: int, most: int | None) -> Expression:
    """Return ``body`` repeated, nested repetitions joined where that is exact."""
    if most == 0 or body is EMPTY:
        return EMPTY
    if body is NOTHING:
        return EMPTY if least == 0 else NOTHING
    if least == 1 and most == 1:
        return body
    if type(body) is Choice and EMPTY in body.options:
        body, least = choice([option for option in body.options if option is not EMPTY]), 0
    if type(body) is Repeat and body.least <= 1:
        least *= body.least
        most = None if most is None or body.most is None else most * body.most
        body = body.body
    return Repeat(body, 0 if body.is_nullable else least, most)


def look(body: Expression, *, is_ahead: bool, is_negative: bool) -> Expression:
    """Return an assertion about what comes next, or what came before."""
    if body is NOTHING:
        return EMPTY if is_negative else NOTHING
    if body.is_nullable:
        return NOTHING if is_negative else EMPTY
    return Look(body, is_ahead=is_ahead, is_negative=is_negative)


def text(value: str) -> Expression:
    """Return exactly ``value``."""
    return sequence([_make_symbol(ord(symbol)) for symbol in value])


def texts(values: SequenceOf[str]) -> list[Expression]:
    """Return exactly each of some values; none may be empty.

    Examples
    --------
    >>> [one.shortest for one in texts(["ab", "c"])]
    [2, 1]
    """
    # PERF: 0.2 instead of 0.7 ms for 200 words, as lists of words are (python -m benchmarks.grammars --only loop).
    by_letter = {letter: _make_symbol(ord(letter)) for letter in set().union(*values)}
    return [
        _make_text(tuple([by_letter[letter] for letter in value])) if len(value) > 1 else by_letter[value]
        for value in values
    ]


def _make_text(items: tuple[Symbols, ...]) -> Sequence:
    """Return a sequence of two single symbols or more, of which all is known."""
    made = Sequence.__new__(Sequence)
    made.items = items  # type: ignore[misc]
    made.is_symbols = made.is_plain = made.is_gapless = True
    made.is_nullable = made.is_every = False
    made.shortest = made.longest = len(items)
    return made


@lru_cache(maxsize=1024)
def _make_symbol(code: int) -> Symbols:
    return Symbols(((code, code),))


def _fill_assertion(node: Expression) -> None:
    node.is_nullable = node.is_plain = False
    node.shortest = node.longest = 0
    node.is_gapless = node.is_every = False


class Measured(Protocol):
    """Anything whose texts have lengths."""

    @property
    def shortest(self) -> int:
        """Length of the shortest text."""
        ...

    @property
    def longest(self) -> int | None:
        """Length of the longest text, None when there is no bound."""
        ...


def are_lengths_joined(parts: Collection[Measured]) -> bool:
    """Tell whether the spans from ``shortest`` to ``longest`` leave no gap between them."""
    reach: int | None = None
    for part in sorted(parts, key=_shortest):
        if reach is not None and part.shortest > reach + 1:
            return False
        if part.longest is None:
            return True
        reach = part.longest if reach is None else max(reach, part.longest)
    return True


def _is_repeat_gapless(body: Expression, least: int, most: int | None) -> bool:
    """Tell whether the lengths of k and of k + 1 times ``body`` overlap or touch, from k = least on."""
    if most is not None and most - least < 1:
        return True
    if least == 0 and most == 1:
        return body.shortest <= 1
    if body.longest is None:
        return least > 0 or body.shortest <= 1
    return least * (body.longest - body.shortest) + 1 >= body.shortest


def _shortest(part: Measured) -> int:
    return part.shortest


NOTHING: Final[Expression] = Choice(())
EMPTY: Final[Expression] = Sequence(())
START: Final[Expression] = TextStart()
END: Final[Expression] = TextEnd()
ANY_SYMBOL: Final[Expression] = Symbols(ALL)
ANY_TEXT: Final[Expression] = Repeat(ANY_SYMBOL, 0, None)
