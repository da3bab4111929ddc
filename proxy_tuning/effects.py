"""Describe what was drawn: how often it is what was wanted, how likely the base finds it, how varied it is."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from guidance.result import Result
from proxy_tuning.errors import SteeringError

__all__ = ["Effects", "Judge", "make_judge"]

Judge = Callable[[str], bool]
"""Tell whether a text has the attribute that was wanted."""

_SENTIMENTS, _REGISTERS = ("positive", "negative"), ("formal", "casual")


@dataclass(frozen=True, slots=True)
class Effects:
    """Describe a sample of outputs.

    Parameters
    ----------
    results : from `guidance.generate` with ``base_log_probs=True``.
    texts : what to judge of each.
    """

    results: Sequence[Result[Any]]
    texts: Sequence[str]

    def rate(self, judge: Judge) -> float:
        """Return the share of texts that have the attribute."""
        return sum(map(judge, self.texts)) / len(self.texts)

    @property
    def perplexity(self) -> float:
        """Return the perplexity per drawn token under the steered model, given the prompt; tokens forced do not count.

        Low is not good by itself: repeating one likely phrase is likely. Read it beside `distinct`.
        """
        found = [p for result in self.results for p in result.base_log_probs or () if not math.isnan(p)]
        return math.exp(-sum(found) / len(found)) if found else math.nan

    @property
    def entropy(self) -> float:
        """Return the mean surprise of a token under the law it was drawn from, in nats."""
        found = [p for result in self.results for p in result.log_probs]
        return -sum(found) / len(found) if found else math.nan

    def distinct(self, n: int) -> float:
        """Return distinct n-grams of words over all n-grams, of all texts together (Li et al. 2016)."""
        grams = [tuple(words[i : i + n]) for words in map(str.split, self.texts) for i in range(len(words) - n + 1)]
        return len(set(grams)) / max(1, len(grams))


def make_judge(name: str) -> Judge:
    """Return a judge by name: positive, negative, formal or casual by the embedded models' word lists; else a pattern.

    Raises
    ------
    SteeringError : when the pattern is none.

    Examples
    --------
    >>> make_judge("positive")("a splendid lamp"), make_judge("lamps?")("two lamps")
    (True, True)
    """
    from guidance.embedded.judge import judge_register, judge_sentiment

    if name in _SENTIMENTS:
        return lambda text: judge_sentiment(text) == name
    if name in _REGISTERS:
        return lambda text: judge_register(text) == name
    try:
        pattern = re.compile(name)
    except re.error as error:
        raise SteeringError(
            f"judge: got {name!r} ({error}), expected {', '.join((*_SENTIMENTS, *_REGISTERS))} or a regular "
            "expression that texts with the attribute match; correct it"
        ) from error
    return lambda text: pattern.search(text) is not None
