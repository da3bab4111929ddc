"""Measure the same steering inside a JSON Schema: every document valid, the effect on its text kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jsonschema

from benchmarks.steering.rows import Row, Share
from benchmarks.steering.texts import Sample, draw, load_model, prompts_for
from guidance.embedded.judge import judge_register, judge_sentiment
from guidance.logits import Processor
from proxy_tuning import DExperts, ProxyTuning

__all__ = ["SCHEMA", "measure"]

SECTION = "documents"
LEAST_KEPT = 0.8
MAX_TOKENS = 420
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "topic": {"type": "string", "minLength": 1, "maxLength": 40},
        "message": {"type": "string", "minLength": 20, "maxLength": 320},
    },
    "required": ["topic", "message"],
    "additionalProperties": False,
}


def measure(num_texts: int) -> Iterator[Row]:
    """Yield each method beside the base, in free text and in documents."""
    positive, negative, tuned, untuned = (
        load_model(name) for name in ("positive", "negative", "small_formal", "small_writer")
    )
    experts = DExperts(expert=positive, antiexpert=negative, alpha=2.0)
    proxy = ProxyTuning(tuned=tuned, untuned=untuned)
    yield from _compare("experts", [experts], (judge_sentiment, "positive"), num_texts)
    yield from _compare("proxy", [proxy], (judge_register, "formal"), num_texts)


Judgement = tuple[Callable[[str], str | None], str]


def _compare(name: str, steer: Sequence[Processor], judgement: Judgement, num_texts: int) -> Iterator[Row]:
    writer = load_model("writer")
    prompts, json_prompts = prompts_for(num_texts), prompts_for(num_texts, as_json=True)
    free = [draw(writer, prompts, method).share(*judgement) for method in ((), steer)]
    samples = [draw(writer, json_prompts, method, output=SCHEMA, max_tokens=MAX_TOKENS) for method in ((), steer)]
    documents = [sample.share(*judgement) for sample in samples]
    kept = (documents[1].value - documents[0].value) / (free[1].value - free[0].value)
    valid = [_share_valid(sample) for sample in samples]
    yield Row(
        section=SECTION,
        name=f"{name}: base",
        figures={judgement[1]: documents[0], "free_text": free[0], "valid": valid[0], **samples[0].figures},
        aim="100 % valid",
        is_reached=valid[0].count == valid[0].total,
    )
    yield Row(
        section=SECTION,
        name=f"{name}: steered",
        figures={judgement[1]: documents[1], "free_text": free[1], "valid": valid[1], **samples[1].figures}
        | {"effect_kept": kept},
        aim=f"100 % valid, at least {LEAST_KEPT:.0%} of the effect",
        is_reached=valid[1].count == valid[1].total and kept >= LEAST_KEPT,
    )


def _share_valid(sample: Sample) -> Share:
    validator = jsonschema.Draft202012Validator(SCHEMA)

    def is_valid(text: str) -> bool:
        try:
            return bool(validator.is_valid(json.loads(text)))
        except ValueError:
            return False

    return Share(sum(is_valid(result.text) for result in sample.results), len(sample.results))
