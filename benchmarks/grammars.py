"""Measure grammars of every kind beside llguidance and xgrammar: ``python -m benchmarks.grammars [--json FILE]``.

For each grammar and engine, in one run and in turns: the time to the first mask (compiling included), and the time of a
mask and an advance, averaged over the tokens of the texts, when they are first seen (cold) and seen again (warm). Three
processes, one after the other, do the same from the beginning; of each figure, of every engine, the least is printed.
Every engine must accept every text. The peers write masks to a row of 16 KB, as their interfaces have it; ours are lent
(``Matcher.next_token_bitmask``). The bar: cold no slower than the faster of the peers, warm three times as fast,
the first mask not more than 2 ms behind llguidance's.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.grammar_cases import Source, grammar_cases
from benchmarks.maskbench.corpus import Case, Tokenizer
from benchmarks.maskbench.engine import EngineAbsentError, RefusedError
from benchmarks.maskbench.isolated import IsolatedEngine
from benchmarks.maskbench.llguidance import LlguidanceEngine, LlguidanceSchema
from benchmarks.maskbench.measure import CaseResult, Outcome, measure_case
from benchmarks.maskbench.ours import OurEngine, OurSchema
from benchmarks.maskbench.report import save_json
from benchmarks.maskbench.xgrammar import XgrammarEngine, XgrammarSchema
from fsm.errors import GuidanceError

__all__ = ["main"]

Figures = dict[str, dict[str, dict[str, float]]]
"""By engine, grammar and name of the figure; nothing where a grammar was refused."""

ENGINES = ("ours", "llguidance", "xgrammar")
_WARM_UP = (
    ("regex", r"x?[a-f]{2}\d?[^g]*", "x"),
    ("regex", r"[a-f]{1,9000}|\d{2}x?", "a"),
    ("regex", r".{0,9000}[^<]*", "a"),
    ("regex", r"(ab|cb)(,(ab|cb))*", "ab"),
    ("choice", ["true", "false"], "true"),
    ("choice", [f"{n * n}" for n in range(2000)], "4"),
    ("json", {"type": ["boolean", "string"]}, "true"),
    ("json", {"type": "string", "pattern": "^[a-z.]+x[a-z.]+$"}, '"ax'),
    ("json", {}, "[" * 200),
    ("lark", 'start: WORD ("," (WORD | TEXT))*\nWORD: /[a-z]+/\nTEXT: /"[^"]*"/\nWS: / +/\n%ignore WS', "true"),
)
"""Grammars that use every kernel once, so that none is compiled or loaded while time is taken."""

AHEAD_SECONDS = 2.6e-3
"""How long our schemas are compiled ahead (``Grammar.compile_ahead``): a part of the time to the first mask."""

MAX_LATE_US = 2_000.0
"""How much later than llguidance's the first mask may be, in microseconds."""


class OurGrammars(OurEngine):
    """Grammars of every kind, by this project."""

    def compile(self, schema: Any) -> OurSchema:
        """Compile a source."""
        try:
            grammar = _our_grammar(schema)
            if schema.kind != "json":
                return OurSchema(grammar.compile(self._vocabulary))
            return OurSchema(grammar.compile_ahead(self._vocabulary, seconds=AHEAD_SECONDS))
        except GuidanceError as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error


class LlguidanceGrammars(LlguidanceEngine):
    """llguidance's regexes, JSON Schemas and Lark."""

    def compile(self, schema: Any) -> LlguidanceSchema:
        """Compile a source; choices are its own kind of regular expression."""
        if schema.kind == "json":
            return super().compile(schema.text)
        if schema.kind == "lark":
            grammar = self._matcher.grammar_from_lark(schema.text)
        else:
            grammar = self._matcher.grammar_from_regex(_as_regex(schema))
        matcher = self._matcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise RefusedError(matcher.get_error().strip().splitlines()[0])
        return LlguidanceSchema(matcher, self.mask)


