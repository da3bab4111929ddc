"""Hold the engine to the official suite and the visible MaskBench schemas: nothing may become worse."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.conformance.acceptors import OurAcceptor
from tests.conformance.expectations import load_expectation
from tests.conformance.outcomes import Outcome, run_cases, run_schemas
from tests.conformance.suite import DRAFTS, read_maskbench, read_registry, read_suite

_PARTS = 8


@pytest.mark.parametrize("draft", DRAFTS)
def test_suite_has_no_case_worse_than_expected(draft: str, data_directory: Path) -> None:
    """Every document of a draft, mandatory and optional formats, is judged at least as well as stored."""
    verdicts = run_cases(read_suite(data_directory, draft), OurAcceptor(draft, read_registry(data_directory)))
    assert load_expectation(draft).worse(verdicts) == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_maskbench_has_no_schema_worse_than_expected(part: int, data_directory: Path) -> None:
    """Every visible schema is judged at least as well as stored."""
    cases = islice(read_maskbench(data_directory), part, None, _PARTS)
    assert load_expectation("maskbench").worse(run_schemas(cases, OurAcceptor())) == {}


@pytest.mark.parametrize("name", [*DRAFTS, "maskbench"])
def test_expectation_accepts_nothing_invalid(name: str) -> None:
    """No stored case accepts an invalid document: a wrong answer is never expected."""
    lies = [c for c, v in load_expectation(name).not_right.items() if v.outcome is Outcome.ACCEPTS_INVALID]
    assert lies == []
