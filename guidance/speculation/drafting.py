"""Decide how many tokens to draft at each step, and follow what becomes of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from guidance.decoding.metrics import SpeculationFigures
from guidance.decoding.proposal import NOTHING, Drafter, Proposal, Step
from guidance.decoding.row import Row
from guidance.speculation.pace import Costs, Pace, best_num_tokens

__all__ = ["MeasuredDrafter"]

_PROBING = 48
"""One step in so many is taken the other way, with drafts or without, for times and texts change."""

_FIRST_GUESS = 4


class MeasuredDrafter(Drafter):
    """Draft as many tokens as the measured acceptance and cost make worth while.

    Parameters
    ----------
    costs : what steps of this model take, as far as earlier calls measured it.
    num_tokens : how many to draft; None chooses by the formula.
    most : most tokens to draft at once.
    """

    def __init__(self, costs: Costs, *, num_tokens: int | None, most: int) -> None:
        self.pace = Pace(costs)
        self._num_tokens = num_tokens
        self._most = most
        self._examined: list[tuple[Row, int, int]] = []
        self._setup_seconds = 0.0

    def propose(self, rows: Sequence[Row], rooms: Sequence[int]) -> list[Proposal]:
        """Return a proposal for each row; the first step has none where a plain one is yet to be measured."""
        self._count_outcomes()
        num_tokens = self._choose()
        if num_tokens == 0:
            return [NOTHING] * len(rows)
        proposals = self._draft(rows, rooms, num_tokens)
        self._examined = [(row, row.num_accepted, row.num_rejected) for row in rows]
        return proposals

    @abstractmethod
    def _draft(self, rows: Sequence[Row], rooms: Sequence[int], num_tokens: int) -> list[Proposal]:
        """Return a proposal of about `num_tokens` drafted tokens for each row."""

    def record(self, step: Step) -> None:
        """Learn what a step took; reading the rows' prompts belongs to no step."""
        self.pace.learn(replace(step, seconds=step.seconds - self._setup_seconds))
        self._setup_seconds = 0.0

    def figures(self) -> SpeculationFigures | None:
        """Return what drafting was expected to bring, and brought."""
        self._count_outcomes()
        return self.pace.figures()

    def _choose(self) -> int:
        if self._num_tokens is not None:
            return self._num_tokens
        costs = self.pace.costs
        is_probing = costs.num_steps % _PROBING == _PROBING - 1
        if not costs.is_known:
            return 0
        if not costs.is_settled:
            return min(_FIRST_GUESS, self._most)
        chosen = best_num_tokens(round(self.pace.acceptance, 2), round(costs.ratio, 3), most=self._most)
        if is_probing:
            return 0 if chosen else min(_FIRST_GUESS, self._most)
        return chosen

    def _count_outcomes(self) -> None:
        for row, accepted, rejected in self._examined:
            self.pace.num_accepted += row.num_accepted - accepted
            self.pace.num_rejected += row.num_rejected - rejected
        self._examined = []
