"""What the builders of expressions simplify, and what it costs to walk them."""

from __future__ import annotations

import time

import pytest

from fsm.automata.expression import (
    ANY_TEXT,
    EMPTY,
    NOTHING,
    Deferred,
    Symbols,
    choice,
    repeat,
    sequence,
    text,
)
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.automata.partition import iterate_partition
from fsm.automata.ranges import ALL, complement_ranges, intersect_ranges, subtract_ranges, union_ranges
from fsm.dfa import Dfa, has_gapless_lengths, is_empty
from fsm.errors import LimitError
from grammars.regex import regex_dfa
from tests.reference.regex_samples import iterate_texts


def test_choice_merges_symbols_and_drops_nothing() -> None:
    """Single symbols become one set."""
    merged = choice([text("a"), NOTHING, text("b"), text("c")])
    assert isinstance(merged, Symbols)
    assert merged.ranges == ((97, 99),)
    assert choice([NOTHING, NOTHING]) is NOTHING


def test_sequence_with_nothing_is_nothing() -> None:
    """A sequence fails with any of its parts."""
    assert sequence([text("a"), NOTHING]) is NOTHING
    assert sequence([]) is EMPTY
    assert is_empty(ExpressionDfa(NOTHING))


@pytest.mark.parametrize(
    ("inner", "outer", "lengths"),
    [
        ((0, 3), (0, 5), (0, 15)),
        ((1, 3), (2, 5), (2, 15)),
        ((0, None), (3, 3), (0, None)),
        ((1, None), (0, 4), (0, None)),
    ],
)
def test_nested_repetitions_join(
    inner: tuple[int, int | None], outer: tuple[int, int], lengths: tuple[int, int | None]
) -> None:
    """Repetitions of repetitions become one counter where that is exact."""
    joined = repeat(repeat(text("a"), *inner), *outer)
    assert (joined.shortest, joined.longest) == lengths
    assert joined.is_gapless


def test_repeat_lengths_with_gaps_are_known_to_have_gaps() -> None:
    """(aaa){0,5} has no text of length 1; (aaa|aaaa){3,5} has all lengths from 9 to 20."""
    assert not repeat(text("aaa"), 0, 5).is_gapless
    assert repeat(choice([text("aaa"), text("aaaa")]), 3, 5).is_gapless


def test_deferred_expression_is_built_when_reached() -> None:
    """Nothing is built before a text gets there, and then only once."""
    built: list[int] = []

    def make() -> Symbols:
        built.append(1)
        return Symbols(((98, 98),))

    dfa = ExpressionDfa(sequence([text("a"), repeat(Deferred(make, 1, 1), 1, 3)]))
    assert not built
    assert dfa.accepts("abbb")
    assert len(built) == 1


def test_expression_states_are_limited() -> None:
    """The limit is named."""
    dfa = ExpressionDfa(repeat(text("ab"), 0, None), max_states=1)
    with pytest.raises(LimitError, match="limit max_states"):
        dfa.accepts("abab")


def test_everything_absorbs_what_stands_beside_it() -> None:
    """Once a searched pattern has matched, one state accepts the rest."""
    dfa = regex_dfa("ab", search=True)
    state = dfa.start
    for symbol in "xabx":
        state = dfa.step(state, ord(symbol))
    assert dfa.edges(state) == ((0, 0x10FFFF, state),)
    assert regex_dfa(".*", "ecma", search=True) is regex_dfa("(a|b)*", "ecma", search=True)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a|a)*b",
        "(a?){50}a{50}",
        "(a*)*b",
        "(x+x+)+y",
        "((a{0,1000}){0,1000}){0,1000}",
        "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x",
        "(a{1,3}){1,1000000000}",
        ".*a.{0,10000}b",
    ],
)
def test_notorious_patterns_stay_cheap(pattern: str) -> None:
    """Compiling is immediate, and 500 symbols take well under a second."""
    begin = time.thread_time()
    dfa = regex_dfa(pattern, "ecma")
    dfa.shortest(dfa.start)
    dfa.longest(dfa.start)
    assert time.thread_time() - begin < 0.5
    dfa.accepts("a" * 500)
    dfa.accepts("ax" * 250)
    assert time.thread_time() - begin < 2


def test_ranges_operations_agree_with_sets() -> None:
    """Union, intersection and complement of ranges are those of the sets."""
    left, right = ((0, 3), (10, 20)), ((2, 12), (30, 40))
    numbers = range(50)

    def as_set(ranges: tuple[tuple[int, int], ...]) -> set[int]:
        return {number for number in numbers for first, last in ranges if first <= number <= last}

    assert as_set(union_ranges([*left, *right])) == as_set(left) | as_set(right)
    assert as_set(intersect_ranges(left, right)) == as_set(left) & as_set(right)
    assert as_set(complement_ranges(left)) == set(numbers) - as_set(left)
    assert as_set(subtract_ranges(left, right)) == as_set(left) - as_set(right)
    assert complement_ranges(ALL) == ()
    assert complement_ranges(()) == ALL


def test_partition_lists_the_sets_of_each_range() -> None:
    """Every range lies in exactly the sets its bits name."""
    sets = [((0, 9), (20, 29)), ((5, 24),), ((7, 7),)]
    for first, last, members in iterate_partition(sets):
        for symbol in (first, last):
            inside = [any(low <= symbol <= high for low, high in ranges) for ranges in sets]
            assert inside == [bool(members >> place & 1) for place in range(3)]


@pytest.mark.parametrize(
    "pattern", ["[ab]{0,60}", "a{40}b?", "(ab|a){3,50}", "a{30,}b{2,40}", "(a|bb){25}c*", "b?(a{9}b?){7}"]
)
def test_near_key_joins_states_that_look_alike(pattern: str) -> None:
    """States with equal keys allow and accept the same texts of up to that many symbols, and far counters join."""
    dfa = regex_dfa(pattern)
    near, texts = 4, list(iterate_texts("abc", 4))
    behaviours: dict[object, set[tuple[bool | None, ...]]] = {}
    seen, waiting = {dfa.start}, [dfa.start]
    while waiting:
        state = waiting.pop()
        behaviours.setdefault(dfa.near_key(state, near), set()).add(tuple(look_ahead(dfa, state, t) for t in texts))
        for _, _, target in dfa.edges(state):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    assert all(len(found) == 1 for found in behaviours.values())
    assert len(behaviours) < len(seen)


def look_ahead(dfa: Dfa, state: int, text: str) -> bool | None:
    """Return whether ``text`` may end there, None if it cannot be read."""
    for symbol in text:
        state = dfa.step(state, ord(symbol))
        if state == 0:
            return None
    return dfa.is_accepting(state)


@pytest.mark.parametrize(
    ("pattern", "is_gapless"),
    [("[a-z]+", True), ("a?b{2,9}", True), ("(ab)*", False), ("a{3}|b{9}", False), (".*", True), ("x{1,900}", False)],
)
def test_has_gapless_lengths_tells_where_a_counter_suffices(pattern: str, *, is_gapless: bool) -> None:
    """From each state all lengths occur between the least and the most; too many states count as unknown."""
    assert has_gapless_lengths(regex_dfa(pattern)) is is_gapless


def test_any_text_is_one_state() -> None:
    """The expression of all texts loops."""
    dfa = ExpressionDfa(ANY_TEXT)
    assert dfa.edges(dfa.start) == ((0, 0x10FFFF, dfa.start),)
