"""Time steps of fixed shape, and count how often one waits for the device."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from time import perf_counter

import torch

from fsm import Vocabulary
from grammars import json_schema
from guidance.device import DeviceGrammar, DeviceStep
from guidance.device.grammar import ask_matchers
from guidance.device.step import StepShape
from guidance.device.uniforms import words_of
from guidance.logits.sampler import Limits
from guidance.output import SEPARATORS
from guidance.sampling import row_word
from guidance.transformer import LlamaCausalLM

__all__ = ["PROMPT_SIZE", "SCHEMA", "count_waits", "freeze_schema", "make_step", "seconds_per_step"]

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "city": {"type": "string"},
        "kind": {"enum": ["person", "place", "thing"]},
        "known": {"type": "boolean"},
    },
    "required": ["name", "city", "kind", "known"],
    "additionalProperties": False,
}
"""The frozen schema; what it forces is drawn all the same, so that both sides take one token a step."""

PROMPT_SIZE = 32
"""Tokens that every row holds at the beginning."""


def freeze_schema(vocabulary: Vocabulary, device: torch.device) -> DeviceGrammar:
    """Return the schema's tables on the device."""
    compiled = json_schema(SCHEMA, whitespace=SEPARATORS).compile(vocabulary)
    tables = compiled.freeze()
    return DeviceGrammar(tables, ask_matchers(compiled, tables, lambda _: ()), device)


def make_step(
    network: LlamaCausalLM, grammar: DeviceGrammar, vocabulary: Vocabulary, *, num_rows: int, num_slots: int
) -> DeviceStep:
    """Return a step at its beginning, captured where there is a GPU; random keys and values stand for prompts."""
    shape = StepShape(num_rows=num_rows, num_slots=num_slots, most_tokens=num_slots, limits=Limits(), wants_base=False)
    step = DeviceStep(network, grammar, shape, vocabulary=vocabulary)
    with torch.inference_mode():
        step.cache.keys.normal_()
        step.cache.values.normal_()
    step.load(
        torch.randn(num_rows, network.logits_size, device=network.device),
        scale=1.0,
        starts=[PROMPT_SIZE] * num_rows,
        written=[[]] * num_rows,
        most=[num_slots - PROMPT_SIZE] * num_rows,
        words=words_of([row_word(0, row) for row in range(num_rows)], network.device),
    )
    return step


def seconds_per_step(step: DeviceStep, *, num_steps: int, repeats: int) -> float:
    """Return the time of a step in the fastest of the repeats."""
    clock = _cuda_seconds if step.logits.device.type == "cuda" else _host_seconds
    step.run(2)
    return min(clock(lambda: step.run(num_steps)) for _ in range(repeats)) / num_steps


def count_waits(step: DeviceStep, *, num_steps: int) -> int:
    """Return how often the host waited for the device during some steps."""
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            step.run(num_steps)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def _cuda_seconds(work: Callable[[], None]) -> float:
    started, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    started.record()
    work()
    ended.record()
    torch.cuda.synchronize()
    return started.elapsed_time(ended) / 1e3


def _host_seconds(work: Callable[[], None]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started
