"""Rewrite the expectations and print what is not right: ``python -m tests.conformance.update [NAME ...]``.

Names are drafts (``draft7``) and ``maskbench``. ``--dry-run`` prints only.
"""

# ruff: noqa: T201 -- the table is the output

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from tests.conformance.acceptors import OurAcceptor
from tests.conformance.expectations import load_expectation, save_expectation
from tests.conformance.outcomes import Outcome, Verdict, count, run_cases, run_schemas
from tests.conformance.suite import DRAFTS, read_maskbench, read_registry, read_suite

_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the named parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*DRAFTS, "maskbench"])
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    root = Path(os.environ.get("GUIDANCE_TEST_DATA", _ROOT.parent / "shared" / "data"))
    if not root.is_dir():
        parser.error(f"no test data at {root}; set GUIDANCE_TEST_DATA")
    for name in options.names:
        verdicts = _run(root, name)
        _print(name, verdicts)
        if not options.dry_run:
            save_expectation(name, verdicts)
    return 0


def _run(root: Path, name: str) -> dict[str, Verdict]:
    if name == "maskbench":
        return run_schemas(read_maskbench(root), OurAcceptor())
    return run_cases(read_suite(root, name), OurAcceptor(name, read_registry(root)))


def _print(name: str, verdicts: Mapping[str, Verdict]) -> None:
    counts = count(verdicts)
    share = 100 * counts[Outcome.RIGHT] / max(len(verdicts), 1)
    print(f"\n{name}: {share:.2f} % of {len(verdicts)} right;", dict(counts))
    worse = load_expectation(name).worse(verdicts)
    print(f"{len(worse)} worse than expected", *list(worse.items())[:20], sep="\n  ")
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for case, verdict in verdicts.items():
        if verdict.outcome is not Outcome.RIGHT:
            groups[f"{verdict.outcome} {verdict.reason[:100]}"][case.partition("#")[0]] += 1
    for what, where in sorted(groups.items(), key=lambda item: -item[1].total())[:60]:
        print(f"  {where.total():5} {what}", dict(where.most_common(6)))


if __name__ == "__main__":
    sys.exit(main())
