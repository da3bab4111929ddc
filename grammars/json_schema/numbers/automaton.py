"""Recognise the JSON texts of a set of numbers, one symbol at a time.

A state is what a mantissa's or an exponent's digits have decided (``mantissas.py``, ``exponents.py``); states are made
when first reached, and only when a completion exists. A range of n digits has O(n) states; a step of m makes at most m
times as many, of which only the visited exist.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from fsm.automata.dfa import DEAD, EXPANSION_LOCK, Dfa, Edge, make_key
from grammars.json_schema.numbers.completions import Completions
from grammars.json_schema.numbers.exponents import NO_EXPONENTS, ExponentDigits, ExponentSet, next_digits
from grammars.json_schema.numbers.magnitudes import Magnitudes
from grammars.json_schema.numbers.mantissas import INTEGER, NO_ORDER, POINT, ZERO_INTEGER, Mantissa, MantissaRules
from grammars.json_schema.numbers.nearest_ends import ShortestCompletions
from grammars.json_schema.numbers.spelling import NumberSpelling

__all__ = ["ConstrainedNumbers"]

_MINUS, _PLUS, _POINT, _ZERO = map(ord, "-+.0")
_MARKS = (ord("E"), ord("e"))
_NO_LIMIT = 10**6
_MAX_SEARCH = 200
"""States looked at for a completion shorter than the arithmetic found; it stays right that it is one."""


class _Start(NamedTuple):
    """Be a place before the first digit, on one side of zero."""

    side: int
    has_minus: bool


class _Digits(NamedTuple):
    """Be a mantissa on one side of zero."""

    side: int
    mantissa: Mantissa


class _Mark(NamedTuple):
    """Be the place after the ``e``."""

    allowed: ExponentSet


_State = _Start | _Digits | _Mark | ExponentDigits


class _Side(NamedTuple):
    """Hold what one sign's digits follow."""

    rules: MantissaRules
    completions: Completions
    shortest: ShortestCompletions


class _Row:
    """Hold one state and what was found of it; rows are appended whole, so that an interruption leaves none half made.

    digits : of a mantissa, the digits read, as an integer
    exponents : with which a mantissa is a number of the set; 0 among them: also without one
    """

    __slots__ = ("digits", "edges", "exponents", "is_accepting", "shortest", "state")

    def __init__(self, state: _State, digits: int, exponents: ExponentSet) -> None:
        self.state = state
        self.digits = digits
        self.exponents = exponents
        self.is_accepting = exponents.holds(0) or (isinstance(state, ExponentDigits) and state.is_accepting)
        self.edges: tuple[Edge, ...] | None = None
        self.shortest: int | None = None


