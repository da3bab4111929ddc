"""Rules written with repetitions derive the texts that they derived before."""

from __future__ import annotations

import itertools
from functools import cache

import pytest

from grammars.context_free.repetitions import fold_repetitions
from grammars.context_free.rewriting import drop_aliases
from grammars.context_free.symbols import Star, Terminal
from grammars.lark.exact_text import ExactText

LONGEST = 4
LETTERS = {letter: Terminal(letter, ExactText(letter)) for letter in "ab"}
CASES = {
    "optional": {"s": [("a", "m"), ("a",)], "m": [("b",), ("m", "b")]},
    "needed": {"s": [("a", "m"), ("b",)], "m": [("b",), ("m", "b")]},
    "twice": {"s": [("m", "a", "m"), ("a", "m"), ("m", "a"), ("a",)], "m": [("b",), ("m", "b")]},
    "two": {
        "s": [("m", "n"), ("m",), ("n",), ()],
        "m": [("b",), ("m", "b")],
        "n": [("a",), ("a", "a"), ("n", "a", "a"), ("n", "a")],
    },
    "inside": {
        "s": [("m",), ("a",)],
        "m": [("n", "b"), ("b",), ("m", "n", "b"), ("m", "b")],
        "n": [("a",), ("n", "a")],
    },
    "itself first": {"s": [("m",), ()], "m": [("n",), ("m", "n")], "n": [("m", "a"), ("b",)]},
    "one way only": {"s": [("m",), ()], "m": [("b",), ("m", "a")]},
    "itself within": {"s": [("m",), ()], "m": [("b",), ("m", "b", "m"), ("m", "b")]},
    "itself last": {"s": [("m",), ()], "m": [("b",), ("b", "m")]},
    "empty": {"s": [("m",), ()], "m": [("n",), ("m", "n")], "n": [(), ("a",)]},
    "name taken": {"s": [("m",), (), ("m again",)], "m": [("b",), ("m", "b")], "m again": [("a",)]},
    "start": {"s": [("a",), ("s", "a")]},
}


def with_terminals(case):
    """Return the rules of a case, its letters as terminals."""
    return {
        rule: [tuple(LETTERS.get(symbol, symbol) for symbol in one) for one in alternatives]
        for rule, alternatives in case.items()
    }


def texts_of(rules, start):
    """Return the texts of up to ``LONGEST`` characters."""
    found = {name: set() for name in rules}

    def of_symbol(symbol):
        if isinstance(symbol, Star):
            return repeated(frozenset(found[symbol.name]))
        return {symbol.name} if isinstance(symbol, Terminal) else found[symbol]

    @cache
    def repeated(once):
        whole = {""}
        while True:
            more = whole | {a + b for a in whole for b in once if len(a + b) <= LONGEST}
            if more == whole:
                return whole
            whole = more

    while True:
        before = {name: len(one) for name, one in found.items()}
        for name, alternatives in rules.items():
            for alternative in alternatives:
                ways = itertools.product(*[of_symbol(symbol) for symbol in alternative])
                found[name] |= {text for way in ways if len(text := "".join(way)) <= LONGEST}
        if before == {name: len(one) for name, one in found.items()}:
            return found[start]


@pytest.mark.parametrize("name", CASES)
def test_folded_rules_derive_the_same_texts(name):
    """Whatever is repeated, wherever it may be left out."""
    rules = with_terminals(CASES[name])
    assert texts_of(fold_repetitions(rules), "s") == texts_of(rules, "s")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("optional", [("a", Star("m again"))]),
        ("needed", [("a", "m"), ("b",)]),
        ("twice", [(Star("m again"), "a", Star("m again"))]),
        ("two", [(Star("m again"), Star("n again"))]),
        ("one way only", [("m",), ()]),
        ("itself within", [("m",), ()]),
        ("itself first", [("m",), ()]),
        ("empty", [("m",), ()]),
        ("name taken", [("m again",), (Star("m again'"),)]),
    ],
)
def test_what_may_be_left_out_becomes_any_number(name, expected):
    """A rule with and without a repetition at one place has it there once; others stay as they are."""
    found = fold_repetitions(with_terminals(CASES[name]))["s"]
    assert [
        tuple(getattr(one, "name", one) if isinstance(one, Terminal) else one for one in way) for way in found
    ] == expected


ALIASES = {
    "chain": {"s": [("m", "a")], "m": [("n",)], "n": [("b",), ()]},
    "start": {"s": [("m",)], "m": [("s", "a"), ("b",)]},
    "circle": {"s": [("m",), ("a",)], "m": [("n",)], "n": [("m",)]},
    "repeated": {"s": [("a", Star("m"))], "m": [("n",)], "n": [("b",)]},
    "twice": {"s": [("m",), ("n",)], "m": [("n",)], "n": [("b", "m"), ("a",)]},
}


@pytest.mark.parametrize("name", ALIASES)
def test_rules_without_aliases_derive_the_same_texts(name):
    """A rule that is nothing but another is that one wherever it stands, unless a text begins there."""
    rules = with_terminals(ALIASES[name])
    left = drop_aliases(rules, "s")
    assert texts_of(left, "s") == texts_of(rules, "s")
    kept = [rule for rule, ways in left.items() if rule != "s" and len(ways) == len(ways[0]) == 1]
    assert all(isinstance(left[rule][0][0], Terminal) or name == "circle" for rule in kept)
