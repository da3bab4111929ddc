"""Decode rows together: read each prompt once, then draw, append what the grammar forces, and step.

One loop serves one row and many. Rows of different lengths share every forward pass: a step appends to each row its
drawn token and whatever the grammar forces after it, aligned on the right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Protocol

import torch

from guidance.decoding.batch import Batch
from guidance.decoding.budget import check_budget, check_context
from guidance.decoding.group import pad_left
from guidance.decoding.metrics import Clock
from guidance.decoding.proposal import Drafter
from guidance.decoding.regions import check_regions
from guidance.decoding.request import Request
from guidance.decoding.row import Row
from guidance.decoding.stopping import StopReason
from guidance.decoding.writing import Writer
from guidance.errors import SamplingError
from guidance.kv_cache import Prefill
from guidance.memory import peak_memory_bytes
from guidance.model import KvCache, Model

__all__ = ["Decoder", "MakesDrafter", "make_rows", "prefill_apart"]


class MakesDrafter(Protocol):
    """Make a drafter for one batch; `guidance.Speculation` does."""

    def drafter(self, model: Model, writer: Writer, *, num_rows: int) -> Drafter:
        """Return a drafter of its own for a batch."""


class DeviceLoopLike(Protocol):
    """Decode a batch elsewhere; `guidance.device.DeviceLoop` does."""

    def run(self, batch: Batch, clock: Clock) -> Iterator[list[Row]]:
        """Decode until every row has stopped or is back in the batch; yield the rows that changed."""


class Decoder:
    """Produce the outputs of several requests as one batch.

    Parameters
    ----------
    model : the model to read with.
    requests : what to produce; those with the same prompt share its prefill.
    wants_base : also record the model's own log-probabilities, before mask and temperature.
    forces : append what the grammar forces without asking the model; off only to measure what it saves.
    speculate : makes what proposes tokens ahead of the model; None proposes nothing.
    on_device : draw and advance on the device, with one look at it for many steps: True, or be refused; False, never;
        None where that pays, on CUDA, and can be done. Texts are the same.

    Raises
    ------
    PromptError : when a prompt does not fit the context.
    SamplingError : when `on_device` is True and that cannot be done.
    BudgetError : when max_tokens is below the shortest output of its grammar.
    """

    def __init__(
        self,
        model: Model,
        requests: Sequence[Request],
        *,
        wants_base: bool = False,
        forces: bool = True,
        speculate: MakesDrafter | None = None,
        on_device: bool | None = None,
    ) -> None:
        self.clock = Clock(started=perf_counter())
        self.rows = make_rows(model, requests)
        self._model = model
        self._writer = Writer(model, wants_base=wants_base, forces=forces)
        self._drafter = speculate.drafter(model, self._writer, num_rows=len(requests)) if speculate else None
        self._batch = Batch(model, self._writer, self._drafter)
        self._device_loop = self._make_device_loop(requests, on_device=on_device)

    def run(self) -> Iterator[list[Row]]:
        """Produce; yield after each step the rows that changed in it.

        The iterator may be closed at any point: every row then holds what it has.
        """
        for row in self.rows:
            self._writer.settle(row)
        running = [row for row in self.rows if row.is_running]
        yield self.rows
        batch = self._batch
        if running:
            self._prefill(running)
        if self._device_loop is not None and batch.rows:
            yield from self._device_loop.run(batch, self.clock)
        while batch.rows:
            changed = batch.rows
            batch.draw()
            self.clock.kv_cache_bytes = max(self.clock.kv_cache_bytes, batch.num_bytes)
            yield changed
            batch.retire()
            if batch.rows:
                batch.read()
                self.clock.num_model_calls += 1
        self._finish()

    def _make_device_loop(self, requests: Sequence[Request], *, on_device: bool | None) -> DeviceLoopLike | None:
        """Return what decodes on the device; None where the loop of this class does."""
        is_asked = self._model.language_model.device.type == "cuda" if on_device is None else on_device
        if not is_asked or not requests:
            return None
        from guidance.device import DeviceLoop, find_plan

        plan = find_plan(self._model, requests, self._writer, is_drafted=self._drafter is not None)
        if not isinstance(plan, str):
            return DeviceLoop(self._model, plan, self._writer)
        if on_device is None:
            return None
        raise SamplingError(f"generate: got on_device=True, but {plan}; drop on_device, and the usual loop decodes")

    def cancel(self) -> None:
        """Mark every row that still runs as cancelled."""
        for row in self.rows:
            if row.is_running:
                row.stop_reason = StopReason.CANCELLED
        self._finish()

    def _finish(self) -> None:
        self.clock.ended = perf_counter()
        self.clock.peak_memory_bytes = peak_memory_bytes(self._model.language_model.device)
        if self._drafter is not None:
            self.clock.speculation = self._drafter.figures()

    def _prefill(self, rows: Sequence[Row]) -> None:
        """Read every distinct prompt once and give each row a copy of its cache."""
        if getattr(self._model.language_model, "reads_prompts_apart", False):
            self._prefill_apart(rows)
            return
        places: dict[tuple[int, ...], int] = {}
        origin = [places.setdefault(tuple(row.pending), len(places)) for row in rows]
        prefill = Prefill(self._model.language_model, list(places), prefixes=self._model.prefix_cache)
        prefill.finish()
        cache, logits = prefill.cache, prefill.logits
        assert cache is not None
        assert logits is not None
        if len(places) < len(rows):
            cache.select(origin)
            logits = logits[origin]
        self._batch.admit(rows, cache, logits)
        self.clock.num_model_calls += prefill.num_calls
        self.clock.num_cached_tokens = prefill.num_cached
        self.clock.prefilled = perf_counter()

    def _prefill_apart(self, rows: Sequence[Row]) -> None:
        cache, logits = prefill_apart(self._model, rows)
        self._batch.admit(rows, cache, logits)
        self.clock.num_model_calls += 1
        self.clock.prefilled = perf_counter()


def prefill_apart(model: Model, rows: Sequence[Row]) -> tuple[KvCache, torch.Tensor]:
    """Let an encoder read every distinct prompt once, and the decoder what the grammar forces at once.

    Returns
    -------
    cache : with a row for each of `rows`
    logits : float[B, 1, V]   behind what each row has
    """
    network = model.language_model
    places: dict[tuple[int, ...], int] = {}
    origin = [places.setdefault(row.request.prompt_ids, len(places)) for row in rows]
    cache, logits = network.prefill(list(places))
    if len(places) < len(rows):
        cache.select(origin)
        logits = logits[origin]
    if any(row.token_ids for row in rows):
        token_ids, lengths = pad_left([row.token_ids for row in rows], network.device)
        logits = network.decode_step(cache, token_ids, lengths)
    return cache, logits


def make_rows(model: Model, requests: Sequence[Request]) -> list[Row]:
    """Return one row for each request, checked before anything runs.

    Raises
    ------
    PromptError : when a prompt does not fit the context.
    BudgetError : when max_tokens is below the shortest output of its grammar, or of a region with a limit of its own.
    """
    rows = []
    for request in requests:
        check_context(request, model.context_size)
        row = Row(request, limit=model.context_size - len(request.prompt_ids))
        if row.matcher is not None:
            check_budget(row.matcher, row.limit)
            check_regions(row)
        rows.append(row)
    return rows
