"""Turn results into named figures: outcomes, percentiles of times, bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from benchmarks.maskbench.measure import CaseResult, Outcome
from benchmarks.maskbench.run import EngineRun

__all__ = ["covered_ids", "figures_of"]

_PERCENTILES = (50, 90, 95, 99, 99.9)
_NO_TIMES = (Outcome.REFUSED, Outcome.TIMEOUT, Outcome.CRASHED)


def covered_ids(runs: Sequence[EngineRun]) -> frozenset[str]:
    """Find the schemas that every engine compiles; engines that ran a sample do not narrow it."""
    whole = [run for run in runs if not run.is_sampled] or list(runs)
    each = [{result.id for result in run.results if result.outcome not in _NO_TIMES} for run in whole]
    return frozenset(set.intersection(*each)) if each else frozenset()


def figures_of(run: EngineRun, *, only: Collection[str] | None = None) -> dict[str, float]:
    """Give the figures of one engine, over all its schemas or over some; times are microseconds."""
    results = [result for result in run.results if only is None or result.id in only]
    figures = _outcome_figures(results)
    timed = [result for result in results if result.outcome not in _NO_TIMES]
    figures |= _time_figures("ttfm", [result.ttfm for result in timed])
    figures |= _time_figures("tbm_first_document", [step for result in timed for step in result.first])
    figures |= _time_figures("tbm_cold", [step for result in timed for step in result.cold])
    figures |= _time_figures("tbm_warm", [step for result in timed for step in result.warm])
    figures |= _memory_figures([result.memory_bytes for result in timed if result.memory_bytes is not None])
    return figures | {
        "kernel_seconds": run.cost.kernel_seconds,
        "vocabulary_seconds": run.cost.vocabulary_seconds,
        "vocabulary_bytes": run.cost.vocabulary_bytes,
    }


def _outcome_figures(results: Sequence[CaseResult]) -> dict[str, float]:
    counts = Counter(result.outcome for result in results)
    figures: dict[str, float] = {"schemas": len(results)}
    for outcome in Outcome:
        figures[f"schemas_{outcome.replace('-', '_')}"] = counts[outcome]
    figures["schemas_right_percent"] = 100 * counts[Outcome.RIGHT] / max(len(results), 1)
    for name in ("num_valid", "num_valid_rejected", "num_invalid", "num_invalid_accepted", "differing"):
        figures[name.replace("num_", "instances_")] = sum(getattr(result, name) for result in results)
    return figures


def _time_figures(name: str, nanoseconds: Sequence[int]) -> dict[str, float]:
    if not nanoseconds:
        return {}
    times = np.asarray(nanoseconds, np.float64) / 1000
    values = np.percentile(times, _PERCENTILES)
    figures = {
        f"{name}_p{percentile:g}_us": float(value) for percentile, value in zip(_PERCENTILES, values, strict=True)
    }
    return figures | {f"{name}_avg_us": float(times.mean()), f"{name}_count": times.size}


def _memory_figures(sizes: Sequence[int]) -> dict[str, float]:
    if not sizes:
        return {}
    middle, high = np.percentile(sizes, (50, 99))
    return {"schema_p50_bytes": float(middle), "schema_p99_bytes": float(high), "schema_max_bytes": max(sizes)}
