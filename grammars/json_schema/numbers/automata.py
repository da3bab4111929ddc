"""Give the automaton of a number's constraint, one object for equal sets of numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from fsm.automata.kept import keep_automata
from fsm.dfa import Dfa
from grammars.json_schema.numbers.automaton import ConstrainedNumbers
from grammars.json_schema.numbers.constraints import NumberConstraint
from grammars.json_schema.numbers.free import FreeNumbers
from grammars.json_schema.numbers.magnitudes import Magnitudes, build_magnitudes
from grammars.json_schema.numbers.spelling import NumberSpelling

__all__ = ["MAX_AUTOMATA", "number_dfa"]

MAX_AUTOMATA = 512
"""Automata kept for the next schema that has the same numbers."""

_DEFAULT = NumberSpelling()
_INTEGER = NumberConstraint.integer()


@keep_automata(MAX_AUTOMATA)
def number_dfa(constraint: NumberConstraint, spelling: NumberSpelling = _DEFAULT) -> Dfa:
    """Return the automaton of the JSON numbers whose exact value meets the constraint; ``start`` is 0 without any.

    Exact: no text of another value is accepted, and every text within the spelling's bounds is.

    Raises
    ------
    LimitError : the steps have more than 30 significant digits.

    Examples
    --------
    >>> tens = NumberConstraint.multiple_of(10).conjoin(NumberConstraint.at_most(50))
    >>> [text for text in ("20", "2e1", "20.0", "-3e1", "25", "60") if number_dfa(tens).accepts(text)]
    ['20', '2e1', '20.0', '-3e1']
    """
    if constraint.is_unconstrained:
        return _free(spelling)
    spelling = _resolved(spelling, is_bare=constraint == _INTEGER)
    positive = build_magnitudes(constraint, is_negative=False, largest=spelling.largest)
    negative = build_magnitudes(constraint, is_negative=True, largest=spelling.largest)
    return _constrained(positive, negative, spelling)


@lru_cache(maxsize=32)
def _resolved(spelling: NumberSpelling, *, is_bare: bool) -> NumberSpelling:
    """Say which exponent forms are usual for a number that need only be integral, and for another."""
    if spelling.exponents != "usual":
        return spelling
    return replace(spelling, exponents="natural" if is_bare else "scientific")


@lru_cache(maxsize=8)
def _free(spelling: NumberSpelling) -> Dfa:
    return FreeNumbers(spelling)


@keep_automata(MAX_AUTOMATA)
def _constrained(positive: Magnitudes, negative: Magnitudes, spelling: NumberSpelling) -> Dfa:
    return ConstrainedNumbers(positive, negative, spelling)
