"""Check numbers as programs print them, large values, limits on size, and agreement with a validator."""

from __future__ import annotations

import json
import random
import sys
import time
from decimal import Decimal
from fractions import Fraction

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.dfa import Dfa
from grammars.json_schema.numbers import NumberConstraint, NumberSpelling, number_dfa

INTEGER = NumberConstraint.integer()


@pytest.mark.parametrize(
    "number",
    [*(sys.float_info.max, 5e-324, 1e-07, 1.5e300, 0.1, -0.0, 1e22, 123456789.123456789), 10**300, -(2**64), 0, -7],
)
def test_number_accepts_what_python_prints(number):
    """A number without a condition takes the text of every finite float, and integers of 300 digits."""
    assert number_dfa(NumberConstraint()).accepts(json.dumps(number))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_bounds_at_a_float_accept_its_text(number):
    """A float's own text is within the range from it to it, unless rounding to float64 could make it zero."""
    exactly = NumberConstraint.at_least(number).conjoin(NumberConstraint.at_most(number))
    if number == 0 or abs(number) >= 1e-323:
        assert number_dfa(exactly).accepts(json.dumps(number))
    assert number_dfa(NumberConstraint.one_of([number])).accepts(json.dumps(number))


@pytest.mark.parametrize(
    ("text", "is_integer"),
    [
        *(("1.0", True), ("1e2", True), ("-0", True), ("-0.0", True), ("0e5", True), ("10e-1", True), ("3.00", True)),
        *(("1.5e1", True), ("15e-1", False), ("1.5", False), ("1e-1", False), ("1E+2", True), ("1e308", True)),
        *(("1e309", False), ("1.8e308", False), ("1.7976931348623157e+308", True), ("123e3", True)),
        # an integer, but too large for a float64 reader, so it is not written with an exponent
        *(("1e400", False), ("9" * 300, True), ("9" * 308, True)),
    ],
)
def test_integer_judges_the_value(text, is_integer):
    """An integer is one by its value, in every usual spelling within float64."""
    assert number_dfa(INTEGER).accepts(text) == is_integer


@pytest.mark.parametrize("text", ["7", "7.0", "7.000", "7e0", "7E+0", "70", "7e1", "1e2", "1.0e2", "-0", "0.0"])
def test_bounded_integer_takes_scientific_forms(text):
    """A bounded integer takes zero fractions and exponents after one digit."""
    range_100 = INTEGER.conjoin(NumberConstraint.at_least(0), NumberConstraint.at_most(100))
    assert number_dfa(range_100).accepts(text)


@pytest.mark.parametrize("text", ["1000", "101", "100.5", "1000e-1", "70e0", "1e3", "-1", "1e-1"])
def test_bounded_integer_never_runs_past_its_bound(text):
    """Digits never run past a bound to be brought back by an exponent; the other policies take such forms."""
    range_100 = INTEGER.conjoin(NumberConstraint.at_least(0), NumberConstraint.at_most(100))
    assert not number_dfa(range_100).accepts(text)
    is_written = Fraction(Decimal(text)).denominator == 1 and 0 <= Decimal(text) <= 100
    assert number_dfa(range_100, NumberSpelling(exponents="any")).accepts(text) == is_written


@pytest.mark.parametrize(
    ("step", "taken", "refused"),
    [
        (0.01, ["0.10", "19.99", "1e0", "-3", "2.5e-1"], ["0.001", "19.999", "1e-3"]),
        (1e-8, ["12391239123", "1e-8", "0.00000001"], ["1e-9", "0.000000001"]),
        (0.0001, ["0.0075"], ["0.00751"]),
        (2.5, ["5", "7.5", "2.50", "1e1", "0"], ["2", "7", "2.55"]),
        ("1e-300", ["1", "0.5", "1e-300", "2.5e-299"], ["1e-301", "2.5e-300"]),
        (10**6, ["0", "3000000", "1e6", "1.5e7"], ["1", "1500000", "1e5"]),
        (1e300, ["0", "1e300", "3" + "0" * 300], ["1", "1e299"]),
        (1024, ["1024", "1e10", "-2048.0"], ["1000", "1e9"]),
    ],
)
def test_multiple_of_judges_the_exact_value(step, taken, refused):
    """Multiples are exact decimals, also of tiny and of huge steps."""
    dfa = number_dfa(NumberConstraint.multiple_of(step))
    assert [text for text in taken if not dfa.accepts(text)] == []
    assert [text for text in refused if dfa.accepts(text)] == []


