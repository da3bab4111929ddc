"""Try a method at several strengths: what it gains, and what it costs the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import guidance
from guidance.logits import Processor
from guidance.model import Model
from guidance.sampling import Sampling
from proxy_tuning.effects import Effects, Judge

__all__ = ["SweepPoint", "SweepSettings", "sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """Hold what one strength gave.

    rate : share of texts with the attribute      perplexity : per token, under the steered model
    distinct_1, distinct_2 : share of different words and pairs of words
    example : one of the texts
    """

    strength: float
    rate: float
    perplexity: float
    distinct_1: float
    distinct_2: float
    example: str

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings:
    """Say how texts are drawn.

    output : as in `guidance.generate`; None for free text
    """

    sampling: Sampling
    max_tokens: int = 200
    output: Any = None


def sweep(
    model: Model,
    prompts: Sequence[str],
    make_steer: Callable[[float], Processor],
    *,
    strengths: Sequence[float],
    judge: Judge,
    settings: SweepSettings,
) -> Iterator[SweepPoint]:
    """Yield what each strength gives; all strengths draw with the same random numbers.

    Parameters
    ----------
    model, prompts : whose continuations to draw, ``settings.sampling.n`` for each prompt.
    make_steer : a processor for a strength.
    strengths : which to try, in this order.
    judge : tells whether a text has the attribute.
    settings : how to draw.
    """
    for strength in strengths:
        results = guidance.generate(
            model,
            list(prompts),
            settings.output,
            steer=[make_steer(strength)],
            sampling=settings.sampling,
            max_tokens=settings.max_tokens,
            base_log_probs=True,
        )
        flat = [result for row in results for result in (row if isinstance(row, list) else [row])]
        effects = Effects(flat, [result.text for result in flat])
        yield SweepPoint(
            strength=strength,
            rate=effects.rate(judge),
            perplexity=effects.perplexity,
            distinct_1=effects.distinct(1),
            distinct_2=effects.distinct(2),
            example=flat[0].text,
        )
