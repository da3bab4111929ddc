"""Draft with a smaller network that reads along: it proposes, the model verifies (Leviathan et al. 2023).

The draft's law passes the same mask, penalties, watermark and truncation as the model's, so that what it proposes is
legal and close. A draft is confirmed by the row's own draw, with the same random number on both sides; or, on request,
accepted with probability min(1, p / q), which accepts more often but draws other (equally distributed) texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.decoding.acceptance import draw_from, law_of
from guidance.decoding.group import pad_left
from guidance.decoding.proposal import NOTHING, DraftLaw, Proposal
from guidance.decoding.row import Row
from guidance.decoding.working_clock import working_clock
from guidance.decoding.writing import Writer
from guidance.logits.pipeline import Pipeline
from guidance.model import CausalLM, KvCache
from guidance.speculation.ahead import Ahead
from guidance.speculation.drafting import MeasuredDrafter
from guidance.speculation.pace import Costs

__all__ = ["DRAFTING", "DraftModel"]

DRAFTING = 1 << 22
"""The stream of random numbers that drafts are drawn with where they are accepted by their law."""


class DraftModel(MeasuredDrafter):
    """Propose what a network of the same vocabulary would write.

    Parameters
    ----------
    network : the draft.
    writer : of the batch whose rows are followed.
    vocabulary_size : V, of both networks.
    keeps_laws : accept drafts by their law rather than by the row's own draw.
    costs, num_tokens, most : as for every drafter.
    """

    def __init__(
        self,
        network: CausalLM,
        writer: Writer,
        vocabulary_size: int,
        costs: Costs,
        *,
        num_tokens: int | None,
        most: int,
        keeps_laws: bool,
    ) -> None:
        super().__init__(costs, num_tokens=num_tokens, most=most)
        self._network = network
        self._writer = writer
        self._size = vocabulary_size
        self._keeps_laws = keeps_laws
        self._pipelines: dict[int, tuple[Pipeline, Pipeline]] = {}
        self._rows: list[Row] = []
        self._read: list[list[int]] = []
        self._known: list[int] = []
        self._cache: KvCache | None = None
        self._now = working_clock(network.device)

    @property
    def num_bytes(self) -> int:
        """Return the memory the draft's cache takes."""
        return 0 if self._cache is None else self._cache.num_bytes

    def _draft(self, rows: Sequence[Row], rooms: Sequence[int], num_tokens: int) -> list[Proposal]:
        longest = max(len(row.request.prompt_ids) + len(row.token_ids) for row in rows)
        if longest + num_tokens >= self._network.context_size:
            return [NOTHING] * len(rows)
        logits = self._catch_up(rows)
        room = [min(room, self._network.context_size - self._length(i) - 1) for i, room in enumerate(rooms)]
        aheads = [Ahead(row, most, self._writer) for row, most in zip(rows, room, strict=True)]
        for count in range(num_tokens):
            drafting = [i for i, ahead in enumerate(aheads) if ahead.is_open]
            before = [len(ahead.proposal.token_ids) for ahead in aheads]
            self._extend(aheads, drafting, logits)
            if count + 1 == num_tokens or not any(ahead.is_open for ahead in aheads):
                break
            gained = [ahead.proposal.token_ids[start:] for ahead, start in zip(aheads, before, strict=True)]
            logits = self._step([new if a.is_open else [] for new, a in zip(gained, aheads, strict=True)])
        return [ahead.close() for ahead in aheads]

    def _extend(self, aheads: Sequence[Ahead], drafting: Sequence[int], logits: torch.Tensor) -> None:
        """Draft one token for each row that is still being drafted for; rows that share a pipeline share the call."""
        groups: dict[int, list[int]] = {}
        for i in drafting:
            groups.setdefault(id(aheads[i].row.request.pipeline), []).append(i)
        for members in groups.values():
            own = logits if len(members) == logits.shape[0] else logits[members]
            self._extend_group([aheads[i] for i in members], own)

    def _extend_group(self, aheads: Sequence[Ahead], logits: torch.Tensor) -> None:
        pipeline = self._pipeline(aheads[0].row)
        mask = self._masks(aheads)
        states = [ahead.states for ahead in aheads]
        is_greedy = pipeline.sampling.is_greedy
        uniforms = [0.0 if is_greedy else self._uniform(ahead) for ahead in aheads]
        laws: list[DraftLaw | None] = [None] * len(aheads)
        if self._keeps_laws and not is_greedy:
            law = pipeline.process([[state] for state in states], logits[:, None], mask)
            draws = draw_from(law, uniforms, scale=1.0)
            laws = [law_of(law, k) for k in range(len(aheads))]
        else:
            draws = pipeline.draw(states, logits, mask, uniforms=uniforms)
        for k, ahead in enumerate(aheads):
            before = len(ahead.proposal.token_ids)
            if draws.token_ids[k] < 0 or not ahead.extend(draws.token_ids[k], laws[k]):
                ahead.is_open = False
                continue
            for place, token_id in enumerate(ahead.proposal.token_ids[before:]):
                ahead.states = pipeline.advance(ahead.states, token_id, 0.0 if place else draws.log_probs[k])

    def _uniform(self, ahead: Ahead) -> float:
        row = ahead.row
        step = len(row.token_ids) + len(ahead.proposal.token_ids)
        return row.request.uniform(step, attempt=DRAFTING if self._keeps_laws else 0)

    def _masks(self, aheads: Sequence[Ahead]) -> NDArray[np.int32] | None:
        masks = [ahead.note_mask() for ahead in aheads]
        if all(mask is None for mask in masks):
            return None
        words = next(mask.shape[0] for mask in masks if mask is not None)
        return np.stack([np.full(words, -1, dtype=np.int32) if mask is None else mask for mask in masks])

    def _pipeline(self, row: Row) -> Pipeline:
        pipeline = row.request.pipeline
        if id(pipeline) not in self._pipelines:
            self._pipelines[id(pipeline)] = (pipeline, pipeline.alone())
        return self._pipelines[id(pipeline)][1]

    # -- network ----------------------------------------------------------------------------------------------------

    def _catch_up(self, rows: Sequence[Row]) -> torch.Tensor:
        """Follow the rows that stayed and joined, forget what they did not keep, read what they gained."""
        places = {id(row): index for index, row in enumerate(self._rows)}
        if self._cache is None or not any(id(row) in places for row in rows):
            return self._begin(rows)
        newcomers = [row for row in rows if id(row) not in places]
        if newcomers:
            added, _ = self._network.prefill([row.request.prompt_ids for row in newcomers])
            self._cache.join(added)
            places |= {id(row): len(self._rows) + k for k, row in enumerate(newcomers)}
            self._read += [[] for _ in newcomers]
            self._known += [0 for _ in newcomers]
        order = [places[id(row)] for row in rows]
        if newcomers or order != list(range(len(self._rows))):
            self._cache.select(order)
            self._read = [self._read[place] for place in order]
            self._known = [self._known[place] for place in order]
        known, self._known = self._known, [len(row.token_ids) for row in rows]
        self._rows = list(rows)
        kept = [
            _num_shared(read, row.token_ids, first) for read, row, first in zip(self._read, rows, known, strict=True)
        ]
        counts = [len(read) - count for read, count in zip(self._read, kept, strict=True)]
        if any(counts):
            self._cache.drop(counts)
        self._read = [read[:count] for read, count in zip(self._read, kept, strict=True)]
        return self._step([row.token_ids[count:] for row, count in zip(rows, kept, strict=True)])

    def _begin(self, rows: Sequence[Row]) -> torch.Tensor:
        before = self._now()
        self._rows, self._read = list(rows), [list(row.token_ids) for row in rows]
        self._known = [len(row.token_ids) for row in rows]
        texts = [[*row.request.prompt_ids, *row.token_ids] for row in rows]
        self._cache, logits = self._network.prefill(texts)
        self._setup_seconds += self._now() - before
        return logits[:, -1, : self._size]

    def _step(self, lines: Sequence[Sequence[int]]) -> torch.Tensor:
        assert self._cache is not None
        token_ids, lengths = pad_left(lines, self._network.device)
        logits = self._network.decode_step(self._cache, token_ids, lengths)
        for read, line in zip(self._read, lines, strict=True):
            read.extend(line)
        return logits[:, -1, : self._size]

    def _length(self, index: int) -> int:
        return len(self._rows[index].request.prompt_ids) + len(self._read[index])


def _num_shared(read: Sequence[int], written: Sequence[int], first: int) -> int:
    """Return how many tokens agree, the first ones being known to; one is left to read, for the logits after it."""
    most = min(len(read), len(written) - 1)
    return next((i for i in range(min(first, most), most) if read[i] != written[i]), most)
