"""Run a search: one KV cache with a row for every running beam of every prompt, reordered as beams fork and end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

import torch

from fsm import allocate_token_bitmask
from guidance.decoding import Request, Row
from guidance.decoding.budget import fill_mask
from guidance.decoding.group import pad_left
from guidance.decoding.loop import make_rows, prefill_apart
from guidance.decoding.metrics import Clock
from guidance.decoding.stopping import StopReason
from guidance.decoding.writing import Writer
from guidance.errors import SamplingError
from guidance.kv_cache import Prefill
from guidance.logits.pipeline import Companions, Law
from guidance.memory import peak_memory_bytes
from guidance.model import KvCache, Model
from guidance.search.beam import Beam, Grower
from guidance.search.choices import Choices
from guidance.search.frontier import Frontier

__all__ = ["SearchDecoder", "split_requests"]

MakeFrontier = Callable[[Beam, Grower], Frontier]


class SearchDecoder:
    """Find the outputs of several prompts as one batch.

    Parameters
    ----------
    model : the model to read with.
    requests : what to produce; the n requests that `Sampling.n` makes of one prompt are given its n best outputs.
    make_frontier : makes what keeps the beams of one prompt.
    num_results : the most outputs a prompt can have.
    wants_base : also record the model's own log-probabilities.

    Raises
    ------
    PromptError : when a prompt does not fit the context.
    BudgetError : when max_tokens is below the shortest output of its grammar.
    SamplingError : when more outputs are asked for than the search keeps.
    """

    def __init__(
        self,
        model: Model,
        requests: Sequence[Request],
        make_frontier: MakeFrontier,
        *,
        num_results: int,
        wants_base: bool,
    ) -> None:
        self.clock = Clock(started=perf_counter())
        self.rows: list[Beam] = [Beam.of(row) for row in make_rows(model, requests)]
        self._model = model
        self._writer = Writer(model, wants_base=wants_base, forces=True)
        self._groups = split_requests(self.rows, num_results)
        self._make_frontier = make_frontier
        self._frontiers: list[Frontier] = []
        self._wants_base = wants_base
        self._cache: KvCache | None = None
        self._companions: Companions = ()
        self._mask = allocate_token_bitmask(1, model.vocabulary.size)

    def run(self) -> Iterator[Sequence[Row]]:
        """Search; yield after each step."""
        self._make_frontiers()
        logits = self._prefill()
        yield self.rows
        while logits is not None:
            self._choose(logits)
            yield self.rows
            logits = self._read()
        self._hand_out()
        self._finish()

    def _make_frontiers(self) -> None:
        """Start every prompt with one beam, past what its grammar forces first."""
        grower = Grower(self._writer)
        for rows in self._groups:
            root = rows[0].fork()
            self._writer.settle(root)
            self._frontiers.append(self._make_frontier(root, grower))

    def cancel(self) -> None:
        """Hand out what there is; beams that still run are marked as cancelled."""
        self._hand_out()
        for row in self.rows:
            if row.is_running:
                row.stop_reason = StopReason.CANCELLED
        self._finish()

    def _finish(self) -> None:
        self.clock.ended = perf_counter()
        self.clock.peak_memory_bytes = peak_memory_bytes(self._model.device)

    # -- model ------------------------------------------------------------------------------------------------------

    @property
    def _beams(self) -> list[Beam]:
        """Return all running beams, in the order of the cache's rows."""
        return [beam for frontier in self._frontiers for beam in frontier.running]

    def _prefill(self) -> torch.Tensor | None:
        """Read every distinct prompt, and what its grammar forces first, once."""
        beams = self._beams
        if not beams:
            return None
        if getattr(self._model.language_model, "reads_prompts_apart", False):
            self._cache, logits = prefill_apart(self._model, beams)
        else:
            logits = self._prefill_together(beams)
        self._open_companions(beams)
        self._count(beams)
        self.clock.prefilled = perf_counter()
        return logits[:, -1, : self._model.vocabulary.size]

    def _prefill_together(self, beams: Sequence[Beam]) -> torch.Tensor:
        places: dict[tuple[int, ...], int] = {}
        origin = [places.setdefault(tuple(beam.pending), len(places)) for beam in beams]
        prefill = Prefill(self._model.language_model, list(places), prefixes=self._model.prefix_cache)
        prefill.finish()
        cache, logits = prefill.cache, prefill.logits
        assert cache is not None
        assert logits is not None
        self.clock.num_model_calls += prefill.num_calls - 1
        self.clock.num_cached_tokens = prefill.num_cached
        if len(places) < len(beams):
            cache.select(origin)
            logits = logits[origin]
        self._cache = cache
        return logits

    def _open_companions(self, beams: Sequence[Beam]) -> None:
        pipeline = beams[0].request.pipeline
        self._companions = pipeline.open([beam.request.prompt_ids for beam in beams])
        if self._has_companions and any(beam.token_ids for beam in beams):
            self._read_beside([beam.token_ids for beam in beams])

    @property
    def _has_companions(self) -> bool:
        return any(companion is not None for companion in self._companions)

    def _read_beside(self, lines: Sequence[Sequence[int]]) -> None:
        token_ids, lengths = pad_left(lines, self._model.language_model.device)
        for companion in self._companions:
            if companion is not None:
                companion.read(token_ids, lengths)

    def _read(self) -> torch.Tensor | None:
        """Move every row of the cache to where its beam came from, and let the model read what each beam appended."""
        beams = self._beams
        if not beams:
            return None
        assert self._cache is not None
        parents = [beam.place for beam in beams]
        if parents != list(range(self._cache.num_rows)):
            self._cache.select(parents)
            for companion in self._companions:
                if companion is not None:
                    companion.select(parents)
        lines = [beam.pending for beam in beams]
        token_ids, lengths = pad_left(lines, self._model.language_model.device)
        logits = self._model.language_model.decode_step(self._cache, token_ids, lengths)
        if self._has_companions:
            self._read_beside(lines)
        self._count(beams)
        return logits[:, -1, : self._model.vocabulary.size]

    def _count(self, beams: Sequence[Beam]) -> None:
        """Note that the model has read everything."""
        assert self._cache is not None
        self.clock.num_model_calls += 1
        beside = sum(companion.num_bytes for companion in self._companions if companion is not None)
        self.clock.kv_cache_bytes = max(self.clock.kv_cache_bytes, self._cache.num_bytes + beside)
        for place, beam in enumerate(beams):
            beam.pending = []
            beam.place = place

    # -- choice -----------------------------------------------------------------------------------------------------

    def _choose(self, logits: torch.Tensor) -> None:
        """Let every prompt choose its next beams."""
        law = self._law(logits)
        base = torch.log_softmax(logits.float(), dim=-1) if self._wants_base else None
        first = 0
        for frontier in self._frontiers:
            count = len(frontier.running)
            if count:
                choices = Choices(law, slice(first, first + count), base)
                before = frontier.running[0]
                frontier.step(choices)
                if not frontier.best(1):  # its logits were not numbers, or nothing may follow
                    before.stop_reason = StopReason.ERROR
                    frontier.finished = [before]
            first += count

    def _law(self, logits: torch.Tensor) -> Law:
        """Return the processed law after each beam: logits float32[R, 1, K]."""
        beams = self._beams
        mask = None
        if beams[0].matcher is not None:
            if self._mask.shape[0] < len(beams):
                self._mask = allocate_token_bitmask(len(beams), self._model.vocabulary.size)
            mask = self._mask[: len(beams)]
            for index, beam in enumerate(beams):
                assert beam.matcher is not None
                fill_mask(beam.matcher, mask, index)
        pipeline = beams[0].request.pipeline
        return pipeline.process([[beam.states] for beam in beams], logits[:, None], mask, self._companions)

    def _hand_out(self) -> None:
        """Give each request of a prompt one of its outputs, the best first; there may be fewer than requests."""
        for rows, frontier in zip(self._groups, self._frontiers, strict=False):
            found = frontier.best(max(_rank(row) for row in rows) + 1)
            for row in rows:
                if _rank(row) < len(found):
                    request = row.request
                    row.become(found[_rank(row)])
                    row.request = request
                else:
                    row.stop_reason = StopReason.ERROR


def split_requests(rows: Sequence[Beam], num_results: int) -> list[list[Beam]]:
    """Return the rows of each prompt together.

    Raises
    ------
    SamplingError : when there are more than `num_results` of one prompt.
    """
    count = rows[0].request.pipeline.sampling.n
    if count > num_results:
        raise SamplingError(
            f"search: got n={count} outputs of a prompt, expected at most {num_results}, as many as the search keeps; "
            "raise num_beams or lower n"
        )
    groups: dict[tuple[tuple[int, ...], int], list[Beam]] = {}
    for row in rows:
        groups.setdefault((row.request.prompt_ids, row.request.row // count), []).append(row)
    return list(groups.values())


def _rank(row: Row) -> int:
    """Return which of its prompt's outputs a row is to hold, 0 for the best."""
    return row.request.row % row.request.pipeline.sampling.n
