"""Decide how many tokens to draft at each step, and follow what becomes of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from guidance.decoding.metrics import SpeculationFigures
from guidance.decoding.proposal import NOTHING, Drafter, Proposal, Step
from guidance.decoding.row import Row
from guidance.speculation.pace import Costs, Pace, best_num_tokens

__all__ = ["MeasuredDrafter", "Plan"]

_FIRST_GUESS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Say how many tokens may be drafted at once, and how they stand.

    Parameters
    ----------
    num_tokens : how many to draft one after the other; None chooses by the formula.
    most : the most it may choose.
    tree : how many different tokens to propose after each one of the level before; empty for one each.

    Examples
    --------
    >>> Plan(tree=(3, 2, 1), most=3).widths(2), Plan().widths(2)
    ((3, 2), (1, 1))
    """

    num_tokens: int | None = None
    most: int = 16
    tree: tuple[int, ...] = ()

    def widths(self, num_levels: int) -> tuple[int, ...]:
        """Return how many tokens to propose at each place of the first levels."""
        return self.tree[:num_levels] if self.tree else (1,) * num_levels


class MeasuredDrafter(Drafter):
    """Draft as many tokens as the measured acceptance and cost make worth while.

    Parameters
    ----------
    costs : what steps of this model take, as far as earlier calls measured it.
    plan : how many to draft.
    """

    def __init__(self, costs: Costs, plan: Plan) -> None:
        self.pace = Pace(costs)
        self._plan = plan
        self._examined: list[tuple[Row, int, int]] = []
        self._setup_seconds = 0.0

    def propose(self, rows: Sequence[Row], rooms: Sequence[int]) -> list[Proposal]:
        """Return a proposal for each row; the first step has none where a plain one is yet to be measured."""
        self._count_outcomes()
        widths = self._plan.widths(self._choose())
        if not widths:
            return [NOTHING] * len(rows)
        proposals = self._draft(rows, rooms, widths)
        self._examined = [(row, row.num_accepted, row.num_rejected) for row in rows]
        return proposals

    @abstractmethod
    def _draft(self, rows: Sequence[Row], rooms: Sequence[int], widths: Sequence[int]) -> list[Proposal]:
        """Return a proposal for each row: at each drafted token's place, level by level, up to so many others."""

    def record(self, step: Step) -> None:
        """Learn what a step took; reading the rows' prompts belongs to no step."""
        if self._setup_seconds:
            step = replace(step, seconds=step.seconds - self._setup_seconds)
            self._setup_seconds = 0.0
        self.pace.learn(step)

    def figures(self) -> SpeculationFigures | None:
        """Return what drafting was expected to bring, and brought."""
        self._count_outcomes()
        return self.pace.figures()

    def _choose(self) -> int:
        plan = self._plan
        if plan.num_tokens is not None:
            return plan.num_tokens
        costs = self.pace.costs
        is_probing = costs.is_probing
        if not costs.is_known or (costs.is_resting and not is_probing):
            return 0
        if not costs.is_settled:
            return min(_FIRST_GUESS, plan.most)
        chosen = best_num_tokens(round(costs.acceptance, 2), round(costs.ratio, 3), most=plan.most)
        if is_probing:
            costs.probe(is_drafting=chosen > 0)
            return 0 if chosen else min(_FIRST_GUESS, plan.most)
        costs.is_resting = chosen == 0
        return chosen

    def _count_outcomes(self) -> None:
        for row, accepted, rejected in self._examined:
            self.pace.examine(num_accepted=row.num_accepted - accepted, num_rejected=row.num_rejected - rejected)
        self._examined = []
