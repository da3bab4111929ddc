"""Check the ECMA dialect against rows that V8 confirmed, and what it leniently reads besides."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from grammars.regex import PatternError, regex_dfa

CASES = tomllib.loads(
    (Path(__file__).parents[2] / "data" / "regex_ecma.toml").read_text(encoding="utf-8"),
)["case"]
PATTERNS = [case["pattern"] for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=PATTERNS)
def test_ecma_pattern_is_found_where_v8_finds_it(case: dict[str, list[str]]) -> None:
    """Classes, escapes, anchors and looks have ECMA's meaning."""
    dfa = regex_dfa(str(case["pattern"]), "ecma", search=True)
    assert [text for text in case["found"] if not dfa.accepts(text)] == []
    assert [text for text in case["absent"] if dfa.accepts(text)] == []


def test_ecma_rows_agree_with_v8_itself() -> None:
    """Where Node is installed, it confirms the rows again."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    script = (
        "const cases = JSON.parse(require('fs').readFileSync(0));"
        "const run = c => [...c.found, ...c.absent].map(t => RegExp(c.pattern, 'u').test(t));"
        "console.log(JSON.stringify(cases.map(run)))"
    )
    answer = subprocess.run([node, "-e", script], input=json.dumps(CASES), capture_output=True, text=True, check=True)
    expected = [[True] * len(case["found"]) + [False] * len(case["absent"]) for case in CASES]
    assert json.loads(answer.stdout) == expected


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^{a}$", "{a}"),
        ("^\\-\\_\\:$", "-_:"),
        ("^[\\w-.]$", "-"),
        ("(?i)^ab$", "AB"),
        ("^a{,}$", "a{,}"),
        ("^]$", "]"),
    ],
)
def test_ecma_reads_what_annex_b_reads_where_it_is_harmless(pattern: str, text: str) -> None:
    """Patterns of real schemas that the u flag refuses, but that can mean only one thing."""
    assert regex_dfa(pattern, "ecma", search=True).accepts(text)


@pytest.mark.parametrize("pattern", ["^a\\Z", "\\Aa", "a*+", "(?>a)", "a{,5}", "(?P<n>a)", "\\a", "(?#x)"])
def test_ecma_refuses_notations_of_other_dialects(pattern: str) -> None:
    """They would mean something else than their author thought."""
    with pytest.raises(PatternError):
        regex_dfa(pattern, "ecma")
