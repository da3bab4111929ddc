"""Hold the value of a JSON number exactly: an integer times a power of ten.

Binary floats are read by their shortest text (``0.1`` is one tenth), because that is what the schema's author wrote.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fsm.errors import GrammarError, LimitError

__all__ = [
    "MAX_ORDER",
    "ExactDecimal",
    "Number",
    "ceil_ratio",
    "exact",
    "floor_ratio",
    "is_multiple",
    "least_common_multiple",
    "power_of_ten",
]

MAX_ORDER = 2000
"""Values outside 10**-2000 .. 10**2000 are refused: arithmetic on them would not end in milliseconds."""


@dataclass(frozen=True, slots=True)
class ExactDecimal:
    """Be ``coefficient * 10**exponent``, with no trailing zero in the coefficient; zero is ``(0, 0)``.

    Examples
    --------
    >>> exact(0.25)
    ExactDecimal(coefficient=25, exponent=-2)
    >>> exact(1e-8) < exact("3") and exact(30) == exact("3.0e1")
    True
    """

    coefficient: int
    exponent: int

    @property
    def order(self) -> int:
        """Return the power of ten of the leading digit; only nonzero values have one."""
        return len(str(abs(self.coefficient))) - 1 + self.exponent

    @property
    def digits(self) -> str:
        """Return the significant digits, without sign."""
        return str(abs(self.coefficient))

    def __neg__(self) -> ExactDecimal:
        return ExactDecimal(-self.coefficient, self.exponent)

    def __lt__(self, other: ExactDecimal) -> bool:
        shift = self.exponent - other.exponent
        if shift >= 0:
            return self.coefficient * power_of_ten(shift) < other.coefficient
        return self.coefficient < other.coefficient * power_of_ten(-shift)

    def __le__(self, other: ExactDecimal) -> bool:
        return not other < self

    def as_fraction(self) -> Fraction:
        """Return the same value as a fraction."""
        return self.coefficient * Fraction(10) ** self.exponent


Number = int | float | Decimal | Fraction | str | ExactDecimal
"""What a value may be given as; text is a JSON number."""


def exact(value: Number) -> ExactDecimal:
    """Read a value exactly.

    Raises
    ------
    GrammarError : the value is not a finite decimal number.
    LimitError : its order is beyond ``MAX_ORDER``.
    """
    if type(value) is int:
        return _normal(value, 0)
    if isinstance(value, ExactDecimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction | str):
        raise GrammarError(f"a number's bound: got {value!r}, expected a finite decimal number; write it in digits")
    return _from_fraction(value) if isinstance(value, Fraction) else _from_text(value)


def _from_text(value: float | Decimal | str) -> ExactDecimal:
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
        sign, digits, exponent = number.as_tuple()
    except ArithmeticError:
        digits, exponent = (), "F"
    if isinstance(exponent, str):
        raise GrammarError(f"a number's bound: got {value!r}, expected a finite decimal number; write it in digits")
    if len(digits) > MAX_ORDER:
        raise _beyond_limit()
    coefficient = int("".join(map(str, digits)) or "0")
    return _normal(-coefficient if sign else coefficient, exponent)


def _from_fraction(value: Fraction) -> ExactDecimal:
    twos, rest = _strip(value.denominator, 2)
    fives, rest = _strip(rest, 5)
    if rest != 1:
        raise GrammarError(f"a number's bound: got {value}, expected a finite decimal; multiply it by {rest}")
    size = max(twos, fives)
    return _normal(value.numerator * 10**size // value.denominator, -size)


def _strip(number: int, factor: int) -> tuple[int, int]:
    """Return how often ``factor`` divides ``number``, and what is left."""
    count = 0
    while number % factor == 0:
        number //= factor
        count += 1
    return count, number


def _normal(coefficient: int, exponent: int) -> ExactDecimal:
    if coefficient == 0:
        return ExactDecimal(0, 0)
    if coefficient.bit_length() > 4 * MAX_ORDER or not -MAX_ORDER <= exponent <= MAX_ORDER:
        raise _beyond_limit()
    if coefficient % 10 == 0:
        text = str(coefficient)
        bare = text.rstrip("0")
        coefficient, exponent = int(bare), exponent + len(text) - len(bare)
    return ExactDecimal(coefficient, exponent)


def _beyond_limit() -> LimitError:
    return LimitError(
        f"a number's bound: got more than {MAX_ORDER} digits, expected a value within 1e-{MAX_ORDER} .. 1e{MAX_ORDER}; "
        "leave the bound out, no text of a usual length reaches it"
    )


def power_of_ten(exponent: int) -> int:
    """Return ``10**exponent`` for a non-negative exponent, as the integer it then is."""
    power: int = 10**exponent
    return power


def ceil_ratio(value: ExactDecimal, unit: ExactDecimal) -> int:
    """Return the least integer that is not below ``value / unit``; ``unit`` is positive."""
    return -floor_ratio(-value, unit)


def floor_ratio(value: ExactDecimal, unit: ExactDecimal) -> int:
    """Return the greatest integer that is not above ``value / unit``; ``unit`` is positive.

    Examples
    --------
    >>> floor_ratio(exact(7.5), exact(2)), ceil_ratio(exact(7.5), exact(2))
    (3, 4)
    """
    shift = value.exponent - unit.exponent
    if shift >= 0:
        return value.coefficient * power_of_ten(shift) // unit.coefficient
    return value.coefficient // (unit.coefficient * power_of_ten(-shift))


def is_multiple(value: ExactDecimal, step: ExactDecimal) -> bool:
    """Tell whether ``value`` is an integer times ``step``."""
    shift = value.exponent - step.exponent
    if shift >= 0:
        return value.coefficient * power_of_ten(shift) % step.coefficient == 0
    return value.coefficient % (step.coefficient * power_of_ten(-shift)) == 0


def least_common_multiple(first: ExactDecimal, second: ExactDecimal) -> ExactDecimal:
    """Return the least positive value that is a multiple of both positive values.

    Examples
    --------
    >>> least_common_multiple(exact(0.25), exact(1.5))
    ExactDecimal(coefficient=15, exponent=-1)
    """
    low = min(first.exponent, second.exponent)
    left = first.coefficient * 10 ** (first.exponent - low)
    right = second.coefficient * 10 ** (second.exponent - low)
    return _normal(math.lcm(left, right), low)
