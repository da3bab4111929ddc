"""Lines and blocks: lark's Python grammar and a language of trees are read as lark's parser and indenter read them."""

from __future__ import annotations

import doctest
import itertools
import random
from pathlib import Path

import pytest
from lark.indenter import Indenter as LarkIndenter
from lark.indenter import PythonIndenter

from fsm.errors import GrammarError, UnsupportedFeatureError
from grammars import Indenter, lark
from grammars.lark.indenter import read_indenter
from tests.grammars.lark.earley import BYTES, complete, next_bytes, read
from tests.grammars.lark.lalr import accepts_lalr, break_lines, fits, library_texts, make_parser, read_python

TREE = r"""
start: (_NL | item)*
item: NAME ("(" NAME* ")")? _NL [_INDENT item+ _DEDENT]
NAME: "a"
_NL: /(\r?\n[\t ]*)+/
%ignore " "
%declare _INDENT _DEDENT
"""
LISTED = [
    *("x = 1\n", "x = 1", "", "\n", "  x = 1\n", "\n  x = 1\n", "# a", "# a\n", "x = 1 # a", "x = 1 # a\n"),
    *(
        "if x:\n  y\n",
        "if x:\n  y\n z\n",
        "if x:\ny\n",
        "if x: y\n",
        "if x:\n\ty\n        z\n",
        "if x:\n\n  y\n\n\n  z\n",
    ),
    *(
        "if x:\n  y\n# a\n  z\n",
        "if x:\n  y\n# a b",
        "if x:\n  y\n  ",
        "if x:\n  y\n    ",
        "def f():\n  return (1,\n2)\n",
    ),
    *(
        "try:\n  x\nfinally:\n  y\n",
        "try:\n  x\n",
        "if x:\n try:\n  y\n",
        "class A:\n  def f(self): pass\n\n  g = 1\nh\n",
    ),
    *(
        "x.if\n",
        "if = 1\n",
        "match = 1\n",
        "match (x)\n",
        "_ = 1\n",
        "isnot\n",
        "a isnot b\n",
        "1if x else 2\n",
        "0x\n",
    ),
    *(
        "f(\n",
        "f)\n",
        "f(]\n",
        "r'\\\\'\n",
        "''''a'''\n",
        "'''a\n'''\n",
        "'a\n",
        "x = \\\n 1\n",
        "x \\ \n",
        "1__0\n",
        "1e\n",
    ),
    *("match x:\n  case 1: y\n", "match x:\n  case _:\n    y\n", "a if b\n", "é = 1\n", "x = 'é'\n", "x;y;\n", "\tx\n"),
    *("if x:\r\n  y\r\n", "if x:\r  y\r", "lambda: (yield)\n", "async def f(): await x\n", "a = b = c\n", "a <> b\n"),
]


class TreeIndenter(LarkIndenter):
    """lark's own way to say how the trees are indented."""

    NL_type, INDENT_type, DEDENT_type, tab_len = "_NL", "_INDENT", "_DEDENT", 4
    OPEN_PAREN_types, CLOSE_PAREN_types = ["LPAR"], ["RPAR"]


@pytest.fixture(scope="module")
def tree():
    """Return the language of trees as lark's parser, and compiled."""
    return make_parser(TREE, postlex=TreeIndenter()), lark(TREE, indenter=TreeIndenter).compile(BYTES)


@pytest.mark.parametrize("text", LISTED)
def test_listed_python_is_judged_as_lark_judges_it(text):
    """Byte by byte; where a text dies, what came before can still be completed, and lark accepts that."""
    parser, compiled = read_python()
    died = read(compiled, text)
    assert (died is None) == accepts_lalr(parser, text)
    if died is not None:
        alive = text.encode()[:died]
        assert accepts_lalr(parser, complete(compiled, alive).decode())


@pytest.mark.parametrize("seed", range(4))
def test_standard_library_is_judged_as_lark_judges_it(seed):
    """Files as they are, and with a mistake in a line."""
    parser, compiled = read_python()
    random_ = random.Random(seed)
    for text in library_texts(random_, 6, 4000):
        for tried in (text, break_lines(random_, text), break_lines(random_, text)):
            assert fits(compiled, tried) == accepts_lalr(parser, tried), tried


@pytest.mark.parametrize("seed", range(6))
def test_random_walks_through_python_are_accepted(seed):
    """Any bytes that are allowed, then a short way to the end: lark accepts the text."""
    parser, compiled = read_python()
    random_ = random.Random(seed)
    matcher = compiled.matcher()
    for _ in range(random_.randrange(10, 60)):
        allowed = next_bytes(matcher)
        readable = [byte for byte in allowed if 32 <= byte < 127 or byte == 10]
        matcher.advance(random_.choice(readable or allowed) + 1)
    whole = complete(compiled, matcher.text())
    assert accepts_lalr(parser, whole.decode()), whole


