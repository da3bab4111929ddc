"""What is read without ``lark`` is what ``lark`` compiles it to; what it might refuse is left to it."""

from __future__ import annotations

import importlib
import random
from typing import Any

import pytest

from grammars.lark.plain_notation import read_plain
from tests.grammars.lark.earley import DATA
from tests.grammars.lark.test_random_grammars import make_grammar

reading = importlib.import_module("grammars.lark.reading")  # the package's name for it is that of its function

PLAIN = [
    'start: "a" b? -> first\n    | b+ "x"i // why\n\n?b.2: (A | "b" "c")* # why not\nA: /x+/i\n%ignore A\n%ignore / /',
    '!start: ["a" [b]] "," ~ 2..3 b~2\nb: "0".."9" | "while" | "=" "=" |\n',
    'start: WORD ("," WORD)* | SIGNED_NUMBER\n%import common.WORD\n%import common.SIGNED_NUMBER\n%ignore /#[^\\n]*/',
    "start: _inner _inner\n_inner: NUM | start\n%import common.NUMBER -> NUM\n",
    'start: x ("a" | "b" | )+ (x | (x))* (x)+\nx: "\\n" | "\\\\" | "\\u00e9" | /\\//\nunused: x',
    "start: A\n\n    | A A\nA: /a/\n",
    'start: A "a" /a/ /b/ /b/i "b"\nA: "a"\nB: /b/\n',
]
LEFT = [
    'start: pair{"a"}\npair{x}: x x',
    "start: A\nA: B B\nB: /b/",
    'start: ("a" -> x)',
    "start: [A] [A]\nA: /a/",
    "start: a\n",
    "start: A\n%declare A",
    "start: A\nA: /a/\nA: /b/",
    'start: ""',
    "start: common__x\n%import common.x",
    'other: "a"',
    'start: "a"~3..2',
    'start: "a"~60',
    "start: A?b\nA: /a/",
    "start: A -> x | A -> y\nA: /a/",
    '_x: "a" -> y\nstart: _x',
    'start: "a" \\\n "b"',
    'start: "a"\n// why\n| "b"',
]


def describe(
    terms: list[Any], rules: list[Any], ignored: list[str]
) -> tuple[list[tuple[str, list[tuple[object, ...]]]], list[object], list[object]]:
    """Return the rules in the order of their use, names that nobody gave counted, and terminals as patterns."""
    patterns: dict[str, object] = {
        term.name: (type(term.pattern).__name__, term.pattern.value, tuple(sorted(term.pattern.flags)))
        for term in terms
    }
    alternatives: dict[str, list[Any]] = {}
    for rule in rules:
        alternatives.setdefault(str(rule.origin.name), []).append(rule.expansion)
    names = {"start": "start"}
    for name in (order := ["start"]):
        for symbol in (symbol for expansion in alternatives[name] for symbol in expansion if not symbol.is_term):
            if symbol.name not in names:
                order.append(str(symbol.name))
                names[symbol.name] = f"made {len(names)}" if symbol.name.startswith("__") else str(symbol.name)
    listed = [
        (
            names[name],
            [tuple([patterns[one.name] if one.is_term else names[one.name] for one in way]) for way in ways],
        )
        for name, ways in ((name, alternatives[name]) for name in order)
    ]
    return listed, [patterns[name] for name in ignored], sorted(patterns.values(), key=repr)


def check(text: str) -> bool:
    """Tell whether the text was read; compare."""
    found = read_plain(text, "start", reading._common_pattern)
    if found is not None:
        assert describe(*found) == describe(*reading.load_rules(text, "start", "<string>", ())), text
    return found is not None


@pytest.mark.parametrize("text", PLAIN)
def test_plain_notation_is_read_as_lark_reads_it(text):
    """Every construct, alone and nested."""
    assert check(text)


def test_random_grammars_are_read_as_lark_reads_them():
    """Nearly all of them are, and none differently."""
    assert sum(check(make_grammar(random.Random(seed))) for seed in range(300)) > 280


def test_grammars_of_the_test_data_are_read_as_lark_reads_them():
    """Whichever are read."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(DATA.glob("*.lark"))]
    assert sum(map(check, texts)) >= 1


@pytest.mark.parametrize("text", LEFT)
def test_what_lark_may_refuse_is_left_to_it(text):
    """Templates, terminals made of others, whatever is not defined, is defined twice, or stands for two things."""
    assert read_plain(text, "start", reading._common_pattern) is None


def test_common_terminals_are_left_to_lark_where_others_may_be_meant():
    """Folders to look in come before its own grammars."""
    assert read_plain("start: WORD\n%import common.WORD", "start", None) is None
