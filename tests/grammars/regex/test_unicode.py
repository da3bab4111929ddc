"""Symbol sets, letter case and properties, code point by code point."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from fsm.automata.ranges import Ranges
from grammars.regex import regex_dfa
from grammars.regex.letter_case import close_under_case
from grammars.regex.properties import find_property
from grammars.regex.symbol_sets import find_named_set

EVERYTHING = "".join(map(chr, range(sys.maxunicode + 1)))


def expand(ranges: Ranges) -> set[int]:
    """Return the code points of ``ranges``."""
    return {code for first, last in ranges for code in range(first, last + 1)}


@pytest.mark.parametrize("letter", list("dDwWsS"))
@pytest.mark.parametrize("is_ascii", [False, True])
def test_named_sets_of_python_are_those_of_re(letter: str, *, is_ascii: bool) -> None:
    """Over all code points."""
    flags = re.ASCII if is_ascii else re.NOFLAG
    expected = {ord(symbol) for symbol in re.findall(f"\\{letter}", EVERYTHING, flags)}
    assert expand(find_named_set(letter, is_ecma=False, is_ascii=is_ascii)) == expected


def test_letter_case_of_python_is_that_of_re() -> None:
    """Every cased symbol has exactly the variants that ``re.IGNORECASE`` gives it."""
    cased = [s for s in EVERYTHING if not "\ud800" <= s <= "\udfff" and (s.lower() != s or s.upper() != s)]
    text = "".join(cased)
    for symbol in cased:
        expected = {ord(found) for found in re.findall(re.escape(symbol), text, re.IGNORECASE)}
        assert expand(close_under_case(((ord(symbol), ord(symbol)),), is_ecma=False)) == expected


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("(?i)straße", ["STRAßE", "straẞe"], ["strasse"]),
        ("(?i)k", ["k", "K", "\u212a"], ["x"]),
        ("(?ia)k", ["k", "K"], ["\u212a"]),
        ("(?i)[^a]", ["b"], ["a", "A"]),
        ("(?i)[a-c]x", ["Bx", "bX"], ["dx"]),
        ("a(?i:b)c", ["abc", "aBc"], ["ABc", "abC"]),
        ("(?i)a(?-i:b)c", ["AbC"], ["ABC"]),
        (r"(?i)\W", ["\u0345"], ["\u03b9"]),
    ],
)
def test_case_flags_reach_as_far_as_their_group(pattern: str, matching: list[str], other: list[str]) -> None:
    """Scoped and whole-pattern flags mean what ``re`` says."""
    dfa = regex_dfa(pattern)
    for text in [*matching, *other]:
        assert dfa.accepts(text) is (text in matching) is (re.fullmatch(pattern, text) is not None)


def test_categories_are_those_of_the_character_database() -> None:
    """Short names, long names, and groups of categories."""
    for name, expected in [("Lu", {"Lu"}), ("L", {"Lu", "Ll", "Lt", "Lm", "Lo"}), ("Cased_Letter", {"Lu", "Ll", "Lt"})]:
        found = find_property(name)
        assert found is not None
        assert expand(found) == {ord(symbol) for symbol in EVERYTHING if unicodedata.category(symbol) in expected}
    assert find_property("gc=Uppercase_Letter") == find_property("General_Category=Lu") == find_property("Lu")


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("Script=Latin", "aé", "α1"),
        ("sc=Grek", "αΩ", "a"),
        ("Script_Extensions=Hira", "あー", "ア"),
        ("Alphabetic", "aあ", "1 "),
        ("Emoji", "😀1", "a"),
        ("White_Space", " \u0085", "a"),
        ("Any", "a\U0010ffff", ""),
    ],
)
def test_scripts_and_binary_properties_are_known(name: str, inside: str, outside: str) -> None:
    """By long and short names."""
    found = find_property(name)
    assert found is not None
    codes = expand(found)
    assert all(ord(symbol) in codes for symbol in inside)
    assert not any(ord(symbol) in codes for symbol in outside)


@pytest.mark.parametrize("name", ["", "Nonsense", "Script=Nonsense", "Foo=Lu", "lu", "Script"])
def test_unknown_properties_are_not_found(name: str) -> None:
    """Names are exact, as in ECMA-262."""
    assert find_property(name) is None
