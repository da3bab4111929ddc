"""Check the algebra of number constraints: joining, negating, exact reading of values, named errors."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal
from fractions import Fraction

import pytest

from fsm.errors import GrammarError, LimitError
from grammars.json_schema.numbers import ExactDecimal, NumberConstraint, NumberSpelling, exact, number_dfa

SAMPLES = [Fraction(number, 8) for number in range(-80, 81)] + [Fraction(1, 1000), Fraction(10**20)]
ATOMS = [
    NumberConstraint.at_least(3),
    NumberConstraint.more_than(-2.5),
    NumberConstraint.at_most(5.5),
    NumberConstraint.less_than(0),
    NumberConstraint.integer(),
    NumberConstraint.not_integer(),
    NumberConstraint.multiple_of(0.5),
    NumberConstraint.not_multiple_of(3),
    NumberConstraint.one_of([1, -2.5, 4]),
    NumberConstraint.none_of([0, 4]),
]


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(ATOMS, 2)])
def test_conjoin_is_the_intersection(first, second):
    """A value belongs to a conjunction when it belongs to both, in either order."""
    both = first.conjoin(second)
    assert both == second.conjoin(first)
    for value in SAMPLES:
        assert both.contains(value) == (first.contains(value) and second.contains(value))


@pytest.mark.parametrize("constraint", [*ATOMS, ATOMS[0].conjoin(ATOMS[2], ATOMS[6], ATOMS[7], ATOMS[9])], ids=str)
def test_negations_are_the_complement(constraint):
    """A value belongs to some negation when it does not belong to the constraint."""
    for value in SAMPLES:
        assert constraint.contains(value) != any(other.contains(value) for other in constraint.negations())


def test_every_number_has_no_negation_and_nothing_has_the_whole():
    """The two ends of the algebra."""
    assert NumberConstraint().negations() == ()
    assert NumberConstraint().is_unconstrained
    assert number_dfa(NumberConstraint.nothing()).start == 0
    assert [other.is_unconstrained for other in NumberConstraint.nothing().negations()] == [True]


@pytest.mark.parametrize(
    "constraint",
    [
        NumberConstraint.at_least(3).conjoin(NumberConstraint.less_than(3)),
        NumberConstraint.integer().conjoin(NumberConstraint.not_integer()),
        NumberConstraint.multiple_of(4).conjoin(NumberConstraint.not_multiple_of(2)),
        NumberConstraint.integer().conjoin(NumberConstraint.more_than(0), NumberConstraint.less_than(1)),
        NumberConstraint.one_of([1, 2]).conjoin(NumberConstraint.none_of([1, 2, 3])),
        NumberConstraint.at_least("1e400"),
    ],
    ids=str,
)
def test_clashing_conditions_are_empty(constraint):
    """Emptiness shows at the start state."""
    assert number_dfa(constraint).start == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, (0, 0)),
        (-0.0, (0, 0)),
        (1200, (12, 2)),
        (0.1, (1, -1)),
        (1e-8, (1, -8)),
        (1e22, (1, 22)),
        ("2.50E+3", (25, 2)),
        (Decimal("0.00750"), (75, -4)),
        (Fraction(3, 8), (375, -3)),
        (-(10**300), (-1, 300)),
    ],
)
def test_exact_reads_a_value_as_written(value, expected):
    """A float means its shortest text; zeros at the end do not matter."""
    assert exact(value) == ExactDecimal(*expected)
    assert exact(value).as_fraction() == Fraction(str(value) if isinstance(value, float) else value)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "one", "", True, None, Fraction(1, 3)])
def test_exact_refuses_what_is_no_decimal(value):
    """Infinities, texts that are no number, Booleans and thirds are named in the error."""
    with pytest.raises(GrammarError, match="expected a finite decimal"):
        exact(value)


@pytest.mark.parametrize("value", ["1e999999999", "1e-5000", 10**5000, "9" * 5000], ids=["huge", "tiny", "int", "text"])
def test_exact_refuses_what_is_beyond_the_limit(value):
    """Orders of thousands are refused, not computed."""
    with pytest.raises(LimitError, match="2000"):
        exact(value)


@pytest.mark.parametrize("step", [0, -1, -0.5])
def test_multiple_of_refuses_steps_not_above_zero(step):
    """The standard wants them above zero."""
    with pytest.raises(GrammarError, match="above zero"):
        NumberConstraint.multiple_of(step)


def test_steps_have_a_limit():
    """Steps of more digits than any schema means, and too many to avoid, are refused with the cure."""
    with pytest.raises(LimitError, match="significant digits"):
        number_dfa(NumberConstraint.multiple_of(10**40 + 1))
    with pytest.raises(LimitError, match="steps to avoid"):
        NumberConstraint().conjoin(*(NumberConstraint.not_multiple_of(step) for step in range(2, 20)))
    near = NumberConstraint.not_multiple_of(10**29 + 1).conjoin(NumberConstraint.not_multiple_of(10**29 + 3))
    with pytest.raises(LimitError, match="digits of remainder"):
        number_dfa(near)


@pytest.mark.parametrize(
    "wrong", [{"max_integer_digits": 0}, {"max_fraction_digits": -1}, {"max_exponent_digits": 0}, {"exponents": "some"}]
)
def test_spelling_refuses_impossible_bounds(wrong):
    """The field is named."""
    with pytest.raises(GrammarError, match=next(iter(wrong))):
        NumberSpelling(**wrong)
