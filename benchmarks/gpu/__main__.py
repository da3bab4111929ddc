"""Measure a GPU's decode steps: ``python -m benchmarks.gpu [--json FILE]``.

A Llama of eight billion random parameters in bfloat16, over a vocabulary of 128,256, one token a step and row:

* ``share_of_bandwidth``   what the steps read, over what the memory gives in the same time, at batch 1
* ``schema_share``         what masks, draws and moves under a frozen JSON Schema cost beside free text, of a free step
* ``waits_per_step``       times the host waited for the device in a step under the schema

``--device cpu --shape tiny`` runs the steps' twins, to see that they work; without a GPU nothing else can be measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import torch

from benchmarks.gpu.bandwidth import measured_bandwidth, nominal_bandwidth
from benchmarks.gpu.network import SHAPES, bytes_read, make_network, make_vocabulary
from benchmarks.gpu.steps import PROMPT_SIZE, count_waits, freeze_schema, make_step, seconds_per_step
from benchmarks.maskbench.report import machine
from guidance.device import DeviceGrammar


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write the figures asked for."""
    options = _parse(arguments)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no CUDA device here: nothing was measured")
        print("run the steps' twins on the CPU with --device cpu --shape tiny")
        return 0
    figures = _measure(options, device)
    for name, value in figures.items():
        print(f"{name:<44}{value:>16,.4f}")
    if options.json:
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        settings = {"shape": options.shape, "slots": options.slots, "dtype": "bfloat16", "steps": options.steps}
        document = {
            "figures": figures,
            "machine": machine() | {"device": name, "torch": metadata.version("torch")},
            "settings": settings,
        }
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--shape", default="8b", choices=list(SHAPES))
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 64], help="batch sizes")
    parser.add_argument("--slots", type=int, default=512, help="tokens of prompt and output for each row")
    parser.add_argument("--steps", type=int, default=64, help="steps of one measurement")
    parser.add_argument("--repeats", type=int, default=5, help="the fastest counts")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)


def _measure(options: argparse.Namespace, device: torch.device) -> dict[str, float]:
    network = make_network(options.shape, device=device, dtype=torch.bfloat16)
    vocabulary = make_vocabulary(options.shape)
    grammars = {"free": DeviceGrammar.of_free_text(device), "schema": freeze_schema(vocabulary, device)}
    figures: dict[str, float] = {"frozen_states": len(grammars["schema"].distances)}
    bandwidth = None
    if device.type == "cuda":
        bandwidth = measured_bandwidth(device)
        figures["bandwidth.measured_bytes_per_second"] = bandwidth
        nominal = nominal_bandwidth(device)
        if nominal is not None:
            figures["bandwidth.nominal_bytes_per_second"] = nominal
    for batch_size in options.batch:
        seconds = {}
        for name, grammar in grammars.items():
            step = make_step(network, grammar, vocabulary, num_rows=batch_size, num_slots=options.slots)
            seconds[name] = seconds_per_step(step, num_steps=options.steps, repeats=options.repeats)
            if bandwidth is not None and name == "schema":
                waits = count_waits(step, num_steps=options.steps)
                figures[f"batch{batch_size}.waits_per_step"] = waits / options.steps
            del step
        key = f"batch{batch_size}"
        figures |= {f"{key}.{name}.ms_per_step": 1e3 * value for name, value in seconds.items()}
        figures[f"{key}.tokens_per_second"] = batch_size / seconds["free"]
        figures[f"{key}.schema_share"] = seconds["schema"] / seconds["free"] - 1
        if bandwidth is not None:
            least = bytes_read(network, num_rows=batch_size, num_tokens=PROMPT_SIZE)
            figures[f"{key}.share_of_bandwidth"] = least / seconds["free"] / bandwidth
    return figures


if __name__ == "__main__":
    raise SystemExit(main())
