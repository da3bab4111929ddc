"""Hold one row while it is being produced."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from guidance.decoding.metrics import Clock, Metrics
from guidance.decoding.request import MatcherLike, Request
from guidance.decoding.stopping import StopReason, find_stop

__all__ = ["Row"]


class Row:
    """Keep one output's tokens, its grammar's cursor, and what the model has not read yet.

    Owned by one `Decoder` or `Engine`, which alone changes it. `token_ids` leaves the end token out.

    Parameters
    ----------
    request : what to produce.
    limit : most tokens to produce; the request's own number unless the context is shorter.
    """

    __slots__ = (
        "base_log_probs",
        "draw_times",
        "limit",
        "log_probs",
        "mask_seconds",
        "matcher",
        "num_accepted",
        "num_drafted",
        "num_forced",
        "num_rejected",
        "num_rescued",
        "pending",
        "request",
        "states",
        "stop_reason",
        "text",
        "token_ids",
    )

    def __init__(self, request: Request, *, limit: int | None = None) -> None:
        self.request = request
        self.limit = request.max_tokens if limit is None else min(limit, request.max_tokens)
        self.matcher: MatcherLike | None = None if request.compiled is None else request.compiled.matcher()
        self.states: tuple[Any, ...] = request.pipeline.start(request.prompt_ids)
        self.token_ids: list[int] = []
        self.text = bytearray(request.head)
        self.log_probs: list[float] = []
        self.base_log_probs: list[float] = []
        self.pending: list[int] = list(request.prompt_ids)
        self.stop_reason: StopReason | None = None
        stop = find_stop(request.head, request.stops, start=0) if request.head else -1
        if stop >= 0:
            del self.text[stop:]
            self.stop_reason = StopReason.STOP
        self.num_forced = 0
        self.num_rescued = 0
        self.num_drafted = 0
        self.num_accepted = 0
        self.num_rejected = 0
        self.mask_seconds = 0.0
        self.draw_times: list[float] = []

    @property
    def is_running(self) -> bool:
        """Tell whether more tokens are to come."""
        return self.stop_reason is None

    @property
    def num_left(self) -> int:
        """Return how many tokens may still be produced."""
        return self.limit - len(self.token_ids)

    def append(self, token_id: int, token_bytes: bytes, *, log_prob: float) -> None:
        """Record one token and move every state past it; the matcher has been moved already."""
        self.token_ids.append(token_id)
        self.text += token_bytes
        self.log_probs.append(log_prob)
        self.pending.append(token_id)
        self.states = self.request.pipeline.advance(self.states, token_id, log_prob)

    def mark_draw(self) -> None:
        """Note the time of a token that the model chose."""
        self.draw_times.append(perf_counter())

    def metrics(self, clock: Clock) -> Metrics:
        """Return this row's figures, given the batch's times."""
        end = clock.ended or perf_counter()
        prefilled = clock.prefilled or end
        first = self.draw_times[0] if self.draw_times else end
        return Metrics(
            num_prompt_tokens=len(self.request.prompt_ids),
            num_output_tokens=len(self.token_ids),
            num_forced_tokens=self.num_forced,
            num_model_calls=clock.num_model_calls,
            num_rescued_draws=self.num_rescued,
            num_cached_tokens=clock.num_cached_tokens,
            time_to_first_token_seconds=first - clock.started,
            inter_token_seconds=tuple(
                later - sooner for sooner, later in zip(self.draw_times, self.draw_times[1:], strict=False)
            ),
            prefill_seconds=prefilled - clock.started,
            decode_seconds=end - prefilled,
            mask_seconds=self.mask_seconds,
            kv_cache_bytes=clock.kv_cache_bytes,
            peak_memory_bytes=clock.peak_memory_bytes,
            num_drafted_tokens=self.num_drafted,
            num_accepted_tokens=self.num_accepted,
            num_rejected_tokens=self.num_rejected,
            speculation=clock.speculation,
        )
