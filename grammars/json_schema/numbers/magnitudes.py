"""Split a constraint by sign: the set of magnitudes that may follow a minus, and the set that may not.

Bounds are moved inward to multiples of the step, so that equal sets compare equal: an integer above 0 is at least 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from grammars.json_schema.numbers.constraints import NumberConstraint
from grammars.json_schema.numbers.decimals import ExactDecimal, ceil_ratio, floor_ratio, is_multiple

__all__ = ["Magnitudes", "build_magnitudes"]

_ZERO = ExactDecimal(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Magnitudes:
    """Hold the absolute values that one sign may have. All but ``has_zero`` speaks of nonzero magnitudes.

    Parameters
    ----------
    has_zero : zero belongs.
    is_void : nothing but perhaps zero belongs.
    lower, upper : positive bounds, None when there is none.
    step, not_steps, values, not_values : as in ``NumberConstraint``, positive, sorted.
    """

    has_zero: bool
    is_void: bool = False
    lower: ExactDecimal | None = None
    upper: ExactDecimal | None = None
    is_lower_strict: bool = False
    is_upper_strict: bool = False
    step: ExactDecimal | None = None
    not_steps: tuple[ExactDecimal, ...] = ()
    values: tuple[ExactDecimal, ...] | None = None
    not_values: tuple[ExactDecimal, ...] = ()


def build_magnitudes(constraint: NumberConstraint, *, is_negative: bool, largest: ExactDecimal | None) -> Magnitudes:
    """Return the magnitudes of the constraint's numbers of one sign, none above ``largest`` unless listed by value.

    Examples
    --------
    >>> from grammars.json_schema.numbers.decimals import exact
    >>> small = NumberConstraint.integer().conjoin(NumberConstraint.at_least(-2.5))
    >>> build_magnitudes(small, is_negative=True, largest=None).upper == exact(2)
    True
    """
    has_zero = constraint.contains(_ZERO)
    if constraint.values is not None:
        return _listed(constraint.values, has_zero=has_zero, is_negative=is_negative)
    lower, upper = constraint.lower, constraint.upper
    is_lower_strict, is_upper_strict = constraint.is_lower_strict, constraint.is_upper_strict
    if is_negative:
        lower, upper = (None if upper is None else -upper), (None if lower is None else -lower)
        is_lower_strict, is_upper_strict = is_upper_strict, is_lower_strict
    if upper is not None and upper.coefficient <= 0:
        return Magnitudes(has_zero=has_zero, is_void=True)
    if lower is not None and lower.coefficient <= 0:
        lower, is_lower_strict = None, False
    if largest is not None and (upper is None or largest < upper):
        upper, is_upper_strict = largest, False
    return _tighten(
        Magnitudes(
            has_zero=has_zero,
            lower=lower,
            upper=upper,
            is_lower_strict=is_lower_strict,
            is_upper_strict=is_upper_strict,
            step=constraint.step,
            not_steps=tuple(sorted(constraint.not_steps)) if constraint.not_steps else (),
            not_values=_signed(constraint.not_values, is_negative=is_negative) if constraint.not_values else (),
        )
    )


def _listed(values: frozenset[ExactDecimal], *, has_zero: bool, is_negative: bool) -> Magnitudes:
    kept = _signed(values, is_negative=is_negative)
    return Magnitudes(has_zero=has_zero, values=kept) if kept else Magnitudes(has_zero=has_zero, is_void=True)


def _signed(values: frozenset[ExactDecimal], *, is_negative: bool) -> tuple[ExactDecimal, ...]:
    """Return the magnitudes of the nonzero values of one sign."""
    if is_negative:
        return tuple(sorted(-value for value in values if value.coefficient < 0))
    return tuple(sorted(value for value in values if value.coefficient > 0))


def _tighten(found: Magnitudes) -> Magnitudes:
    """Move bounds to multiples of the step, drop what then says nothing, and see whether anything is left."""
    lower, upper, step = found.lower, found.upper, found.step
    is_lower_strict, is_upper_strict = found.is_lower_strict, found.is_upper_strict
    if step is not None:
        lower, is_lower_strict = _step_above(lower, step, is_strict=is_lower_strict), False
        if upper is not None:
            upper, is_upper_strict = _step_below(upper, step, is_strict=is_upper_strict), False
    if lower is not None and upper is not None:
        if upper < lower or (lower == upper and (is_lower_strict or is_upper_strict)):
            return Magnitudes(has_zero=found.has_zero, is_void=True)
    elif upper is not None and upper.coefficient == 0:
        return Magnitudes(has_zero=found.has_zero, is_void=True)
    return Magnitudes(
        has_zero=found.has_zero,
        lower=lower,
        upper=upper,
        is_lower_strict=is_lower_strict,
        is_upper_strict=is_upper_strict,
        step=step,
        not_steps=found.not_steps,
        not_values=tuple(v for v in found.not_values if step is None or is_multiple(v, step)),
    )


def _step_above(lower: ExactDecimal | None, step: ExactDecimal, *, is_strict: bool) -> ExactDecimal:
    if lower is None:
        return step
    if is_multiple(lower, step) and not is_strict:
        return lower
    count = floor_ratio(lower, step) + 1
    return _times(step, count)


def _step_below(upper: ExactDecimal, step: ExactDecimal, *, is_strict: bool) -> ExactDecimal:
    if is_multiple(upper, step) and not is_strict:
        return upper
    return _times(step, ceil_ratio(upper, step) - 1)


def _times(step: ExactDecimal, count: int) -> ExactDecimal:
    coefficient, exponent = step.coefficient * count, step.exponent
    if coefficient == 0:
        return _ZERO
    while coefficient % 10 == 0:
        coefficient //= 10
        exponent += 1
    return ExactDecimal(coefficient, exponent)