def test_multiple_of_follows_the_official_suite_beyond_floats():
    """1e308 is a multiple of 0.5, and not of 0.123456789."""
    half, odd = (INTEGER.conjoin(NumberConstraint.multiple_of(step)) for step in (0.5, 0.123456789))
    assert number_dfa(half).accepts("1e+308")
    assert not number_dfa(odd).accepts("1e+308")
    assert number_dfa(odd).accepts("123456789")


def test_large_values_are_judged_by_arithmetic():
    """Numbers of up to 40 digits agree with exact fractions on random ranges and steps."""
    source = random.Random(5)
    for _ in range(60):
        low, high = sorted(source.randrange(-(10**25), 10**25) for _ in range(2))
        step = Decimal(source.randrange(1, 10 ** source.randrange(1, 10))).scaleb(source.randrange(-6, 6))
        wanted = NumberConstraint.at_least(low).conjoin(
            NumberConstraint.at_most(high), NumberConstraint.multiple_of(step)
        )
        dfa = number_dfa(wanted)
        for _ in range(10):
            text = _draw_text(source, low, high, step)
            value = Fraction(text)
            is_wanted = low <= value <= high and (value / Fraction(step)).denominator == 1
            assert dfa.accepts(text) == is_wanted, (text, low, high, step)


def _draw_text(source: random.Random, low: int, high: int, step: Decimal) -> str:
    """Return a plain decimal in or near the range, on or near the step."""
    near = Fraction(source.choice([low, high, source.randrange(low, high + 1)]))
    count = near / Fraction(step)
    value = (count.numerator // count.denominator + source.randrange(-1, 2)) * Fraction(step)
    value += source.choice([0, 0, Fraction(1, 10**7)])
    scaled = value * 10**7
    assert scaled.denominator == 1
    digits = f"{abs(scaled.numerator):08d}"
    text = f"{digits[:-7]}.{digits[-7:]}".rstrip("0").rstrip(".")
    return ("-" if value < 0 else "") + text


@pytest.mark.parametrize(
    "constraint",
    [
        INTEGER,
        INTEGER.conjoin(NumberConstraint.at_least(17), NumberConstraint.at_most(10**18)),
        NumberConstraint.at_least(-90.5).conjoin(NumberConstraint.less_than(90.25)),
        NumberConstraint.multiple_of(0.01).conjoin(NumberConstraint.more_than(0)),
        INTEGER.conjoin(NumberConstraint.multiple_of(123457), NumberConstraint.at_least(1000)),
        NumberConstraint.not_integer().conjoin(NumberConstraint.not_multiple_of(0.25), NumberConstraint.at_most(3)),
        NumberConstraint.none_of([0, 1, 2, "1e-3"]),
        NumberConstraint.one_of([3, -2.5, 1e-7, 10**20, "1e400"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("exponents", ["usual", "natural", "any"])
def test_random_walks_end_in_wanted_numbers(constraint, exponents):
    """Any walk along the edges can end within the promised symbols, and every text on the way is judged rightly."""
    dfa = number_dfa(constraint, NumberSpelling(exponents=exponents))
    source = random.Random(11)
    for _ in range(40):
        text, state = _walk(dfa, source, size=source.randrange(30))
        if dfa.is_accepting(state):
            assert constraint.contains(text)
        ending = _shortest_ending(dfa, state)
        assert len(ending) <= dfa.shortest(state)
        assert constraint.contains(text + ending)
        assert (dfa.longest(state) or 10**9) >= len(ending)


def _walk(dfa: Dfa, source: random.Random, *, size: int) -> tuple[str, int]:
    text, state = "", dfa.start
    for _ in range(size):
        edges = dfa.edges(state)
        if not edges:
            break
        first, last, state = source.choice(edges)
        text += chr(source.randint(first, last))
    return text, state


def _shortest_ending(dfa: Dfa, state: int) -> str:
    """Follow the promise of ``shortest`` to acceptance."""
    ending = ""
    while not dfa.is_accepting(state):
        first, _, target = min(dfa.edges(state), key=lambda edge: dfa.shortest(edge[2]))
        assert dfa.shortest(target) < dfa.shortest(state)
        ending, state = ending + chr(first), target
    return ending


_bounds = st.integers(-5000, 5000).map(lambda number: number / 100)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["number", "integer"])},
        optional={
            "minimum": _bounds,
            "exclusiveMaximum": _bounds,
            "multipleOf": st.sampled_from([1, 2, 3, 7, 0.5, 0.25, 0.01, 2.5]),
        },
    ),
    st.decimals(-60, 60, places=2),
)
def test_number_dfa_agrees_with_a_validator(schema, value):
    """jsonschema, over exact decimals, agrees on the plain text of a value."""
    text = str(value)
    exact_schema = json.loads(json.dumps(schema), parse_float=Decimal)
    is_valid = _ExactValidator(exact_schema).is_valid(Decimal(text))
    constraint = INTEGER if schema["type"] == "integer" else NumberConstraint()
    if "minimum" in schema:
        constraint = constraint.conjoin(NumberConstraint.at_least(schema["minimum"]))
    if "exclusiveMaximum" in schema:
        constraint = constraint.conjoin(NumberConstraint.less_than(schema["exclusiveMaximum"]))
    if "multipleOf" in schema:
        constraint = constraint.conjoin(NumberConstraint.multiple_of(schema["multipleOf"]))
    assert number_dfa(constraint).accepts(text) == is_valid


_ExactValidator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda _, value: isinstance(value, int | Decimal),
            "integer": lambda _, value: value == value.to_integral_value(),
        }
    ),
)


