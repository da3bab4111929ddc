"""Grammars that ask for too much are served, or refused by name, in time and in little memory: nothing hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.strategies.hostile import CASES, LIMIT

MAX_MEGABYTES = 500
NAMED = ("LimitError", "UnsupportedFeatureError", "UnsatisfiableError", "GrammarError")

# What must be served, so that no limit is set where there is a way.
SERVED = {
    "regex": [
        "same_choice", "nested_stars", "nested_counts", "nested_counts_of_any", "far_back", "far_back_1000", "until_x",
        "far_back_billion", "billion", "billion_pairs", "host", "many_dots", "optional", "optional_letters",
        "alternatives", "alternatives_by_length", "large_class", "nested_groups", "nested_optional_counts", "primes",
    ],
    "pattern": [
        "same_choice", "nested_stars", "nested_counts", "nested_counts_of_any", "until_x", "host", "many_dots",
        "optional", "optional_letters", "alternatives", "large_class", "nested_groups", "primes", "far_looks",
    ],
    "schema": [
        "shortest_billion", "items_billion", "values", "alternatives", "ten_thousand_members", "thousand_required",
        "multiple_tiny", "multiples",
    ],
    "schema_any_order": ["shortest_billion", "items_billion", "values", "alternatives", "thousand_required"],
    "lark": ["ambiguous", "repeated"],
    "gbnf": ["ambiguous", "nested_counts", "repeated"],
    "combined": ["choices", "choices_of_megabytes", "choices_of_prefixes", "unions", "sequences", "quotes", "tags"],
}  # fmt: skip


SLOW = ("pattern", "schema_any_order")


@pytest.mark.parametrize("kind", [pytest.param(k, marks=[pytest.mark.slow] if k in SLOW else []) for k in CASES])
def test_hostile_grammar_is_served_or_refused_in_time(kind: str) -> None:
    """No question takes much more than its time, be it about a pattern, a schema, rules or what is made of them.

    A limit that is a fifth of the usual one may be passed by what is done between two looks at the clock.
    """
    for case in ask_all(kind):
        name, said = case["name"], case["said"]
        assert said == "served" or (name not in SERVED[kind] and said.startswith(NAMED)), (name, said)
        assert case["seconds"] < 6 * LIMIT, case
        assert case["megabytes"] < MAX_MEGABYTES, case


def ask_all(kind: str) -> list[dict[str, Any]]:
    """Ask all grammars of a kind in one process, which may end only by itself and with all of them."""
    command = [sys.executable, "-m", "tests.strategies.hostile", kind]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=root)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (lines[-1], done.stderr[-2000:])
    found = [line for line in lines if "name" in line]
    assert [line["name"] for line in found] == list(CASES[kind])
    return found
