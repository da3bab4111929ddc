"""Look-aheads turned into boolean operations accept what the automaton that keeps promises accepts."""

from __future__ import annotations

import random
import re
import warnings

import pytest

from fsm.automata.assertive_dfa import AssertiveDfa
from fsm.automata.expression import ANY_TEXT, EMPTY, Expression
from fsm.automata.rests import resolve_looks
from fsm.dfa import Dfa
from grammars.regex.assertions import enclose
from grammars.regex.compile import parse_regex
from tests.reference.regex_samples import draw_pattern, iterate_texts

TEXTS = [*iterate_texts("ab", 5), "\n", "a\n", "ab\n", "a b", " a"]
HOST = r"(?!.*://)(?=.{1,255}$)((.{1,63}\.){1,127}(?![0-9]*$)[a-z0-9-]+\.?)"


def read(pattern: str, *, is_search: bool) -> Expression | None:
    """Return a pattern as an expression, None where ``re`` refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(pattern)
        except re.error:
            return None
    return enclose(parse_regex(pattern), ANY_TEXT if is_search else EMPTY)


def test_resolved_looks_agree_with_kept_promises() -> None:
    """The same texts, and the same shortest and longest ones from every state a text leads to."""
    source, compared = random.Random(4), 0
    while compared < 400:
        expression = read(draw_pattern(source, source.randint(1, 4)), is_search=source.random() < 0.5)
        if expression is None or expression.is_plain:
            continue
        resolved = resolve_looks(expression)
        if resolved is None:
            continue
        kept = AssertiveDfa(expression)
        assert (resolved.start == 0) is (kept.start == 0)
        for text in source.sample(TEXTS, 20):
            assert resolved.accepts(text) is kept.accepts(text)
            assert measure(resolved, text) == measure(kept, text)
        compared += 1


def measure(dfa: Dfa, text: str) -> tuple[int, int | None] | None:
    """Return the shortest and longest way from where ``text`` leads, None where it leads nowhere."""
    state = dfa.start
    for symbol in text:
        state = dfa.step(state, ord(symbol)) if state else 0
    return (dfa.shortest(state), dfa.longest(state)) if state else None


@pytest.mark.parametrize("pattern", ["((?=a)b)*", "a(?<=a)b", r"x\by", "((?!b).){2}"])
def test_looks_whose_surroundings_are_not_known_are_left(pattern: str) -> None:
    """Inside repetitions, and behind, promises are kept instead."""
    assert resolve_looks(parse_regex(pattern)) is None


@pytest.mark.parametrize("make", [resolve_looks, AssertiveDfa])
def test_host_names_with_look_aheads_and_nested_counters_have_few_states(make: type[AssertiveDfa]) -> None:
    """A pattern of a published schema: a hundred symbols of any kind take some ten thousand steps, either way."""
    dfa, source = make(parse_regex(HOST, "ecma")), random.Random(5)
    for alphabet in (".", "a.", "ab.", "0.", "abcd01-..."):
        state = dfa.start
        for symbol in source.choices(alphabet, k=100):
            state = dfa.step(state, ord(symbol))
            assert state
    assert dfa.work < 100_000
    assert dfa.accepts("a." * 20 + "com")
    assert not dfa.accepts("a." * 20 + "0")
    assert not dfa.accepts("a" * 64 + ".com")
    assert not dfa.accepts("http://a.com")
    assert not dfa.accepts("a." * 127 + "ab")
