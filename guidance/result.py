"""Hold what a generation returns: the value, the text it was read from, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from guidance.decoding.metrics import Metrics
from guidance.decoding.stopping import StopReason
from guidance.errors import OutputError

__all__ = ["Event", "Result", "whole_characters"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Generic[T]):
    """Hold one output.

    Parameters
    ----------
    text : the generated text, end token excluded.
    token_ids : its tokens, as generated.
    log_probs : natural log-probability of each token under the law it was drawn from: masked, then tempered and
        truncated. 0 where the grammar forced the token. Greedy choices report the masked law at temperature 1.
    base_log_probs : the same under the model's own law; None unless asked for, NaN where a token was forced.
    stop_reason : why the text ends.
    metrics : what it took.
    parsed : the value, or the error that reading it gave; read `value` instead.
    captures : what the grammar's named parts hold, by name: a value, or a list where a part may occur several times.
    score : what a search ranked it by; None for what was drawn.
    weight : of the text in an unbiased estimate of a mean over the law; of stochastic beams only.

    Notes
    -----
    Masking at every step samples the *locally projected* law: each step is the model's law restricted to the legal
    tokens and renormalised. It is not the model's law conditioned on the whole text being legal.
    """

    text: str
    token_ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    base_log_probs: tuple[float, ...] | None
    stop_reason: StopReason
    metrics: Metrics
    parsed: T | OutputError
    captures: Mapping[str, Any] = field(default_factory=dict)
    score: float | None = None
    weight: float | None = None

    @property
    def value(self) -> T:
        """Return the typed value.

        Raises
        ------
        OutputError : when the text is not one: it was cut short, or a validator of the type refused it.
        """
        if isinstance(self.parsed, OutputError):
            raise self.parsed
        return self.parsed

    @property
    def is_valid(self) -> bool:
        """Tell whether `value` returns."""
        return not isinstance(self.parsed, OutputError)

    @property
    def log_prob(self) -> float:
        """Return the log-probability of the whole text under the law it was drawn from."""
        return sum(self.log_probs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Generic[T]):
    """Hold one step of a stream.

    Parameters
    ----------
    text : everything generated so far.
    delta : what this step added.
    partial : the value as far as the text tells: fields not yet written are None, the last string may be cut short.
    result : the finished result, on the last event only.
    metrics : figures so far; None where they are not followed.
    """

    text: str
    delta: str
    partial: T | None
    result: Result[T] | None = None
    metrics: Metrics | None = None


def whole_characters(text: bytes | bytearray) -> str:
    """Return the text without a last character whose bytes have not all come."""
    for cut in range(min(4, len(text)) + 1):
        head = text[: len(text) - cut]
        try:
            return head.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.end < len(head):
                break
    return text.decode("utf-8", errors="replace")
