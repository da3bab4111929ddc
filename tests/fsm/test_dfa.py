"""Boolean operations, literals and questions about whole languages, against sets of Python strings."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.automata.boolean_dfa import BooleanDfa
from fsm.automata.formula import And, Leaf
from fsm.dfa import (
    LAST_SYMBOL,
    Dfa,
    Lengths,
    any_string,
    complement,
    count_strings,
    difference,
    intersect,
    is_empty,
    is_equivalent,
    is_finite,
    is_subset,
    literals,
    shortest_string,
    string_lengths,
    typical_string,
    union,
)
from fsm.errors import LimitError
from grammars.regex import regex_dfa
from tests.reference.regex_samples import iterate_texts

MAX_LENGTH = 4
TEXTS = frozenset(iterate_texts("ab", MAX_LENGTH))

languages = st.frozensets(st.sampled_from(sorted(TEXTS)), max_size=6)
patterns = st.sampled_from(
    ["(a|b)*a", "a*b*", "(ab)*", "a{1,3}b?", "[ab]{2,3}", "b", "", "(aa|b)*", "(?!ab).*", "b(?=a).*"]
)
leaves = st.one_of(
    languages.map(lambda texts: (literals(texts), texts)), patterns.map(lambda p: read_language(regex_dfa(p)))
)


def read_language(dfa: Dfa) -> tuple[Dfa, frozenset[str]]:
    """Return the automaton and its texts over {a, b} up to `MAX_LENGTH`."""
    return dfa, frozenset(text for text in TEXTS if dfa.accepts(text))


def combine(children: st.SearchStrategy[tuple[Dfa, frozenset[str]]]) -> st.SearchStrategy[tuple[Dfa, frozenset[str]]]:
    """Draw one more operation on top of others."""
    pairs = st.tuples(children, children)
    return st.one_of(
        pairs.map(lambda pair: (intersect(pair[0][0], pair[1][0]), pair[0][1] & pair[1][1])),
        pairs.map(lambda pair: (union(pair[0][0], pair[1][0]), pair[0][1] | pair[1][1])),
        pairs.map(lambda pair: (difference(pair[0][0], pair[1][0]), pair[0][1] - pair[1][1])),
        children.map(lambda child: (complement(child[0]), TEXTS - child[1])),
    )


expressions = st.recursive(leaves, combine, max_leaves=6)


@given(expressions)
@settings(max_examples=300, deadline=None)
def test_boolean_operations_agree_with_sets(drawn: tuple[Dfa, frozenset[str]]) -> None:
    """However operations are nested, the automaton accepts exactly the texts of the set."""
    dfa, texts = drawn
    assert {text for text in TEXTS if dfa.accepts(text)} == texts


@given(expressions)
@settings(max_examples=200, deadline=None)
def test_edges_are_sorted_disjoint_and_live(drawn: tuple[Dfa, frozenset[str]]) -> None:
    """Every edge leads to a state from which acceptance is as near as `shortest` says, and as far as `longest`."""
    dfa, _ = drawn
    state = dfa.start
    for _ in range(MAX_LENGTH):
        if state == 0:
            break
        edges = dfa.edges(state)
        assert all(first <= last for first, last, _ in edges)
        assert all(before[1] < after[0] for before, after in pairwise(edges))
        rests = [dfa.shortest(target) for _, _, target in edges]
        assert dfa.shortest(state) == (0 if dfa.is_accepting(state) else 1 + min(rests))
        longest = [dfa.longest(target) for _, _, target in edges]
        expected = None if None in longest else max([1 + length for length in longest if length is not None], default=0)
        assert dfa.longest(state) == expected
        state = edges[-1][2] if edges else 0


@given(expressions)
@settings(max_examples=200, deadline=None)
def test_lengths_bound_the_accepted_texts(drawn: tuple[Dfa, frozenset[str]]) -> None:
    """What is known without a search holds for the texts."""
    dfa, texts = drawn
    if is_empty(dfa):
        assert not texts
        return
    known: Lengths = dfa.lengths(dfa.start)
    sizes = {len(text) for text in texts}
    assert all(known.shortest <= size and (known.longest is None or size <= known.longest) for size in sizes)
    if known.is_gapless:
        assert dfa.shortest(dfa.start) == known.shortest
        assert dfa.longest(dfa.start) == known.longest


@given(expressions, expressions)
@settings(max_examples=100, deadline=None)
def test_containment_agrees_with_sets_where_languages_are_finite(
    left: tuple[Dfa, frozenset[str]], right: tuple[Dfa, frozenset[str]]
) -> None:
    """Emptiness, containment and equality follow from the texts."""
    limit = union(*[literals([text]) for text in TEXTS])
    first, second = intersect(left[0], limit), intersect(right[0], limit)
    assert is_empty(first) is (not left[1])
    assert is_subset(first, second) is (left[1] <= right[1])
    assert is_equivalent(first, second) is (left[1] == right[1])
    assert is_finite(first)
    assert count_strings(first, MAX_LENGTH) == len(left[1])
    shortest = shortest_string(first)
    assert (shortest is None) is (not left[1])
    assert shortest is None or (shortest in left[1] and len(shortest) == min(map(len, left[1])))
    assert typical_string(first) in (left[1] or {None})


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("[a-z]+@[.a-z]+", "aa@aa"),
        ("x?y*(ab)*z", "z"),
        ("(ab|c)d{2}", "cdd"),
        ("", ""),
        ("[.]|[b-d]", "b"),
    ],
)
def test_typical_string_goes_once_around_each_loop(pattern, text):
    """A state that leads to itself does so once, and letters are preferred."""
    assert typical_string(regex_dfa(pattern)) == text


def test_opposite_automata_cancel() -> None:
    """A language and its complement share nothing and leave nothing out, without any search."""
    words = literals([f"word {number}" for number in range(20_000)])
    assert is_empty(intersect(words, complement(words)))
    assert union(words, complement(words)) is any_string()


def test_operations_on_equal_operands_are_shared() -> None:
    """Equal questions give the same automaton, so that caches keyed by it are met again."""
    left, right = regex_dfa("a+"), regex_dfa("[ab]{2}")
    assert intersect(left, right) is intersect(left, right)
    assert intersect(left, left) is left
    assert complement(complement(left)).accepts("aaa")


def test_literals_of_10000_texts_compile_quickly() -> None:
    """Ten thousand choices are ready in far less than a second."""
    texts = [f"{number * 7919 % 100_003} item" for number in range(10_000)]
    begin = time.thread_time()
    dfa = literals(texts)
    dfa.edges(dfa.start)
    dfa.shortest(dfa.start)
    assert time.thread_time() - begin < 1
    assert all(dfa.accepts(text) for text in texts[::97])
    assert not dfa.accepts("item")


def test_large_counters_are_not_expanded() -> None:
    """Lengths, liveness and first edges of huge repetitions come from arithmetic."""
    begin = time.thread_time()
    dfa = intersect(regex_dfa("[a-z]{9000,1000000000}"), string_lengths(0, 10**8))
    assert dfa.shortest(dfa.start) == 9000
    assert dfa.longest(dfa.start) == 10**8
    assert len(dfa.edges(dfa.start)) == 1
    assert is_empty(intersect(regex_dfa("[a-z]{9000,}"), string_lengths(0, 8999)))
    assert time.thread_time() - begin < 1


def test_length_limits_cut_repetitions_exactly() -> None:
    """A pattern of even lengths between odd bounds loses the bounds."""
    dfa = intersect(regex_dfa("(ab)*"), string_lengths(3, 7))
    assert dfa.shortest(dfa.start) == 4
    assert dfa.longest(dfa.start) == 6
    assert count_strings(dfa, 10) == 2


def test_any_string_covers_every_code_point() -> None:
    """Lone surrogates are symbols too."""
    assert any_string().edges(any_string().start) == ((0, LAST_SYMBOL, any_string().start),)


def test_search_beyond_the_limit_is_refused() -> None:
    """A product that is empty only after many states is refused by name, not searched forever."""
    left, right = regex_dfa("(a{101})*"), regex_dfa("(a{103})*a")
    with pytest.raises(LimitError, match="limit max_work"):
        BooleanDfa((left, right), And((Leaf(0, left), Leaf(1, right))), max_work=10_000)


def test_threads_may_share_an_automaton() -> None:
    """Eight threads that walk one lazy product at once agree with a fresh one."""
    texts = [text for text in iterate_texts("abc", 6) if len(text) == 6]

    def make() -> Dfa:
        return intersect(regex_dfa("(a|b|ab|c){2,6}b?"), complement(literals(texts[::3])))

    fresh, shared = make(), make()
    expected = [fresh.accepts(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: [shared.accepts(text) for text in texts], range(8)))
    assert all(answer == expected for answer in answers)
