"""Context-free grammars combine with every other kind, and meet regular ones exactly."""

from __future__ import annotations

import itertools
import re

import pytest

from fsm.errors import UnsupportedFeatureError
from grammars import json_schema, lark, regex
from grammars.algebra.probe import accepts, byte_vocabulary
from grammars.saving import fingerprint
from tests.reference.masks import allowed_by_trying

BALANCED = lark('start: "a" start "b" | "ab"')
DYCK = lark('start: ("(" start ")")*')
SUMS = lark('start: NUMBER ("+" NUMBER)*\nNUMBER: /[0-9]+/')
NESTED = {"a" * n + "b" * n for n in range(1, 6)}
TEXTS = ["".join(letters) for size in range(9) for letters in itertools.product("ab", repeat=size)]


@pytest.mark.parametrize("pattern", ["a*b*", "(..){2}", "(aa)+(bb)+", "a{3}b*", ".{6}|ab", "b.*", ".*"])
def test_intersection_with_a_pattern_is_exact(pattern):
    """A text is in the product exactly where both sides have it; difference is what is left."""
    both, only = BALANCED & regex(pattern), BALANCED - regex(pattern)
    fitting = {text for text in TEXTS if text in NESTED and re.fullmatch(pattern, text)}
    for text in TEXTS:
        if text.count("a") == text.count("b") or len(text) < 4:
            assert accepts(both, text) == (text in fitting), text
            assert accepts(only, text) == (text in NESTED and text not in fitting), text
    assert both.count(8) == len(fitting)
    assert both.is_empty() == (both.shortest() is None)


def test_products_of_rules_have_no_dead_ends():
    """From every place of the product some way leads to an end."""
    grammar = DYCK & regex(r"(\(\)|[()]{4}){0,2}|.{6}")
    waiting = [grammar.compile(byte_vocabulary()).matcher()]
    ended = 0
    while waiting:
        here = waiting.pop()
        allowed = allowed_by_trying(here)
        assert allowed, here.text()
        ended += here.is_accepting
        for token in allowed - {256}:
            after = here.fork()
            after.advance(token)
            waiting.append(after)
    assert ended == grammar.count(8)
    assert grammar.is_finite()
    assert not DYCK.is_finite()


def test_rules_are_followed_by_what_could_be_part_of_them():
    """A rule may end where what follows begins with its own characters."""
    assert [accepts(SUMS + "1", text) for text in ("11", "1+21", "1", "1+1")] == [True, True, False, False]
    assert [accepts(DYCK + "()", text) for text in ("()", "()()", "(())()", "(())")] == [True, True, True, False]
    assert accepts(SUMS + "+", "1+2+")
    assert accepts("x" + SUMS.repeat(2, 2), "x12")
    assert accepts((BALANCED | json_schema({"type": "null"})) + ";", "aabb;")
    assert [accepts(DYCK.repeat(2, None), text) for text in ("", "()", "()()()")] == [True, True, True]


def test_questions_about_rules():
    """Size, shortest texts and examples of context-free grammars."""
    assert DYCK.count(8) == 1 + 1 + 2 + 5 + 14
    assert BALANCED.shortest() == "ab"
    assert accepts(SUMS, SUMS.example(seed=3))
    assert not SUMS.is_finite()
    assert (SUMS & regex("[0-9]{2}")).is_finite()
    with pytest.raises(UnsupportedFeatureError, match="expected two regular grammars"):
        DYCK.equals(DYCK)


def test_two_context_free_grammars_are_refused():
    """No construction exists, and the message says so."""
    with pytest.raises(UnsupportedFeatureError, match="undecidable"):
        BALANCED & DYCK
    with pytest.raises(UnsupportedFeatureError, match="without a fingerprint"):
        fingerprint(BALANCED)
