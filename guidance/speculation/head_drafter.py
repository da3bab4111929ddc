"""Draft with the model's own block-wise heads, from the hidden state that its last forward pass left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from guidance.decoding.proposal import Proposal
from guidance.decoding.row import Row
from guidance.decoding.writing import Writer
from guidance.model import CausalLM
from guidance.speculation.ahead import Ahead
from guidance.speculation.choosing import Chooser, Spot
from guidance.speculation.drafting import MeasuredDrafter, Plan
from guidance.speculation.heads import DraftHeads
from guidance.speculation.noting import NotingCausalLM
from guidance.speculation.pace import Costs
from guidance.transformer.llama import LlamaCausalLM

__all__ = ["HeadDrafter", "Headed"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Headed:
    """Hold a network, the same without its output layer, and the heads over its hidden states."""

    network: LlamaCausalLM
    headless: LlamaCausalLM
    heads: DraftHeads


@dataclass(frozen=True, slots=True)
class _Read:
    """Hold what one row had when the model read it last: its tokens were so many, and this was proposed."""

    row: Row
    num_written: int
    proposal: Proposal

    @property
    def column(self) -> int:
        """Return where the state is that the row's next token was drawn from, counted from the end."""
        place = self.proposal.follow(0, self.row.token_ids[self.num_written :])
        return place - 1 - len(self.proposal.token_ids)


class HeadDrafter(MeasuredDrafter):
    """Propose what the heads guess; a row that has just joined is drafted for from its second token on.

    Parameters
    ----------
    headed : the model's network and its heads.
    writer : of the batch whose rows are followed.
    vocabulary_size : V.
    costs, plan : as for every drafter.
    keeps_laws : accept drafts by their law rather than by the row's own draw.

    What is drawn and forced after a hidden state uses up heads: after k tokens, K - k are left to draft with.
    """

    def __init__(
        self, headed: Headed, writer: Writer, vocabulary_size: int, *, costs: Costs, plan: Plan, keeps_laws: bool
    ) -> None:
        super().__init__(costs, plan)
        self._heads = headed.heads
        self._weights = headed.network.weights
        self._noting = NotingCausalLM(headed.network, headed.headless)
        self._writer = writer
        self._size = vocabulary_size
        self._chooser = Chooser(writer.ends, keeps_laws=keeps_laws)
        self._reads: list[_Read] = []

    def watch(self, network: CausalLM) -> CausalLM:
        """Return the same network, which notes its hidden states."""
        del network
        self._reads = []
        return self._noting

    def propose(self, rows: Sequence[Row], rooms: Sequence[int]) -> list[Proposal]:
        """Return a proposal for each row, and remember what the model is about to read."""
        proposals = super().propose(rows, rooms)
        self._reads = [_Read(row, len(row.token_ids), given) for row, given in zip(rows, proposals, strict=True)]
        return proposals

    def _draft(self, rows: Sequence[Row], rooms: Sequence[int], widths: Sequence[int]) -> list[Proposal]:
        states = self._states()
        aheads = [
            Ahead(row, room if id(row) in states else 0, self._writer) for row, room in zip(rows, rooms, strict=True)
        ]
        for width in widths:
            spots: dict[int, list[Spot]] = {}
            for ahead in aheads:
                for place in ahead.take_frontier():
                    head = len(ahead.row.pending) + ahead.proposal.depths[place]
                    if head <= self._heads.num_heads:
                        spots.setdefault(head, []).append((ahead, place))
            for head, alike in spots.items():
                self._chooser.choose(alike, self._guess(head, alike, states), width)
        return [ahead.close() for ahead in aheads]

    def _states(self) -> dict[int, torch.Tensor]:
        """Return for each row, by identity, the hidden state that its last drawn token came from."""
        hidden = self._noting.hidden
        if hidden is None:
            return {}
        return {id(read.row): hidden[k, read.column] for k, read in enumerate(self._reads)}

    @torch.inference_mode()
    def _guess(self, head: int, spots: Sequence[Spot], states: dict[int, torch.Tensor]) -> torch.Tensor:
        """Return one head's logits at places: float[n, V]."""
        before = [ahead.proposal.token_ids[place - 1] if place else ahead.row.token_ids[-1] for ahead, place in spots]
        embedded = functional.embedding(torch.tensor(before, device=self._noting.device), self._weights.embedding)
        guessed = self._heads.apply(head, torch.stack([states[id(ahead.row)] for ahead, _ in spots]), embedded)
        return functional.linear(guessed, self._weights.head)[:, : self._size]
