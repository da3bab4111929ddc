"""Measure drawing: ``python -m benchmarks.sampling [--json FILE]``.

One row of logits over 128,256 tokens, one thread, processor time: every setting below, through `Pipeline.draw`, beside
the same law drawn the textbook way in torch (sort, cumulative sum, multinomial). Figures are medians, in milliseconds
per row; laws are random, peaked as a trained model's (deviation 3), and flat (deviation 1).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import torch

from benchmarks.maskbench.report import machine
from guidance.logits import Pipeline
from guidance.penalties import Penalties
from guidance.sampling import Sampling

SIZE = 128_256
SETTINGS = {
    "greedy": Sampling(temperature=0.0),
    "plain": Sampling(),
    "temperature + top-p": Sampling(temperature=0.8, top_p=0.9),
    "temperature last + top-p": Sampling(temperature=0.8, top_p=0.9, temperature_last=True),
    "top-k + top-p + min-p": Sampling(temperature=0.8, top_k=50, top_p=0.95, min_p=0.05),
    "repetition + temperature + top-p": Sampling(temperature=0.8, top_p=0.9, penalties=Penalties(repetition=1.1)),
    "typical": Sampling(typical_p=0.95),
    "xtc": Sampling(xtc_probability=0.5),
    "mirostat 2": Sampling(mirostat=2),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every setting on every law, print a table, write the figures asked for."""
    options = _parse(arguments)
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    for law, spread in (("peaked", 3.0), ("flat", 1.0)):
        logits = spread * torch.randn(1, SIZE, generator=torch.Generator().manual_seed(0))
        for name, sampling in SETTINGS.items():
            figures[f"{law}.{name}"] = _measure(_own_draw(sampling, logits), options.repeats)
        figures[f"{law}.textbook top-p"] = _measure(_textbook(logits), max(options.repeats // 10, 3))
    print(_table(figures))
    if options.json:
        document = {"figures": figures, "machine": machine(), "settings": {"size": SIZE, "threads": 1}}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sampling", description=__doc__)
    parser.add_argument("--repeats", type=int, default=100, help="draws of each kind; the median counts")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)


def _own_draw(sampling: Sampling, logits: torch.Tensor) -> Callable[[], object]:
    pipeline = Pipeline(sampling)
    states = pipeline.start(np.random.default_rng(0).integers(0, SIZE, 500).tolist())
    return lambda: pipeline.draw([states], logits, None, uniforms=[0.6])


def _textbook(logits: torch.Tensor) -> Callable[[], object]:
    def draw() -> torch.Tensor:
        law, order = torch.softmax(logits / 0.8, -1).sort(-1, descending=True)
        law[law.cumsum(-1) - law >= 0.9] = 0.0
        return order.gather(-1, torch.multinomial(law, 1))

    return draw


def _measure(draw: Callable[[], object], repeats: int) -> float:
    """Return milliseconds of processor time, the median of the repeats after three that do not count."""
    times = []
    for repeat in range(repeats + 3):
        started = process_time()
        draw()
        if repeat >= 3:
            times.append(1e3 * (process_time() - started))
    return median(times)


def _table(figures: dict[str, float]) -> str:
    names = [*SETTINGS, "textbook top-p"]
    lines = ["| setting | peaked, ms per row | flat, ms per row |", "|---|---|---|"]
    lines += [f"| {name} | {figures[f'peaked.{name}']:.3f} | {figures[f'flat.{name}']:.3f} |" for name in names]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
