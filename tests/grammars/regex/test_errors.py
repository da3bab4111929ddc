"""Every row of the table of pattern problems is reached by its own examples."""

from __future__ import annotations

import pytest

from fsm.errors import LimitError
from grammars.regex import PROBLEMS, PatternError, UnsupportedPatternError, regex_dfa
from grammars.regex.compile import Dialect
from grammars.regex.parser import MAX_NESTING, MAX_PATTERN_SIZE

EXAMPLES = [
    pytest.param(name, *example, id=f"{name}-{example[1]}")
    for name, problem in PROBLEMS.items()
    for example in problem.examples
]


@pytest.mark.parametrize(("name", "dialect", "pattern", "column"), EXAMPLES)
def test_pattern_problem_is_reported_with_its_place(name: str, dialect: Dialect, pattern: str, column: int) -> None:
    """The message starts as the row says and puts a caret under the column."""
    problem = PROBLEMS[name]
    with pytest.raises(UnsupportedPatternError if problem.is_unsupported else PatternError) as caught:
        regex_dfa(pattern, dialect)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"regular expression, column {column}: {problem.message.partition('{')[0]}")
    assert lines[1] == f"  {pattern}"
    assert lines[2].index("^") == 2 + column - 1


def test_pattern_problem_shows_only_the_neighbourhood_of_long_patterns() -> None:
    """The caret stays under the right character."""
    with pytest.raises(PatternError) as caught:
        regex_dfa("a" * 500 + "(" + "b" * 500)
    _, shown, caret = str(caught.value).splitlines()
    assert shown[caret.index("^")] == "("


@pytest.mark.parametrize("pattern", ["(" * (MAX_NESTING + 1), "a" * (MAX_PATTERN_SIZE + 1)])
def test_pattern_beyond_a_limit_is_refused(pattern: str) -> None:
    """Limits are named."""
    with pytest.raises(LimitError, match="limit MAX_"):
        regex_dfa(pattern)


def test_unknown_dialect_is_refused() -> None:
    """The message lists the dialects there are."""
    with pytest.raises(ValueError, match=r'expected "python" or "ecma"'):
        regex_dfa("a", "perl")  # type: ignore[arg-type]
