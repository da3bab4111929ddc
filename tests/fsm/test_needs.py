"""Check what the rest of a text must and may contain: against every short text, and in searches that need it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.automata.expression import Deferred, Expression, choice, repeat, sequence, text
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.automata.ranges import has_symbol
from fsm.dfa import Dfa, intersect
from grammars.json_schema.branch import StringRule, StringRules
from grammars.json_schema.strings import string_language
from grammars.regex import regex_dfa

LETTERS = "abc"
TEXTS = ["".join(letters) for size in range(6) for letters in itertools.product(LETTERS, repeat=size)]


def deferred(made: Expression) -> Expression:
    """Return the same, built when a text gets there, with its symbols told or not."""
    if made.is_nullable or made.longest == 0:
        return made
    ranges = ((ord("a"), ord("c")),)
    return sequence([Deferred(lambda: made, made.shortest, made.longest, ranges=ranges), text("a")])


def expressions() -> st.SearchStrategy[Expression]:
    """Return expressions over three letters."""
    return st.recursive(
        st.sampled_from(["a", "b", "c", "ab", "cba"]).map(text),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(sequence),
            st.lists(inner, min_size=1, max_size=3).map(choice),
            st.tuples(inner, st.integers(0, 2), st.none() | st.integers(2, 3)).map(lambda given: repeat(*given)),
            inner.map(deferred),
        ),
        max_leaves=6,
    )


@given(expression=expressions(), walked=st.text(LETTERS, max_size=3))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_every_text_contains_what_is_needed(expression: Expression, walked: str) -> None:
    """Whatever completes a state has a symbol of each required set, and none that is not among the most."""
    dfa = ExpressionDfa(expression)
    state = dfa.start
    for letter in walked:
        state = dfa.step(state, ord(letter)) or state
    required, most = dfa.need(state)
    for rest in TEXTS:
        if accepts_from(dfa, state, rest):
            assert all(has_symbol(most, ord(letter)) for letter in rest), rest
            assert all(any(has_symbol(ranges, ord(letter)) for letter in rest) for ranges in required), rest


def accepts_from(dfa: Dfa, state: int, rest: str) -> bool:
    """Tell whether a text completes a state."""
    for letter in rest:
        state = dfa.step(state, ord(letter))
        if not state:
            return False
    return dfa.is_accepting(state)


@given(left=expressions(), right=expressions())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_searches_that_skip_find_the_same(left: Expression, right: Expression) -> None:
    """The texts of an intersection are those that both accept."""
    one, other = ExpressionDfa(left), ExpressionDfa(right)
    both = intersect(one, other)
    for word in TEXTS:
        assert both.accepts(word) == (one.accepts(word) and other.accepts(word)), word


def test_a_search_ends_where_a_letter_is_missing() -> None:
    """Where a text of digits must have a ``T``, few states tell that it cannot; else thousands would be looked at."""
    digits, letter = regex_dfa("[0-9]{1,3000}(:[0-9]{1,3000})?"), regex_dfa(".*T.*")
    both = intersect(digits, letter)
    assert both.start == 0
    assert both.num_states < 20


@pytest.mark.parametrize(("pattern", "letters"), [("", "Tt"), (r"\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "T")])
def test_dates_with_a_pattern_stay_small(pattern: str, letters: str) -> None:
    """A small ``t`` breaks the pattern: no leap second is looked at to find that nothing mends it."""
    dates = [StringRule("format", "date-time", holds=True), StringRule("pattern", pattern, holds=True)]
    dfa = string_language(StringRules(set(dates))).dfa
    state = dfa.start
    for letter in "2016-01-05":
        state = dfa.step(state, ord(letter))
    leaves = getattr(dfa, "leaves", [dfa])
    before = sum(leaf.num_states for leaf in leaves)  # other schemas with dates share these automata
    assert "".join(chr(first) for first, _, _ in dfa.edges(state)) == letters
    assert sum(leaf.num_states for leaf in leaves) - before < 100
