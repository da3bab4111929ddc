"""Compare the languages of numbers with all texts within small bounds, filtered by exact fractions."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.dfa import Dfa
from grammars.json_schema.numbers import NumberConstraint, NumberSpelling, number_dfa
from tests.reference.numbers import Atom, Bounds, language, meets, value_of

BOUNDS = [
    *(Bounds(2, 1, 1, exponents) for exponents in ("none", "scientific", "natural", "any")),
    *(Bounds(1, 2, 1, exponents) for exponents in ("none", "scientific", "natural", "any")),
    *(Bounds(3, 0, 1, exponents) for exponents in ("natural", "any")),
    *(Bounds(1, 1, 2, exponents) for exponents in ("scientific", "natural")),
]
VALUES = [
    *("0", "1", "2", "5", "7", "13", "10", "40", "99", "0.5", "0.1", "2.5", "1.25"),
    *("-3", "-0.2", "-17", "12.5", "1e1", "150", "0.05", "0.07", "3e3", "9.9"),
]
STEPS = [
    *("1", "2", "3", "5", "7", "10", "0.5", "0.1", "0.25", "2.5", "1.5"),
    *("0.03", "20", "4", "12", "0.01", "100", "64", "0.125", "1e-3"),
]
TABLE = [
    (),
    (Atom("integer"),),
    (Atom("not integer"),),
    (Atom("integer"), Atom("minimum", ("1",)), Atom("maximum", ("4",)), Atom("multipleOf", ("5",))),
    (Atom("integer"), Atom("minimum", ("7",)), Atom("maximum", ("13",)), Atom("multipleOf", ("5",))),
    (Atom("minimum", ("7",)), Atom("maximum", ("13",)), Atom("multipleOf", ("5",))),
    (Atom("exclusiveMinimum", ("-1.5",)), Atom("exclusiveMaximum", ("0.25",))),
    (Atom("exclusiveMinimum", ("0",)),),
    (Atom("maximum", ("-10",)), Atom("integer")),
    (Atom("minimum", ("10",)), Atom("maximum", ("10",))),
    (Atom("multipleOf", ("0.01",)), Atom("minimum", ("0.1",)), Atom("maximum", ("0.11",))),
    (Atom("multipleOf", ("4",)), Atom("not multipleOf", ("8",)), Atom("minimum", ("10",))),
    (Atom("integer"), *(Atom("not multipleOf", (step,)) for step in ("2", "3", "5", "7"))),
    (Atom("integer"), Atom("minimum", ("2",)), Atom("maximum", ("4",)), Atom("not enum", ("2", "3", "4"))),
    (Atom("enum", ("0", "1", "10", "-2.5", "0.05")),),
    (Atom("enum", ("1", "2")), Atom("minimum", ("3",))),
    (Atom("not enum", ("0", "1", "1.5")),),
]


_TWINS = {ord("E"), ord("+")}


def make_constraint(atoms: Sequence[Atom]) -> NumberConstraint:
    """Return the constraint of the atoms."""
    return NumberConstraint().conjoin(*(_make_one(atom) for atom in atoms))


def _make_one(atom: Atom) -> NumberConstraint:
    listing: dict[str, Callable[..., NumberConstraint]] = {
        "enum": NumberConstraint.one_of,
        "not enum": NumberConstraint.none_of,
    }
    if atom.kind in listing:
        return listing[atom.kind](atom.operands)
    return {
        "minimum": NumberConstraint.at_least,
        "exclusiveMinimum": NumberConstraint.more_than,
        "maximum": NumberConstraint.at_most,
        "exclusiveMaximum": NumberConstraint.less_than,
        "integer": NumberConstraint.integer,
        "not integer": NumberConstraint.not_integer,
        "multipleOf": NumberConstraint.multiple_of,
        "not multipleOf": NumberConstraint.not_multiple_of,
    }[atom.kind](*atom.operands)


def _spelling(bounds: Bounds) -> NumberSpelling:
    return NumberSpelling(
        max_integer_digits=bounds.integer,
        max_fraction_digits=bounds.fraction,
        max_exponent_digits=bounds.exponent,
        exponents=bounds.exponents,
    )


def _endings(dfa: Dfa, state: int, known: dict[int, list[str]]) -> list[str]:
    """Return all completions of a state without E and +; check on the way that there are some, and their lengths."""
    if state not in known:
        found = [""] if dfa.is_accepting(state) else []
        edges = dfa.edges(state)
        assert all(first <= last for first, last, _ in edges)
        assert all(before[1] < after[0] for before, after in itertools.pairwise(edges))
        _check_twins(dfa, state)
        for first, last, target in edges:
            endings = [] if first in _TWINS else _endings(dfa, target, known)
            found.extend(chr(symbol) + ending for symbol in range(first, last + 1) for ending in endings)
        assert found, f"dead end at state {state}"
        assert dfa.shortest(state) == min(map(len, found))
        assert dfa.longest(state) == _most(dfa, state)
        known[state] = found
    return known[state]


def _most(dfa: Dfa, state: int) -> int:
    """Return the length of the longest completion, trusting the lengths of the next states."""
    return max((1 + (dfa.longest(target) or 0) for _, _, target in dfa.edges(state)), default=0)


def _check_twins(dfa: Dfa, state: int) -> None:
    """Check that E does what e does, and that a plus changes nothing."""
    assert dfa.step(state, ord("E")) == dfa.step(state, ord("e"))
    plus = dfa.step(state, ord("+"))
    if plus:
        assert dfa.edges(plus) == tuple(edge for edge in dfa.edges(state) if edge[0] not in map(ord, "+-"))


def _check(atoms: tuple[Atom, ...], bounds: Bounds) -> None:
    dfa = number_dfa(make_constraint(atoms), _spelling(bounds))
    texts = set(_endings(dfa, dfa.start, {})) if dfa.start else set()
    assert texts == language(atoms, bounds)


@pytest.mark.parametrize("atoms", TABLE[1:], ids=str)
def test_number_dfa_equals_filtered_texts(atoms):
    """All accepted texts, and lengths from every state, are those of the filtered list; no state is a dead end."""
    for exponents in ("scientific", "any"):
        _check(atoms, Bounds(1, 1, 1, exponents))
    _check(atoms, Bounds(2, 1, 1, "natural"))


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_number_dfa_equals_filtered_texts_for_random_constraints(bounds):
    """The same for conjunctions drawn with a fixed seed, under every policy of exponents."""
    source = random.Random(str(bounds))
    for _ in range(2):
        _check(tuple(_draw_atoms(source)), bounds)


def _draw_atoms(source: random.Random) -> Iterator[Atom]:
    for _ in range(source.choice([1, 2, 2, 3, 4])):
        bound = source.choice(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
        sign = source.choice(["", "not "])
        yield source.choice(
            [
                Atom(bound, (source.choice(VALUES),)),
                Atom(sign + "integer"),
                Atom(sign + "multipleOf", (source.choice(STEPS),)),
                Atom(sign + "enum", tuple(source.sample(VALUES, source.randint(1, 4)))),
            ]
        )


_decimals = st.builds("{}e{}".format, st.integers(-999, 999), st.integers(-2, 1))
_steps = st.builds("{}e{}".format, st.integers(1, 200), st.integers(-2, 1))
_atoms = st.one_of(
    st.builds(
        Atom,
        st.sampled_from(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "not enum"]),
        st.tuples(_decimals),
    ),
    st.builds(Atom, st.sampled_from(["multipleOf", "not multipleOf"]), st.tuples(_steps)),
    st.builds(Atom, st.sampled_from(["integer", "not integer"])),
    st.builds(Atom, st.just("enum"), st.tuples(_decimals, _decimals, _decimals)),
)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(_atoms, min_size=1, max_size=4).map(tuple), st.sampled_from([Bounds(2, 1, 1, "natural"), BOUNDS[5]]))
def test_number_dfa_equals_filtered_texts_for_any_decimals(atoms, bounds):
    """The same for conjunctions that Hypothesis draws."""
    _check(atoms, bounds)


def test_free_numbers_equal_all_texts():
    """A number without a condition takes every text within the bounds."""
    for bounds in (Bounds(2, 1, 1, "any"), Bounds(1, 2, 1, "none"), Bounds(1, 0, 2, "any"), Bounds(2, 0, 1, "none")):
        dfa = number_dfa(NumberConstraint(), _spelling(bounds))
        assert set(_endings(dfa, dfa.start, {})) == language((), bounds)


@cache
def _short_texts() -> dict[str, Fraction]:
    """Return every JSON number of up to five symbols over an alphabet with five digits, and its value."""
    return {text: value_of(text) for text in _write_short_texts(5)}


def _write_short_texts(size: int) -> Iterator[str]:
    alphabet = {"-": "-", "+": "+", ".": ".", "e": "eE", "d": "01259"}
    follows = {"": "-d", "-": "d", "0": ".e", "1": "d.e", ".": "d", ".d": "de", "e": "+d", "+": "d", "ed": "d"}
    level = [("", "")]
    for _ in range(size):
        grown = []
        for text, place in level:
            for kind in follows[place] + ("-" if place == "e" else ""):
                grown.extend((text + symbol, _place_after(place, kind, symbol)) for symbol in alphabet[kind])
        level = grown
        yield from (text for text, place in level if place in {"0", "1", ".d", "ed"})


def _place_after(place: str, kind: str, symbol: str) -> str:
    if kind != "d":
        return "+" if place == "e" else kind
    if place in {"", "-"}:
        return "0" if symbol == "0" else "1"
    return {"1": "1", ".": ".d", ".d": ".d"}.get(place, "ed")


@pytest.mark.parametrize("atoms", TABLE, ids=str)
def test_number_dfa_judges_every_short_text_by_its_value(atoms):
    """With every exponent form and the usual bounds, a text of up to five symbols is accepted for its value alone."""
    dfa = number_dfa(make_constraint(atoms), NumberSpelling(exponents="any", largest=None, smallest_order=None))
    wrong = [text for text, value in _short_texts().items() if dfa.accepts(text) != meets(value, atoms)]
    assert not wrong


@pytest.mark.parametrize("atoms", TABLE, ids=str)
def test_number_dfa_judges_every_short_plain_text_by_its_value(atoms):
    """Without an exponent, every policy decides by the value alone; with one, none accepts a wrong value."""
    dfa = number_dfa(make_constraint(atoms))
    for text, value in _short_texts().items():
        is_wanted, is_accepted = meets(value, atoms), dfa.accepts(text)
        assert is_wanted or not is_accepted
        assert is_accepted or not is_wanted or "e" in text.lower()


@pytest.mark.parametrize(
    "text", ["", "-", "01", "-01", "1.", ".5", "+1", "1e", "1e+", "0x1", "1 ", "NaN", "--1", "1e1.0"]
)
def test_number_dfa_rejects_what_is_no_json_number(text):
    """Malformed numbers are rejected whatever the condition."""
    for atoms in TABLE:
        assert not number_dfa(make_constraint(atoms)).accepts(text)
