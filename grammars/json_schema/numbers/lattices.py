"""Tell from a mantissa's remainder which powers of ten make it a multiple of a step.

A step is ``a * 10**b``. A mantissa ``m``, an integer without trailing zeros, times ``10**t`` is a multiple of it from
some least ``t - b`` on, or never: that threshold depends on ``m`` modulo ``a`` alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsm.errors import LimitError
from grammars.json_schema.numbers.decimals import ExactDecimal

__all__ = ["MAX_MODULUS", "NEVER", "Lattice", "build_lattice"]

NEVER = 1 << 40
"""The threshold of a mantissa that no power of ten makes a multiple."""

MAX_MODULUS = 10**30
"""Remainders are states, made only where a text goes; beyond this size no schema is meant."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Be the multiples of ``modulus * 10**exponent``.

    Parameters
    ----------
    modulus : integer without a factor of ten.
    exponent : power of ten.
    coprime : the factor of ``modulus`` prime to ten.
    threshold : the threshold of a mantissa prime to ten; no mantissa has a larger one but ``NEVER``.
    """

    modulus: int
    exponent: int
    coprime: int
    threshold: int

    def threshold_of(self, remainder: int) -> int:
        """Return the least power of ten that takes ``remainder`` to zero modulo ``modulus``, or ``NEVER``.

        Examples
        --------
        >>> build_lattice(ExactDecimal(12, 0)).threshold_of(3), build_lattice(ExactDecimal(12, 0)).threshold_of(1)
        (2, 1099511627776)
        """
        if self.modulus == 1:
            return 0
        if remainder % self.coprime:
            return NEVER
        power = 0
        while remainder % self.modulus:
            remainder *= 10
            power += 1
        return power


def build_lattice(step: ExactDecimal) -> Lattice:
    """Return the multiples of ``step``.

    Raises
    ------
    LimitError : the step's significant digits are more than ``MAX_MODULUS``.
    """
    if step.coefficient > MAX_MODULUS:
        raise LimitError(
            f"multipleOf: got {len(step.digits)} significant digits, expected at most {len(str(MAX_MODULUS)) - 1}; "
            "round it, or leave the keyword out"
        )
    rest, twos, fives = step.coefficient, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return Lattice(step.coefficient, step.exponent, rest, max(twos, fives))
