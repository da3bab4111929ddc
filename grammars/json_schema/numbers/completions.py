"""Tell whether a mantissa can be completed: by its order of magnitude, and by arithmetic where that is not enough.

Never a search through texts: a prefix is an interval at each power of ten, and ``grids.py`` says whether a wanted value
lies in it. The powers of ten that can matter are few; beyond them nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, reduce

from grammars.json_schema.numbers.decimals import ExactDecimal, least_common_multiple
from grammars.json_schema.numbers.exponents import UNBOUNDED, ExponentSet
from grammars.json_schema.numbers.grids import has_value
from grammars.json_schema.numbers.magnitudes import Magnitudes
from grammars.json_schema.numbers.mantissas import INTEGER, NO_ORDER, WITHIN, Mantissa, MantissaRules

__all__ = ["Completions"]


class Completions:
    """Answer for one sign whether mantissas can be completed, within how many digits.

    Every question takes the digits read, as an integer, beside the mantissa: any text that led to the same mantissa
    gives the same answer.

    Parameters
    ----------
    rules : the mantissas' rules.
    """

    def __init__(self, rules: MantissaRules) -> None:
        self._rules = rules
        self._magnitudes = rules.magnitudes
        spelling = rules.spelling
        self._integer_size = UNBOUNDED if spelling.max_integer_digits is None else spelling.max_integer_digits
        self._fraction_size = spelling.max_fraction_digits
        self._exponents = spelling.exponents
        self._is_listing = rules.magnitudes.values is not None
        self._is_range = not rules.lattices and not rules.listed
        self._is_step = rules.has_step and len(rules.lattices) == 1 and not rules.listed
        self._step_size = len(str(rules.modulus))

    def can_take_exponent(self, mantissa: Mantissa, digits: int) -> bool:
        """Tell whether an exponent may follow at once or after a fraction."""
        if self._exponents in {"natural", "any"}:
            return True
        if mantissa.order == NO_ORDER:
            return self._exponents != "none" and self._magnitudes.has_zero
        return self._is_exponent_live(mantissa, digits)

    def may_end(self, mantissa: Mantissa, exponents: ExponentSet) -> bool:
        """Tell whether a number of the set is complete here, or by an exponent at once; ``exponents`` are its own."""
        if self._magnitudes.is_void and mantissa.order != NO_ORDER:
            return False
        return exponents.holds(0) or (self.takes_fraction_and_exponent(mantissa) and not exponents.is_empty)

    def is_live(self, mantissa: Mantissa, digits: int) -> bool:
        """Tell whether a number of the set begins so."""
        if mantissa.order == NO_ORDER:
            return self._is_zero_live(mantissa)
        if self._magnitudes.is_void or self._is_above(mantissa):
            return False
        return self._is_plain_live(mantissa, digits) or self._is_exponent_live(mantissa, digits)

    def _is_above(self, mantissa: Mantissa) -> bool:
        """Tell whether the digits exceed the upper bound, and no exponent may follow: more of them change nothing."""
        order, most = mantissa.order, self._rules.upper_order
        if order == WITHIN or self.takes_fraction_and_exponent(mantissa):
            return False
        return order > most or (order == most and mantissa.above > 0)

    def most_integer_digits(self, mantissa: Mantissa, digits: int) -> int | None:
        """Return how many more digits may come before the point; None when there is no bound."""
        if mantissa.place != INTEGER or mantissa.order == NO_ORDER:
            return 0
        if self._exponents == "any":
            return self._most_before_exponent(mantissa, digits)
        counts = self.plain_counts(mantissa, is_capped=False)
        if counts and counts[-1] > UNBOUNDED // 2:
            return None
        return next((count for count in reversed(counts) if self._meets(mantissa, digits, count, exponent=0)), 0)

    def _is_zero_live(self, mantissa: Mantissa) -> bool:
        if self._magnitudes.has_zero:
            return True
        if self._magnitudes.is_void or (self._fraction_size == 0):
            return False
        scale = -mantissa.fraction_size
        if has_value(self._magnitudes, 0, scale=scale, grid=self._grid(scale, 0)):
            return True
        return self._exponents == "any" and self._is_zero_live_by_exponent(scale)

    def _is_zero_live_by_exponent(self, scale: int) -> bool:
        """Tell whether zeros can be followed by digits and an exponent; the first digit may come at once, or later."""
        first, last = self.exponent_window(scale - 1, spare=self._fraction_size or 0)
        return any(
            has_value(
                self.magnitudes_of_exponents, 0, scale=scale + exponent, grid=self._grid(scale + exponent, exponent)
            )
            for exponent in range(last, first - 1, -1)
        )

    def _is_plain_live(self, mantissa: Mantissa, digits: int) -> bool:
        if mantissa.place != INTEGER:
            return self._meets(mantissa, digits, 0, 0)
        return any(self._meets(mantissa, digits, count, 0) for count in reversed(self.plain_counts(mantissa)))

    def plain_counts(self, mantissa: Mantissa, *, is_capped: bool = True) -> Sequence[int]:
        """Return how many more digits before the point can matter, fewest first."""
        if mantissa.place != INTEGER:
            return range(1)
        order = mantissa.order
        if self._is_listing:
            return [shift for shift in self._listed_shifts(mantissa) if 0 <= shift < self._integer_size - order]
        first = max(0, self._rules.lower_order - order)
        last = min(self._integer_size - 1 - order, self._rules.upper_order - order)
        if is_capped:
            last = min(last, first + self._decisive)
        return range(first, last + 1)

    def _is_exponent_live(self, mantissa: Mantissa, digits: int) -> bool:
        if not self.takes_fraction_and_exponent(mantissa):
            return False
        room = self._room(mantissa)
        shifts = reversed(self._shifts(mantissa, room))
        return any(self._meets(mantissa, digits, *self._split(shift, room)) for shift in shifts)

    def _shifts(self, mantissa: Mantissa, room: int) -> Sequence[int]:
        """Return the powers of ten, by more digits and an exponent together, that can matter; least first."""
        if self._is_listing:
            highest = self._rules.highest_exponent
            return [shift for shift in self._listed_shifts(mantissa) if -highest <= shift <= highest + room]
        first, last = self.exponent_window(mantissa.order, spare=room)
        return range(first, last + 1)

    def _listed_shifts(self, mantissa: Mantissa) -> list[int]:
        """Return the powers of ten that take the mantissa to the order of a listed value that begins so."""
        orders = {value.order for value in self._rules.listed_values(mantissa)}
        return sorted(order - mantissa.order for order in orders)

    def takes_fraction_and_exponent(self, mantissa: Mantissa) -> bool:
        """Tell whether an exponent may follow whatever the plain value is."""
        return self._exponents == "any" or (self._exponents != "none" and mantissa.order == 0)

    def _room(self, mantissa: Mantissa) -> int:
        """Return how many digits may come before the point whatever the plain value is."""
        if self._exponents == "any" and mantissa.place == INTEGER:
            return self._integer_size - 1 - mantissa.order
        return 0

    def _split(self, shift: int, room: int) -> tuple[int, int]:
        """Share a power of ten between more digits, as many as may be, and the exponent."""
        count = min(room, shift + self._rules.highest_exponent)
        return count, shift - count

    def exponent_window(self, order: int, *, spare: int) -> tuple[int, int]:
        """Return the least and greatest power of ten that can matter; above, nothing changes."""
        rules = self._rules
        first = max(rules.lowest_exponent(order), rules.lower_order - order)
        last = min(rules.highest_exponent + spare, rules.upper_order - order + spare)
        enough = max(self._saturation - order, first + 1 + len(rules.listed))
        if first == -UNBOUNDED:
            first = min(last, enough) - 2 * self._saturation - 64
        return first, min(last, enough + spare)

    def _meets(self, mantissa: Mantissa, digits: int, count: int, exponent: int) -> bool:
        """Tell whether the mantissa with ``count`` more digits before the point can be a wanted number."""
        shift = count + exponent
        order, rules = mantissa.order + shift, self._rules
        scale = shift - mantissa.fraction_size
        grid = self._grid(scale, exponent)
        if self._is_listing:
            return any(v.order == order and v.exponent >= grid for v in rules.listed_values(mantissa))
        if mantissa.order != WITHIN:
            lower, upper = rules.lower_order, rules.upper_order
            if order < lower or order > upper:
                return False
            if not ((order > lower or mantissa.below > 0) and (order < upper or mantissa.above < 0)):
                is_out = (order == lower and mantissa.below < 0) or (order == upper and mantissa.above > 0)
                return not is_out and has_value(self._magnitudes, digits, scale=scale, grid=grid)
        if self._is_range:
            return True
        return self._has_multiple_within(mantissa, digits, shift, grid)

    def _has_multiple_within(self, mantissa: Mantissa, digits: int, shift: int, grid: int) -> bool:
        """Tell whether a prefix that stays within the bounds holds a wanted value: arithmetic only where it must be."""
        scale = shift - mantissa.fraction_size
        if self._is_step:
            lattice = self._rules.lattices[0]
            if lattice.modulus == 1:
                return shift >= self._rules.threshold(mantissa, 0)
            if scale - max(lattice.exponent, grid) >= self._step_size:
                return True
        return has_value(self._magnitudes, digits, scale=scale, grid=grid)

    def _grid(self, scale: int, exponent: int) -> int:
        """Return the finest power of ten that the digits after the point reach."""
        if self._fraction_size is not None:
            return exponent - self._fraction_size
        return min(scale, self.finest) - self.spare

    def _most_before_exponent(self, mantissa: Mantissa, digits: int) -> int | None:
        room = self._room(mantissa)
        if room > UNBOUNDED // 2:
            return None
        splits = (self._split(shift, room) for shift in reversed(self._shifts(mantissa, room)))
        return next((split[0] for split in splits if self._meets(mantissa, digits, *split)), 0)

    @cached_property
    def magnitudes_of_exponents(self) -> Magnitudes:
        """Return the magnitudes that exponent forms may write."""
        smallest, found = self._rules.spelling.smallest_order, self._magnitudes
        if smallest is None or found.values is not None:
            return found
        least = ExactDecimal(1, smallest)
        if found.lower is not None and least < found.lower:
            return found
        return replace(found, lower=least, is_lower_strict=False)

    @cached_property
    def _period_order(self) -> int:
        """Return an order of magnitude above which every interval holds all remainders of all steps."""
        steps = self._rules.steps
        return max(0, reduce(least_common_multiple, steps).order + 1) if steps else 0

    @cached_property
    def _decisive(self) -> int:
        """Return how many digits past the lower bound's order decide whether any number of digits helps."""
        return self._period_order + 2 + len(str(len(self._rules.listed)))

    @cached_property
    def _saturation(self) -> int:
        """Return the order from which on, for lack of factors, steps no longer tell exponents apart."""
        tops = (lattice.exponent + lattice.threshold for lattice in self._rules.lattices)
        return max(0, *tops, 0) + (self._fraction_size or 0) + self._period_order + 2

    @cached_property
    def finest(self) -> int:
        """Return the least power of ten that any condition mentions."""
        return min((value.exponent for value in self._mentioned()), default=0)

    @cached_property
    def spare(self) -> int:
        """Return how many digits finer than that leave room beside all steps and values to avoid."""
        return 2 + len(str(len(self._rules.listed) + len(self._rules.steps)))

    def _mentioned(self) -> list[ExactDecimal]:
        found = self._magnitudes
        bounds = (found.lower, found.upper)
        return [
            value
            for value in (*bounds, *self._rules.steps, *found.not_values, *(found.values or ()))
            if value is not None
        ]
