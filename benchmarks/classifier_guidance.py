"""Measure classifier guidance: ``python -m benchmarks.classifier_guidance [--texts 1000] [--json FILE]``.

Cost: a step of `Fudge` at 100 candidates, with everything it does, beside the classifier's own forward pass over 100
tokens; with the embedded classifier and with a random one of 8 layers, 512 wide, on one thread.

Effect: the share of praise, by the judge of the text generator and never by the guiding classifier, at rising strength,
in free text and inside a JSON Schema; Wilson intervals at 95 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from time import perf_counter

import jsonschema
import torch

from benchmarks.maskbench.report import machine
from benchmarks.steering.documents import MAX_TOKENS, SCHEMA
from benchmarks.steering.rows import Row, Share, to_figures, to_table
from benchmarks.steering.texts import Sample, draw, load_model, prompts_for
from benchmarks.watermarking import random_llama
from classifiers import Fudge, GeDi, OnePassHead
from classifiers.siblings import SiblingReader
from guidance.embedded.judge import judge_sentiment
from guidance.logits import Context, Processor
from guidance.transformer import LlamaCausalLM

__all__ = ["measure", "measure_costs", "measure_documents", "measure_strengths"]

SECTION = "classifiers"
MOST_OF_FORWARD = 1.25
NUM_CANDIDATES, PROMPT_TOKENS, NUM_STEPS = 100, 60, 20
DOCUMENT_STRENGTH = 2.0
STRENGTHS: Mapping[str, Sequence[float]] = {
    "fudge": (-1.0, 0.0, 0.1, 0.25, 0.5, 1.0, 3.0),
    "one pass": (-1.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
    "gedi": (-10.0, 0.0, 1.0, 3.0, 10.0, 30.0),
}


def measure(num_texts: int) -> Iterator[Row]:
    """Yield costs, then effects."""
    yield from measure_costs()
    yield from measure_strengths(num_texts)
    yield from measure_documents(num_texts)


def measure_costs(repeats: int = 5) -> Iterator[Row]:
    """Yield a step of guidance beside the forward pass it needs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name, network in _networks().items():
            own, guided = _time_steps(network, repeats)
            yield Row(
                section=SECTION,
                name=f"cost, {name}",
                figures={"forward_ms": own, "guidance_ms": guided, "ratio": guided / own},
                aim=f"at most {MOST_OF_FORWARD} x its own forward",
                is_reached=guided / own <= MOST_OF_FORWARD,
            )
    finally:
        torch.set_num_threads(threads)


def _networks() -> dict[str, LlamaCausalLM]:
    """Return classifiers: their heads have two rows."""
    sentiment = load_model("sentiment").language_model
    assert isinstance(sentiment, LlamaCausalLM)
    assert sentiment.weights.score is not None
    large = random_llama(1024, hidden_size=512, num_layers=8)
    return {
        "embedded, 2 layers": LlamaCausalLM(sentiment.shape, replace(sentiment.weights, head=sentiment.weights.score)),
        "random, 8 layers": LlamaCausalLM(large.shape, replace(large.weights, head=large.weights.head[:2])),
    }


def _time_steps(network: LlamaCausalLM, repeats: int) -> tuple[float, float]:
    """Return the milliseconds of a bare forward pass over the candidates, and of a whole step."""
    prompt = list(range(10, 10 + PROMPT_TOKENS))
    logits = torch.randn(1, 1, 1024, generator=torch.Generator().manual_seed(1))
    best = logits[0].topk(NUM_CANDIDATES).indices
    cache, _ = network.prefill([prompt])
    method = Fudge("embedded/sentiment", attribute="positive", top_k=NUM_CANDIDATES, plausible=0.0)
    silent = torch.zeros(1024, dtype=torch.bool)
    reader = SiblingReader.open(network, [prompt], attribute=1, silent=silent)

    def forward() -> None:
        network.decode_step(cache, best, num_logits=NUM_CANDIDATES)
        cache.crop(PROMPT_TOKENS)

    def guide() -> None:
        method.process([[0]], logits, Context(companion=reader))
        reader.read(best[:, :1])

    def restart() -> None:
        nonlocal reader
        reader = SiblingReader.open(network, [prompt], attribute=1, silent=silent)

    own, guided = [], []
    for _ in range(repeats):
        restart()
        for _ in range(NUM_STEPS):  # in turns, so that what else the machine does falls on both
            own.append(_time(forward))
            guided.append(_time(guide))
    return min(own), min(guided)


def _time(work: Callable[[], None]) -> float:
    """Return the milliseconds of a call."""
    started = perf_counter()
    work()
    return 1e3 * (perf_counter() - started)


def _make(name: str, strength: float) -> Processor:
    if name == "fudge":
        return Fudge("embedded/sentiment", attribute="positive", strength=strength)
    if name == "one pass":
        return OnePassHead("embedded/sentiment_head", attribute="positive", strength=strength)
    classes = {"praise": "embedded/positive", "blame": "embedded/negative"}
    return GeDi(classes, attribute="praise", strength=strength)


def measure_strengths(num_texts: int) -> Iterator[Row]:
    """Yield the share of praise at every strength; no point may fall below the interval of the one before."""
    writer, prompts = load_model("writer"), prompts_for(num_texts)
    for name, strengths in STRENGTHS.items():
        before: Share | None = None
        for strength in strengths:
            sample = draw(writer, prompts, [_make(name, strength)])
            share = sample.share(judge_sentiment, "positive")
            yield Row(
                section=SECTION,
                name=f"{name}, strength {strength:g}",
                figures={"positive": share, "negative": sample.share(judge_sentiment, "negative"), **sample.figures},
                aim="" if before is None else "not below the smaller strength's interval",
                is_reached=before is None or share.value >= before.interval[0],
            )
            before = share


def measure_documents(num_texts: int) -> Iterator[Row]:
    """Yield the share of praise inside documents, all of them valid."""
    writer, prompts = load_model("writer"), prompts_for(num_texts, as_json=True)
    before: Share | None = None
    for strength in (0.0, 0.25, 1.0):
        sample = draw(writer, prompts, [_make("fudge", strength)], output=SCHEMA, max_tokens=MAX_TOKENS)
        share, valid = sample.share(judge_sentiment, "positive"), _share_valid(sample)
        yield Row(
            section=SECTION,
            name=f"fudge in documents, strength {strength:g}",
            figures={"positive": share, "valid": valid, **sample.figures},
            aim="100 % valid, not below the smaller strength's interval",
            is_reached=valid.count == valid.total and (before is None or share.value >= before.interval[0]),
        )
        before = share


def _share_valid(sample: Sample) -> Share:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    texts = [result.text for result in sample.results]
    return Share(
        sum(
            result.is_valid and validator.is_valid(json.loads(text))
            for result, text in zip(sample.results, texts, strict=True)
        ),
        len(texts),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write the figures asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classifier_guidance", description=__doc__)
    parser.add_argument("--texts", type=int, default=1000, help="continuations of each kind; 0 measures costs only")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    parts = [
        measure_costs(),
        *([measure_strengths(options.texts), measure_documents(options.texts)] if options.texts else []),
    ]
    for part in parts:
        found = []
        for row in part:
            print(f"{row.name} ...", file=sys.stderr)
            found.append(row)
        print(to_table(found) + "\n", flush=True)
        rows += found
    if options.json:
        versions = {name: metadata.version(name) for name in ("torch", "transformers")}
        document = {"figures": to_figures(rows), "machine": machine() | versions, "settings": {"texts": options.texts}}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row.is_reached for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
