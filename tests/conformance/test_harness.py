"""Check the harness itself with `jsonschema` in the engine's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import expectations
from tests.conformance.acceptors import Accepts, JsonschemaAcceptor, RefusedError
from tests.conformance.expectations import Expectation, load_expectation, save_expectation
from tests.conformance.outcomes import Outcome, Verdict, count, run_cases, run_schemas
from tests.conformance.suite import Case, Document, read_maskbench, read_registry, read_suite


@pytest.mark.parametrize("draft", ["draft4", "draft7", "draft2020-12"])
def test_jsonschema_passes_the_mandatory_suite(draft: str, data_directory: Path) -> None:
    """The validator library passes nearly all: what it fails, the harness would have to explain."""
    cases = [case for case in read_suite(data_directory, draft) if "/" not in case.id]
    verdicts = run_cases(cases, JsonschemaAcceptor(draft, read_registry(data_directory)))
    counts = count(verdicts)
    assert counts[Outcome.RIGHT] > 0.97 * len(verdicts) > 500
    assert counts[Outcome.REFUSED] < 30  # patterns that Python's regex dialect does not have


def test_jsonschema_agrees_with_maskbench_labels(data_directory: Path) -> None:
    """The labels of the visible schemas are those of a validator."""
    cases = list(read_maskbench(data_directory))[::40]
    verdicts = run_schemas(cases, JsonschemaAcceptor())
    assert count(verdicts)[Outcome.RIGHT] > 0.97 * len(cases)


def test_run_schemas_takes_the_worst_document() -> None:
    """One invalid document accepted outweighs everything else; a refusal counts for every document."""

    class Everything:
        def compile(self, schema: object) -> Accepts:
            if schema == "refuse":
                raise RefusedError("no")
            return lambda text: text != b"2"

    documents = tuple(Document(value=value, is_valid=valid) for value, valid in [(1, True), (2, True), (3, False)])
    case = Case(id="a#0", schema={}, documents=documents)
    refused = Case(id="b#0", schema="refuse", documents=documents)
    assert [v.outcome for v in run_cases([case], Everything()).values()] == [
        Outcome.RIGHT,
        Outcome.REJECTS_VALID,
        Outcome.ACCEPTS_INVALID,
    ]
    assert run_schemas([case, refused], Everything()) == {
        "a#0": Verdict(outcome=Outcome.ACCEPTS_INVALID),
        "b#0": Verdict(outcome=Outcome.REFUSED, reason="no"),
    }


def test_expectation_finds_what_became_worse_only() -> None:
    """A case may improve; a case not listed is expected to be right."""
    expectation = Expectation(num_cases=3, not_right={"a": Verdict(outcome=Outcome.REJECTS_VALID)})
    better = {"a": Verdict(outcome=Outcome.REFUSED, reason="x"), "b": Verdict(outcome=Outcome.RIGHT)}
    assert expectation.worse(better) == {}
    worse = {"a": Verdict(outcome=Outcome.ACCEPTS_INVALID), "b": Verdict(outcome=Outcome.REFUSED, reason="x")}
    assert expectation.worse(worse) == {"a": "rejects_valid -> accepts_invalid", "b": "right -> refused x"}


def test_save_expectation_keeps_known_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason written by hand survives an update that finds the same outcome."""
    monkeypatch.setattr(expectations, "_DIRECTORY", tmp_path)
    save_expectation(
        "x", {"a": Verdict(outcome=Outcome.REJECTS_VALID, reason="by hand"), "b": Verdict(outcome=Outcome.RIGHT)}
    )
    save_expectation("x", {"a": Verdict(outcome=Outcome.REJECTS_VALID), "b": Verdict(outcome=Outcome.RIGHT)})
    loaded = load_expectation("x")
    assert loaded.num_cases == 2
    assert loaded.not_right == {"a": Verdict(outcome=Outcome.REJECTS_VALID, reason="by hand")}


def test_document_with_lone_surrogate_is_escaped() -> None:
    """A lone surrogate has no UTF-8; the text must still be JSON."""
    assert Document(value="\ud800é", is_valid=True).to_json() == b'"\\ud800\\u00e9"'
    assert Document(value="é", is_valid=True).to_json() == '"é"'.encode()