def test_every_short_tree_is_judged_as_lark_judges_it(tree):
    """All texts of up to seven symbols."""
    parser, compiled = tree
    for size in range(8):
        for symbols in itertools.product("a\n ", repeat=size):
            text = "".join(symbols)
            assert fits(compiled, text) == accepts_lalr(parser, text), text


@pytest.mark.parametrize("seed", range(3))
def test_random_tree_is_judged_as_lark_judges_it(tree, seed):
    """Deep blocks, tabs, line ends in brackets, and mistakes in all of them."""
    parser, compiled = tree
    random_ = random.Random(seed)
    verdicts = set()
    for _ in range(150):
        widths, lines = [0], []
        for _ in range(random_.randrange(1, 9)):
            if lines and random_.random() < 0.4:
                widths.append(widths[-1] + random_.randint(1, 3))
            elif random_.random() < 0.5:
                del widths[random_.randint(1, len(widths)) :]
            width = widths[-1] + (random_.random() < 0.1)
            lines.append(
                ("\t" * (width // 4) + " " * (width % 4)) + random_.choice(["a", "a ( )", "a(a\n a\n)", "a\n  ", "a\r"])
            )
        text = "\n".join(lines) + random_.choice(["\n", "\n", ""])
        verdicts.add(accepts_lalr(parser, text))
        assert fits(compiled, text) == accepts_lalr(parser, text), text
        died = read(compiled, text)
        if died is not None:
            assert accepts_lalr(parser, complete(compiled, text.encode()[:died]).decode()), text
    assert verdicts == {True, False}


def test_depth_has_no_bound(tree):
    """Two hundred blocks inside each other, closed at once or level by level."""
    parser, compiled = tree
    down = "".join(" " * depth + "a\n" for depth in range(200))
    up = "".join(" " * depth + "a\n" for depth in reversed(range(200)))
    for text in (down, down + "a\n", down + up, down + " " * 120 + "a\n", f"{down}{' ' * 250}a\n"):
        assert fits(compiled, text)
        assert accepts_lalr(parser, text)
    assert not fits(compiled, "a\n   a\n  a\n")


def test_lines_indented_by_tabs_only():
    """Where a line end reads no spaces, blocks are as wide as tabs."""
    text = 'start: item+\nitem: "a" _NL [_I item+ _D]\n_NL: /\\n\\t*/\n%ignore " "\n%declare _I _D\n'
    compiled = lark(text, indenter=Indenter(newline="_NL", indent="_I", dedent="_D")).compile(BYTES)
    assert fits(compiled, "a\n\ta\n\t\ta\na\n")
    assert complete(compiled, b"a\n\ta") == b"a\n\ta\n"


def test_indenter_is_read_from_lark():
    """A class, an instance, or ours; what does more than count is refused."""

    class Special(PythonIndenter):
        def handle_NL(self, token):  # noqa: N802 # the name is lark's
            yield token

    assert read_indenter(PythonIndenter) == read_indenter(PythonIndenter())
    assert read_indenter(PythonIndenter).open_parens == ("LPAR", "LSQB", "LBRACE")
    with pytest.raises(UnsupportedFeatureError, match="handle_NL"):
        read_indenter(Special())
    with pytest.raises(GrammarError, match=r"expected a grammars\.lark\.Indenter"):
        lark(TREE, indenter="python")
    with pytest.raises(GrammarError, match="tab_len=0"):
        Indenter(newline="_NL", indent="_I", dedent="_D", tab_len=0)
    with pytest.raises(GrammarError, match="parser='lalr'"):
        lark(TREE, parser="earley", indenter=TreeIndenter)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"newline": "_EOL"}, '"_EOL" is used but not defined'),
        ({"dedent": "_OUT"}, 'the terminal "_DEDENT" is only declared'),
        ({"newline": "NAME"}, 'the terminal "NAME" ends lines'),
    ],
)
def test_indenter_that_does_not_fit_is_refused(changed, message):
    """Names that the grammar lacks, and a line end that ends no line."""
    names = {"newline": "_NL", "indent": "_INDENT", "dedent": "_DEDENT"} | changed
    with pytest.raises(GrammarError, match=message):
        lark(TREE, indenter=Indenter(**names))


def test_examples_of_the_documentation_hold():
    """What ``docs/lark.md`` shows."""
    page = Path(__file__).parents[3] / "docs" / "lark.md"
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 5
    assert not found.failed
