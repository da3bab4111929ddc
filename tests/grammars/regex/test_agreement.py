"""Compare `regex_dfa` with Python's ``re``, text by text."""

from __future__ import annotations

import random
import re
import warnings

import pytest

from fsm.dfa import is_empty
from fsm.errors import GrammarError, LimitError, UnsupportedFeatureError
from grammars.regex import regex_dfa
from grammars.regex.compile import Dialect
from tests.reference.regex_samples import draw_pattern, iterate_plain_patterns, iterate_texts

TEXTS = [*iterate_texts("ab", 5), *iterate_texts("ab\n ", 3)]

NOTATION = [
    *"aab()[]{}|*+?^$.-,01",
    *("(?:", "(?=", "(?!", "(?<=", "(?<!", "(?P<n>", "(?i)", "(?i:", "(?-i:", "(?s:", "(?a)", "(?u:", "(?>"),
    *(r"\d", r"\w", r"\b", r"\A", r"\Z", r"\x41", r"\u0041", r"\0", r"\07", r"\123", r"\1", r"\N{BULLET}"),
    *("[^", "a-b", "{1,2}", "{,2}", "{2}", "*+", "++", " ", "#", "\n"),
]
NOTATION_TEXTS = [
    "",
    "a",
    "ab",
    "aa",
    "b",
    "aB",
    "{",
    "a{",
    "1",
    "0",
    "\n",
    "a\n",
    "-",
    "]",
    "aab",
    "\0",
    "\u2022",
    ",",
    " ",
]


def find_difference(pattern: str, texts: list[str]) -> str | None:
    """Return a text on which ``re`` and the automaton differ."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = re.compile(pattern)
    full, search = regex_dfa(pattern), regex_dfa(pattern, search=True)
    for text in texts:
        if full.accepts(text) is not (oracle.fullmatch(text) is not None):
            return f"{pattern!r} fullmatch {text!r}"
        if search.accepts(text) is not (oracle.search(text) is not None):
            return f"{pattern!r} search {text!r}"
    return None


def compile_or_none(pattern: str) -> re.Pattern[str] | None:
    """Return what ``re`` makes of a random pattern, None where it refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(pattern)
        except re.error:
            return None


@pytest.mark.parametrize("num_operators", [0, 1, 2, 3])
def test_regex_dfa_agrees_with_re_on_every_small_pattern(num_operators: int) -> None:
    """Every pattern of up to 3 operators over {a, b} matches the same texts of up to 5 symbols."""
    texts = list(iterate_texts("ab", 5))
    differences = [find_difference(pattern, texts) for pattern in iterate_plain_patterns(num_operators)]
    assert [difference for difference in differences if difference] == []


@pytest.mark.parametrize("dialect", ["python", "ecma"])
def test_groups_that_come_again_mean_what_they_meant(dialect: Dialect) -> None:
    """Long groups written twice, under other flags, next to possessive and lazy repetitions, nested, and words."""
    first, other = "(?:alpha|bet|gamma|a.c)", "(?:alpha|bet|gamma|a.d)"
    patterns = [
        f"{first}(?:,{first})*", f"{first}{other}{first}?", f"({first}x?{first})+y", f"(?:{first}{{2}}|{other}{first})",
        f"(?:(?:{first};)*{first})(?:(?:{first};)*{first})",
        "(?:alpha|beta|gamma|delta|x*)(?:alpha|beta|gamma|delta|y)",
        "one|two|three|four|five|six*|sevens?", "(?:one|two|three|four|)(?:one|two|three|four|)",
    ]  # fmt: skip
    if dialect == "python":
        patterns += [f"{first}(?i:{first}){first}", "(?:(?:abc|xyz|ade){1,2}+|(?:abc|xyz|ade)x*+)(?:abc|xyz|ade)"]
    parts = [
        "alpha",
        "bet",
        "gamma",
        "a-c",
        "abc",
        "xyz",
        "ade",
        "a-d",
        ",",
        ";",
        "x",
        "xx",
        "y",
        "AlphA",
        "one",
        "four",
        "six",
        "seven",
    ]
    source = random.Random(3)
    texts = ["".join(source.choices(parts, k=source.randint(0, 4))) for _ in range(600)]
    for pattern in patterns:
        dfa = regex_dfa(pattern, dialect)
        reads = re.compile(pattern).fullmatch
        assert [text for text in texts if dfa.accepts(text) is not bool(reads(text))] == [], pattern
    nested = "(?:abcdefghijklmnopqrstuvw"
    deep = "(?:" * 95 + nested + ")" * 96
    with pytest.raises(LimitError):
        regex_dfa("(?:" * 90 + deep + deep + ")" * 90, dialect)
    assert regex_dfa(deep + deep, dialect).accepts("abcdefghijklmnopqrstuvw" * 2)


def check_random_pairs(seed: int, num_pairs: int) -> None:
    """Compare ``num_pairs`` random pairs of pattern and text, 20 texts for each pattern."""
    source = random.Random(seed)
    compared = 0
    while compared < num_pairs:
        pattern = draw_pattern(source, source.randint(1, 4))
        if compile_or_none(pattern) is not None:
            assert find_difference(pattern, source.sample(TEXTS, 20)) is None
            compared += 20


def test_regex_dfa_agrees_with_re_on_random_pairs() -> None:
    """Anchors, boundaries and look-arounds anywhere mean what they mean in ``re``."""
    check_random_pairs(seed=20, num_pairs=10_000)


@pytest.mark.slow
def test_regex_dfa_agrees_with_re_on_100000_random_pairs() -> None:
    """The same, at the size the project promises."""
    check_random_pairs(seed=100, num_pairs=100_000)


def test_regex_dfa_agrees_with_re_on_the_tests_of_python_itself() -> None:
    """CPython's own table of patterns and texts, back-references left out."""
    rows = pytest.importorskip("test.re_tests").tests
    compared = 0
    for pattern, text, *_ in rows:
        try:
            difference = find_difference(pattern, [text]) if compile_or_none(pattern) else None
        except UnsupportedFeatureError:
            continue
        assert difference is None
        compared += 1
    assert compared > 300


def test_regex_dfa_refuses_what_re_refuses() -> None:
    """Random strings of notation are read by both or by neither, and then mean the same."""
    source = random.Random(11)
    for _ in range(6000):
        pattern = "".join(source.choices(NOTATION, k=source.randint(1, 6)))
        try:
            regex_dfa(pattern)
        except UnsupportedFeatureError:
            continue
        except GrammarError:
            assert compile_or_none(pattern) is None, pattern
            continue
        if compile_or_none(pattern) is None:
            assert "(?<" in pattern  # look-behinds of any width are read here
        else:
            assert find_difference(pattern, NOTATION_TEXTS) is None


def test_regex_dfa_edges_lead_to_live_states() -> None:
    """No state that an edge leads to is a dead end: a shortest way out exists and has the length promised."""
    source = random.Random(3)
    for _ in range(300):
        pattern = draw_pattern(source, 3)
        if compile_or_none(pattern) is None:
            continue
        dfa = regex_dfa(pattern, search=True)
        if is_empty(dfa):
            continue
        state = dfa.start
        for _ in range(6):
            rest = dfa.shortest(state)
            targets = [edge[2] for edge in dfa.edges(state)]
            assert (rest == 0) is dfa.is_accepting(state)
            assert rest == 0 or min(map(dfa.shortest, targets)) == rest - 1
            longest = dfa.longest(state)
            assert longest is None or longest == max((1 + (dfa.longest(target) or 0) for target in targets), default=0)
            if not targets:
                break
            state = source.choice(targets)
