"""Draft with a smaller network that reads along: it proposes, the model verifies (Leviathan et al. 2023).

A draft is confirmed by the row's own draw, with the same random number on both sides; or, on request, accepted with
probability min(1, p / q), which accepts more often but draws other (equally distributed) texts. A tree is drafted level
by level, one forward pass each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from guidance.decoding.group import pad_left
from guidance.decoding.proposal import NOTHING, Proposal
from guidance.decoding.row import Row
from guidance.decoding.working_clock import working_clock
from guidance.decoding.writing import Writer
from guidance.model import CausalLM, KvCache
from guidance.speculation.ahead import Ahead
from guidance.speculation.choosing import Chooser, Spot
from guidance.speculation.draft_tree import DraftTree
from guidance.speculation.drafting import MeasuredDrafter, Plan
from guidance.speculation.pace import Costs

__all__ = ["DraftModel"]


class DraftModel(MeasuredDrafter):
    """Propose what a network of the same vocabulary would write.

    Parameters
    ----------
    network : the draft.
    writer : of the batch whose rows are followed.
    vocabulary_size : V, of both networks.
    costs, plan : as for every drafter.
    keeps_laws : accept drafts by their law rather than by the row's own draw.
    """

    def __init__(
        self,
        network: CausalLM,
        writer: Writer,
        vocabulary_size: int,
        *,
        costs: Costs,
        plan: Plan,
        keeps_laws: bool,
    ) -> None:
        super().__init__(costs, plan)
        self._network = network
        self._writer = writer
        self._size = vocabulary_size
        self._chooser = Chooser(writer.ends, keeps_laws=keeps_laws)
        self._rows: list[Row] = []
        self._read: list[list[int]] = []
        self._known: list[int] = []
        self._cache: KvCache | None = None
        self._tree: DraftTree | None = None
        self._now = working_clock(network.device)

    @property
    def num_bytes(self) -> int:
        """Return the memory the draft's cache takes."""
        return 0 if self._cache is None else self._cache.num_bytes

    def _draft(self, rows: Sequence[Row], rooms: Sequence[int], widths: Sequence[int]) -> list[Proposal]:
        longest = max(len(row.request.prompt_ids) + len(row.token_ids) for row in rows)
        if longest + len(widths) >= self._network.context_size:
            return [NOTHING] * len(rows)
        logits = self._catch_up(rows)
        room = [min(room, self._network.context_size - self._length(i) - 1) for i, room in enumerate(rooms)]
        aheads = [Ahead(row, most, self._writer) for row, most in zip(rows, room, strict=True)]
        if max(widths) > 1:
            self._tree = DraftTree(self._network, self._cache, aheads)
        spots, logits = _take_spots(aheads, logits)
        for level, width in enumerate(widths):
            if not spots:
                break
            before = [len(ahead.proposal.token_ids) for ahead in aheads]
            self._chooser.choose(spots, logits, width)
            if level + 1 < len(widths):
                spots, logits = self._read_level(aheads, before)
        return [ahead.close() for ahead in aheads]

    def _read_level(self, aheads: Sequence[Ahead], before: Sequence[int]) -> tuple[list[Spot], torch.Tensor]:
        """Read what was proposed last, where more may be proposed; return where that is, and the logits there."""
        if self._tree is not None:
            return self._tree.read(self._size)
        gained = [
            ahead.proposal.token_ids[start:] if ahead.frontier else []
            for ahead, start in zip(aheads, before, strict=True)
        ]
        return _take_spots(aheads, self._step(gained)) if any(gained) else ([], torch.empty(0))

    # -- network ----------------------------------------------------------------------------------------------------

    def _catch_up(self, rows: Sequence[Row]) -> torch.Tensor:
        """Follow the rows that stayed and joined, forget what they did not keep, read what they gained."""
        if self._tree is not None:
            self._read = [[*read, *kept] for read, kept in zip(self._read, self._tree.close(), strict=True)]
            self._tree = None
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


def _take_spots(aheads: Sequence[Ahead], logits: torch.Tensor) -> tuple[list[Spot], torch.Tensor]:
    """Return the one place of each frontier that is not empty, and the logits there; a line's has one at most.

    logits : float[B, V]
    """
    places = [ahead.take_frontier() for ahead in aheads]
    drafting = [k for k, taken in enumerate(places) if taken]
    spots = [(aheads[k], places[k][0]) for k in drafting]
    return spots, logits if len(drafting) == len(aheads) else logits[drafting]


def _num_shared(read: Sequence[int], written: Sequence[int], first: int) -> int:
    """Return how many tokens agree, the first ones being known to; one is left to read, for the logits after it."""
    most = min(len(read), len(written) - 1)
    return next((i for i in range(min(first, most), most) if read[i] != written[i]), most)
