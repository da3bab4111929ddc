"""Recognise every JSON number, with bounds on its digits: one state per place, as small as it can be."""

from __future__ import annotations

from collections.abc import Hashable

from fsm.dfa import Dfa, Edge, make_key
from grammars.json_schema.numbers.spelling import NumberSpelling

__all__ = ["FreeNumbers"]

_DIGIT = (ord("0"), ord("9"))
_MARKS = (ord("E"), ord("e"))
_START, _MINUS, _ZERO, _POINT, _MARK, _SIGN = range(1, 7)
_FIRST = 7


class FreeNumbers(Dfa):
    """Recognise the numbers of RFC 8259.

    Parameters
    ----------
    spelling : bounds on digits; without them there are nine states.

    Examples
    --------
    >>> numbers = FreeNumbers(NumberSpelling(max_fraction_digits=2))
    >>> numbers.accepts("-1.25e-7"), numbers.accepts("1.255"), numbers.accepts("01")
    (True, False, False)
    """

    def __init__(self, spelling: NumberSpelling) -> None:
        self.key: Hashable = make_key("number")
        self.start = _START
        self._sizes = (
            spelling.max_integer_digits,
            spelling.max_fraction_digits,
            0 if spelling.exponents == "none" else spelling.max_exponent_digits,
        )
        counts = [1 if size is None else size for size in self._sizes]
        self._integer = _FIRST - 1
        self._fraction = self._integer + counts[0]
        self._exponent = self._fraction + counts[1]
        self._num_states = self._exponent + counts[2]
        self._edges: dict[int, tuple[Edge, ...]] = {}

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        return state == _ZERO or _FIRST <= state <= self._num_states

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint ``(first, last, target)``; acceptance can be reached from every target."""
        known = self._edges.get(state)
        if known is None:
            known = self._edges[state] = self._expand(state)
        return known

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        if self.is_accepting(state):
            return 0
        return 1

    def longest(self, state: int) -> int | None:
        """Return the most symbols from ``state`` to acceptance, None when there is no bound."""
        if state in {_START, _MINUS}:
            longest = self.longest(self._integer + 1)
            return None if longest is None else longest + (2 if state == _START else 1)
        sizes = self._left(state)
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def _left(self, state: int) -> tuple[int | None, ...]:
        """Return the most symbols that may come before the point, in the fraction, in the exponent."""
        integer, fraction, exponent = self._sizes
        pointed = None if fraction is None else fraction + (fraction > 0)
        marked = None if exponent is None else exponent + 2 * (exponent > 0)
        if state in {_MARK, _SIGN}:
            return (None if exponent is None else exponent + (state == _MARK),)
        if state > self._exponent:
            return (None if exponent is None else self._num_states - state,)
        if state == _ZERO:
            return pointed, marked
        if state == _POINT:
            return fraction, marked
        if state > self._fraction:
            return (None if fraction is None else self._exponent - state), marked
        return (None if integer is None else self._fraction - state), pointed, marked

    def _expand(self, state: int) -> tuple[Edge, ...]:
        if state == _ZERO:
            return (*self._point(), *self._marks())
        if state < _FIRST:
            return self._expand_place(state)
        if state > self._exponent:
            return self._more(state, self._exponent, 2)
        if state > self._fraction:
            return (*self._more(state, self._fraction, 1), *self._marks())
        return (*self._point(), *self._more(state, self._integer, 0), *self._marks())

    def _expand_place(self, state: int) -> tuple[Edge, ...]:
        """Return the edges of a place where digits must begin."""
        if state == _POINT:
            return ((*_DIGIT, self._fraction + 1),)
        if state in {_MARK, _SIGN}:
            digits = (*_DIGIT, self._exponent + 1)
            return (digits,) if state == _SIGN else ((ord("+"), ord("+"), _SIGN), (ord("-"), ord("-"), _SIGN), digits)
        first = (ord("0"), ord("0"), _ZERO), (ord("1"), ord("9"), self._integer + 1)
        return ((ord("-"), ord("-"), _MINUS), *first) if state == _START else first

    def _more(self, state: int, base: int, part: int) -> tuple[Edge, ...]:
        """Return the edge for one more digit of a part, when there may be one."""
        size = self._sizes[part]
        if size is None:
            return ((*_DIGIT, state),)
        return ((*_DIGIT, state + 1),) if state - base < size else ()

    def _point(self) -> tuple[Edge, ...]:
        return () if self._sizes[1] == 0 else ((ord("."), ord("."), _POINT),)

    def _marks(self) -> tuple[Edge, ...]:
        return () if self._sizes[2] == 0 else tuple((mark, mark, _MARK) for mark in _MARKS)
