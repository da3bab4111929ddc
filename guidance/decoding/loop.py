"""Decode rows together: read each prompt once, then draw, append what the grammar forces, and step.

One loop serves one row and many. Rows of different lengths share every forward pass: a step appends to each row its
drawn token and whatever the grammar forces after it, aligned on the right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from fsm import allocate_token_bitmask
from guidance.decoding.budget import can_finish, check_budget, check_context, fill_mask, forbid
from guidance.decoding.forcing import Forcing
from guidance.decoding.group import Group, form_groups, pad_left
from guidance.decoding.metrics import Clock
from guidance.decoding.request import Request
from guidance.decoding.row import Row
from guidance.decoding.stopping import StopReason, find_stop
from guidance.logits.sampler import Draw, Draws
from guidance.model import CausalLM, KvCache, Model

__all__ = ["Decoder"]


class Decoder:
    """Produce the outputs of several requests as one batch.

    Parameters
    ----------
    model : the model to read with.
    requests : what to produce; neighbours with the same prompt share its prefill.
    wants_base : also record the model's own log-probabilities, before mask and temperature.
    forces : append what the grammar forces without asking the model; off only to measure what it saves.

    Raises
    ------
    PromptError : when a prompt does not fit the context.
    BudgetError : when max_tokens is below the shortest output of its grammar.
    """

    def __init__(
        self, model: Model, requests: Sequence[Request], *, wants_base: bool = False, forces: bool = True
    ) -> None:
        self.rows = [Row(request) for request in requests]
        self.clock = Clock(started=perf_counter())
        self._model: CausalLM = model.language_model
        self._vocabulary = model.vocabulary
        self._ends = frozenset(model.vocabulary.eos_token_ids)
        self._silent = frozenset(model.vocabulary.special_token_ids) | self._ends
        self._wants_base = wants_base
        self._forcing = Forcing(model) if forces else None
        self._cache: KvCache | None = None
        self._groups: list[Group] = []
        self._mask = allocate_token_bitmask(len(requests), model.vocabulary.size)
        self._limits = [min(r.max_tokens, self._model.context_size - len(r.prompt_ids)) for r in requests]
        for row, limit in zip(self.rows, self._limits, strict=True):
            check_context(row.request, self._model.context_size)
            if row.matcher is not None:
                check_budget(row.matcher, limit)

    def run(self) -> Iterator[list[Row]]:
        """Produce; yield after each step the rows that changed in it.

        The iterator may be closed at any point: every row then holds what it has.
        """
        for row in self.rows:
            self._settle(row)
        running = [row for row in self.rows if row.is_running]
        yield self.rows
        if not running:
            return
        logits = self._prefill(running)
        while running:
            self._draw(running, logits)
            yield running
            running = self._keep_running(running)
            if running:
                logits = self._step(running)
        self.clock.ended = perf_counter()

    def cancel(self) -> None:
        """Mark every row that still runs as cancelled."""
        for row in self.rows:
            if row.is_running:
                row.stop_reason = StopReason.CANCELLED
        self.clock.ended = perf_counter()

    # -- model ------------------------------------------------------------------------------------------------------

    def _prefill(self, rows: Sequence[Row]) -> torch.Tensor:
        """Read every distinct prompt once and give each row a copy of its cache."""
        places: dict[tuple[int, ...], int] = {}
        origin = [places.setdefault(tuple(row.pending), len(places)) for row in rows]
        self._cache, logits = self._model.prefill(list(places))
        if len(places) < len(rows):
            self._cache.select(origin)
            logits = logits[origin]
        self._groups = form_groups(rows)
        for group in self._groups:
            group.open(self._model.device)
        self._count_read(rows)
        self.clock.prefilled = perf_counter()
        return logits[:, -1, : self._vocabulary.size]

    def _step(self, rows: Sequence[Row]) -> torch.Tensor:
        """Let the model, and what is computed beside it, read what each row appended since it last looked."""
        assert self._cache is not None
        token_ids, lengths = pad_left([row.pending for row in rows], self._model.device)
        logits = self._model.decode_step(self._cache, token_ids, lengths)
        for group in self._groups:
            if group.has_companions:
                own, own_lengths = pad_left([row.pending for row in group.rows], self._model.device)
                group.read(own, own_lengths)
        self._count_read(rows)
        return logits[:, -1, : self._vocabulary.size]

    def _count_read(self, rows: Sequence[Row]) -> None:
        self.clock.num_model_calls += 1
        for row in rows:
            row.pending = []

    def _keep_running(self, rows: list[Row]) -> list[Row]:
        """Drop the rows that stopped, from the batch, from the cache and from what is computed beside."""
        assert self._cache is not None
        num_bytes = self._cache.num_bytes + sum(group.num_bytes for group in self._groups)
        self.clock.kv_cache_bytes = max(self.clock.kv_cache_bytes, num_bytes)
        kept = [index for index, row in enumerate(rows) if row.is_running]
        if len(kept) == len(rows) or not kept:
            return rows if kept else []
        self._cache.select(kept)
        for group in self._groups:
            group.keep_running()
        self._groups = [group for group in self._groups if group.rows]
        return [rows[index] for index in kept]

    # -- law --------------------------------------------------------------------------------------------------------

    def _draw(self, rows: Sequence[Row], logits: torch.Tensor) -> None:
        """Draw one token for every row; rows that share a pipeline share the call."""
        if len(self._groups) == 1:
            self._draw_group(self._groups[0], logits)
            return
        places = {id(row): index for index, row in enumerate(rows)}
        for group in self._groups:
            self._draw_group(group, logits[[places[id(row)] for row in group.rows]])

    def _draw_group(self, group: Group, logits: torch.Tensor) -> None:
        """Draw for all rows of a group, then give each its token; `logits` has the group's rows in their order."""
        rows = group.rows
        mask = self._mask[: len(rows)] if self._fill_masks(rows) else None
        draws = self._draw_rows(group, slice(0, len(rows)), logits, mask, attempt=0)
        chosen = [self._within_budget(group, draws, index, logits) for index in range(len(rows))]
        for row, draw in zip(rows, chosen, strict=True):
            self._take(row, draw)

    def _draw_rows(
        self, group: Group, chosen: slice, logits: torch.Tensor, mask: NDArray[np.int32] | None, *, attempt: int
    ) -> Draws:
        rows = group.rows[chosen]
        is_greedy = group.pipeline.sampling.is_greedy
        return group.pipeline.draw(
            [row.states for row in rows],
            logits[chosen],
            None if mask is None else mask[chosen],
            uniforms=[0.0 if is_greedy else row.request.uniform(len(row.token_ids), attempt=attempt) for row in rows],
            wants_base=self._wants_base,
            companions=group.companions,
        )

    def _within_budget(self, group: Group, draws: Draws, index: int, logits: torch.Tensor) -> Draw:
        """Return a row's draw; draw again where it leads too far from an end to get there within the budget.

        Taking the refused token out of the mask and drawing anew samples the law restricted to the tokens that fit.
        What is computed beside the model stands for all rows of a group, so all are drawn again there, and one taken.
        """
        row, draw = group.rows[index], draws.row(index)
        if row.matcher is None:
            return draw
        attempt = 0
        chosen, place = (slice(None), index) if group.has_companions else (slice(index, index + 1), 0)
        while draw.token_id >= 0 and not self._fits(row, draw.token_id):
            attempt += 1
            forbid(self._mask, index, draw.token_id)
            mask = self._mask[: len(group.rows)]
            draw = self._draw_rows(group, chosen, logits, mask, attempt=attempt).row(place)
        return draw

    def _fits(self, row: Row, token_id: int) -> bool:
        """Move the row's matcher past a token, unless no whole output is then in reach."""
        if token_id in self._ends:
            return True
        assert row.matcher is not None
        before = perf_counter()
        row.matcher.advance(token_id)
        is_in_reach = can_finish(row.matcher, self._num_left(row) - 1)
        if not is_in_reach:
            row.matcher.rollback(1)
        row.mask_seconds += perf_counter() - before
        return is_in_reach

    def _fill_masks(self, rows: Sequence[Row]) -> bool:
        """Fill one mask row for each row; return whether any is constrained."""
        if all(row.matcher is None for row in rows):
            return False
        for index, row in enumerate(rows):
            if row.matcher is None:
                self._mask[index] = -1
                continue
            before = perf_counter()
            fill_mask(row.matcher, self._mask, index)
            row.mask_seconds += perf_counter() - before
        return True

    def _take(self, row: Row, draw: Draw) -> None:
        """Give a row its drawn token, past which its matcher has been moved; then settle it."""
        if draw.token_id < 0:
            row.stop_reason = StopReason.ERROR
            return
        if draw.token_id in self._ends:
            row.stop_reason = StopReason.EOS
            return
        if self._wants_base:
            row.base_log_probs.append(draw.base_log_prob)
        row.mark_first()
        row.num_rescued += draw.is_rescued
        self._append(row, draw.token_id, log_prob=draw.log_prob)
        self._settle(row)

    def _append(self, row: Row, token_id: int, *, log_prob: float) -> None:
        token_bytes = b"" if token_id in self._silent else self._vocabulary.token_bytes[token_id]
        row.append(token_id, token_bytes, log_prob=log_prob)
        self._cut_at_stop(row, len(token_bytes))

    def _settle(self, row: Row) -> None:
        """Stop a row that is done; otherwise append what the grammar leaves no choice about."""
        self._stop_if_done(row)
        if row.matcher is None or self._forcing is None or not row.is_running:
            return
        before = perf_counter()
        forced = self._forcing.tokens(row.matcher)
        row.mask_seconds += perf_counter() - before
        for token_id in forced[: self._num_left(row)]:
            if token_id in self._ends or not row.is_running:
                break
            row.matcher.advance(token_id)
            self._append(row, token_id, log_prob=0.0)
            row.num_forced += 1
            if self._wants_base:
                row.base_log_probs.append(float("nan"))
        if forced:
            self._stop_if_done(row)

    def _stop_if_done(self, row: Row) -> None:
        if row.stop_reason is not None:
            return
        if row.matcher is not None and row.matcher.is_complete:
            row.stop_reason = StopReason.ACCEPTED
        elif self._num_left(row) <= 0:
            row.stop_reason = StopReason.LENGTH

    def _cut_at_stop(self, row: Row, num_new_bytes: int) -> None:
        if not row.request.stops:
            return
        place = find_stop(bytes(row.text), row.request.stops, start=len(row.text) - num_new_bytes)
        if place >= 0:
            del row.text[place:]
            row.stop_reason = StopReason.STOP

    def _num_left(self, row: Row) -> int:
        room = self._model.context_size - len(row.request.prompt_ids)
        return min(row.request.max_tokens, room) - len(row.token_ids)
