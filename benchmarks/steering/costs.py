"""Measure what a steered step costs beside the forward passes it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import quantiles
from time import perf_counter

import torch

from benchmarks.steering.rows import Row
from benchmarks.steering.texts import load_model
from guidance.logits import Pipeline, Processor
from guidance.model import CausalLM
from guidance.sampling import Sampling
from proxy_tuning import DExperts
from proxy_tuning.stack import StackedLlama

__all__ = ["measure"]

SECTION = "costs"
PROMPT_TOKENS, NUM_STEPS, REPEATS = 16, 40, 15
BATCH_SIZES = (1, 4, 8)
MOST_OF_THE_SUM, MOST_OF_ONE = 1.15, 1.5


def measure(num_texts: int) -> Iterator[Row]:
    """Yield, at each batch size, a step of DExperts beside its three forward passes, and a stack beside one expert."""
    del num_texts
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for batch_size in BATCH_SIZES:
            yield from _measure(batch_size)
    finally:
        torch.set_num_threads(threads)


def _measure(batch_size: int) -> Iterator[Row]:
    writer, positive, negative = (load_model(name).language_model for name in ("writer", "positive", "negative"))
    stack = StackedLlama([positive, negative])
    steer = DExperts(expert=load_model("positive"), antiexpert=load_model("negative"))
    loops = {
        "base": _forward_loop(writer, batch_size),
        "expert": _forward_loop(positive, batch_size),
        "antiexpert": _forward_loop(negative, batch_size),
        "stack": _forward_loop(stack, 2 * batch_size),
        "three": _turns_loop([writer, positive, negative], batch_size),
        "unsteered": _drawing_loop(writer, batch_size, None),
        "dexperts": _drawing_loop(writer, batch_size, steer),
    }
    best = _fastest(loops)
    steered = best["dexperts"] - (best["unsteered"] - best["base"])  # drawing a token is no part of steering
    figures = {f"{name}_ms": value for name, value in best.items()}
    yield Row(
        section=SECTION,
        name=f"dexperts, batch {batch_size}",
        figures={**figures, "expert_of_base": best["expert"] / best["base"], "ratio": steered / best["three"]},
        aim=f"at most {MOST_OF_THE_SUM} x the three forwards" if batch_size == 1 else "",
        is_reached=batch_size > 1 or steered / best["three"] <= MOST_OF_THE_SUM,
    )
    ratio = best["stack"] / best["expert"]
    yield Row(
        section=SECTION,
        name=f"stacked pair, batch {batch_size}",
        figures={"ratio": ratio},
        aim=f"at most {MOST_OF_ONE} x one expert" if batch_size == 1 else "",
        is_reached=batch_size > 1 or ratio <= MOST_OF_ONE,
    )


Loop = Callable[[], float]
"""Run some steps; return the milliseconds of a fast one: the tenth percentile, which other work hardly touches."""


def _forward_loop(network: CausalLM, num_rows: int) -> Loop:
    """Return a loop of decode steps alone."""

    def loop() -> float:
        cache, _ = network.prefill(_prompts(num_rows))
        token_ids = torch.full((num_rows, 1), 7)

        def step() -> None:
            network.decode_step(cache, token_ids)

        return _fast_ms(step)

    return loop


def _turns_loop(networks: Sequence[CausalLM], num_rows: int) -> Loop:
    """Return a loop of one step of each network in turn, as every token takes them; each finds its weights as cold."""

    def loop() -> float:
        caches = [network.prefill(_prompts(num_rows))[0] for network in networks]
        token_ids = torch.full((num_rows, 1), 7)

        def step() -> None:
            for network, cache in zip(networks, caches, strict=True):
                network.decode_step(cache, token_ids)

        return _fast_ms(step)

    return loop


def _drawing_loop(network: CausalLM, num_rows: int, steer: Processor | None) -> Loop:
    """Return a loop of decode steps with a token drawn after each, as the decoder does it."""
    processors = [] if steer is None else [steer.bind(load_model("writer"))]
    pipeline = Pipeline(Sampling(), processors)
    states = [pipeline.start([])] * num_rows

    def loop() -> float:
        cache, _ = network.prefill(_prompts(num_rows))
        companions = pipeline.open(_prompts(num_rows))
        token_ids = torch.full((num_rows, 1), 7)

        def step() -> None:
            logits = network.decode_step(cache, token_ids)[:, -1]
            for companion in companions:
                if companion is not None:
                    companion.read(token_ids)
            pipeline.draw(states, logits, None, uniforms=[0.5] * num_rows, companions=companions)

        return _fast_ms(step)

    return loop


def _fast_ms(step: Callable[[], None]) -> float:
    taken = []
    for _ in range(NUM_STEPS):
        started = perf_counter()
        step()
        taken.append(1e3 * (perf_counter() - started))
    return quantiles(taken, n=10)[0]


def _prompts(num_rows: int) -> list[list[int]]:
    return [list(range(2, 2 + PROMPT_TOKENS)) for _ in range(num_rows)]


def _fastest(loops: dict[str, Loop]) -> dict[str, float]:
    """Run the loops in turns, so that what else the machine does falls on all of them; return the fastest of each."""
    best = {name: loop() for name, loop in loops.items()}
    for _ in range(REPEATS):
        for name, loop in loops.items():
            best[name] = min(best[name], loop())
    return best
