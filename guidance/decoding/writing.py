"""Give rows their tokens: the drawn one, what the grammar forces after it, and the reason to stop."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from fsm import Matcher
from guidance.decoding.budget import can_finish
from guidance.decoding.forcing import Forcing
from guidance.decoding.regions import keeps_limits
from guidance.decoding.row import Row
from guidance.decoding.stopping import StopReason, find_stop
from guidance.logits.sampler import Draw
from guidance.model import Model

__all__ = ["Writer"]


class Writer:
    """Append tokens to rows of one model.

    Parameters
    ----------
    model : whose tokens they are.
    wants_base : also record the model's own log-probabilities.
    forces : append what the grammar forces without asking the model; off only to measure what it saves.
    """

    def __init__(self, model: Model, *, wants_base: bool, forces: bool) -> None:
        self.wants_base = wants_base
        self.vocabulary_size = model.vocabulary.size
        self.ends = frozenset(model.vocabulary.eos_token_ids)
        self._silent = frozenset(model.vocabulary.special_token_ids) | self.ends
        self.token_bytes = model.vocabulary.token_bytes
        self._forcing = Forcing(model) if forces else None

    def take(self, row: Row, draw: Draw) -> None:
        """Give a row its drawn token, past which its matcher has been moved; then settle it."""
        if draw.token_id < 0:
            row.stop_reason = StopReason.ERROR
            return
        row.mark_draw()
        if draw.token_id in self.ends:
            row.stop_reason = StopReason.EOS
            return
        if self.wants_base:
            row.base_log_probs.append(draw.base_log_prob)
        row.num_rescued += draw.is_rescued
        self._append(row, draw.token_id, log_prob=draw.log_prob)
        self.settle(row)

    def replay(self, row: Row, draws: Sequence[Draw], *, is_drawn: Sequence[bool]) -> None:
        """Record tokens that were drawn, or forced, by the same rules elsewhere; a stop string ends the row.

        The row's matcher is not moved; whether the row is done otherwise, the caller knows.
        """
        for draw, was_drawn in zip(draws, is_drawn, strict=True):
            if was_drawn:
                row.mark_draw()
            if self.wants_base:
                row.base_log_probs.append(draw.base_log_prob)
            row.num_forced += not was_drawn
            self._append(row, draw.token_id, log_prob=draw.log_prob)
            if not row.is_running:
                return

    def tokens_forced(self, matcher: Matcher) -> list[int]:
        """Return the tokens that must come next where a matcher stands."""
        return [] if self._forcing is None else self._forcing.tokens(matcher)

    @property
    def forces(self) -> bool:
        """Tell whether what the grammar forces is appended without asking the model."""
        return self._forcing is not None

    def settle(self, row: Row) -> None:
        """Stop a row that is done; otherwise append what the grammar leaves no choice about."""
        self._stop_if_done(row)
        if not row.is_running:
            return
        forced = self.forced(row)
        for token_id in forced[: row.num_left]:
            if token_id in self.ends or not row.is_running:
                break
            assert row.matcher is not None
            row.matcher.advance(token_id)
            self._append(row, token_id, log_prob=0.0)
            row.num_forced += 1
            if self.wants_base:
                row.base_log_probs.append(float("nan"))
        if forced:
            self._stop_if_done(row)

    def forced(self, row: Row) -> list[int]:
        """Return the tokens that must come next where the row's matcher stands."""
        if row.matcher is None or self._forcing is None:
            return []
        before = perf_counter()
        tokens = self._forcing.tokens(row.matcher)
        row.mask_seconds += perf_counter() - before
        return tokens

    def fits(self, row: Row, token_id: int, *, is_last: bool = False) -> bool:
        """Move the row's matcher past a token, unless no whole output is then in reach, or a region's limit is broken.

        is_last : nothing else is left to take, so that regions' limits no longer count.
        """
        if token_id in self.ends:
            return True
        assert row.matcher is not None
        before = perf_counter()
        row.matcher.advance(token_id)
        is_in_reach = can_finish(row.matcher, row.num_left - 1) and (is_last or keeps_limits(row))
        if not is_in_reach:
            row.matcher.rollback(1)
        row.mask_seconds += perf_counter() - before
        return is_in_reach

    def _append(self, row: Row, token_id: int, *, log_prob: float) -> None:
        token_bytes = b"" if token_id in self._silent else self.token_bytes[token_id]
        row.append(token_id, token_bytes, log_prob=log_prob)
        stops = row.request.stops
        if stops:
            place = find_stop(bytes(row.text), stops, start=len(row.text) - len(token_bytes))
            if place >= 0:
                del row.text[place:]
                row.stop_reason = StopReason.STOP

    def _stop_if_done(self, row: Row) -> None:
        if row.stop_reason is not None:
            return
        if row.matcher is not None and row.matcher.is_complete:
            row.stop_reason = StopReason.ACCEPTED
        elif row.num_left <= 0:
            row.stop_reason = StopReason.LENGTH
