"""Run the outside regex suite (rust-lang/regex) wherever its semantics and Python's coincide."""

from __future__ import annotations

import re
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest

from fsm.errors import GrammarError
from grammars.regex import regex_dfa

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

MIN_COMPARED = 185
TRANSLATIONS = [(r"\(\?-u\)", "(?a)"), (r"\(\?i-u\)", "(?ia)"), (r"\\([pP])([A-Z])", r"\\\1{\2}"), (r"\\z", r"\\Z")]


def iterate_cases(directory: Path) -> list[tuple[str, str, str, bool]]:
    """Return (name, pattern, text, whether the pattern matches somewhere) for every case of one text pattern."""
    cases: list[tuple[str, str, str, bool]] = []
    for path in sorted(directory.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8")).get("test", []):
            read = read_case(case)
            if read is not None:
                cases.append((f"{path.stem}/{case['name']}", *read))
    return cases


def read_case(case: dict[str, Any]) -> tuple[str, str, bool] | None:
    """Return one case; None for sets of patterns, parts of texts, bytes, and patterns that must not compile."""
    others = ("bounds", "line-terminator")
    is_text = case.get("unicode", True) and case.get("utf8", True) and not case.get("unescape", False)
    if not isinstance(case["regex"], str) or not is_text or any(key in case for key in others):
        return None
    if not case.get("compiles", True) or case.get("anchored", False):
        return None
    pattern = case["regex"]
    for rust, python in TRANSLATIONS:
        pattern = re.sub(rust, python, pattern)
    return (f"(?i){pattern}" if case.get("case-insensitive") else pattern), case["haystack"], bool(case["matches"])


def find_with_re(pattern: str, text: str) -> bool | None:
    """Return whether ``re`` finds the pattern; None where it cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.search(pattern, text) is not None
    except (re.error, FutureWarning, DeprecationWarning, OverflowError):
        return None


def find_with_dfa(pattern: str, text: str) -> bool | None:
    """Return whether the automaton finds the pattern; None where the dialect has no such notation."""
    try:
        return regex_dfa(pattern, search=True).accepts(text)
    except GrammarError:
        return None


def test_regex_dfa_agrees_with_the_regex_suite(data_directory: Path) -> None:
    """The automaton agrees with the suite wherever ``re`` does, and on Unicode properties, which ``re`` lacks."""
    compared = 0
    wrong: list[str] = []
    for name, pattern, text, is_found in iterate_cases(data_directory / "regex-suite"):
        by_re, by_dfa = find_with_re(pattern, text), find_with_dfa(pattern, text)
        if by_dfa is None or by_re is not (is_found if by_re is not None else None):
            continue
        compared += 1
        if by_dfa is not is_found:
            wrong.append(f"{name}: {pattern!r} searched in {text!r}")
        if by_re is not None and regex_dfa(pattern).accepts(text) is not (re.fullmatch(pattern, text) is not None):
            wrong.append(f"{name}: {pattern!r} against all of {text!r}")
    assert wrong == []
    assert compared >= MIN_COMPARED


def test_patterns_of_the_suite_that_re_reads_are_read(data_directory: Path) -> None:
    """Nothing that ``re`` compiles is refused, but for what is not regular."""
    for name, pattern, text, _ in iterate_cases(data_directory / "regex-suite"):
        if find_with_re(pattern, text) is not None:
            try:
                regex_dfa(pattern)
            except GrammarError as error:
                pytest.fail(f"{name}: {error}")
