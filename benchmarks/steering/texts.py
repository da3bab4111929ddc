"""Draw messages, steered or not, and describe them: what the judge says, perplexity, variety."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import guidance
from benchmarks.steering.rows import Share
from guidance.embedded.messages import held_out_topics, message_prompt
from guidance.logits import Processor
from guidance.result import Result
from proxy_tuning.effects import Effects

__all__ = ["Sample", "draw", "load_model", "prompts_for"]

BATCH_SIZE = 125
MAX_TOKENS = 200
SEED = 20_261_120

Judge = Callable[[str], str | None]


class Sample(Effects):
    """Hold what was drawn; the texts are the messages, of a document its text field."""

    __slots__ = ()

    def share(self, judge: Judge, wanted: str) -> Share:
        """Return how many texts the judge finds to be what was wanted; what it cannot tell is not."""
        return Share(sum(judge(text) == wanted for text in self.texts), len(self.texts))

    @property
    def figures(self) -> dict[str, float | Share]:
        """Return what describes the texts themselves."""
        return {
            "perplexity": self.perplexity,
            "entropy": self.entropy,
            "distinct_1": self.distinct(1),
            "distinct_2": self.distinct(2),
        }


def load_model(name: str) -> guidance.Model:
    """Return an embedded model."""
    return guidance.load(f"embedded/{name}")


def prompts_for(count: int, *, as_json: bool = False) -> list[str]:
    """Return prompts about topics that no model was trained on."""
    rng, topics = random.Random(SEED), held_out_topics()
    return [message_prompt(topics[place % len(topics)], rng, as_json=as_json) for place in range(count)]


def draw(
    model: guidance.Model,
    prompts: Sequence[str],
    steer: Sequence[Processor] = (),
    *,
    output: Any = None,
    field: str = "message",
    max_tokens: int = MAX_TOKENS,
) -> Sample:
    """Draw one continuation of each prompt, at temperature 1, in batches.

    Equal prompts in different batches would draw the same numbers, so each batch has a seed of its own.
    """
    results: list[Result[Any]] = []
    for start in range(0, len(prompts), BATCH_SIZE):
        results += guidance.generate(
            model,
            list(prompts[start : start + BATCH_SIZE]),
            output,
            steer=steer,
            sampling=guidance.Sampling(seed=SEED + start),
            max_tokens=max_tokens,
            base_log_probs=True,
        )
    texts = [result.text for result in results]
    return Sample(results, texts if output is None else [_field(text, field) for text in texts])


def _field(text: str, field: str) -> str:
    """Return a document's text field; a document that is none has no text."""
    try:
        return str(json.loads(text)[field])
    except (ValueError, KeyError, TypeError):
        return ""
