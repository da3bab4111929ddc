"""Run every case under every engine, in turns, so that a noisy minute of the machine touches all of them."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from benchmarks.maskbench.corpus import Case, Tokenizer
from benchmarks.maskbench.engine import Engine, EngineAbsentError, SetupCost
from benchmarks.maskbench.isolated import IsolatedEngine
from benchmarks.maskbench.llguidance import LlguidanceEngine
from benchmarks.maskbench.measure import CaseResult, measure_case
from benchmarks.maskbench.ours import OurEngine
from benchmarks.maskbench.xgrammar import XgrammarEngine

__all__ = ["ENGINES", "EngineRun", "Settings", "run_engines"]

ENGINES = ("ours", "llguidance", "xgrammar")
_TURN = 50  # cases an engine runs before the next one has its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to run: key order of our engine, seconds per case, sample for xgrammar, seed."""

    key_order: str = "any"
    cap_seconds: float = 20.0
    xgrammar_limit: int = 100
    seed: int = 0


@dataclass(slots=True, kw_only=True)
class EngineRun:
    """Everything measured of one engine."""

    name: str
    version: str
    cost: SetupCost
    is_sampled: bool
    results: list[CaseResult] = field(default_factory=list)


def run_engines(
    names: Sequence[str], cases: Sequence[Case], tokenizer: Tokenizer, *, settings: Settings, say: Callable[[str], None]
) -> list[EngineRun]:
    """Measure; an engine that is not installed is skipped with a line."""
    lanes = [lane for name in names if (lane := _open(name, cases, tokenizer, settings, say)) is not None]
    gc.collect()
    gc.freeze()  # the benchmark's own objects are no engine's garbage
    for start in range(0, len(cases), _TURN):
        for lane in lanes:
            lane.run_turn(start, start + _TURN)
        say(f"{min(start + _TURN, len(cases))} of {len(cases)} schemas")
    for lane in lanes:
        lane.close()
    return [lane.run for lane in lanes]


@dataclass(slots=True, kw_only=True)
class _Lane:
    """An engine with the cases it gets."""

    run: EngineRun
    cases: Sequence[Case]
    chosen: frozenset[int]
    measure: Callable[[Case], CaseResult]
    close: Callable[[], None]

    def run_turn(self, start: int, stop: int) -> None:
        for n in range(start, min(stop, len(self.cases))):
            if n in self.chosen:
                self.run.results.append(self.measure(self.cases[n]))


def _open(
    name: str, cases: Sequence[Case], tokenizer: Tokenizer, settings: Settings, say: Callable[[str], None]
) -> _Lane | None:
    say(f"{name}: starting")
    try:
        if name == "xgrammar":
            return _open_isolated(cases, tokenizer, settings)
        engine: Engine = (
            OurEngine(tokenizer, key_order=settings.key_order) if name == "ours" else LlguidanceEngine(tokenizer)
        )
    except EngineAbsentError as error:
        say(f"{name}: skipped, not installed ({error})")
        return None
    return _Lane(
        run=EngineRun(name=name, version=engine.version, cost=engine.cost, is_sampled=False),
        cases=cases,
        chosen=frozenset(range(len(cases))),
        measure=partial(measure_case, engine, eos_token_id=tokenizer.eos_token_id, cap_seconds=settings.cap_seconds),
        close=lambda: None,
    )


def _open_isolated(cases: Sequence[Case], tokenizer: Tokenizer, settings: Settings) -> _Lane:
    engine = IsolatedEngine(
        partial(_build_xgrammar, tokenizer.path),
        eos_token_id=tokenizer.eos_token_id,
        cap_seconds=settings.cap_seconds,
    )
    size = min(settings.xgrammar_limit, len(cases))
    return _Lane(
        run=EngineRun(name="xgrammar", version=engine.version, cost=engine.cost, is_sampled=size < len(cases)),
        cases=cases,
        chosen=frozenset(random.Random(settings.seed).sample(range(len(cases)), size)),
        measure=engine.measure,
        close=engine.close,
    )


def _build_xgrammar(path: object) -> Engine:
    from pathlib import Path

    return XgrammarEngine(Tokenizer(Path(str(path))))
