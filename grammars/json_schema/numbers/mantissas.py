"""Follow the digits before an exponent, keeping just what decides which values and exponents remain.

Scale does not matter to digits: how a mantissa compares with a bound, and whether it is a multiple of a step, changes
with its exponent only through its order and its trailing zeros. So a mantissa's state is small, and the exponents that
fit it are one range (``ExponentSet``): every bound, step and listed value cuts it at one place.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from fsm.errors import LimitError
from grammars.json_schema.numbers.decimals import ExactDecimal, least_common_multiple
from grammars.json_schema.numbers.exponents import NO_EXPONENTS, UNBOUNDED, ExponentSet
from grammars.json_schema.numbers.lattices import MAX_MODULUS, NEVER, build_lattice
from grammars.json_schema.numbers.magnitudes import Magnitudes
from grammars.json_schema.numbers.spelling import NumberSpelling

__all__ = ["FRACTION", "INTEGER", "NO_ORDER", "POINT", "WITHIN", "ZERO_INTEGER", "Mantissa", "MantissaRules"]

INTEGER, POINT, FRACTION = 0, 1, 2
_ALIKE = [(0, 9)]
_ZERO_APART = [(0, 0), (1, 9)]
NO_ORDER = -UNBOUNDED
"""The order of a mantissa whose digits are all zero."""
WITHIN = UNBOUNDED
"""Stands for the order of a fraction within the bounds that takes no exponent: nothing more depends on it."""


class Mantissa(NamedTuple):
    """Be what is known after some digits; equal states have equal continuations.

    Parameters
    ----------
    place : ``INTEGER``, ``POINT`` (just after it) or ``FRACTION``.
    order : power of ten of the first nonzero digit, ``NO_ORDER`` before there is one; or ``WITHIN``.
    fraction_size : digits after the point.
    below, above : -1, 0, 1: the significant digits are less, so far equal, or more than the lower (upper) bound's.
    num_zeros : zeros at the end, counted when there are steps.
    thresholds : per step, what its lattice says of the digits without these zeros.
    remainder : the digits, as an integer, modulo the product of the steps.
    matching : places of the listed values whose digits begin so.
    """

    place: int
    order: int
    fraction_size: int
    below: int
    above: int
    num_zeros: int
    thresholds: tuple[int, ...]
    remainder: int
    matching: tuple[int, ...]


ZERO_INTEGER = Mantissa(INTEGER, NO_ORDER, 0, 0, 0, 0, (), 0, ())


class MantissaRules:
    """Tell how mantissas of one sign grow, and which exponents fit them.

    Parameters
    ----------
    magnitudes : the values wanted.
    spelling : the texts wanted.

    Raises
    ------
    LimitError : the steps together have too many significant digits.
    """

    def __init__(self, magnitudes: Magnitudes, spelling: NumberSpelling) -> None:
        self.magnitudes = magnitudes
        self.spelling = spelling
        lower, upper = magnitudes.lower, magnitudes.upper
        self._lower_digits, self.lower_order = ("", -UNBOUNDED) if lower is None else (lower.digits, lower.order)
        self._upper_digits, self.upper_order = ("", UNBOUNDED) if upper is None else (upper.digits, upper.order)
        self._first_below = 1 if lower is None else 0
        self._first_above = -1 if upper is None else 0
        step, not_steps = magnitudes.step, magnitudes.not_steps
        self.has_step = step is not None
        self.steps = not_steps if step is None else (step, *(least_common_multiple(step, n) for n in not_steps))
        self.lattices = tuple(map(build_lattice, self.steps))
        self._no_thresholds = (0,) * len(self.lattices)
        self._has_idle_zeros = all(lattice.modulus == 1 and lattice.exponent <= 0 for lattice in self.lattices)
        self.modulus = math.lcm(*(lattice.modulus for lattice in self.lattices))
        if self.modulus > MAX_MODULUS:
            raise LimitError(
                f"multipleOf: got conditions that need {len(str(self.modulus))} digits of remainder, expected at most "
                f"{len(str(MAX_MODULUS)) - 1}; use fewer or rounder steps"
            )
        self.listed = magnitudes.not_values if magnitudes.values is None else magnitudes.values
        self._listed_digits = tuple(value.digits for value in self.listed)
        self._listed_orders = tuple(value.order for value in self.listed)
        self._is_listing = magnitudes.values is not None
        self._takes_every = spelling.exponents in {"natural", "any"}
        self._takes_some = spelling.exponents != "none"
        self._exponents = self._all_exponents()
        size = spelling.max_integer_digits
        self._last_order = UNBOUNDED if size is None else size - 1

    def starts(self) -> list[tuple[int, int]]:
        """Return the ranges of first digits, 1 to 9, that lead to equal states."""
        return self._ranges(
            1, 0, (self._first_below, self._first_above), is_each=self._is_each(is_matching=bool(self.listed))
        )

    def first(self, digit: int) -> Mantissa:
        """Return the mantissa of one nonzero digit before the point."""
        return self._nonzero(INTEGER, 0, 0, digit)

    def ranges(self, mantissa: Mantissa) -> list[tuple[int, int]]:
        """Return the ranges of next digits, 0 to 9, that lead to equal states."""
        if mantissa.order == NO_ORDER:
            return [(0, 0), *self.starts()]
        if self.modulus == 1 and mantissa.below and mantissa.above and not mantissa.matching:
            return _ALIKE if self._is_zero_idle(mantissa) else _ZERO_APART
        index = mantissa.order + 1 + mantissa.fraction_size
        sides = (mantissa.below, mantissa.above)
        return self._ranges(0, index, sides, is_each=self._is_each(is_matching=bool(mantissa.matching)))

    def _is_zero_idle(self, mantissa: Mantissa) -> bool:
        """Tell whether a zero leads where other digits lead."""
        if not self.lattices:
            return True
        return self._has_idle_zeros and mantissa.place == INTEGER and not self.takes_exponent(mantissa)

    def after(self, mantissa: Mantissa, digit: int) -> Mantissa:
        """Return the mantissa with one more digit at its end."""
        place, order, size, below, above, zeros, thresholds, remainder, matching = mantissa
        if place:
            place, size = FRACTION, size + 1
        if order == NO_ORDER:
            if digit:
                return self._nonzero(place, -size, size, digit)
            return mantissa._replace(place=place, fraction_size=size)
        if not place:
            order += 1
        index = order + size
        if self.lattices:
            remainder = (remainder * 10 + digit) % self.modulus
            zeros = 0 if digit else zeros + 1
            if digit:
                thresholds = self._thresholds(remainder)
        if matching:
            matching = self._still_matching(matching, index, digit)
        below = below or self._compare_lower(index, digit)
        above = above or self._compare_upper(index, digit)
        return self._reduced(place, order, size, below, above, zeros, thresholds, remainder, matching)

    def takes_exponent(self, mantissa: Mantissa) -> bool:
        """Tell whether an exponent may follow, some value permitting."""
        return self._is_marked(mantissa.order)

    def _is_marked(self, order: int) -> bool:
        return self._takes_every or (self._takes_some and (order == 0 or order == NO_ORDER))  # noqa: PLR1714

    def exponents(self, mantissa: Mantissa) -> ExponentSet:
        """Return the exponents with which this mantissa is a number of the set; 0 among them: also without one."""
        if mantissa.place == POINT:
            return NO_EXPONENTS
        order = mantissa.order
        if order == NO_ORDER:
            return self._exponents if self.magnitudes.has_zero else NO_EXPONENTS
        if order == WITHIN:
            return ExponentSet(self._least_by_steps(mantissa, 0), self._most_by_steps(mantissa, 0))
        size = order + 1 + mantissa.fraction_size
        if self._is_listing:
            return self._listed_exponents(mantissa, size)
        low, high = self._lowest(mantissa, size), self._highest(mantissa, size)
        if not self.takes_exponent(mantissa):
            low, high = max(low, 0), min(high, 0)
        holes = (self._listed_orders[i] - order for i in mantissa.matching if len(self._listed_digits[i]) <= size)
        return ExponentSet(low, high, tuple(sorted(hole for hole in holes if low <= hole <= high)))

    def listed_values(self, mantissa: Mantissa) -> list[ExactDecimal]:
        """Return the listed values that this mantissa may still become, at some exponent."""
        if mantissa.order == NO_ORDER:
            return list(self.listed)
        return [self.listed[i] for i in mantissa.matching]

    def _nonzero(self, place: int, order: int, size: int, digit: int) -> Mantissa:
        """Return the mantissa whose first nonzero digit was just read."""
        remainder = digit % self.modulus
        below = self._first_below or self._compare_lower(0, digit)
        above = self._first_above or self._compare_upper(0, digit)
        thresholds = self._thresholds(remainder)
        matching = self._still_matching(tuple(range(len(self.listed))), 0, digit) if self.listed else ()
        return self._reduced(place, order, size, below, above, 0, thresholds, remainder, matching)

    def _thresholds(self, remainder: int) -> tuple[int, ...]:
        if self.modulus == 1:
            return self._no_thresholds
        return tuple([lattice.threshold_of(remainder) for lattice in self.lattices])

    def _reduced(  # noqa: PLR0917 - the fields of a mantissa, which is made once
        self,
        place: int,
        order: int,
        size: int,
        below: int,
        above: int,
        zeros: int,
        thresholds: tuple[int, ...],
        remainder: int,
        matching: tuple[int, ...],
    ) -> Mantissa:
        """Forget what cannot matter once no exponent can follow, so that equal states are equal."""
        if self._is_marked(order):
            return Mantissa(place, order, size, below, above, zeros, thresholds, remainder, matching)
        if self.lattices:
            thresholds = tuple(
                [
                    threshold if threshold == NEVER else max(threshold - zeros, -lattice.exponent - size)
                    for threshold, lattice in zip(thresholds, self.lattices, strict=True)
                ]
            )
        if order > self.lower_order:
            below = 1
        if (self._last_order if place == INTEGER else order) < self.upper_order:
            above = -1
        if matching:
            matching = tuple(i for i in matching if self._can_reach(place, order, self._listed_orders[i]))
        # The digits alone compare only where the order is between the bounds' orders.
        is_between = self.lower_order <= order <= self.upper_order
        if place != INTEGER and is_between and below > 0 and above < 0 and not self.listed:
            order = WITHIN
        return Mantissa(place, order, size, below, above, 0, thresholds, remainder, matching)

    def _can_reach(self, place: int, order: int, wanted: int) -> bool:
        return order <= wanted if place == INTEGER else order == wanted

    def _is_each(self, *, is_matching: bool) -> bool:
        """Tell whether every digit leads to its own state."""
        return is_matching or self.modulus > 1

    def _ranges(self, first: int, index: int, sides: tuple[int, int], *, is_each: bool) -> list[tuple[int, int]]:
        if is_each:
            return [(digit, digit) for digit in range(first, 10)]
        cuts = {first, 10}
        if self.lattices and first == 0:
            cuts.add(1)
        for side, digits in zip(sides, (self._lower_digits, self._upper_digits), strict=True):
            if side == 0:
                digit = _digit_at(digits, index)
                cuts.update((digit, digit + 1))
        ordered = sorted(cut for cut in cuts if cut >= first)
        return [(cut, after - 1) for cut, after in itertools.pairwise(ordered)]

    def _compare_lower(self, index: int, digit: int) -> int:
        side = _sign(digit - _digit_at(self._lower_digits, index))
        is_met = index + 1 >= len(self._lower_digits) and not self.magnitudes.is_lower_strict
        return 1 if side == 0 and is_met else side  # more digits change nothing once an inclusive bound is reached

    def _compare_upper(self, index: int, digit: int) -> int:
        side = _sign(digit - _digit_at(self._upper_digits, index))
        is_passed = index + 1 >= len(self._upper_digits) and self.magnitudes.is_upper_strict
        return 1 if side == 0 and is_passed else side

    def _still_matching(self, matching: tuple[int, ...], index: int, digit: int) -> tuple[int, ...]:
        return tuple(i for i in matching if _digit_at(self._listed_digits[i], index) == digit)

    def _all_exponents(self) -> ExponentSet:
        if self.spelling.exponents == "none":
            return ExponentSet(0, 0)
        size = self.spelling.max_exponent_digits
        largest = UNBOUNDED if size is None else 10**size - 1
        return ExponentSet(-largest, largest)

    def lowest_exponent(self, order: int) -> int:
        """Return the least exponent that a mantissa of this order may be written with."""
        low, smallest = self._exponents.low, self.spelling.smallest_order
        if smallest is None or self._is_listing:
            return low
        return max(low, min(smallest - order, 0))

    @property
    def highest_exponent(self) -> int:
        """Return the greatest exponent that any mantissa may be written with."""
        return self._exponents.high

    def _lowest(self, mantissa: Mantissa, size: int) -> int:
        low = self.lowest_exponent(mantissa.order)
        if self.magnitudes.lower is not None:
            below = mantissa.below or (-1 if size < len(self._lower_digits) else 0)
            is_reached = below > 0 or (below == 0 and not self.magnitudes.is_lower_strict)
            low = max(low, self.lower_order - mantissa.order + (not is_reached))
        return self._least_by_steps(mantissa, low)

    def _least_by_steps(self, mantissa: Mantissa, low: int) -> int:
        return max(low, self.threshold(mantissa, 0)) if self.has_step else low

    def _highest(self, mantissa: Mantissa, size: int) -> int:
        high = self._exponents.high
        if self.magnitudes.upper is not None:
            above = mantissa.above or (-1 if size < len(self._upper_digits) else 0)
            is_within = above < 0 or (above == 0 and not self.magnitudes.is_upper_strict)
            high = min(high, self.upper_order - mantissa.order - (not is_within))
        return self._most_by_steps(mantissa, high)

    def _most_by_steps(self, mantissa: Mantissa, high: int) -> int:
        for place in range(1 if self.has_step else 0, len(self.lattices)):
            high = min(high, self.threshold(mantissa, place) - 1)
        return high

    def threshold(self, mantissa: Mantissa, place: int) -> int:
        """Return the least exponent that makes the mantissa a multiple of one step."""
        threshold = mantissa.thresholds[place]
        if threshold == NEVER:
            return NEVER
        return threshold + self.lattices[place].exponent + mantissa.fraction_size - mantissa.num_zeros

    def _listed_exponents(self, mantissa: Mantissa, size: int) -> ExponentSet:
        full = (i for i in mantissa.matching if len(self._listed_digits[i]) <= size)
        wanted = {self._listed_orders[i] - mantissa.order for i in full}
        possible = self._exponents if self.takes_exponent(mantissa) else ExponentSet(0, 0)
        found = sorted(filter(possible.holds, wanted))
        if not found:
            return NO_EXPONENTS
        holes = tuple(e for e in range(found[0], found[-1]) if e not in wanted)
        return ExponentSet(found[0], found[-1], holes)


def _digit_at(digits: str, index: int) -> int:
    return int(digits[index]) if index < len(digits) else 0


def _sign(difference: int) -> int:
    return (difference > 0) - (difference < 0)
