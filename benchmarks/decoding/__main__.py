"""Measure decoding: ``python -m benchmarks.decoding [--json FILE]``.

On the extraction task of the demo, at each batch size, greedy and sampled, in one process and in turns:

* ``generate``             transformers' own loop on the same weights
* ``unmasked``             our loop without a grammar
* ``masked``               our loop with the record's JSON Schema, forced runs switched off: the price of the mask alone
* ``constrained``          our loop as it is used: the grammar writes what it forces
* ``generate+ours``        transformers' loop with our processor for the same schema
* ``generate+xgrammar``    the same with that peer's processor; ``+llguidance`` likewise

and on the embedded model what drafts bring: by copying from the prompt, by the embedded draft, and by the model's own
draft heads; in lines and in trees (``tree21`` proposes two tokens for the next place, and one after each).
Figures are tokens per second of processor time, one thread, the fastest of the repeats.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import torch

from benchmarks.decoding.clock import tokens_per_second
from benchmarks.decoding.loops import Loop, Person, generate_loop, own_loop, processors_of, prompts_of
from benchmarks.decoding.models import Measured, make_models
from benchmarks.decoding.speculation import measure_speculation
from benchmarks.maskbench.report import machine
from guidance.sampling import GREEDY, Sampling

LAWS = {"greedy": GREEDY, "sampled": Sampling(temperature=1.0, seed=1)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every loop, print tables, write the figures asked for."""
    options = _parse(arguments)
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    for measured in make_models(options.models):
        for batch_size in options.batch:
            for law in options.laws:
                figures |= _measure(measured, batch_size, law, options.repeats)
        if measured.name == "embedded" and options.speculation:
            figures |= measure_speculation(measured, options.repeats)
    if options.speculation:
        print(_list(figures, "speculation."))
    print(_list(figures, "", only="_over_"))
    if options.json:
        versions = {name: metadata.version(name) for name in ("torch", "transformers")}
        settings = {"batch": options.batch, "repeats": options.repeats, "threads": 1, "clock": "thread_time"}
        document = {"figures": figures, "machine": machine() | versions, "settings": settings}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=__doc__)
    parser.add_argument("--models", nargs="+", default=["embedded", "random"], choices=["embedded", "random"])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16], help="batch sizes")
    parser.add_argument("--laws", nargs="+", default=list(LAWS), choices=list(LAWS))
    parser.add_argument("--repeats", type=int, default=5, help="runs of each loop; the fastest counts")
    parser.add_argument("--speculation", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)


def _measure(measured: Measured, batch_size: int, law: str, repeats: int) -> dict[str, float]:
    prompts, sampling = prompts_of(batch_size), LAWS[law]
    loops: dict[str, Loop] = {
        "generate": generate_loop(measured, prompts, sampling=sampling),
        "unmasked": own_loop(measured, prompts, None, sampling=sampling),
    }
    if measured.name == "embedded":
        loops["masked"] = own_loop(measured, prompts, Person, sampling=sampling, forces=False)
        loops["constrained"] = own_loop(measured, prompts, Person, sampling=sampling)
        schema = Person.model_json_schema() | {"additionalProperties": False}
        for name, make in processors_of(measured, schema).items():
            loops[f"generate+{name}"] = generate_loop(measured, prompts, sampling=sampling, make_processor=make)
    speeds = tokens_per_second(loops, repeats)
    key = f"{measured.name}.batch{batch_size}.{law}"
    print(f"\n{key}, tokens per second")
    for name, speed in speeds.items():
        print(f"  {name:<22}{speed:>10,.0f}")
    figures = {f"{key}.{name}.tokens_per_second": speed for name, speed in speeds.items()}
    figures[f"{key}.unmasked_over_generate"] = speeds["unmasked"] / speeds["generate"]
    if "constrained" in speeds:
        figures[f"{key}.constrained_over_unmasked"] = speeds["constrained"] / speeds["unmasked"]
        figures[f"{key}.masked_over_unmasked"] = speeds["masked"] / speeds["unmasked"]
    for name in speeds:
        if name.startswith("generate+"):
            figures[f"{key}.constrained_over_{name}"] = speeds["constrained"] / speeds[name]
    return figures


def _list(figures: dict[str, float], prefix: str, *, only: str = "") -> str:
    lines = [(name, value) for name, value in figures.items() if name.startswith(prefix) and only in name]
    return "\n" + "\n".join(f"{name:<70}{value:>8.2f}" for name, value in lines)


if __name__ == "__main__":
    raise SystemExit(main())
