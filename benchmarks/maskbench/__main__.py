"""Run MaskBench: ``python -m benchmarks.maskbench --data FILE.jsonl.gz --engines ours,llguidance``."""

# ruff: noqa: E402 -- the number of threads is read when an engine is imported

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from benchmarks.maskbench.corpus import Tokenizer, read_cases
from benchmarks.maskbench.figures import covered_ids, figures_of
from benchmarks.maskbench.measure import Outcome
from benchmarks.maskbench.report import machine, save_json, table, update_readme
from benchmarks.maskbench.run import ENGINES, EngineRun, Settings, run_engines

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write what was asked for."""
    options = _parse(arguments)
    tokenizer = Tokenizer(options.tokenizer)
    cases = read_cases(options.data, tokenizer, limit=options.limit, seed=options.seed)
    settings = Settings(
        key_order=options.key_order,
        cap_seconds=options.cap_seconds,
        xgrammar_limit=options.xgrammar_limit,
        seed=options.seed,
    )
    runs = run_engines(options.engines, cases, tokenizer, settings=settings, say=_say)
    if not runs:
        _say("no engine is installed; nothing was measured")
        return 2
    _report(runs, options)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.maskbench", description=__doc__)
    data = Path(os.environ.get("GUIDANCE_TEST_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data / "maskbench" / "visible.jsonl.gz")
    parser.add_argument("--tokenizer", type=Path, default=data / "tokenizers" / "llama3.tiktoken")
    parser.add_argument("--engines", type=_engine_names, default=ENGINES, help="of " + ",".join(ENGINES))
    parser.add_argument("--limit", type=int, help="measure a sample of this many schemas")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--key-order", choices=("any", "schema"), default="any", help="of our engine")
    parser.add_argument("--cap-seconds", type=float, default=20.0, help="per schema")
    parser.add_argument("--xgrammar-limit", type=int, default=100, help="schemas that xgrammar gets")
    parser.add_argument("--compare", choices=("all", "covered"), default="all", help="schemas in the README's table")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--failures", type=Path, help="write every case that is not right here, a JSON line each")
    parser.add_argument("--update-readme", action="store_true", help="replace the table in README.md")
    options = parser.parse_args(arguments)
    for path in (options.data, options.tokenizer):
        if not path.is_file():
            parser.error(f"{path}: no such file; pass --data and --tokenizer, or set GUIDANCE_TEST_DATA")
    return options


def _engine_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in ENGINES]
    if unknown:
        raise argparse.ArgumentTypeError(f"got {unknown[0]!r}, expected some of {', '.join(ENGINES)}")
    return names


def _report(runs: Sequence[EngineRun], options: argparse.Namespace) -> None:
    columns = {_column(run): run for run in runs}
    everything = {name: figures_of(run) for name, run in columns.items()}
    covered = covered_ids(runs)
    shared = {name: figures_of(run, only=covered) for name, run in columns.items()}
    texts = {
        "all": f"All schemas.\n\n{table(everything)}",
        "covered": f"The {len(covered):,} schemas that every engine compiles.\n\n{table(shared)}",
    }
    print(texts["all"], texts["covered"], sep="\n\n")
    if options.json:
        figures = {run.name: everything[name] for name, run in columns.items()}
        figures |= {f"{run.name}.covered": shared[name] for name, run in columns.items()}
        save_json(options.json, figures, _settings(options))
    if options.failures:
        _save_failures(options.failures, runs)
    if options.update_readme:
        update_readme(ROOT / "README.md", _section(texts[options.compare], options))


def _column(run: EngineRun) -> str:
    sampled = f", {len(run.results)} schemas" if run.is_sampled else ""
    return f"{run.name} {run.version}{sampled}"


def _settings(options: argparse.Namespace) -> dict[str, object]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}


def _section(text: str, options: argparse.Namespace) -> str:
    where = machine()
    command = (
        f"python -m benchmarks.maskbench --engines {','.join(options.engines)} "
        f"--xgrammar-limit {options.xgrammar_limit} --compare {options.compare} --update-readme"
    )
    return f"{text}\n\nMeasured on {where['processor']}, Python {where['python']}, one thread: `{command}`"


def _save_failures(path: Path, runs: Sequence[EngineRun]) -> None:
    with path.open("w", encoding="utf-8") as lines:
        for run in runs:
            for result in run.results:
                if result.outcome is not Outcome.RIGHT or result.differing:
                    row = {
                        "engine": run.name,
                        "id": result.id,
                        "outcome": result.outcome,
                        "message": result.message,
                        "differing": result.differing,
                    }
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
