"""Measure chain speculation: a cheap term of the law drafts, the whole law verifies; texts stay what they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import torch

import guidance
from benchmarks.steering.rows import Row
from benchmarks.steering.texts import MAX_TOKENS, SEED, load_model, prompts_for
from guidance.logits import Processor
from guidance.model import Model
from guidance.result import Result
from proxy_tuning import BASE, DExperts, ModelArithmetic, ProxyTuning, Term

__all__ = ["measure"]

SECTION = "drafts"
NUM_TEXTS, NUM_DRAFTED, REPEATS = 12, 4, 3


def measure(num_texts: int) -> Iterator[Row]:
    """Yield, for rows decoded one at a time, calls of the base per token with and without drafts, and their times."""
    del num_texts
    torch.set_num_threads(1)
    writer, positive, negative, tuned, untuned = (
        load_model(name) for name in ("writer", "positive", "negative", "small_formal", "small_writer")
    )
    yield _compare(
        "dexperts, the expert drafts", writer, DExperts(expert=positive, antiexpert=negative, alpha=2.0), positive
    )
    yield _compare("proxy, the tuned model drafts", writer, ProxyTuning(tuned=tuned, untuned=untuned), tuned)
    formula = BASE + 0.5 * Term(tuned)
    yield _compare("base + 0.5 tuned, the tuned model drafts", writer, ModelArithmetic(law=formula), tuned)


def _compare(name: str, writer: Model, method: Processor, draft: Model) -> Row:
    speculate = guidance.Speculation(draft=draft, num_tokens=NUM_DRAFTED)
    best = {"plain": float("inf"), "drafted": float("inf")}
    found: dict[str, Sequence[Result[Any]]] = {}
    for _ in range(REPEATS):
        for kind, option in (("plain", None), ("drafted", speculate)):
            started = perf_counter()
            found[kind] = _write(writer, method, option)
            num_tokens = sum(len(result.token_ids) for result in found[kind])
            best[kind] = min(best[kind], 1e3 * (perf_counter() - started) / num_tokens)
    drafted = found["drafted"]
    num_tokens = sum(len(result.token_ids) for result in drafted)
    calls = sum(result.metrics.num_model_calls for result in drafted) / num_tokens
    is_same = [r.token_ids for r in found["plain"]] == [r.token_ids for r in drafted]
    return Row(
        section=SECTION,
        name=name,
        figures={
            "plain_ms_per_token": best["plain"],
            "drafted_ms_per_token": best["drafted"],
            "speed_up": best["plain"] / best["drafted"],
            "base_calls_per_token": calls,
        },
        aim="the same texts, fewer calls",
        is_reached=is_same and calls < 1,
    )


def _write(writer: Model, method: Processor, speculate: guidance.Speculation | None) -> list[Result[Any]]:
    return [
        guidance.generate(
            writer,
            prompt,
            steer=[method],
            sampling=guidance.Sampling(seed=SEED),
            max_tokens=MAX_TOKENS,
            speculate=speculate,
        )
        for prompt in prompts_for(NUM_TEXTS)
    ]
