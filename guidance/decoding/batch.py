"""Keep the rows that decode together: one KV cache, the logits of their last step, and what is computed beside them.

A step has four parts, which the caller orders: `draw` gives rows their tokens, `retire` lets finished ones go, `read`
lets the model read what was written, and `admit` lets new rows in, whose prompts have been read apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from guidance.decoding.drawing import Drawer
from guidance.decoding.group import Group, form_groups, pad_left
from guidance.decoding.proposal import NOTHING, Drafter, Proposal, Step
from guidance.decoding.row import Row
from guidance.decoding.working_clock import working_clock
from guidance.decoding.writing import Writer
from guidance.model import CausalLM, KvCache, Model
from guidance.transformer.trees import TreeReader

__all__ = ["Batch"]


class Batch:
    """Decode rows together.

    Parameters
    ----------
    model : the model to read with.
    writer : gives rows their tokens.
    drafter : proposes tokens ahead of the model; None never does.
    """

    def __init__(self, model: Model, writer: Writer, drafter: Drafter | None = None) -> None:
        self.rows: list[Row] = []
        self.num_model_calls = 0
        self._model: CausalLM = model.language_model if drafter is None else drafter.watch(model.language_model)
        self._size = model.vocabulary.size
        self._context_size = model.context_size
        self._drawer = Drawer(writer, self._size)
        self._drafter = drafter
        self._cache: KvCache | None = None
        self._groups: list[Group] = []
        self._logits: torch.Tensor | None = None
        self._proposals: dict[int, Proposal] = {}
        self._tree: TreeReader | None = None
        self._num_pending: list[int] = []
        self._read_seconds: float | None = None
        self._now = working_clock(self._model.device)

    @property
    def num_bytes(self) -> int:
        """Return the memory of every cache: the model's, the draft's, and those beside."""
        beside = sum(group.num_bytes for group in self._groups)
        own = 0 if self._cache is None else self._cache.num_bytes
        return own + beside + (0 if self._drafter is None else self._drafter.num_bytes)

    def admit(self, rows: Sequence[Row], cache: KvCache, logits: torch.Tensor) -> None:
        """Let rows in; the cache holds all they have pending, and becomes the batch's own.

        logits : float[B, 1, V]
        """
        groups = form_groups(rows)
        for group in groups:
            group.open(self._model.device)
        if self._cache is None or self._logits is None or not self.rows:
            self._cache, self._logits = cache, logits
        else:
            self._cache.join(cache)
            padding = self._logits.shape[1] - 1
            self._logits = torch.cat([self._logits, functional.pad(logits, (0, 0, padding, 0))])
        self._groups += groups
        self.rows += rows
        for row in rows:
            row.pending = []

    def lend(self) -> tuple[list[Row], KvCache, torch.Tensor]:
        """Give away all rows, their cache, and the logits after each: float[B, 1, V]; `admit` takes them back."""
        assert self._cache is not None
        assert self._logits is not None
        lent = self.rows, self._cache, self._logits
        self.rows, self._cache, self._logits, self._groups = [], None, None, []
        return lent

    def draw(self) -> None:
        """Draw for every row; rows that share a pipeline share the call."""
        before = self._now()
        num_drawn = [len(row.draw_times) for row in self.rows]
        self._draw_groups()
        if self._drafter is not None and self._read_seconds is not None:
            self._drafter.record(
                Step(
                    seconds=self._read_seconds + self._now() - before,
                    drafted=[given.num_levels for given in self._proposals_of(self.rows)],
                    drawn=[len(row.draw_times) - sooner for row, sooner in zip(self.rows, num_drawn, strict=True)],
                    has_ended=[not row.is_running for row in self.rows],
                )
            )
        self._read_seconds, self._proposals = None, {}

    def _draw_groups(self) -> None:
        assert self._logits is not None
        logits = self._logits[..., : self._size]
        numbers = {id(row): index for index, row in enumerate(self.rows)}
        reached = [0] * len(self.rows)
        for group in self._groups:
            indices = [numbers[id(row)] for row in group.rows]
            own = logits if len(self._groups) == 1 else logits[indices]
            proposals = self._proposals_of(group.rows)
            longest = max(len(proposal.token_ids) for proposal in proposals)
            places = self._drawer.draw(group, own[:, own.shape[1] - longest - 1 :], proposals)
            group.settle(proposals, places)
            for index, place in zip(indices, places, strict=True):
                reached[index] = place
        self._forget(reached)

    def _forget(self, reached: Sequence[int]) -> None:
        """Forget what was read beyond the place that each row reached."""
        proposals = self._proposals_of(self.rows)
        if self._tree is not None:
            self._tree.keep(
                [
                    [*range(num_pending), *(num_pending - 1 + step for step in given.path(place))]
                    for num_pending, given, place in zip(self._num_pending, proposals, reached, strict=False)
                ]
            )
            self._tree = None
            return
        counts = [len(given.token_ids) - place for given, place in zip(proposals, reached, strict=True)]
        if any(counts):
            assert self._cache is not None
            self._cache.drop(counts)

    def _proposals_of(self, rows: Sequence[Row]) -> list[Proposal]:
        return [self._proposals.get(id(row), NOTHING) for row in rows]

    def retire(self) -> list[Row]:
        """Let go of the rows that stopped, and return them."""
        kept = [index for index, row in enumerate(self.rows) if row.is_running]
        if len(kept) == len(self.rows):
            return []
        retired = [row for row in self.rows if not row.is_running]
        self.rows = [self.rows[index] for index in kept]
        if not kept:
            self._cache, self._logits, self._groups = None, None, []
            return retired
        assert self._cache is not None
        self._cache.select(kept)
        for group in self._groups:
            group.keep_running()
        self._groups = [group for group in self._groups if group.rows]
        return retired

    def read(self) -> None:
        """Let the model read what every row has pending, and what is proposed to follow it."""
        assert self._cache is not None
        before = self._now()
        proposals = self._propose()
        longest = max(len(given.token_ids) for given in proposals)
        if any(given.is_tree for given in proposals):
            self._logits = self._read_tree(proposals)[:, -longest - 1 :]
        else:
            lines = [row.pending + given.token_ids for row, given in zip(self.rows, proposals, strict=True)]
            token_ids, lengths = pad_left(lines, self._model.device)
            self._logits = self._model.decode_step(self._cache, token_ids, lengths, num_logits=longest + 1)
        self._proposals = {id(row): given for row, given in zip(self.rows, proposals, strict=True) if given.token_ids}
        for group in self._groups:
            if group.has_companions:
                pending = [row.pending for row in group.rows]
                group.read_ahead(pending, self._proposals_of(group.rows), self._model.device)
        self.num_model_calls += 1
        for row in self.rows:
            row.pending = []
        self._read_seconds = self._now() - before

    def _read_tree(self, proposals: Sequence[Proposal]) -> torch.Tensor:
        """Read what every row has pending, and the tree that is proposed to follow it, in one forward pass."""
        self._num_pending = [len(row.pending) for row in self.rows]
        self._tree = TreeReader(self._model, self._cache)
        lines, parents = [], []
        for row, given in zip(self.rows, proposals, strict=True):
            last = len(row.pending) - 1
            lines.append(row.pending + given.token_ids)
            parents.append([*range(-1, last), *(last + place for place in given.parents)])
        return self._tree.read(lines, parents)

    def _propose(self) -> list[Proposal]:
        if self._drafter is None:
            return [NOTHING] * len(self.rows)
        # One token is left for the draw after the last proposed one.
        proposals = self._drafter.propose(self.rows, [row.num_left - 1 for row in self.rows])
        for row, given in zip(self.rows, proposals, strict=True):
            row.num_drafted += given.num_drafted
        return proposals
