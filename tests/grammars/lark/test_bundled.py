"""What lark brings along reads as lark reads it: every common terminal, and the expressions of its Python grammar."""

from __future__ import annotations

import re
from pathlib import Path

import lark as reference
import pytest

from grammars import lark
from tests.grammars.lark.earley import BYTES, accepts, read

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
