"""Measure steering: ``python -m benchmarks.steering [--json FILE] [--only SECTION ...] [--texts N]``.

Effects are of the embedded models, judged by the word lists their text was generated from, never by a model that
steers. Shares come with Wilson intervals at 95 %; perplexity is per token under the steered model, given the prompt.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from time import perf_counter

import torch

from benchmarks.maskbench.report import machine
from benchmarks.steering.rows import Row, to_figures, to_table
from benchmarks.steering.sections import SECTIONS


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table for each section, write the figures asked for."""
    options = _parse(arguments)
    torch.set_num_threads(1)
    rows: list[Row] = []
    for name in options.only or SECTIONS:
        started = perf_counter()
        found = list(SECTIONS[name](options.texts))
        print(f"\n## {name} ({perf_counter() - started:.0f} s)\n\n{to_table(found)}", flush=True)
        rows += found
    missed = [f"{row.section}, {row.name}: {row.aim}" for row in rows if not row.is_reached]
    print("\n" + ("\n".join(["missed:", *missed]) if missed else "every aim was reached"))
    if options.json:
        versions = {name: metadata.version(name) for name in ("torch", "numba")}
        settings = {"texts": options.texts, "threads": 1}
        document = {"figures": to_figures(rows), "machine": machine() | versions, "settings": settings}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steering", description=__doc__)
    parser.add_argument("--texts", type=int, default=1000, help="continuations of each row")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), help="run these sections alone")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
