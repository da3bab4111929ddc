"""What lark brings along reads as lark reads it: terminals, the expressions of Python, and its grammar of grammars."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

import lark as reference
import pytest

from grammars import lark
from tests.grammars.lark.earley import BYTES, accepts, complete, mutate, next_bytes, read

FOLDER = Path(reference.__file__).parent / "grammars"
TERMINALS = re.findall(r"(?m)^([A-Z][A-Z_]*)\s*:", (FOLDER / "common.lark").read_text(encoding="utf-8"))
SAMPLES = [
    *("1", "12", "-1", "+3.5", "1.5e-3", "1.", ".5", "1e5", "0x", "a", "aB", "Z", "a_1", "_", "f", "F0", "9"),
    *('"a"', '"a\\"b"', '"a" b"', '"', '""', '"\\\\"', " ", "\t \n", "\r\n", "\r", "\n\n", "# c", "// c\n", "/* c */"),
    *("/* a */ */", "-- x", "é", "", "ab cd", "1 2"),
]
EXPRESSIONS = [
    *("a + b * c ** -d", "f(x, *y, k=1)[2:3].z", "lambda x: x if y else (1, 2)", "[i for i in j if k]", "not a in b"),
    *(
        "'a' \"b\"",
        "{1: 2, **c}",
        "0x1F + 1_0.5e3j",
        "a if b",
        "f(",
        "x..y",
        "1 2",
        "await x",
        "'''a\n'b'''",
        "r'\\\\'",
    ),
    *("isnot", "a isnot b", "a is not b", "1if x else 2", '"a""', ""),
]


@pytest.mark.parametrize("name", TERMINALS)
def test_common_terminal_is_judged_as_earley_judges_it(name):
    """Alone, on samples of everything."""
    text = f"start: {name}\n%import common.{name}\n"
    parser, compiled = reference.Lark(text, parser="earley"), lark(text).compile(BYTES)
    for sample in SAMPLES:
        assert (read(compiled, sample) is None) == accepts(parser, sample), sample


def test_expressions_of_python_are_judged_as_earley_judges_them():
    """The rule ``test`` of python.lark with all it needs, imported."""
    text = 'start: test\n%import python.test\n%ignore " "\n'
    parser, compiled = reference.Lark(text, parser="earley"), lark(text).compile(BYTES)
    for sample in EXPRESSIONS:
        assert (read(compiled, sample) is None) == accepts(parser, sample), sample


@cache
def read_grammar_of_grammars():
    """Return ``lark.lark`` as Earley's parser and compiled."""
    path = FOLDER / "lark.lark"
    text = path.read_text(encoding="utf-8")
    return reference.Lark(text, parser="earley", ambiguity="forest", source_path=str(path)), lark(path).compile(BYTES)


def judge(parser, text):
    """Return Earley's verdict, None where its own check of a forest fails."""
    try:
        return accepts(parser, text)
    except (RuntimeError, AssertionError):
        return None


@pytest.mark.parametrize("name", ["common", "lark", "python", "unicode"])
def test_bundled_grammar_is_a_grammar(name):
    """As the grammar of grammars has it, itself included, with few ways to read it side by side."""
    _, compiled = read_grammar_of_grammars()
    matcher = compiled.matcher()
    for byte in (FOLDER / f"{name}.lark").read_bytes():
        matcher.advance(byte + 1)
        assert len(matcher._position.configurations) <= 4
    assert matcher.is_accepting


@pytest.mark.parametrize("seed", range(3))
def test_pieces_of_grammars_are_judged_as_earley_judges_them(seed):
    """Some lines of what lark brings along, with small mistakes; where they die, they could have been completed."""
    parser, compiled = read_grammar_of_grammars()
    random_ = random.Random(seed)
    lines = "\n".join([path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.lark"))]).split("\n")
    verdicts = set()
    while len(verdicts) < 2 or random_.random() < 0.9:
        place = random_.randrange(len(lines))
        text = "\n".join(lines[place : place + random_.randint(1, 3)])[:120]
        for tried in (text, mutate(random_, text)) if text else ("",):
            verdict, died = judge(parser, tried), read(compiled, tried)
            if verdict is None:
                continue
            verdicts.add(verdict)
            assert (died is None) == verdict, tried
            if died is not None and died < 60:
                assert judge(parser, complete(compiled, tried.encode()[:died]).decode()) is not False, tried


@pytest.mark.parametrize("seed", range(3))
def test_random_grammars_are_grammars(seed):
    """Any bytes that are allowed, then a short way to the end: Earley accepts the text."""
    parser, compiled = read_grammar_of_grammars()
    random_ = random.Random(seed)
    matcher = compiled.matcher()
    for _ in range(random_.randrange(5, 40)):
        allowed = next_bytes(matcher)
        readable = [byte for byte in allowed if 32 <= byte < 127 or byte == 10]
        matcher.advance(random_.choice(readable or allowed) + 1)
    whole = complete(compiled, matcher.text())
    assert judge(parser, whole.decode()) is not False, whole


@pytest.mark.parametrize(
    ("file", "name", "more"),
    [
        ("unicode", "WS_INLINE", ["\xa0", " \xa0\t"]),
        ("unicode", "WS", ["\xa0\r\n\f", "\u2003"]),
        ("python", "NAME", ["é", "ß1", "1a", "a b"]),
        ("python", "COMMENT", ["# é", "#", "#\n"]),
        ("python", "STRING", ["rb'a'", "u'a'", "bu'a'", 'F"{x}"', "'a\nb'", "''", "'''", "''''''"]),
        ("python", "LONG_STRING", ["'''a\nb'''", 'r"""\\""""', "'''a''"]),
        ("python", "DEC_NUMBER", ["0_0", "00", "01", "1__0", "1_", "12_3"]),
        ("python", "FLOAT_NUMBER", ["1.e5", ".5_0", "1_0.0", "1e_5", "."]),
        ("python", "IMAG_NUMBER", ["1J", "1.j", "1e5j", "j"]),
        ("python", "_NEWLINE", ["\n  # a\n", "# a", "\r\n\t", "\n a"]),
        ("lark", "RULE", ["!a", "?_a1", "__a", "a!", "A"]),
        ("lark", "REGEXP", ["/a/", "//", "/a\\/b/ims", "/a/q", "/\\\\/x", "/[/]/"]),
        ("lark", "OP", ["?", "?a", "+", "**"]),
        ("lark", "_NL", ["\n \n ", "\n\t", " \n"]),
    ],
)
def test_imported_terminal_is_judged_as_earley_judges_it(file, name, more):
    """Terminals of the other grammars, imported and alone."""
    text = f"start: {name}\n%import {file}.{name}\n"
    parser, compiled = reference.Lark(text, parser="earley"), lark(text).compile(BYTES)
    for sample in SAMPLES + more:
        assert (read(compiled, sample) is None) == accepts(parser, sample), sample