class XgrammarGrammars(XgrammarEngine):
    """xgrammar's regexes, JSON Schemas and Lark."""

    def compile(self, schema: Any) -> XgrammarSchema:
        """Compile a source; any exception is a refusal."""
        if schema.kind == "json":
            return super().compile(schema.text)
        try:
            if schema.kind == "lark":
                compiled = self._compiler.compile_lark(schema.text)
            else:
                compiled = self._compiler.compile_regex(_as_regex(schema))
        except Exception as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error
        return XgrammarSchema(compiled, self._matcher, self._mask_rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write the figures asked for; 1 when a row misses the bar and ``--check`` is given."""
    options = _parse(arguments)
    if options.runs == 1:
        figures = _measure_once(options)
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
            figures = least(list(pool.map(_measure_once, repeat(options, options.runs))))
    print(table(figures))
    missed = misses(figures)
    print("\n".join(["", "missed:", *missed] if missed else ["", "every row meets the bar"]))
    if options.json:
        flat = {name: {f"{case}.{k}": v for case, row in rows.items() for k, v in row.items()}
                for name, rows in figures.items()}  # fmt: skip
        save_json(options.json, flat, {"command": " ".join(sys.argv)})
    return 1 if missed and options.check else 0


def least(runs: Sequence[Figures]) -> Figures:
    """Return the least of each figure over the runs that have it: what more there is, other processes took."""
    found: Figures = {}
    for name in runs[0]:
        found[name] = {}
        for case in runs[0][name]:
            rows = [run[name][case] for run in runs if run[name][case]]
            keys = rows[0] if rows else ()
            found[name][case] = {key: min(row[key] for row in rows) for key in keys}
    return found


def _measure_once(options: argparse.Namespace) -> Figures:
    """Measure all grammars in this process."""
    tokenizer = Tokenizer(options.tokenizer)
    cases = grammar_cases(tokenizer, only=options.only)
    results = measure(cases, tokenizer, engines=options.engines, cap_seconds=options.cap)
    return {name: {case.id: _figures(results[name][case.id]) for case in cases} for name in results}


def measure(
    cases: Sequence[Case], tokenizer: Tokenizer, *, engines: Sequence[str], cap_seconds: float
) -> dict[str, dict[str, CaseResult]]:
    """Return the results by engine and case; engines that are absent are left out."""
    lanes: dict[str, tuple[Callable[[Case], CaseResult], Callable[[], None]]] = {}
    for name in engines:
        try:
            lanes[name] = _open(name, tokenizer, cap_seconds)
        except EngineAbsentError as error:
            print(f"{name}: skipped, not installed ({error})", file=sys.stderr)
    gc.collect()
    gc.freeze()
    found: dict[str, dict[str, CaseResult]] = {name: {} for name in lanes}
    for case in cases:
        for name, (run, _) in lanes.items():
            gc.collect()  # lest one grammar pays for what others before it left behind
            found[name][case.id] = run(case)
    for _, close in lanes.values():
        close()
    return found


def misses(figures: Figures) -> list[str]:
    """Return one line for each row that misses the bar."""
    lines = []
    peers = [name for name in figures if name != "ours"]
    for case, ours in figures.get("ours", {}).items():
        rows = [figures[name][case] for name in peers if figures[name][case]]
        if not ours:
            lines.append(f"{case}: refused")
        elif rows:
            cold, warm = min(row["cold_us"] for row in rows), min(row["warm_us"] for row in rows)
            if ours["cold_us"] > cold:
                lines.append(f"{case}: cold {ours['cold_us']:.1f} µs, the faster peer {cold:.1f}")
            if 3 * ours["warm_us"] > warm:
                lines.append(f"{case}: warm {ours['warm_us']:.1f} µs, the faster peer {warm:.1f}, not three times")
        peer = figures.get("llguidance", {}).get(case)
        if ours and peer and ours["first_us"] > peer["first_us"] + MAX_LATE_US:
            lines.append(f"{case}: first mask {ours['first_us']:.0f} µs, llguidance {peer['first_us']:.0f}")
    return lines


def table(figures: Figures) -> str:
    """Lay out one row per grammar: first mask, cold and warm for each engine, in microseconds."""
    lines = [f"{'grammar':<24}" + "".join(f"{name + ': first / cold / warm':>36}" for name in figures)]
    for case in next(iter(figures.values()), ()):
        cells = [
            f"{row['first_us']:,.0f} / {row['cold_us']:,.1f} / {row['warm_us']:,.1f}" if row else "-"
            for row in (rows[case] for rows in figures.values())
        ]
        lines.append(f"{case:<24}" + "".join(f"{cell:>36}" for cell in cells))
    return "\n".join(lines)


def _figures(result: CaseResult) -> dict[str, float]:
    """Return the figures of one case, nothing where it was refused or judged wrong."""
    if result.outcome is not Outcome.RIGHT:
        print(f"{result.id}: {result.outcome}: {result.message[:200]}", file=sys.stderr)
        return {}
    return {
        "first_us": result.ttfm / 1e3,
        "cold_us": float(np.mean(result.cold)) / 1e3,
        "warm_us": float(np.mean(result.warm)) / 1e3,
        "tokens": len(result.cold),
    }


def _open(
    name: str, tokenizer: Tokenizer, cap_seconds: float
) -> tuple[Callable[[Case], CaseResult], Callable[[], None]]:
    """Return how to measure a case, and how to end."""
    if name == "xgrammar":
        build = partial(_build_xgrammar, tokenizer.path)
        isolated = IsolatedEngine(build, eos_token_id=tokenizer.eos_token_id, cap_seconds=cap_seconds)
        return isolated.measure, isolated.close
    engine = OurGrammars(tokenizer, key_order="any") if name == "ours" else LlguidanceGrammars(tokenizer)
    for kind, text, word in _WARM_UP:
        cursor = engine.compile(Source(kind=kind, text=text)).cursor()
        for token_id in tokenizer.encode(word if kind != "lark" else word + ', "\u00e9a"'):
            cursor.fill()
            cursor.advance(token_id)
        cursor.fill()
    return partial(measure_case, engine, eos_token_id=tokenizer.eos_token_id, cap_seconds=cap_seconds), lambda: None


def _build_xgrammar(path: Path) -> XgrammarGrammars:
    return XgrammarGrammars(Tokenizer(path))


def _our_grammar(source: Source) -> Any:
    import grammars

    if source.kind == "json":
        return grammars.json_schema(source.text, key_order="any", whitespace="flexible")
    if source.kind == "lark" and not hasattr(grammars, "lark"):
        raise RefusedError("this build has no Lark grammars")
    return getattr(grammars, source.kind)(source.text)


def _as_regex(source: Source) -> str:
    return source.text if source.kind == "regex" else "|".join(map(re.escape, source.text))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    root = Path(__file__).resolve().parents[1]
    data = Path(os.environ.get("GUIDANCE_TEST_DATA", root.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grammars", description=__doc__)
    parser.add_argument("--engines", type=lambda text: tuple(text.split(",")), default=ENGINES)
    parser.add_argument("--only", default="", help="measure grammars whose names hold this")
    parser.add_argument("--runs", type=int, default=3, help="processes to measure in; the least of each figure counts")
    parser.add_argument("--cap", type=float, default=20.0, help="seconds per grammar and engine")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--check", action="store_true", help="fail when a row misses the bar")
    parser.add_argument("--tokenizer", type=Path, default=data / "tokenizers" / "llama3.tiktoken")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error(f"--runs: got {options.runs}, expected 1 or more")
    return options


if __name__ == "__main__":
    sys.exit(main())
