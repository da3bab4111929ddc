"""Say which values a number may have: a conjunction of bounds, multiples and listed values.

Cost: conjoining is linear in the listed values. Limit: ``MAX_NOT_STEPS`` steps to avoid at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fsm.errors import GrammarError, LimitError
from grammars.json_schema.numbers.decimals import (
    ExactDecimal,
    Number,
    exact,
    is_multiple,
    least_common_multiple,
)

__all__ = ["MAX_NOT_STEPS", "NumberConstraint"]

MAX_NOT_STEPS = 12
"""The search for a value that avoids n steps may try 2**n of them (Kanold 1967)."""

_ONE = ExactDecimal(1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberConstraint:
    """Be a set of numbers: those that meet every condition given; ``NumberConstraint()`` is every number.

    Make one with the constructors below and join them with ``conjoin``; equal constraints made that way compare equal.

    Parameters
    ----------
    lower, upper : bounds; None when there is none.
    is_lower_strict, is_upper_strict : the bound itself is excluded.
    step : the value is an integer times this; 1 means integral.
    not_steps : the value is no integer times any of these.
    values : the value is one of these; the other conditions are then already applied to them.
    not_values : the value is none of these.

    Examples
    --------
    >>> percent = NumberConstraint.at_least(0).conjoin(NumberConstraint.at_most(100), NumberConstraint.integer())
    >>> percent.contains("1e2"), percent.contains(99.5)
    (True, False)
    """

    lower: ExactDecimal | None = None
    upper: ExactDecimal | None = None
    is_lower_strict: bool = False
    is_upper_strict: bool = False
    step: ExactDecimal | None = None
    not_steps: frozenset[ExactDecimal] = frozenset()
    values: frozenset[ExactDecimal] | None = None
    not_values: frozenset[ExactDecimal] = frozenset()

    @classmethod
    def at_least(cls, bound: Number) -> NumberConstraint:
        """Return the numbers of ``minimum``."""
        return cls(lower=exact(bound))

    @classmethod
    def more_than(cls, bound: Number) -> NumberConstraint:
        """Return the numbers of ``exclusiveMinimum``."""
        return cls(lower=exact(bound), is_lower_strict=True)

    @classmethod
    def at_most(cls, bound: Number) -> NumberConstraint:
        """Return the numbers of ``maximum``."""
        return cls(upper=exact(bound))

    @classmethod
    def less_than(cls, bound: Number) -> NumberConstraint:
        """Return the numbers of ``exclusiveMaximum``."""
        return cls(upper=exact(bound), is_upper_strict=True)

    @classmethod
    def integer(cls) -> NumberConstraint:
        """Return the integral numbers, however they are written."""
        return cls(step=_ONE)

    @classmethod
    def not_integer(cls) -> NumberConstraint:
        """Return the numbers with a fraction."""
        return cls(not_steps=frozenset((_ONE,)))

    @classmethod
    def multiple_of(cls, step: Number) -> NumberConstraint:
        """Return the numbers of ``multipleOf``.

        Raises
        ------
        GrammarError : the step is not above zero.
        """
        return cls(step=_positive(step))

    @classmethod
    def not_multiple_of(cls, step: Number) -> NumberConstraint:
        """Return the numbers that fail ``multipleOf``."""
        return cls(not_steps=frozenset((_positive(step),)))

    @classmethod
    def one_of(cls, values: Iterable[Number]) -> NumberConstraint:
        """Return the numbers of ``enum`` or ``const``."""
        return cls(values=frozenset(map(exact, values)))

    @classmethod
    def none_of(cls, values: Iterable[Number]) -> NumberConstraint:
        """Return every number but these."""
        return cls(not_values=frozenset(map(exact, values)))

    @classmethod
    def nothing(cls) -> NumberConstraint:
        """Return the empty set."""
        return cls(values=frozenset())

    @property
    def is_unconstrained(self) -> bool:
        """Tell whether every number belongs."""
        return self == _EVERYTHING

    def conjoin(self, *others: NumberConstraint) -> NumberConstraint:
        """Return the numbers that belong to all of these.

        Raises
        ------
        LimitError : the steps to avoid are more than ``MAX_NOT_STEPS``.
        """
        joined = self
        for other in others:
            joined = _conjoin_two(joined, other)
        return joined

    def contains(self, value: Number) -> bool:
        """Tell whether ``value`` belongs."""
        number = exact(value)
        if self.values is not None and number not in self.values:
            return False
        return self._is_within_bounds(number) and self._is_on_steps(number) and number not in self.not_values

    def negations(self) -> tuple[NumberConstraint, ...]:
        """Return constraints that together hold exactly the numbers outside this one; none for every number.

        Examples
        --------
        >>> NumberConstraint.at_least(3).negations() == (NumberConstraint.less_than(3),)
        True
        """
        found: list[NumberConstraint] = []
        if self.lower is not None:
            found.append(NumberConstraint(upper=self.lower, is_upper_strict=not self.is_lower_strict))
        if self.upper is not None:
            found.append(NumberConstraint(lower=self.upper, is_lower_strict=not self.is_upper_strict))
        if self.step is not None:
            found.append(NumberConstraint(not_steps=frozenset((self.step,))))
        found.extend(NumberConstraint(step=step) for step in sorted(self.not_steps))
        if self.values is not None:
            found.append(NumberConstraint(not_values=self.values))
        if self.not_values:
            found.append(NumberConstraint(values=self.not_values))
        return tuple(found)

    def _is_within_bounds(self, number: ExactDecimal) -> bool:
        if self.lower is not None and (number < self.lower or (self.is_lower_strict and number == self.lower)):
            return False
        return self.upper is None or number < self.upper or (number == self.upper and not self.is_upper_strict)

    def _is_on_steps(self, number: ExactDecimal) -> bool:
        if self.step is not None and not is_multiple(number, self.step):
            return False
        return not any(is_multiple(number, step) for step in self.not_steps)


_EVERYTHING = NumberConstraint()


def _positive(step: Number) -> ExactDecimal:
    value = exact(step)
    if value.coefficient <= 0:
        raise GrammarError(f"multipleOf: got {step!r}, expected a number above zero; take the keyword out")
    return value


def _conjoin_two(first: NumberConstraint, second: NumberConstraint) -> NumberConstraint:
    lower, is_lower_strict = _tighter_lower(first, second)
    upper, is_upper_strict = _tighter_upper(first, second)
    not_steps = first.not_steps | second.not_steps
    if len(not_steps) > MAX_NOT_STEPS:
        raise LimitError(
            f"not multipleOf: got {len(not_steps)} steps to avoid at once, expected at most {MAX_NOT_STEPS}; "
            "join alternatives of multipleOf into fewer"
        )
    joined = NumberConstraint(
        lower=lower,
        upper=upper,
        is_lower_strict=is_lower_strict,
        is_upper_strict=is_upper_strict,
        step=_common_step(first.step, second.step),
        not_steps=not_steps,
        not_values=first.not_values | second.not_values,
    )
    if first.values is None and second.values is None:
        return joined
    return _listed(replace(joined, values=_common_values(first.values, second.values)))


def _tighter_lower(first: NumberConstraint, second: NumberConstraint) -> tuple[ExactDecimal | None, bool]:
    if first.lower is None or second.lower is None:
        chosen = second if first.lower is None else first
        return chosen.lower, chosen.is_lower_strict
    if first.lower == second.lower:
        return first.lower, first.is_lower_strict or second.is_lower_strict
    chosen = second if first.lower < second.lower else first
    return chosen.lower, chosen.is_lower_strict


def _tighter_upper(first: NumberConstraint, second: NumberConstraint) -> tuple[ExactDecimal | None, bool]:
    if first.upper is None or second.upper is None:
        chosen = second if first.upper is None else first
        return chosen.upper, chosen.is_upper_strict
    if first.upper == second.upper:
        return first.upper, first.is_upper_strict or second.is_upper_strict
    chosen = first if first.upper < second.upper else second
    return chosen.upper, chosen.is_upper_strict


def _common_step(first: ExactDecimal | None, second: ExactDecimal | None) -> ExactDecimal | None:
    if first is None or second is None:
        return second if first is None else first
    return least_common_multiple(first, second)


def _common_values(
    first: frozenset[ExactDecimal] | None, second: frozenset[ExactDecimal] | None
) -> frozenset[ExactDecimal]:
    if first is None or second is None:
        return (second if first is None else first) or frozenset()
    return first & second


def _listed(constraint: NumberConstraint) -> NumberConstraint:
    """Apply the other conditions to the listed values."""
    return NumberConstraint(values=frozenset(filter(constraint.contains, constraint.values or ())))
