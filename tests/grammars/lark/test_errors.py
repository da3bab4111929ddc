"""Every row of the table of problems is raised for its examples, at its place, with a caret."""

from __future__ import annotations

import pytest

from fsm.errors import GrammarError, UnsatisfiableError, UnsupportedFeatureError
from grammars import lark
from grammars.lark.errors import PROBLEMS

CASES = [(name, *example) for name, problem in PROBLEMS.items() for example in problem.examples]


@pytest.mark.parametrize(("name", "text", "line", "column"), CASES)
def test_problem_is_reported_at_its_place(name, text, line, column):
    """Line, column and caret point at the problem, and the message is the row's."""
    problem = PROBLEMS[name]
    with pytest.raises(GrammarError) as caught:
        lark(text, parser=problem.parser)
    assert caught.value.where == f"lark grammar, line {line}, column {column}"
    first, shown, caret = caught.value.message.rsplit("\n", 2)
    for part in problem.message.replace("{detail}", "{got}").split("{got}"):
        assert part in first
    assert caret == " " * (column + 1) + "^"
    assert shown[2:] == text.split("\n")[line - 1][:120]
    assert isinstance(caught.value, UnsupportedFeatureError) is problem.is_unsupported


@pytest.mark.parametrize("text", ['start: "a" start', "start: A A\nA: /a+/", "start: x\nx: y\ny: x"])
def test_grammar_without_a_text_is_refused(text):
    """Rules that never end, and terminals that cannot stand side by side, are found when the grammar is read."""
    with pytest.raises(UnsatisfiableError, match="no text can ever be complete"):
        lark(text)


def test_file_is_looked_for_where_imports_are(tmp_path):
    """In the folders given, then among lark's own grammars."""
    (tmp_path / "mine.lark").write_text('start: "a"', encoding="utf-8")
    assert lark("mine.lark", import_paths=[tmp_path]).shortest() == "a"
    with pytest.raises(GrammarError, match='no rule "start"'):
        lark("common.lark")


def test_missing_file_is_reported(tmp_path):
    """A path that cannot be read says so."""
    with pytest.raises(GrammarError, match="cannot read"):
        lark(tmp_path / "none.lark")
