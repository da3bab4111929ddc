"""Decide what a running batch does next: who joins, whose prompt is read on, who is drawn for, who leaves.

One step reads at most one chunk of new prompts and then draws once for every running row, so that a long prompt delays
the running rows by a chunk at a time, never by the whole prompt.
"""

from __future__ import annotations

import gc
import warnings
from collections import deque
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import torch

from guidance.decoding import Batch, Drafter, Row, StopReason, Writer
from guidance.engine.ticket import Ticket
from guidance.errors import BatchSplitWarning, MemoryLimitError
from guidance.kv_cache import Prefill
from guidance.memory import is_out_of_memory, peak_memory_bytes
from guidance.model import Model

__all__ = ["Schedule"]

AnyTicket = Ticket[Any]


class Schedule:
    """Run requests that come and go as one batch; owned by one thread at a time.

    Parameters
    ----------
    model : the model to read with.
    writer : gives rows their tokens.
    drafter : proposes tokens ahead of the model; None never does.
    max_rows : most rows that decode together.
    chunk_size : most positions of new prompts read between two draws.
    """

    def __init__(
        self, model: Model, writer: Writer, drafter: Drafter | None, *, max_rows: int, chunk_size: int
    ) -> None:
        self.max_rows = max_rows
        self.waiting: deque[AnyTicket] = deque()
        self._model = model
        self._writer = writer
        self._drafter = drafter
        self._chunk_size = chunk_size
        self._batch = Batch(model, writer, drafter)
        self._running: dict[int, AnyTicket] = {}
        self._prefill: Prefill | None = None
        self._joining: list[AnyTicket] = []

    @property
    def num_running(self) -> int:
        """Return how many rows decode or are about to."""
        return len(self._running) + len(self._joining)

    @property
    def is_idle(self) -> bool:
        """Tell whether there is nothing to do."""
        return not (self.waiting or self._running or self._joining)

    @property
    def num_bytes(self) -> int:
        """Return the memory of the running rows' caches."""
        return self._batch.num_bytes

    def step(self) -> list[AnyTicket]:
        """Do one step; return the tickets that are finished."""
        try:
            return self._step()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        return self._run_fewer()

    def abandon(self, error: BaseException) -> list[AnyTicket]:
        """Give up everything that runs and waits, for one reason; return its tickets."""
        tickets = [*self._running.values(), *self._joining, *self.waiting]
        self.waiting.clear()
        self._reset()
        for ticket in tickets:
            ticket.fail(error)
        return tickets

    def _step(self) -> list[AnyTicket]:
        finished = self._drop_cancelled()
        finished += self._begin_prefill()
        if self._prefill is not None and self._prefill.advance():
            self._join()
        if not self._batch.rows:
            return finished
        self._batch.draw()
        for ticket in self._running.values():
            if ticket.is_cancelled and ticket.row.is_running:
                ticket.row.stop_reason = StopReason.CANCELLED
            ticket.publish()
        num_bytes = self._batch.num_bytes
        for row in self._batch.retire():
            ticket = self._running.pop(id(row))
            ticket.clock.kv_cache_bytes = max(ticket.clock.kv_cache_bytes, num_bytes)
            finished.append(self._finish(ticket))
        if self._batch.rows:
            self._batch.read()
            for ticket in self._running.values():
                ticket.clock.num_model_calls += 1
        return finished

    def _drop_cancelled(self) -> list[AnyTicket]:
        cancelled = [ticket for ticket in self.waiting if ticket.is_cancelled]
        for ticket in cancelled:
            self.waiting.remove(ticket)
            ticket.row.stop_reason = StopReason.CANCELLED
            self._finish(ticket)
        return cancelled

    def _begin_prefill(self) -> list[AnyTicket]:
        """Take the next requests in: several that are short, or one that is long; return those already finished."""
        finished: list[AnyTicket] = []
        room = self.max_rows - self.num_running
        if self._prefill is not None or room <= 0:
            return finished
        budget = self._chunk_size
        while self.waiting and len(self._joining) < room:
            size = len(self.waiting[0].row.request.prompt_ids)
            if self._joining and size > budget:
                break
            ticket = self.waiting.popleft()
            self._writer.settle(ticket.row)
            if ticket.row.is_running:
                self._joining.append(ticket)
                budget -= size
            else:
                finished.append(self._finish(ticket))
        if self._joining:
            # Equal prompts are read once for each: a row that joins has a cache of its own anyway.
            self._prefill = Prefill(
                self._model.language_model,
                [ticket.row.pending for ticket in self._joining],
                prefixes=self._model.prefix_cache,
                chunk_size=self._chunk_size,
            )
        return finished

    def _join(self) -> None:
        prefill, joining = self._prefill, self._joining
        assert prefill is not None
        assert prefill.cache is not None
        assert prefill.logits is not None
        self._batch.admit([ticket.row for ticket in joining], prefill.cache, prefill.logits)
        for ticket in joining:
            ticket.clock.prefilled = perf_counter()
            ticket.clock.num_model_calls = prefill.num_calls
            ticket.clock.num_cached_tokens = prefill.num_cached
            self._running[id(ticket.row)] = ticket
        self._prefill, self._joining = None, []

    def _finish(self, ticket: AnyTicket) -> AnyTicket:
        if self._drafter is not None:
            ticket.clock.speculation = self._drafter.figures()
        ticket.clock.peak_memory_bytes = peak_memory_bytes(self._model.device)
        ticket.finish()
        return ticket

    def _reset(self) -> None:
        self._batch = Batch(self._model, self._writer, self._drafter)
        self._running, self._joining, self._prefill = {}, [], None

    def _run_fewer(self) -> list[AnyTicket]:
        """Begin again with half as many rows; texts do not depend on it. A single row that does not fit fails."""
        tickets: Sequence[AnyTicket] = [*self._running.values(), *self._joining]
        self._reset()
        self._model.prefix_cache.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(tickets) <= 1:
            for ticket in tickets:
                ticket.fail(
                    MemoryLimitError(
                        f"{self._model.name}: got no memory for one row of {len(ticket.row.request.prompt_ids)} prompt "
                        "tokens, expected at least that; shorten the prompt or lower max_tokens"
                    )
                )
            return list(tickets)
        self.max_rows = max(1, len(tickets) // 2)
        warnings.warn(
            f"{self._model.name}: {len(tickets)} rows did not fit into memory; the engine goes on with "
            f"{self.max_rows} at once",
            BatchSplitWarning,
            stacklevel=2,
        )
        for ticket in reversed(tickets):
            ticket.restart(Row(ticket.row.request, limit=ticket.row.limit))
            self.waiting.appendleft(ticket)
        return []
