"""Measure exact-record accuracy on held-out sentences: ``python -m benchmarks.extraction [--json FILE]``.

Names are always held out of training; forms are seen (500 sentences) or held out too (200). Each set is answered
greedily twice, without a mask and with the mask of the record's type, so that the report says what is the model's
merit and what the grammar's. Every masked answer is also put to ``jsonschema``. What only the grammar can do is
measured apart: the same records with their fields in reverse, an order that no prompt can ask for.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jsonschema
from pydantic import TypeAdapter

import guidance
from benchmarks.maskbench.report import machine
from guidance.embedded.evaluate import draw_examples, share_right
from guidance.embedded.prompts import Example
from guidance.embedded.records import KINDS, RECORD_TYPES, Kind, is_right

SETS = {"seen": 500, "unseen": 200}
NUM_REVERSED = 100
MAX_TOKENS = 160
BATCH_SIZE = 50
_LABELS = {"seen": "forms seen, names unseen", "unseen": "forms and names unseen"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a line per set, write what was asked for."""
    options = _parse(arguments)
    model = guidance.load(options.model)
    figures: dict[str, float] = {}
    for forms, count in SETS.items():
        examples = draw_examples(forms, min(count, options.limit or count))
        figures |= {f"{forms}.{name}": value for name, value in _measure(model, examples).items()}
        print(_line(forms, len(examples), figures))
    examples = draw_examples("seen", min(NUM_REVERSED, options.limit or NUM_REVERSED))
    figures["reversed.masked_right_percent"] = 100 * _share_right_reversed(model, examples)
    print(
        f"fields in reverse: {len(examples)} sentences, every field right and in that order "
        f"{figures['reversed.masked_right_percent']:.1f} % with mask (0 % without: nothing asks for it)"
    )
    if options.json:
        document = {
            "figures": {f"extraction.{name}": value for name, value in figures.items()},
            "machine": machine() | {name: metadata.version(name) for name in ("torch", "transformers", "jsonschema")},
            "settings": {"model": options.model, "limit": options.limit},
        }
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__)
    parser.add_argument("--model", default="embedded", help="embedded, embedded/draft, or a folder")
    parser.add_argument("--limit", type=int, help="measure at most this many sentences of each set")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser.parse_args(arguments)


def _measure(model: guidance.Model, examples: Sequence[Example]) -> dict[str, float]:
    started = time.perf_counter()
    unmasked = _answer(model, examples, dict.fromkeys(KINDS))
    halfway = time.perf_counter()
    masked = _answer(model, examples, RECORD_TYPES)
    ended = time.perf_counter()
    return {
        "sentences": len(examples),
        "unmasked_right_percent": 100 * share_right(examples, unmasked),
        "unmasked_valid_percent": 100 * _share_valid(examples, unmasked),
        "unmasked_seconds": halfway - started,
        "masked_right_percent": 100 * share_right(examples, masked),
        "masked_valid_percent": 100 * _share_valid(examples, masked),
        "masked_seconds": ended - halfway,
    }


def _answer(model: guidance.Model, examples: Sequence[Example], outputs: Mapping[Kind, Any]) -> list[str]:
    """Answer in batches of one kind of record, as a batch has one output type; answers keep the examples' order."""
    answers = [""] * len(examples)
    for kind, places in _batches(examples):
        prompts = [examples[place].prompt for place in places]
        results = guidance.generate(model, prompts, outputs[kind], max_tokens=MAX_TOKENS)
        for place, result in zip(places, results, strict=True):
            answers[place] = result.text
    return answers


def _batches(examples: Sequence[Example]) -> Iterator[tuple[Kind, list[int]]]:
    for kind in KINDS:
        places = [place for place, example in enumerate(examples) if example.facts.kind == kind]
        for start in range(0, len(places), BATCH_SIZE):
            yield kind, places[start : start + BATCH_SIZE]


def _share_right_reversed(model: guidance.Model, examples: Sequence[Example]) -> float:
    answers = _answer(model, examples, {kind: _reversed_schema(kind) for kind in KINDS})
    right = sum(
        is_right(answer, example.facts.fields) and list(json.loads(answer)) == list(example.facts.fields)[::-1]
        for example, answer in zip(examples, answers, strict=True)
    )
    return right / len(examples)


def _reversed_schema(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = TypeAdapter(RECORD_TYPES[kind]).json_schema()
    schema["properties"] = dict(reversed(schema["properties"].items()))
    return schema


def _share_valid(examples: Sequence[Example], answers: Sequence[str]) -> float:
    validators = {kind: _validator(kind) for kind in KINDS}
    valid = sum(
        _is_valid(answer, validators[example.facts.kind]) for example, answer in zip(examples, answers, strict=True)
    )
    return valid / len(examples)


def _validator(kind: Kind) -> Any:
    schema = TypeAdapter(RECORD_TYPES[kind]).json_schema()
    validator = jsonschema.validators.validator_for(schema)
    return validator(schema, format_checker=validator.FORMAT_CHECKER)


def _is_valid(answer: str, validator: Any) -> bool:
    try:
        return bool(validator.is_valid(json.loads(answer)))
    except ValueError:
        return False


def _line(forms: str, count: int, figures: dict[str, float]) -> str:
    right, masked = figures[f"{forms}.unmasked_right_percent"], figures[f"{forms}.masked_right_percent"]
    valid, masked_valid = figures[f"{forms}.unmasked_valid_percent"], figures[f"{forms}.masked_valid_percent"]
    return (
        f"{_LABELS[forms]}: {count} sentences, every field right {right:.1f} % without mask, {masked:.1f} % with; "
        f"valid {valid:.1f} % without mask, {masked_valid:.1f} % with"
    )


if __name__ == "__main__":
    sys.exit(main())
