"""Say which texts of one and the same number may be written: bounds on digits, and which exponent forms.

The value of a number never decides here; ``constraints.py`` does that. Bounded by default: a model that repeats digits
for ever is the complaint every constrained decoder gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from fsm.errors import GrammarError
from grammars.json_schema.numbers.decimals import ExactDecimal

__all__ = ["LARGEST_FLOAT", "Exponents", "NumberSpelling"]

Exponents = Literal["usual", "none", "scientific", "natural", "any"]

LARGEST_FLOAT = ExactDecimal(17976931348623157, 292)
"""The largest float64 as it is printed; what lies beyond is read as infinity by most readers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSpelling:
    """Bound the texts of numbers; ``None`` takes a bound away.

    Parameters
    ----------
    max_integer_digits : digits before the point. 308 writes every float64 below 1e308 in full.
    max_fraction_digits : digits after the point. 40 is above every printed float64 and decimal128.
    max_exponent_digits : digits of the exponent, leading zeros counted: ``1e-07`` has two, ``5e-324`` three.
    exponents : exponent forms of a number with a condition on its value (a number without takes all, or ``"none"``).
        ``"scientific"``: one nonzero digit and perhaps a fraction before the ``e``, as every library prints it
        (``1e2``, ``1.5E-07``), or zero. ``"natural"``: also after digits that begin a plain decimal that meets the
        conditions (``10e-1`` at most 20, not ``1000e-2``): digits never run past a bound to be forced into an exponent.
        ``"any"``: every form. ``"usual"``: natural where a number need only be integral, else scientific.
    largest : no larger magnitude is written for a number with a condition.
    smallest_order : an exponent form of such a number is zero or at least 10 to this power, so that readers
        with float64 do not round it to zero.

    Examples
    --------
    >>> NumberSpelling(max_fraction_digits=2).exponents
    'usual'
    """

    max_integer_digits: int | None = 308
    max_fraction_digits: int | None = 40
    max_exponent_digits: int | None = 3
    exponents: Exponents = "usual"
    largest: ExactDecimal | None = LARGEST_FLOAT
    smallest_order: int | None = -323

    def __post_init__(self) -> None:
        for name, least in (("max_integer_digits", 1), ("max_fraction_digits", 0), ("max_exponent_digits", 1)):
            size = getattr(self, name)
            if size is not None and size < least:
                raise GrammarError(f"NumberSpelling.{name}: got {size}, expected at least {least}; or None: no bound")
        if self.exponents not in get_args(Exponents):
            expected = ", ".join(map(repr, get_args(Exponents)))
            raise GrammarError(f"NumberSpelling.exponents: got {self.exponents!r}, expected one of {expected}")
