"""Decide slowly and obviously which texts a set of numbers has: write all texts, take exact fractions, filter."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

__all__ = ["Atom", "Bounds", "language", "meets", "value_of", "values_of", "write_all"]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Atom:
    """Be one condition: its kind, a JSON Schema keyword or the same after ``not``, and its decimal texts."""

    kind: str
    operands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """Be the digits a text may have, and the policy of exponents."""

    integer: int
    fraction: int
    exponent: int
    exponents: str


def value_of(text: str) -> Fraction:
    """Return the exact value of a JSON number's text."""
    assert _NUMBER.fullmatch(text), text
    return Fraction(Decimal(text))


def meets(value: Fraction, atoms: tuple[Atom, ...]) -> bool:
    """Tell whether a value meets every condition."""
    return all(_meets_one(value, atom) for atom in atoms)


def _meets_one(value: Fraction, atom: Atom) -> bool:
    if atom.kind.startswith("not "):
        return not _KINDS[atom.kind.removeprefix("not ")](value, [Fraction(text) for text in atom.operands])
    return _KINDS[atom.kind](value, [Fraction(text) for text in atom.operands])


_KINDS: dict[str, Callable[[Fraction, list[Fraction]], bool]] = {
    "minimum": lambda value, operands: value >= operands[0],
    "exclusiveMinimum": lambda value, operands: value > operands[0],
    "maximum": lambda value, operands: value <= operands[0],
    "exclusiveMaximum": lambda value, operands: value < operands[0],
    "integer": lambda value, _: value.denominator == 1,
    "multipleOf": lambda value, operands: (value / operands[0]).denominator == 1,
    "enum": lambda value, operands: value in operands,
}


def write_all(bounds: Bounds) -> list[tuple[str, str]]:
    """Return every mantissa text within the bounds with every exponent text that has neither E nor a plus."""
    integers = [str(number) for number in range(10**bounds.integer)]
    fractions = [""] + [
        "." + "".join(f) for n in range(1, bounds.fraction + 1) for f in itertools.product("0123456789", repeat=n)
    ]
    exponents = [""]
    if bounds.exponents != "none":
        digits = ["".join(e) for n in range(1, bounds.exponent + 1) for e in itertools.product("0123456789", repeat=n)]
        exponents += [f"e{sign}{e}" for sign in ("", "-") for e in digits]
    mantissas = [sign + i + f for sign in ("", "-") for i in integers for f in fractions]
    return [(mantissa, exponent) for mantissa in mantissas for exponent in exponents]


def language(atoms: tuple[Atom, ...], bounds: Bounds) -> set[str]:
    """Return every text within the bounds whose value meets the conditions and whose exponent form is taken."""
    wanted = {value for value in values_of(bounds) if meets(value, atoms)}
    met = [text for value in wanted for text in values_of(bounds)[value]]
    plain = {mantissa[:size] for mantissa, exponent in met if not exponent for size in range(1, len(mantissa) + 1)}
    return {m + e for m, e in met if not e or _takes_exponent(m, bounds.exponents, plain)}


@cache
def values_of(bounds: Bounds) -> dict[Fraction, list[tuple[str, str]]]:
    """Return the texts within the bounds by their value."""
    found: dict[Fraction, list[tuple[str, str]]] = defaultdict(list)
    for mantissa, exponent in write_all(bounds):
        found[value_of(mantissa + exponent)].append((mantissa, exponent))
    return found


def _takes_exponent(mantissa: str, exponents: str, plain: set[str]) -> bool:
    if exponents == "any" or (exponents == "natural" and mantissa in plain):
        return True
    return re.fullmatch(r"-?([1-9](\.[0-9]+)?|0(\.0+)?)", mantissa) is not None
