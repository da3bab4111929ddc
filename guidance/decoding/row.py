"""Hold one row while it is being produced."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from guidance.decoding.metrics import Clock, Metrics
from guidance.decoding.request import MatcherLike, Request
from guidance.decoding.stopping import StopReason

__all__ = ["Row"]


class Row:
    """Keep one output's tokens, its grammar's cursor, and what the model has not read yet.

    Owned by one `Decoder`, which alone changes it. `token_ids` leaves the end token out.
    """

    __slots__ = (
        "base_log_probs",
        "first_token_time",
        "log_probs",
        "mask_seconds",
        "matcher",
        "num_forced",
        "num_rescued",
        "pending",
        "request",
        "states",
        "stop_reason",
        "text",
        "token_ids",
    )

    def __init__(self, request: Request) -> None:
        self.request = request
        self.matcher: MatcherLike | None = None if request.compiled is None else request.compiled.matcher()
        self.states: tuple[Any, ...] = request.pipeline.start(request.prompt_ids)
        self.token_ids: list[int] = []
        self.text = bytearray()
        self.log_probs: list[float] = []
        self.base_log_probs: list[float] = []
        self.pending: list[int] = list(request.prompt_ids)
        self.stop_reason: StopReason | None = None
        self.num_forced = 0
        self.num_rescued = 0
        self.mask_seconds = 0.0
        self.first_token_time = 0.0

    @property
    def is_running(self) -> bool:
        """Tell whether more tokens are to come."""
        return self.stop_reason is None

    @property
    def num_left(self) -> int:
        """Return how many tokens may still be produced."""
        return self.request.max_tokens - len(self.token_ids)

    def append(self, token_id: int, token_bytes: bytes, *, log_prob: float) -> None:
        """Record one token and move every state past it; the matcher has been moved already."""
        self.token_ids.append(token_id)
        self.text += token_bytes
        self.log_probs.append(log_prob)
        self.pending.append(token_id)
        self.states = self.request.pipeline.advance(self.states, token_id, log_prob)

    def mark_first(self) -> None:
        """Note the time of the first token the model chose."""
        if not self.first_token_time:
            self.first_token_time = perf_counter()

    def metrics(self, clock: Clock) -> Metrics:
        """Return this row's figures, given the batch's times."""
        end = clock.ended or perf_counter()
        prefilled = clock.prefilled or end
        first = self.first_token_time or end
        return Metrics(
            num_prompt_tokens=len(self.request.prompt_ids),
            num_output_tokens=len(self.token_ids),
            num_forced_tokens=self.num_forced,
            num_model_calls=clock.num_model_calls,
            num_rescued_draws=self.num_rescued,
            time_to_first_token_seconds=first - clock.started,
            prefill_seconds=prefilled - clock.started,
            decode_seconds=end - prefilled,
            mask_seconds=self.mask_seconds,
            kv_cache_bytes=clock.kv_cache_bytes,
        )