def test_numbers_are_bounded_by_default_and_unbounded_on_request():
    """No number goes on for ever unless asked to, and then the automaton of plain numbers has nine states."""
    for constraint in (NumberConstraint(), INTEGER, NumberConstraint.at_least(3), NumberConstraint.multiple_of(0.5)):
        dfa = number_dfa(constraint)
        longest = dfa.longest(dfa.start)
        assert longest is not None
        assert longest <= 360
    free = number_dfa(
        NumberConstraint(),
        NumberSpelling(max_integer_digits=None, max_fraction_digits=None, max_exponent_digits=None),
    )
    assert free.longest(free.start) is None
    assert len(_reachable(free, 100)) == 9


def test_unbounded_spellings_of_constrained_numbers():
    """Without bounds on digits, conditions still hold exactly."""
    spelling = NumberSpelling(
        max_integer_digits=None, max_fraction_digits=None, max_exponent_digits=None, largest=None, smallest_order=None
    )
    dfa = number_dfa(INTEGER.conjoin(NumberConstraint.more_than(2)), spelling)
    assert dfa.longest(dfa.start) is None
    for text in ("3", "9" * 500, "3." + "0" * 200, "1e00000000001", "2.5e1"):
        assert dfa.accepts(text)
    for text in ("2", "2." + "0" * 100 + "1", "3." + "0" * 100 + "1", "1e0", "2.55e1"):
        assert not dfa.accepts(text)
    finer = number_dfa(NumberConstraint.more_than(2).conjoin(NumberConstraint.less_than("2.001")), spelling)
    assert finer.accepts("2." + "0" * 300 + "1")
    assert not finer.accepts("2.0010")


def test_ranges_have_few_states_whatever_their_values():
    """A range of 18 digits has states in proportion to its digits."""
    wide = INTEGER.conjoin(NumberConstraint.at_least(0), NumberConstraint.at_most(10**18))
    assert len(_reachable(number_dfa(wide, NumberSpelling(max_fraction_digits=0, exponents="none")), 2000)) < 50
    assert len(_reachable(number_dfa(wide), 5000)) < 1200


def _reachable(dfa: Dfa, limit: int) -> set[int]:
    seen, fresh = {dfa.start}, [dfa.start]
    while fresh and len(seen) < limit:
        fresh = [target for state in fresh for _, _, target in dfa.edges(state) if target not in seen]
        seen.update(fresh)
    return seen


def test_equal_sets_share_one_automaton():
    """An integer above 0 and one from 1 on are the same object, with the same key."""
    first = number_dfa(INTEGER.conjoin(NumberConstraint.more_than(0)))
    second = number_dfa(NumberConstraint.at_least(1.0).conjoin(INTEGER))
    assert first is second
    assert first.key == second.key
    assert first.key != number_dfa(INTEGER).key


@pytest.mark.parametrize(
    "constraint",
    [
        NumberConstraint.multiple_of("1e-300").conjoin(NumberConstraint.at_least(1), NumberConstraint.at_most(2)),
        NumberConstraint.multiple_of("1e300").conjoin(NumberConstraint.at_most("5e299"), NumberConstraint.none_of([0])),
        INTEGER.conjoin(*(NumberConstraint.not_multiple_of(step) for step in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29))),
        NumberConstraint.one_of(range(2000)),
        NumberConstraint.none_of(range(2000)).conjoin(INTEGER),
        NumberConstraint.at_least("1e-1900"),
        NumberConstraint.multiple_of(999_999_999_999_999_989),
    ],
    ids=lambda constraint: str(constraint)[:60],
)
def test_hostile_constraints_are_served_at_once(constraint):
    """Huge, tiny, many: the first four symbols along any path take well under a second."""
    begun = time.thread_time()
    dfa = number_dfa(constraint)
    if dfa.start:
        source = random.Random(3)
        for _ in range(20):
            _, state = _walk(dfa, source, size=4)
            dfa.shortest(state)
            dfa.longest(state)
    assert time.thread_time() - begun < 2
