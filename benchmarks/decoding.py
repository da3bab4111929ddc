"""Measure decoding: ``python -m benchmarks.decoding [--json FILE]``.

On the extraction task of the demo, greedily, at each batch size, in one process and in turns:

* ``generate``      transformers' own loop on the same weights
* ``unmasked``      our loop without a grammar
* ``masked``        our loop with the record's JSON Schema, forced runs switched off: the price of the mask alone
* ``constrained``   our loop as it is used: the grammar writes what it forces

Figures are of the fastest of the repeats: milliseconds per output token of one row, and tokens per second.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from pydantic import BaseModel

import guidance
from benchmarks.maskbench.report import machine
from guidance.decoding import Decoder, Request, StopReason
from guidance.embedded import embedded_path
from guidance.logits import Pipeline
from guidance.sampling import GREEDY

MAX_TOKENS = 96


class Person(BaseModel):
    """Who a sentence describes."""

    name: str
    age: int
    city: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every loop at every batch size, print a table, write the figures asked for."""
    options = _parse(arguments)
    torch.set_num_threads(1)
    model = guidance.load("embedded")
    figures: dict[str, float] = {}
    for batch_size in options.batch:
        prompts = _prompts(batch_size)
        loops = {
            "generate": _generate_loop(prompts),
            "unmasked": _own_loop(model, prompts, None, forces=False),
            "masked": _own_loop(model, prompts, Person, forces=False),
            "constrained": _own_loop(model, prompts, Person, forces=True),
        }
        figures |= _measure(loops, batch_size, options.repeats)
    print(_table(figures, options.batch))
    if options.json:
        versions = {name: metadata.version(name) for name in ("torch", "transformers")}
        settings = {"batch": options.batch, "repeats": options.repeats, "threads": 1}
        document = {"figures": figures, "machine": machine() | versions, "settings": settings}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=__doc__)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8], help="batch sizes")
    parser.add_argument("--repeats", type=int, default=15, help="runs of each loop; the fastest counts")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)


def _prompts(batch_size: int) -> list[str]:
    sentences = (files("guidance.embedded") / "demo_sentences.txt").read_text(encoding="utf-8").splitlines()
    return [f"Who is described?\n\n{sentences[i % len(sentences)]}" for i in range(1, batch_size + 1)]


Loop = Callable[[], int]
"""Decode all prompts once; return how many tokens came out, drawn end tokens included."""


def _own_loop(model: guidance.Model, prompts: list[str], output: Any, *, forces: bool) -> Loop:
    pipeline = Pipeline(GREEDY)
    compiled = model.compile(output).compiled
    requests = [
        Request(prompt_ids=tuple(model.encode(p)), pipeline=pipeline, max_tokens=MAX_TOKENS, compiled=compiled)
        for p in prompts
    ]

    def decode() -> int:
        decoder = Decoder(model, requests, forces=forces)
        for _ in decoder.run():
            pass
        return sum(len(row.token_ids) + (row.stop_reason is StopReason.EOS) for row in decoder.rows)

    return decode


def _generate_loop(prompts: list[str]) -> Loop:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = embedded_path("base")
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    batch = tokenizer(prompts, return_tensors="pt", padding=True)
    end = network.config.eos_token_id

    def decode() -> int:
        with torch.inference_mode():
            ids = network.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=MAX_TOKENS,
                do_sample=False,
                pad_token_id=end,
            )
        ended = ids[:, -1] == end
        return int((ids[:, batch["input_ids"].shape[1] :] != end).sum() + ended.sum())

    return decode


def _measure(loops: dict[str, Loop], batch_size: int, repeats: int) -> dict[str, float]:
    """Run the loops in turns, so that what else the machine does falls on all of them."""
    num_tokens = {name: loop() for name, loop in loops.items()}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(repeats):
        for name, loop in loops.items():
            started = perf_counter()
            loop()
            seconds[name].append(perf_counter() - started)
    figures = {}
    for name, times in seconds.items():
        key = f"batch{batch_size}.{name}"
        best = min(times)
        figures[f"{key}.tokens_per_second"] = num_tokens[name] / best
        figures[f"{key}.ms_per_token"] = 1e3 * best * batch_size / num_tokens[name]
    per_token = {name: figures[f"batch{batch_size}.{name}.ms_per_token"] for name in loops}
    figures[f"batch{batch_size}.mask_overhead_percent"] = 100 * (per_token["masked"] / per_token["unmasked"] - 1)
    speed = {name: figures[f"batch{batch_size}.{name}.tokens_per_second"] for name in loops}
    figures[f"batch{batch_size}.unmasked_over_generate"] = speed["unmasked"] / speed["generate"]
    figures[f"batch{batch_size}.constrained_over_unmasked"] = speed["constrained"] / speed["unmasked"]
    return figures


def _table(figures: dict[str, float], batch_sizes: Sequence[int]) -> str:
    lines = ["| batch | loop | ms per token | tokens per second |", "|---|---|---|---|"]
    for size in batch_sizes:
        for name in ("generate", "unmasked", "masked", "constrained"):
            key = f"batch{size}.{name}"
            cells = (figures[f"{key}.ms_per_token"], figures[f"{key}.tokens_per_second"])
            lines.append(f"| {size} | {name} | {cells[0]:.3f} | {cells[1]:,.0f} |")
    lines += [_ratios(figures, size) for size in batch_sizes]
    return "\n".join(lines)


def _ratios(figures: dict[str, float], size: int) -> str:
    return (
        f"\nbatch {size}: the mask costs {figures[f'batch{size}.mask_overhead_percent']:+.1f} % per token; "
        f"our loop runs at {figures[f'batch{size}.unmasked_over_generate']:.2f} x generate, "
        f"constrained at {figures[f'batch{size}.constrained_over_unmasked']:.2f} x unconstrained"
    )


if __name__ == "__main__":
    raise SystemExit(main())
