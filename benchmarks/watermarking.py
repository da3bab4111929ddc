"""Measure watermarks: ``python -m benchmarks.watermarking [--json FILE]``.

Cost, at a vocabulary of 128,256 tokens, no truncation, one thread, batch 1:

* ``step``      one decode step of an 8-layer, 512-wide random Llama, and the draw
* each scheme   its processor's own time per step, state included, and that as a share of the step
* ``transformers``   the processor of the same scheme in the transformers library

Detection, on texts of 200 tokens that a random Llama of 2,048 tokens writes through `generate`, its logits scaled so
that the mean spike entropy is just above .7: the share found at one false alarm in a thousand, before and after a fifth
of the tokens is replaced, with Wilson intervals; and on 2,000 unmarked texts the Kolmogorov-Smirnov distance of the
p-values and the rate of false alarms at one in a hundred.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch

import guidance
from benchmarks.maskbench.report import machine
from guidance.logits import Pipeline, Processor
from guidance.sampling import Sampling
from guidance.transformer.llama import LlamaCausalLM
from guidance.transformer.llama_weights import LayerWeights, LlamaShape, LlamaWeights
from guidance.watermark import Watermark
from guidance.watermark.entropy import entropy_weights

SCHEMES = ("lefthash", "selfhash", "minhash", "skipgram", "gumbel", "synthid")
LARGE, SMALL = 128_256, 2_048
TEXT_TOKENS = 200
EDITED = 0.2
RATE = 1e-3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure costs and detection, print both tables, write the figures asked for."""
    options = _parse(arguments)
    torch.set_num_threads(1)
    figures = measure_costs(options.repeats)
    print(_cost_table(figures))
    if options.texts:
        figures |= measure_detection(options.texts)
        print(_detection_table(figures))
    if options.json:
        versions = {name: metadata.version(name) for name in ("torch", "transformers")}
        settings = {"repeats": options.repeats, "texts": options.texts, "threads": 1}
        document = {"figures": figures, "machine": machine() | versions, "settings": settings}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def measure_costs(repeats: int) -> dict[str, float]:
    """Return milliseconds per step of the model and of each scheme, and their ratios."""
    network = random_llama(LARGE, hidden_size=512, num_layers=8)
    pipeline = Pipeline(Sampling(temperature=0.9))
    cache, logits = network.prefill([list(range(100))])

    def step() -> None:
        nonlocal logits
        token_ids = pipeline.draw([pipeline.start([])], logits[:, -1], None, uniforms=[0.5]).token_ids
        logits = network.decode_step(cache, torch.tensor([token_ids]))

    figures = {"step_ms": _time(step, repeats)}
    for scheme in SCHEMES:
        processor = Watermark(key=b"benchmark", scheme=scheme).processor()
        cost = _time(_make_marking(processor, logits.float()), repeats)
        figures |= {f"{scheme}.ms": cost, f"{scheme}.share": cost / figures["step_ms"]}
    for scheme in ("lefthash", "selfhash"):
        figures[f"{scheme}.transformers_ms"] = _time(
            _make_foreign(scheme, logits[:, -1].float()), max(3, repeats // 10)
        )
    return figures


def _make_marking(processor: Processor, logits: torch.Tensor) -> Callable[[], None]:
    state = processor.start(list(range(20)))
    token = 0

    def mark() -> None:
        nonlocal state, token
        processor.process([[state]], logits)
        token += 97
        state = processor.advance(state, token, 0.0)

    return mark


def _make_foreign(scheme: str, logits: torch.Tensor) -> Callable[[], None]:
    from transformers import WatermarkLogitsProcessor

    processor = WatermarkLogitsProcessor(LARGE, "cpu", seeding_scheme=scheme, context_width=1)
    token_ids = torch.arange(20)[None]

    def mark() -> None:
        processor(token_ids, logits)

    return mark


def _time(work: Callable[[], None], repeats: int) -> float:
    """Return the median milliseconds of a call, after three that warm up."""
    for _ in range(3):
        work()
    times = []
    for _ in range(repeats):
        started = perf_counter()
        work()
        times.append(perf_counter() - started)
    return 1e3 * median(times)


def measure_detection(num_texts: int) -> dict[str, float]:
    """Return the shares of marked and edited texts found, and how unmarked ones score."""
    model = random_model()
    figures: dict[str, float] = {}
    for scheme in SCHEMES:
        mark = Watermark(key=b"benchmark", scheme=scheme)
        texts = _write(model, num_texts, mark)
        figures |= _shares(model, mark, texts, scheme)
    figures |= _unmarked(model)
    return figures


def _shares(model: guidance.Model, mark: Watermark, texts: list[list[int]], scheme: str) -> dict[str, float]:
    rng = np.random.default_rng(1)
    edited = [[int(rng.integers(SMALL)) if rng.random() < EDITED else token for token in text] for text in texts]
    found = [guidance.detect_watermark(text, model.vocabulary, mark) for text in texts]
    after = [guidance.detect_watermark(text, model.vocabulary, mark) for text in edited]
    hits = sum(verdict.is_watermarked for verdict in found)
    low, high = wilson(hits, len(texts))
    figures = {
        f"{scheme}.true_positives": hits / len(texts),
        f"{scheme}.true_positives_low": low,
        f"{scheme}.true_positives_high": high,
        f"{scheme}.mean_z": float(np.mean([verdict.z for verdict in found])),
        f"{scheme}.true_positives_edited": sum(verdict.is_watermarked for verdict in after) / len(texts),
    }
    if mark.is_distortion_free:
        return figures
    green, green_after = (float(np.mean([verdict.green_fraction for verdict in each])) for each in (found, after))
    spike = np.mean([entropy_weights(model, [0], text, modulus=mark.spike_modulus).mean() for text in texts[:20]])
    return figures | {
        f"{scheme}.spike_entropy": float(spike) + 1.0 / (1.0 + mark.spike_modulus),
        f"{scheme}.green": green,
        f"{scheme}.green_edited": green_after,
        f"{scheme}.green_edited_predicted": mark.gamma + (green - mark.gamma) * mark.surviving_share(EDITED),
    }


def _unmarked(model: guidance.Model) -> dict[str, float]:
    texts = _write(model, 2000, None)
    mark = Watermark(key=b"never used")
    p_values = [guidance.detect_watermark(text, model.vocabulary, mark).randomised_p_value for text in texts]
    ordered, steps = np.sort(p_values), np.arange(2001) / 2000
    distance = float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))
    return {
        "null.ks_distance": distance,
        "null.ks_five_percent_point": 1.358 / math.sqrt(2000),
        "null.false_positives_at_1_percent": float(np.mean(ordered <= 0.01)),
    }