class ConstrainedNumbers(Dfa):
    """Recognise the numbers with given magnitudes after no sign, and after a minus.

    Parameters
    ----------
    positive, negative : magnitudes of the values without and with a minus; zero counts on both sides.
    spelling : the texts wanted.
    """

    def __init__(self, positive: Magnitudes, negative: Magnitudes, spelling: NumberSpelling) -> None:
        self.key: Hashable = make_key("number")
        self._spelling = spelling
        plus = _make_side(positive, spelling)
        self._sides = (plus, plus) if positive == negative else (plus, _make_side(negative, spelling))
        self._minus = 0 if positive == negative else 1
        self._numbers: dict[_State, int] = {}
        self._rows = [_Row(_Mark(NO_EXPONENTS), 0, NO_EXPONENTS)]
        self._rows[DEAD].edges = ()
        self.start = self._start(_Start(0, has_minus=True))

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        return self._rows[state].is_accepting

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint ``(first, last, target)``; acceptance can be reached from every target."""
        row = self._rows[state]
        known = row.edges
        if known is None:
            with EXPANSION_LOCK:
                known = row.edges = _merged(self._expand(row))
        return known

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        row = self._rows[state]
        known = row.shortest
        if known is None:
            with EXPANSION_LOCK:
                known = row.shortest = 0 if row.is_accepting else self._fewest(state)
        return known

    def longest(self, state: int) -> int | None:
        """Return the most symbols from ``state`` to acceptance, None when there is no bound."""
        found = self._rows[state].state
        if isinstance(found, ExponentDigits):
            return found.longest()
        if isinstance(found, _Mark):
            return _added(1, self._spelling.max_exponent_digits)
        if isinstance(found, _Digits):
            return self._most(found, self._rows[state].digits)
        ends = [self.longest(target) for _, _, target in self.edges(state)]
        return _added(1, None if None in ends else max((end for end in ends if end is not None), default=0))

    def _number(self, state: ExponentDigits | _Mark) -> int:
        """Return the number of a state, which some completion has."""
        return self._numbers.get(state) or self._name(_Row(state, 0, NO_EXPONENTS))

    def _start(self, state: _Start) -> int:
        """Return the number of a place before the first digit; 0 when no number follows."""
        number = self._numbers.get(state)
        if number is None:
            row = _Row(state, 0, NO_EXPONENTS)
            row.edges = _merged(self._expand(row))  # first: a place that is named is one that leads somewhere
            number = self._name(row) if row.edges else DEAD
        return number

    def _mantissa(self, side: int, mantissa: Mantissa, digits: int, *, is_live: bool = False) -> int:
        """Return the number of a mantissa; 0 when nothing completes it, unless it is known that something does."""
        state = _Digits(side, mantissa)
        number = self._numbers.get(state)
        if number is None:
            # PERF: what may follow at once is asked for anyway; where nothing may, arithmetic looks further.
            rules, completions, _ = self._sides[side]
            allowed = rules.exponents(mantissa)
            is_live = is_live or completions.may_end(mantissa, allowed)
            if is_live or completions.is_live(mantissa, digits):
                number = self._name(_Row(state, digits, allowed))
            else:
                number = self._numbers[state] = DEAD
        return number

    def _name(self, row: _Row) -> int:
        number = len(self._rows)
        self._rows.append(row)
        self._numbers[row.state] = number
        return number

    def _expand(self, row: _Row) -> list[Edge]:
        state = row.state
        if isinstance(state, _Digits):
            return self._expand_mantissa(state, row.digits, row.exponents)
        if isinstance(state, ExponentDigits):
            return self._expand_exponent(state)
        return self._expand_mark(state.allowed) if isinstance(state, _Mark) else self._expand_start(state)

    def _expand_start(self, state: _Start) -> list[Edge]:
        rules = self._sides[state.side].rules
        edges = []
        if state.has_minus:
            edges.append((_MINUS, _MINUS, self._start(_Start(self._minus, has_minus=False))))
        edges.append((_ZERO, _ZERO, self._mantissa(state.side, ZERO_INTEGER, 0)))
        for first, last in rules.starts():
            edges.append((_ZERO + first, _ZERO + last, self._mantissa(state.side, rules.first(first), first)))
        return edges

    def _expand_mantissa(self, state: _Digits, digits: int, exponents: ExponentSet) -> list[Edge]:
        side, mantissa = state
        rules, spelling = self._sides[side].rules, self._spelling
        edges: list[Edge] = []
        if mantissa.place == INTEGER and spelling.max_fraction_digits != 0:
            pointed = Mantissa(POINT, *mantissa[1:])
            edges.append((_POINT, _POINT, self._mantissa(side, pointed, digits, is_live=exponents.holds(0))))
        if self._has_room(mantissa):
            for first, last in rules.ranges(mantissa):
                target = self._mantissa(side, rules.after(mantissa, first), digits * 10 + first)
                edges.append((_ZERO + first, _ZERO + last, target))
        if rules.takes_exponent(mantissa) and not exponents.is_empty:
            target = self._number(_Mark(exponents))
            edges += [(mark, mark, target) for mark in _MARKS]
        return edges

    def _has_room(self, mantissa: Mantissa) -> bool:
        """Tell whether one more digit may be written."""
        spelling = self._spelling
        if mantissa.place != INTEGER:
            return spelling.max_fraction_digits is None or mantissa.fraction_size < spelling.max_fraction_digits
        if mantissa.order == NO_ORDER:
            return False
        return spelling.max_integer_digits is None or mantissa.order + 1 < spelling.max_integer_digits

    def _expand_mark(self, allowed: ExponentSet) -> list[Edge]:
        positive, negative = self._signed(allowed), self._signed(allowed.negated())
        edges: list[Edge] = []
        if positive is not None:
            edges.extend(self._expand_exponent(positive))
            edges.append((_PLUS, _PLUS, self._number(positive)))
        if negative is not None:
            edges.append((_MINUS, _MINUS, self._number(negative)))
        return edges

    def _signed(self, allowed: ExponentSet) -> ExponentDigits | None:
        size = self._spelling.max_exponent_digits
        return ExponentDigits(0, size, is_started=False, allowed=allowed).reduced()

    def _expand_exponent(self, state: ExponentDigits) -> list[Edge]:
        return [(_ZERO + first, _ZERO + last, self._number(after)) for first, last, after in next_digits(state)]

    def _fewest(self, state: int) -> int:
        found = self._rows[state].state
        if isinstance(found, ExponentDigits):
            return found.shortest()
        if not isinstance(found, _Digits):
            return 1 + min(self.shortest(target) for _, _, target in self.edges(state))
        digits = self._rows[state].digits
        best = self._fewest_by_arithmetic(found, digits, self._fewest_exponent(found))
        if best is not None and (self._is_settled(found.mantissa) or best <= 3):
            return best
        more = self._sides[found.side].shortest.fewest_digits_to_multiple(digits)
        return best if best is not None and best <= more + 2 else self._search(state, best)

    def _is_settled(self, mantissa: Mantissa) -> bool:
        """Tell whether arithmetic looks at every form of a completion."""
        exponents = self._spelling.exponents
        if exponents == "natural":
            return mantissa.order == 0 and mantissa.place != INTEGER
        return exponents != "any" or mantissa.place != INTEGER

    def _fewest_exponent(self, state: _Digits) -> int | None:
        """Return the length of the shortest exponent that may follow at once."""
        rules = self._sides[state.side].rules
        allowed = rules.exponents(state.mantissa)
        if allowed.is_empty or not rules.takes_exponent(state.mantissa):
            return None
        return 1 + min(1 + self.shortest(target) for _, _, target in self._expand_mark(allowed))

    def _fewest_at_once(self, state: int) -> int | None:
        """Return the length of the shortest completion without further digits of the mantissa."""
        if self.is_accepting(state):
            return 0
        found = self._rows[state].state
        return self._fewest_exponent(found) if isinstance(found, _Digits) else None

    def _fewest_by_arithmetic(self, state: _Digits, digits: int, direct: int | None) -> int | None:
        side, mantissa = self._sides[state.side], state.mantissa
        best = _least(side.shortest.fewest_plain_symbols(mantissa, digits), direct)
        if (best is None or best > 3) and side.completions.takes_fraction_and_exponent(mantissa):
            limit = best or _NO_LIMIT
            best = _least(best, side.shortest.fewest_exponent_symbols(mantissa, digits, limit=limit))
        return best

    def _search(self, state: int, best: int | None) -> int:
        """Look for a completion shorter than ``best`` by digits and then an exponent, nearest first."""
        reached, seen, depth = [state], {state}, 0
        while reached and len(seen) < _MAX_SEARCH and (best is None or depth + 3 <= best):
            for near in reached:
                direct = self._fewest_at_once(near)
                best = _least(best, None if direct is None else depth + direct)
            targets = (edge[2] for near in reached for edge in self.edges(near))
            reached = [t for t in dict.fromkeys(targets) if t not in seen and isinstance(self._rows[t].state, _Digits)]
            seen.update(reached)
            depth += 1
        assert best is not None, "a live mantissa has a completion"
        return best

    def _most(self, state: _Digits, digits: int) -> int | None:
        spelling, mantissa = self._spelling, state.mantissa
        completions = self._sides[state.side].completions
        size = spelling.max_fraction_digits
        fraction = None if size is None else size - mantissa.fraction_size
        point = 1 if mantissa.place == INTEGER and fraction != 0 else 0
        more = completions.most_integer_digits(mantissa, digits)
        plain = _added(point, more, fraction)
        if plain is None or not completions.can_take_exponent(mantissa, digits):
            return plain
        if spelling.exponents == "scientific":
            more = 0
        marked = _added(point + 2, more, fraction, spelling.max_exponent_digits)
        return None if marked is None else max(plain, marked)


def _make_side(magnitudes: Magnitudes, spelling: NumberSpelling) -> _Side:
    rules = MantissaRules(magnitudes, spelling)
    completions = Completions(rules)
    return _Side(rules, completions, ShortestCompletions(rules, completions))


def _merged(edges: list[Edge]) -> tuple[Edge, ...]:
    """Return the live edges in order, neighbours with one target as one."""
    merged: list[Edge] = []
    for first, last, target in sorted(edges):
        if target == DEAD:
            continue
        if merged and merged[-1][2] == target and merged[-1][1] + 1 == first:
            merged[-1] = (merged[-1][0], last, target)
        else:
            merged.append((first, last, target))
    return tuple(merged)


def _least(*found: int | None) -> int | None:
    return min((size for size in found if size is not None), default=None)


def _added(*sizes: int | None) -> int | None:
    return None if None in sizes else sum(size for size in sizes if size is not None)
