"""What the analysis promises of terminals holds for the texts that are accepted."""

from __future__ import annotations

import itertools

import lark as reference
import pytest

from grammars import lark
from tests.grammars.lark.earley import BYTES, accepts, read

RULES = 'start: A (B | "," A)*\nA: /a+/\n'
CASES = {
    "spaces": ("B: /b/", "/ +/", True),
    "one space at a time": ("B: /b/", '" "', False),
    "begins with a space": ("B: / b/", "/ +/", False),
    "two kinds": ("B: /b/", "/ +/\n%ignore /c+/", True),
    "two kinds of spaces": ("B: /b/", "/ +/\n%ignore /[ c]+/", False),
    "at least two": ("B: /b/", "/  +/", False),
    "lazy": ("B: /b/", "/ +?/", False),
    "wide": ("B: /b/", "/[ é]+/", True),
}


def assert_read_as_by_earley(text, letters, *, longest):
    """Read every text of some letters, up to a length, and ask Earley's parser as well."""
    compiled, parser = lark(text).compile(BYTES), reference.Lark(text, parser="earley")
    for size in range(longest + 1):
        for one in map("".join, itertools.product(letters, repeat=size)):
            assert (read(compiled, one) is None) is accepts(parser, one), one


@pytest.mark.parametrize("name", CASES)
def test_ignored_runs_are_read_in_one_place_only_where_nothing_else_begins_so(name):
    """Ignored characters lead back to where they were met, and the same texts are accepted as by Earley."""
    terminal, ignored, is_run = CASES[name]
    text = f"{RULES}{terminal}\n%ignore {ignored}"
    grammar = lark(text)
    skipped = [number for number in range(len(grammar.analysis.terminals)) if grammar.analysis.ignored >> number & 1]
    assert any(grammar.analysis.is_run(number) for number in skipped) is is_run
    letters = {"two kinds": "ab, c", "two kinds of spaces": "ab, c", "wide": "ab é"}.get(name, "ab, ")
    assert_read_as_by_earley(text, letters, longest=5)


SETTLED = {
    "cannot read on": ("[0-9]+", '"," | "x"', True),
    "may read on": ("[0-9]+", "/[0-9]/", None),
    "may read on and come back": ("1(21)?", '"2"', None),
    "looks ahead": ("[0-9]+(?!x)", '","', False),
}


@pytest.mark.parametrize("name", SETTLED)
def test_terminals_end_where_earley_ends_them(name):
    """A number before a comma ends there without being asked; else what it says is asked, or carried by the rules."""
    pattern, follow, is_settled = SETTLED[name]
    text = f"start: A ({follow})*\nA: /{pattern}/"
    grammar = lark(text)
    terminals = grammar.analysis.terminals
    found = {grammar.analysis.is_settled(n) for n in range(len(terminals)) if terminals[n].name == "A"}
    assert is_settled is None or found == {is_settled}
    assert_read_as_by_earley(text, "12,x", longest=5)


SHARED_FIRST_BYTES = {
    "ignored and asked for": ('start: "é"', ["/è+/", "/é+/"]),
    "ignored by one, forbidden to the other": ('start: A "b"\nA: /b(?=é)/', ["/[é日]+/", "/[è]+/"]),
    "the same terminal ignored and asked for": ('start: (("b")~2 | ("é")+) | C\nC: /è/', ["/[ é]+/", '"é"']),
    "carried by the rules": ('start: C A "é" | B\nA: /é+/\nB: /[^ab]+/\nC: /a(ba)*/', ["/[è]+/"]),
    "one after the other": ("start: A B\nA: /é+/\nB: /è/", ["/[ê]+/"]),
}


@pytest.mark.parametrize("name", SHARED_FIRST_BYTES)
def test_characters_that_begin_with_the_same_byte_are_told_apart(name):
    """Where one of them may follow and another must not, the first byte does not say which it is."""
    rules, ignored = SHARED_FIRST_BYTES[name]
    text = rules + "".join(f"\n%ignore {one}" for one in ignored)
    assert_read_as_by_earley(text, "abéèê ", longest=4)
