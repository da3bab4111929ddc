"""Find out by arithmetic whether an interval of decimals holds a wanted value.

A mantissa prefix ``m`` stands for the interval ``[m, m + 1) * 10**scale``; what can be written in it lies on a grid
``10**grid``. The wanted values among them are those multiples of the step that lie within the bounds and avoid the
other steps and values. Nothing is searched but a few neighbours, and only when there are steps to avoid.
"""

from __future__ import annotations

from grammars.json_schema.numbers.decimals import (
    ExactDecimal,
    ceil_ratio,
    floor_ratio,
    is_multiple,
    least_common_multiple,
)
from grammars.json_schema.numbers.magnitudes import Magnitudes

__all__ = ["has_value"]


def has_value(magnitudes: Magnitudes, prefix: int, *, scale: int, grid: int) -> bool:
    """Tell whether a nonzero wanted value lies on the grid and in ``[prefix, prefix + 1) * 10**scale``.

    Examples
    --------
    >>> from grammars.json_schema.numbers.decimals import exact
    >>> tens = Magnitudes(has_zero=False, lower=exact(7), upper=exact(13), step=exact(5))
    >>> has_value(tens, 1, scale=1, grid=0), has_value(tens, 1, scale=0, grid=0)
    (True, False)
    """
    if grid > scale:
        return False
    if magnitudes.values is not None:
        return any(_holds(value, prefix, scale, grid) for value in magnitudes.values)
    unit = ExactDecimal(1, grid)
    if magnitudes.step is not None:
        unit = least_common_multiple(unit, magnitudes.step)
    first, last = _bounded(magnitudes, unit, *_inside(prefix, scale, grid, unit))
    if first > last:
        return False
    if not magnitudes.not_steps and not magnitudes.not_values:
        return True
    return _has_wanted(magnitudes, unit, first, last)


def _inside(prefix: int, scale: int, grid: int, unit: ExactDecimal) -> tuple[int, int]:
    """Return the first and last multiple of ``unit`` in the interval; zero is never one."""
    width = 10 ** (scale - grid)
    low, high = ExactDecimal(prefix * width, grid), ExactDecimal((prefix + 1) * width - 1, grid)
    return max(1, ceil_ratio(low, unit)), floor_ratio(high, unit)


def _bounded(magnitudes: Magnitudes, unit: ExactDecimal, first: int, last: int) -> tuple[int, int]:
    lower, upper = magnitudes.lower, magnitudes.upper
    if lower is not None:
        place = floor_ratio(lower, unit) + 1 if magnitudes.is_lower_strict else ceil_ratio(lower, unit)
        first = max(first, place)
    if upper is not None:
        place = ceil_ratio(upper, unit) - 1 if magnitudes.is_upper_strict else floor_ratio(upper, unit)
        last = min(last, place)
    return first, last


def _has_wanted(magnitudes: Magnitudes, unit: ExactDecimal, first: int, last: int) -> bool:
    """Look for a multiple of the unit that avoids what is not wanted.

    Ends soon: among 2**n neighbours one avoids n steps (Kanold 1967), and each listed value spoils one place.
    """
    periods = [least_common_multiple(unit, step) for step in magnitudes.not_steps]
    steps = [floor_ratio(period, unit) for period in periods]
    if 1 in steps:
        return False
    holes = {floor_ratio(value, unit) for value in magnitudes.not_values if is_multiple(value, unit)}
    return any(place not in holes and all(place % step for step in steps) for place in range(first, last + 1))


def _holds(value: ExactDecimal, prefix: int, scale: int, grid: int) -> bool:
    return value.exponent >= grid and floor_ratio(value, ExactDecimal(1, scale)) == prefix
