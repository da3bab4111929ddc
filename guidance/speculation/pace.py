"""Choose how many tokens to draft, from the measured acceptance and cost, by the published formula.

Theorem 3.8 of Leviathan et al. 2023 (arXiv:2211.17192): with acceptance alpha and cost ratio c, drafting gamma tokens
for each model call draws tokens (1 - alpha^(gamma + 1)) / ((1 - alpha) (gamma c + 1)) times as fast.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from guidance.decoding.metrics import SpeculationFigures
from guidance.decoding.proposal import Step

__all__ = ["Costs", "Pace", "best_num_tokens", "expected_tokens", "pays", "predicted_speedup"]

_PROBING, _MOST_PATIENCE = 48, 3072
"""One step in so many is taken the other way, with drafts or without, for times and texts change.

Each probe that shows again that drafts do not pay doubles the wait for the next one: it costs what they cost.
"""

_REMEMBERED = 31
_FEWEST_MEASURED = 3
_FEWEST_DRAFTED = 8
_MOST_EXAMINED = 128.0


def expected_tokens(acceptance: float, num_tokens: float) -> float:
    """Return the tokens that one model call draws on average: equation 1 of the paper.

    Examples
    --------
    >>> expected_tokens(0.5, 1)
    1.5
    >>> expected_tokens(1.0, 3)
    4.0
    """
    if acceptance >= 1.0:
        return num_tokens + 1.0
    return (1.0 - math.pow(acceptance, num_tokens + 1)) / (1.0 - acceptance)


def predicted_speedup(acceptance: float, cost_ratio: float, num_tokens: float) -> float:
    """Return how many times as fast tokens are drawn as without drafts.

    Examples
    --------
    >>> round(predicted_speedup(0.7, 0.13, 3), 2)
    1.82
    """
    return expected_tokens(acceptance, num_tokens) / (num_tokens * cost_ratio + 1.0)


@lru_cache(maxsize=1024)
def best_num_tokens(acceptance: float, cost_ratio: float, *, most: int = 32) -> int:
    """Return the number of drafted tokens that draws fastest; 0 where drafting does not pay.

    Examples
    --------
    >>> [best_num_tokens(alpha, 0.1) for alpha in (0.5, 0.7, 0.9)]
    [2, 4, 10]
    """
    return max(range(most + 1), key=lambda count: (predicted_speedup(acceptance, cost_ratio, count), -count))


def pays(chance: float, expected: float, cost_ratio: float, num_tokens: int) -> bool:
    """Tell whether one more draft makes a step draw faster, where drafts have chances of their own.

    The formula with sums of chances in place of powers: a step of `num_tokens` drafts, whose cost is 1 + num_tokens c,
    draws `expected` tokens, and one that also has a draft confirmed with this chance draws as many more.

    Examples
    --------
    >>> [pays(chance, 1.0, 0.2, 0) for chance in (0.1, 0.3)]
    [False, True]
    >>> expected_tokens(0.8, 4) / (4 * 0.3 + 1) < expected_tokens(0.8, 3) / (3 * 0.3 + 1)
    True
    >>> [pays(0.8**k, expected_tokens(0.8, k - 1), 0.3, k - 1) for k in (3, 4)]
    [True, False]
    """
    return chance * (num_tokens * cost_ratio + 1.0) > expected * cost_ratio


@dataclass(slots=True)
class Costs:
    """Remember what steps of one model take and bring; kept by its `Speculation`, so that the next call knows.

    A draft costs what it adds to a step: drawing it, and reading and examining it in the model's forward pass.

    accepted, rejected : what became of drafts, the last ones for more; two in three, before any was examined.
    is_resting : drafts were found not to pay; nothing is asked again before the next probe.
    """

    plain_steps: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    added: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    accepted: float = 2.0
    rejected: float = 1.0
    num_steps: int = 0
    patience: int = _PROBING
    next_probe: int = _PROBING - 1
    is_resting: bool = False

    @property
    def is_known(self) -> bool:
        """Tell whether steps without drafts have been measured."""
        return len(self.plain_steps) >= _FEWEST_MEASURED

    @property
    def is_settled(self) -> bool:
        """Tell whether enough steps with drafts have been measured to give drafting up."""
        return len(self.added) >= _FEWEST_DRAFTED

    @property
    def is_probing(self) -> bool:
        """Tell whether the next step is to be taken the other way."""
        return self.num_steps >= self.next_probe

    @property
    def plain_seconds(self) -> float:
        """Return what a step without drafts takes."""
        return _lower_quartile(self.plain_steps)

    @property
    def ratio(self) -> float:
        """Return what one more draft costs, as a share of a step without drafts: c."""
        return max(_lower_quartile(self.added), 0.0) / self.plain_seconds if self.added else 0.0

    @property
    def acceptance(self) -> float:
        """Return the share of drafts that are accepted."""
        return self.accepted / (self.accepted + self.rejected)

    def probe(self, *, is_drafting: bool) -> None:
        """Note that a step is taken the other way, and when the next one is to be.

        is_drafting : whether the usual step has drafts
        """
        self.is_resting = False
        self.patience = _PROBING if is_drafting else min(2 * self.patience, _MOST_PATIENCE)
        self.next_probe = self.num_steps + self.patience

    def learn(self, step: Step) -> None:
        """Remember one more step."""
        self.num_steps += 1
        num_drafted = sum(step.drafted)
        if not num_drafted:
            self.plain_steps.append(step.seconds)
        elif self.is_known:
            self.added.append((step.seconds - self.plain_seconds) * len(step.drafted) / num_drafted)

    def examine(self, *, num_accepted: int, num_rejected: int) -> None:
        """Remember what became of drafts; what is long past counts for half, again and again."""
        self.accepted += num_accepted
        self.rejected += num_rejected
        if self.accepted + self.rejected > _MOST_EXAMINED:
            self.accepted /= 2.0
            self.rejected /= 2.0


@dataclass(slots=True)
class Pace:
    """Count what became of one batch's drafts; owned by its drafter.

    ways : how many rows, as a share of their step's, had so many drafts to follow before their text ended.
    """

    costs: Costs
    num_accepted: int = 0
    num_rejected: int = 0
    num_draft_steps: int = 0
    draft_step_seconds: float = 0.0
    drafts_per_row: float = 0.0
    draws_per_row: float = 0.0
    ways: dict[int, float] = field(default_factory=dict)

    def learn(self, step: Step) -> None:
        """Count one step."""
        self.costs.learn(step)
        if not any(step.drafted):
            return
        num_rows = len(step.drafted)
        self.num_draft_steps += 1
        self.draft_step_seconds += step.seconds
        self.drafts_per_row += sum(step.drafted) / num_rows
        self.draws_per_row += sum(step.drawn) / num_rows
        for drafted, drawn, has_ended in zip(step.drafted, step.drawn, step.has_ended, strict=True):
            way = min(drafted, drawn - 1) if has_ended and drawn else drafted
            self.ways[way] = self.ways.get(way, 0.0) + 1 / num_rows

    def examine(self, *, num_accepted: int, num_rejected: int) -> None:
        """Count what became of drafts."""
        self.num_accepted += num_accepted
        self.num_rejected += num_rejected
        self.costs.examine(num_accepted=num_accepted, num_rejected=num_rejected)

    def figures(self) -> SpeculationFigures | None:
        """Return prediction and outcome; None where nothing was drafted."""
        examined = self.num_accepted + self.num_rejected
        if not self.num_draft_steps or not examined or not self.costs.is_known:
            return None
        acceptance = self.num_accepted / examined
        num_tokens = self.drafts_per_row / self.num_draft_steps
        plain = self.costs.plain_seconds
        added = self.draft_step_seconds - self.num_draft_steps * plain
        ratio = max(added, 0.0) / self.drafts_per_row / plain
        expected = sum(share * expected_tokens(acceptance, way) for way, share in self.ways.items())
        return SpeculationFigures(
            acceptance=acceptance,
            cost_ratio=ratio,
            num_tokens=num_tokens,
            predicted_speedup=expected / (self.num_draft_steps + self.drafts_per_row * ratio),
            actual_speedup=self.draws_per_row * plain / self.draft_step_seconds,
        )


def _lower_quartile(seconds: Sequence[float]) -> float:
    """Return a time that a quarter is below: first steps are cold, and delays only ever add."""
    return sorted(seconds)[len(seconds) // 4]
