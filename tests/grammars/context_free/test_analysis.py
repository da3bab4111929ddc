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


@pytest.mark.parametrize("name", CASES)
def test_ignored_runs_are_read_in_one_place_only_where_nothing_else_begins_so(name):
    """Ignored characters lead back to where they were met, and the same texts are accepted as by Earley."""
    terminal, ignored, is_run = CASES[name]
    text = f"{RULES}{terminal}\n%ignore {ignored}"
    grammar, parser = lark(text), reference.Lark(text, parser="earley")
    skipped = [number for number in range(len(grammar.analysis.terminals)) if grammar.analysis.ignored >> number & 1]
    assert any(grammar.analysis.is_run(number) for number in skipped) is is_run
    compiled = grammar.compile(BYTES)
    for size in range(6):
        for letters in itertools.product(
            "ab, c" if "kinds" in name else "ab é" if name == "wide" else "ab, ", repeat=size
        ):
            one = "".join(letters)
            assert (read(compiled, one) is None) is accepts(parser, one), one


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
    grammar, parser = lark(text), reference.Lark(text, parser="earley")
    terminals = grammar.analysis.terminals
    found = {grammar.analysis.is_settled(n) for n in range(len(terminals)) if terminals[n].name == "A"}
    assert is_settled is None or found == {is_settled}
    compiled = grammar.compile(BYTES)
    for size in range(6):
        for letters in itertools.product("12,x", repeat=size):
            one = "".join(letters)
            assert (read(compiled, one) is None) is accepts(parser, one), one


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
    compiled, parser = lark(text).compile(BYTES), reference.Lark(text, parser="earley")
    for size in range(5):
        for letters in itertools.product("abéèê ", repeat=size):
            one = "".join(letters)
            assert (read(compiled, one) is None) is accepts(parser, one), one
