"""Find the length of the shortest completion of a mantissa, by arithmetic on the lengths that are possible."""

from __future__ import annotations

from collections.abc import Iterator

from grammars.json_schema.numbers.completions import Completions
from grammars.json_schema.numbers.exponents import UNBOUNDED
from grammars.json_schema.numbers.grids import has_value
from grammars.json_schema.numbers.mantissas import INTEGER, NO_ORDER, POINT, Mantissa, MantissaRules

__all__ = ["ShortestCompletions"]


class ShortestCompletions:
    """Measure for one sign the shortest completions of mantissas that are live.

    Parameters
    ----------
    rules : the mantissas' rules.
    completions : what is live.
    """

    def __init__(self, rules: MantissaRules, completions: Completions) -> None:
        self._rules = rules
        self._completions = completions
        self._magnitudes = rules.magnitudes
        spelling = rules.spelling
        self._integer_size = UNBOUNDED if spelling.max_integer_digits is None else spelling.max_integer_digits
        self._fraction_size = spelling.max_fraction_digits
        self._is_listing = rules.magnitudes.values is not None

    def fewest_plain_symbols(self, mantissa: Mantissa, digits: int) -> int | None:
        """Return the length of the shortest completion without an exponent; None when there is none."""
        if mantissa.order == NO_ORDER and self._magnitudes.has_zero:
            return 1 if mantissa.place == POINT else 0
        if self._is_listing and mantissa.order != NO_ORDER:
            return self._fewest_plain_symbols_listed(mantissa)
        best: int | None = None
        for count in self._completions.plain_counts(mantissa) if mantissa.order != NO_ORDER else range(1):
            if best is not None and count >= best:
                break
            size = self._fewest_fraction_digits(mantissa, digits, count, best)
            if size is not None:
                point = 1 if size and mantissa.place == INTEGER else 0
                best = count + point + size if best is None else min(best, count + point + size)
        return best

    def _fewest_plain_symbols_listed(self, mantissa: Mantissa) -> int | None:
        sizes = []
        room = UNBOUNDED if self._fraction_size is None else self._fraction_size
        for value in self._rules.listed_values(mantissa):
            shift, fraction = value.order - mantissa.order, max(0, -value.exponent)
            if fraction > room:
                continue
            if mantissa.place != INTEGER and shift == 0:
                sizes.append(max(1 if mantissa.place == POINT else 0, fraction - mantissa.fraction_size))
            elif mantissa.place == INTEGER and 0 <= shift < self._integer_size - mantissa.order:
                sizes.append(shift + fraction + (fraction > 0))
        return min(sizes, default=None)

    def _fewest_fraction_digits(self, mantissa: Mantissa, digits: int, count: int, best: int | None) -> int | None:
        least = 1 if mantissa.place == POINT else 0
        scale = count - mantissa.fraction_size
        for size in range(least, self._fraction_left(mantissa) + 1):
            if best is not None and count + size >= best:
                return None
            grid = min(scale, 0) - size
            if has_value(self._magnitudes, digits, scale=scale, grid=grid):
                return size
            if self._magnitudes.step is not None and grid <= self._magnitudes.step.exponent:
                return None  # a finer grid holds no more multiples
        return None

    def fewest_exponent_symbols(self, mantissa: Mantissa, digits: int, *, limit: int) -> int | None:
        """Return the length of the shortest completion by a fraction and an exponent; None when not below ``limit``.

        Only for mantissas that may take any fraction before an exponent.
        """
        if self._is_listing and mantissa.order != NO_ORDER:
            return self._fewest_exponent_symbols_listed(mantissa)
        first, last = self._possible_exponents(mantissa)
        found = limit
        least = max(1 if mantissa.place == POINT else 0, self.fewest_digits_to_multiple(digits))
        for size in range(least, self._fraction_left(mantissa) + 1):
            begun = size + (1 if size and mantissa.place == INTEGER else 0) + 1
            for length, low, high in _exponents_by_length(first, last):
                if begun + length >= found:
                    break
                if self._has_exponent(mantissa, digits, size, range(max(low, first), min(high, last) + 1)):
                    found = begun + length
        return None if found == limit else found

    def _fewest_exponent_symbols_listed(self, mantissa: Mantissa) -> int | None:
        sizes = []
        size, highest = mantissa.order + 1 + mantissa.fraction_size, self._rules.highest_exponent
        room = UNBOUNDED if self._fraction_size is None else self._fraction_size - mantissa.fraction_size
        for value in self._rules.listed_values(mantissa):
            more = max(1 if mantissa.place == POINT else 0, len(value.digits) - size)
            point = 1 if more and mantissa.place == INTEGER else 0
            if more <= room and abs(value.order - mantissa.order) <= highest:
                sizes.append(more + point + 1 + len(str(value.order - mantissa.order)))
        return min(sizes, default=None)

    def _has_exponent(self, mantissa: Mantissa, digits: int, size: int, exponents: range) -> bool:
        scales = (exponent - mantissa.fraction_size for exponent in exponents)
        return any(has_value(self._completions.magnitudes_of_exponents, digits, scale=s, grid=s - size) for s in scales)

    def _possible_exponents(self, mantissa: Mantissa) -> tuple[int, int]:
        """Return the least and greatest exponent that take the mantissa, with any fraction, within the bounds."""
        if mantissa.order != NO_ORDER:
            return self._completions.exponent_window(mantissa.order, spare=0)
        return self._completions.exponent_window(-mantissa.fraction_size - 1, spare=self._fraction_left(mantissa))

    def fewest_digits_to_multiple(self, digits: int) -> int:
        """Return how many digits must at least follow for the mantissa to be a multiple at any exponent."""
        coprime = self._rules.lattices[0].coprime if self._rules.has_step else 1
        size = 0
        while not _has_multiple(coprime, digits * 10**size, (digits + 1) * 10**size - 1):
            size += 1
        return size

    def _fraction_left(self, mantissa: Mantissa) -> int:
        if self._fraction_size is not None:
            return self._fraction_size - mantissa.fraction_size
        return max(0, -mantissa.fraction_size - self._completions.finest) + self._completions.spare


def _exponents_by_length(first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Yield ``(symbols, least, greatest)`` for the exponents of ``first .. last``, shortest text first."""
    size = 1
    while 10 ** (size - 1) <= max(abs(first), abs(last), 1):
        yield size, 0 if size == 1 else 10 ** (size - 1), 10**size - 1
        yield size + 1, 1 - 10**size, -(10 ** (size - 1))
        size += 1


def _has_multiple(number: int, first: int, last: int) -> bool:
    """Tell whether ``first .. last`` holds a multiple of ``number``."""
    return last // number * number >= first
