"""Keep the companions of the rows that share a pipeline in step with those rows.

What the model reads, selects and forgets, every companion of the group reads, selects and forgets too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from guidance.decoding.lanes import Lanes
from guidance.decoding.proposal import Proposal
from guidance.decoding.row import Row
from guidance.logits.pipeline import Companions, Pipeline

__all__ = ["Group", "form_groups", "pad_left"]


class Group:
    """Hold rows of one batch that share a pipeline, and what the pipeline computes beside the model for them.

    Parameters
    ----------
    pipeline : the law of these rows.
    rows : the rows, in the order their companions hold them.

    lanes : how the companions have read the rows' proposals where one is a tree, until `settle`; else None.

    Owned by one `Decoder`.
    """

    __slots__ = ("companions", "lanes", "pipeline", "rows")

    def __init__(self, pipeline: Pipeline, rows: Sequence[Row]) -> None:
        self.pipeline = pipeline
        self.rows = list(rows)
        self.companions: Companions = ()
        self.lanes: Lanes | None = None

    @property
    def has_companions(self) -> bool:
        """Tell whether anything is computed beside the model."""
        return any(companion is not None for companion in self.companions)

    @property
    def num_bytes(self) -> int:
        """Return the memory the companions' caches take."""
        return sum(companion.num_bytes for companion in self.companions if companion is not None)

    def open(self, device: torch.device) -> None:
        """Open the companions: each distinct prompt is read once, then what the rows have appended to it already."""
        places: dict[tuple[int, ...], int] = {}
        origin = [places.setdefault(row.request.prompt_ids, len(places)) for row in self.rows]
        self.companions = self.pipeline.open(list(places))
        if len(places) < len(self.rows):
            self._select(origin)
        if self.has_companions and self.rows[0].token_ids:
            token_ids, lengths = pad_left([row.token_ids for row in self.rows], device)
            self.read(token_ids, lengths)

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None, *, num_logits: int = 1) -> None:
        """Let the companions read what the model reads; `token_ids` has one row for each of the group's rows."""
        for companion in self.companions:
            if companion is not None:
                companion.read(token_ids, lengths, num_logits=num_logits)

    def read_ahead(self, pending: Sequence[list[int]], proposals: Sequence[Proposal], device: torch.device) -> None:
        """Let the companions read what each row has pending and what is proposed to follow it."""
        lanes = Lanes(proposals)
        if len(lanes.rows) > len(self.rows):
            self.lanes = lanes
            self._select(lanes.rows)
        token_ids, lengths = pad_left(lanes.lines(pending), device)
        self.read(token_ids, lengths, num_logits=lanes.num_positions)

    def settle(self, proposals: Sequence[Proposal], places: Sequence[int]) -> None:
        """Let the companions forget what was proposed beyond the place that each row reached."""
        if not self.has_companions:
            return
        if self.lanes is None:
            counts = [len(given.token_ids) - place for given, place in zip(proposals, places, strict=True)]
        else:
            kept, counts = self.lanes.keep(places)
            self.lanes = None
            self._select(kept)
        if any(counts):
            self._drop(counts)

    def keep_running(self) -> None:
        """Drop the rows that stopped."""
        kept = [index for index, row in enumerate(self.rows) if row.is_running]
        if len(kept) < len(self.rows):
            self.rows = [self.rows[index] for index in kept]
            if kept:
                self._select(kept)

    def _drop(self, counts: Sequence[int]) -> None:
        for companion in self.companions:
            if companion is not None:
                companion.drop(counts)

    def _select(self, rows: Sequence[int]) -> None:
        for companion in self.companions:
            if companion is not None:
                companion.select(rows)


def form_groups(rows: Sequence[Row]) -> list[Group]:
    """Return the groups of rows that start together.

    Rows for which the grammar forced a beginning stand apart from those without: the companions of the first read it
    before their first draw, and those of the second must not read nothing.
    """
    found: dict[tuple[int, bool], list[Row]] = {}
    for row in rows:
        found.setdefault((id(row.request.pipeline), bool(row.token_ids)), []).append(row)
    return [Group(members[0].request.pipeline, members) for members in found.values()]


def pad_left(lines: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, list[int] | None]:
    """Return the token ids as int64[B, P], aligned on the right, and their lengths; None where all are equal."""
    lengths = [len(line) for line in lines]
    longest = max(lengths)
    padded = [[0] * (longest - len(line)) + list(line) for line in lines]
    return torch.tensor(padded, device=device), None if min(lengths) == longest else lengths
