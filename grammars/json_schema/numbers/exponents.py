"""Write the exponents of a set, digit by digit: a range of integers with holes."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from grammars.json_schema.numbers.decimals import power_of_ten

__all__ = ["NO_EXPONENTS", "UNBOUNDED", "ExponentDigits", "ExponentSet", "next_digits"]

UNBOUNDED = 10**30
"""Stands for infinity in a set of exponents."""

_FREE = -1
"""Value of a state from which every exponent that fits belongs."""


class ExponentSet(NamedTuple):
    """Hold the exponents that a mantissa may take: ``low .. high`` but for ``holes``; empty when ``low > high``."""

    low: int
    high: int
    holes: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether no exponent belongs."""
        low, high, holes = self
        return low > high if not holes else not self.meets(low, high)

    def holds(self, exponent: int) -> bool:
        """Tell whether one exponent belongs."""
        return self.low <= exponent <= self.high and exponent not in self.holes

    def meets(self, first: int, last: int) -> bool:
        """Tell whether an exponent of ``first .. last`` belongs."""
        low, high = max(self.low, first), min(self.high, last)
        if not self.holes:
            return low <= high
        return high - low + 1 > sum(low <= hole <= high for hole in self.holes)

    def covers(self, first: int, last: int) -> bool:
        """Tell whether every exponent of ``first .. last`` belongs."""
        return self.low <= first and last <= self.high and not any(first <= hole <= last for hole in self.holes)

    def negated(self) -> ExponentSet:
        """Return the set of the opposite exponents."""
        return ExponentSet(-self.high, -self.low, tuple(-hole for hole in reversed(self.holes)))


NO_EXPONENTS = ExponentSet(1, 0)


class ExponentDigits(NamedTuple):
    """Be what is known after some digits of an exponent whose sign was read.

    Parameters
    ----------
    value : the digits read, as a number; ``_FREE`` when any continuation belongs.
    num_left : digits that may still come; None when there is no bound.
    is_started : a digit was read.
    allowed : magnitudes of the exponents with this sign.
    """

    value: int
    num_left: int | None
    is_started: bool
    allowed: ExponentSet

    @property
    def is_accepting(self) -> bool:
        """Tell whether the exponent may end here."""
        return self.is_started and (self.value == _FREE or self.allowed.holds(self.value))

    def after(self, digit: int) -> ExponentDigits | None:
        """Return what is known after one more digit; None when no exponent of the set begins so."""
        if self.num_left == 0:
            return None
        num_left = None if self.num_left is None else self.num_left - 1
        if self.value == _FREE:
            return ExponentDigits(_FREE, num_left, is_started=True, allowed=NO_EXPONENTS)
        return ExponentDigits(self.value * 10 + digit, num_left, is_started=True, allowed=self.allowed).reduced()

    def reduced(self) -> ExponentDigits | None:
        """Return the one form of equal states; None when no exponent can follow."""
        sizes = self._sizes()
        if not sizes:
            return None
        num_left = sizes[-1] if self.num_left is not None and self.value else self.num_left
        if self.allowed.covers(self.value if self.is_started else 0, self._last(sizes[-1])):
            return ExponentDigits(_FREE, num_left, self.is_started, NO_EXPONENTS)
        return ExponentDigits(self.value, num_left, self.is_started, self.allowed)

    def shortest(self) -> int:
        """Return the fewest digits that may still come."""
        if self.value == _FREE:
            return 0 if self.is_started else 1
        return self._sizes()[0]

    def longest(self) -> int | None:
        """Return the most digits that may still come; None when there is no bound."""
        if self.value in {_FREE, 0} or self.num_left is None:
            return self.num_left
        return self._sizes()[-1]

    def _sizes(self) -> list[int]:
        """Return the counts of further digits with which an exponent of the set can be written."""
        least = 0 if self.is_started else 1
        return [
            size
            for size in range(least, self._num_more() + 1)
            if self.allowed.meets(self.value * 10**size, self._last(size))
        ]

    def _num_more(self) -> int:
        if self.num_left is not None:
            return self.num_left
        return max(20 - len(str(self.value)), 1)

    def _last(self, size: int) -> int:
        return (self.value + 1) * power_of_ten(size) - 1


@lru_cache(maxsize=4096)
def next_digits(state: ExponentDigits) -> tuple[tuple[int, int, ExponentDigits], ...]:
    """Return ``(first digit, last digit, state after)``; kept, because most numbers share their sets of exponents."""
    found: list[tuple[int, int, ExponentDigits]] = []
    for digit in range(10):
        after = state.after(digit)
        if after is None:
            continue
        if found and found[-1][2] == after and found[-1][1] == digit - 1:
            found[-1] = (found[-1][0], digit, after)
        else:
            found.append((digit, digit, after))
    return tuple(found)