def _write(model: guidance.Model, num_texts: int, mark: Watermark | None) -> list[list[int]]:
    """Write texts of 200 tokens, each after a token of its own, in batches of 100."""
    texts: list[list[int]] = []
    for start in range(0, num_texts, 100):
        prompts = [f"{place % SMALL:04x}" for place in range(start, min(start + 100, num_texts))]
        sampling = Sampling(seed=start)
        results = guidance.generate(model, prompts, watermark=mark, sampling=sampling, max_tokens=TEXT_TOKENS)
        texts += [list(result.token_ids) for result in results]
    return texts


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return middle - half, middle + half


def random_model() -> guidance.Model:
    """Return a small random model whose tokens are four hexadecimal digits each and which never ends."""
    network = random_llama(SMALL, hidden_size=64, num_layers=2, sharpness=0.58)
    return guidance.Model(network, [b"%04x" % token for token in range(SMALL)])


def random_llama(vocabulary_size: int, *, hidden_size: int, num_layers: int, sharpness: float = 0.02) -> LlamaCausalLM:
    """Return a Llama of random weights; `sharpness` is the deviation of the weights of its head."""
    heads, head_size, inner = 8, hidden_size // 8, 3 * hidden_size
    shape = LlamaShape(
        num_layers=num_layers,
        num_heads=heads,
        num_kv_heads=heads // 2,
        head_size=head_size,
        hidden_size=hidden_size,
        context_size=512,
        norm_epsilon=1e-6,
        rope_theta=10_000.0,
    )
    generator = torch.Generator().manual_seed(5)

    def draw(*sizes: int, deviation: float = 0.05) -> torch.Tensor:
        return torch.randn(*sizes, generator=generator) * deviation

    layers = tuple(
        LayerWeights(
            input_norm=torch.ones(hidden_size),
            qkv=draw(2 * hidden_size, hidden_size),
            qkv_bias=None,
            qk_norm=None,
            out=draw(hidden_size, hidden_size),
            out_bias=None,
            middle_norm=torch.ones(hidden_size),
            gate_up=draw(2 * inner, hidden_size),
            down=draw(hidden_size, inner),
        )
        for _ in range(num_layers)
    )
    weights = LlamaWeights(
        embedding=draw(vocabulary_size, hidden_size),
        layers=layers,
        norm=torch.ones(hidden_size),
        head=draw(vocabulary_size, hidden_size, deviation=sharpness),
    )
    return LlamaCausalLM(shape, weights)


def _cost_table(figures: dict[str, float]) -> str:
    lines = [
        f"one step of the model: {figures['step_ms']:.2f} ms\n",
        "| scheme | ms per step | share of a step | transformers, ms |",
        "|---|---|---|---|",
    ]
    for scheme in SCHEMES:
        peer = figures.get(f"{scheme}.transformers_ms")
        cell = "" if peer is None else f"{peer:.2f}"
        lines.append(f"| {scheme} | {figures[f'{scheme}.ms']:.3f} | {figures[f'{scheme}.share']:.2%} | {cell} |")
    return "\n".join(lines)


def _detection_table(figures: dict[str, float]) -> str:
    lines = [
        "\n| scheme | found (95 % interval) | mean z | spike entropy | green | edited: found | green | predicted |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for scheme in SCHEMES:
        each = {name: figures.get(f"{scheme}.{name}", math.nan) for name in _COLUMNS}
        lines.append(
            f"| {scheme} | {each['true_positives']:.3f} ({each['true_positives_low']:.3f} to "
            f"{each['true_positives_high']:.3f}) | {each['mean_z']:.1f} | {each['spike_entropy']:.3f} | "
            f"{each['green']:.3f} | {each['true_positives_edited']:.3f} | {each['green_edited']:.3f} | "
            f"{each['green_edited_predicted']:.3f} |"
        )
    lines.append(
        f"\nunmarked, 2,000 texts: Kolmogorov-Smirnov distance {figures['null.ks_distance']:.4f} "
        f"(5 % point {figures['null.ks_five_percent_point']:.4f}); "
        f"false alarms at one in a hundred: {figures['null.false_positives_at_1_percent']:.4f}"
    )
    return "\n".join(lines)


_COLUMNS = (
    "true_positives",
    "true_positives_low",
    "true_positives_high",
    "mean_z",
    "spike_entropy",
    "green",
    "true_positives_edited",
    "green_edited",
    "green_edited_predicted",
)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watermarking", description=__doc__)
    parser.add_argument("--repeats", type=int, default=100, help="timed steps")
    parser.add_argument("--texts", type=int, default=200, help="marked texts of each scheme; 0 measures costs only")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)


__all__ = ["measure_costs", "measure_detection", "random_llama", "random_model", "wilson"]


if __name__ == "__main__":
    raise SystemExit(main())
