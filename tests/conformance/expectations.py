"""Store what every case is expected to be, and find the cases that became worse.

A file holds the number of cases and those that are not right: id, outcome, reason. Every other case is right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.outcomes import Outcome, Verdict

__all__ = ["Expectation", "load_expectation", "save_expectation"]

_DIRECTORY = Path(__file__).parent / "expected"
_REASON_SIZE = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The cases that are known not to be right, of how many."""

    num_cases: int
    not_right: Mapping[str, Verdict]

    def worse(self, verdicts: Mapping[str, Verdict]) -> dict[str, str]:
        """Find the cases whose outcome is worse than expected."""
        return {
            case: f"{self._expected(case)} -> {verdict.outcome} {verdict.reason}".strip()
            for case, verdict in verdicts.items()
            if verdict.outcome.badness > self._expected(case).badness
        }

    def _expected(self, case: str) -> Outcome:
        return self.not_right[case].outcome if case in self.not_right else Outcome.RIGHT


def load_expectation(name: str) -> Expectation:
    """Load ``expected/NAME.json``; without a file everything is expected to be right."""
    path = _DIRECTORY / f"{name}.json"
    if not path.is_file():
        return Expectation(num_cases=0, not_right={})
    document = json.loads(path.read_text(encoding="utf-8"))
    not_right = {case: Verdict(outcome=Outcome(row[0]), reason=row[1]) for case, row in document["not_right"].items()}
    return Expectation(num_cases=document["num_cases"], not_right=not_right)


def save_expectation(name: str, verdicts: Mapping[str, Verdict]) -> None:
    """Write the file; a case whose outcome is unchanged and has no reason of its own keeps the old reason."""
    known = load_expectation(name).not_right
    rows = {
        case: [verdict.outcome, (verdict.reason or _known_reason(known.get(case), verdict))[:_REASON_SIZE]]
        for case, verdict in verdicts.items()
        if verdict.outcome is not Outcome.RIGHT
    }
    lines = ",\n".join(f"  {json.dumps(case)}: {json.dumps(row, ensure_ascii=False)}" for case, row in rows.items())
    text = f'{{\n "num_cases": {len(verdicts)},\n "not_right": {{\n{lines}\n }}\n}}\n'
    _DIRECTORY.mkdir(exist_ok=True)
    (_DIRECTORY / f"{name}.json").write_text(text, encoding="utf-8")


def _known_reason(known: Verdict | None, verdict: Verdict) -> str:
    return known.reason if known is not None and known.outcome is verdict.outcome else ""
