"""Evaluate a plan's weighed sums at every position."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from guidance.logits import Context
from guidance.logits.base import States
from proxy_tuning.ensemble import Ensemble
from proxy_tuning.errors import SteeringError
from proxy_tuning.legal import legal_logits
from proxy_tuning.plan import Blend, Choice, Plan
from proxy_tuning.weights import Weight

__all__ = ["Scene", "evaluate"]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Hold one call's numbers: the plan, the steps, the base's logits, and what runs beside it.

    states : ``states[b][p]`` is the step of position p of row b
    logits : float32[B, P, V]
    """

    plan: Plan
    states: States
    logits: torch.Tensor
    context: Context

    def weight(self, weight: Weight) -> float | torch.Tensor:
        """Return a weight at every position: a number, or float32[B, P, 1] where it varies."""
        if weight.is_constant:
            return weight.constant
        values = [[weight.at(step) for step in row] for row in self.states]
        return torch.tensor(values, dtype=torch.float32, device=self.logits.device)[..., None]

    def reader(self, reader: int) -> torch.Tensor:
        """Return a reader's logits."""
        return self._ensemble.logits(reader).to(self.logits.device)

    def scorer(self, scorer: int) -> torch.Tensor:
        """Return a classifier's log-probabilities of its attribute; its candidates are legal tokens."""
        context = replace(self.context, companion=self._ensemble.scorers[scorer])
        return self.plan.scorers[scorer].score(legal_logits(self.logits, context), context)

    @property
    def _ensemble(self) -> Ensemble:
        ensemble = self.context.companion
        assert isinstance(ensemble, Ensemble), "the pipeline opens a companion for each processor"
        return ensemble


def evaluate(blend: Blend, scene: Scene) -> torch.Tensor:
    """Return the sum's logits: float32[B, P, V].

    The naive loop: ``sum(weight * logits of part) / (sum of the weights of laws where normalised, else 1)``.
    """
    if blend.is_plain:
        return scene.logits
    total = scene.logits * scene.weight(blend.base) if not blend.base.is_nothing else torch.zeros_like(scene.logits)
    for reader, weight in blend.readers:
        total = _add(total, scene.weight(weight), scene.reader(reader))
    for scorer, weight in blend.scorers:
        total = _add(total, scene.weight(weight), scene.scorer(scorer))
    for choice, weight in blend.choices:
        total = _add(total, scene.weight(weight), _choose(choice, scene))
    if not blend.is_normalised:
        return total
    divisor = scene.weight(blend.total)
    _check_divisor(divisor)
    return total / divisor


def _add(total: torch.Tensor, weight: float | torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return total.add_(logits, alpha=weight) if isinstance(weight, float) else total.addcmul_(weight, logits)


def _choose(choice: Choice, scene: Scene) -> torch.Tensor:
    """Return the log of the largest or smallest probability that the laws give each legal token; 0 elsewhere.

    Both depend on how the laws are normalised, so they are restricted to the legal tokens first.
    """
    legal = legal_logits(torch.zeros_like(scene.logits), scene.context)
    laws = [torch.log_softmax(evaluate(blend, scene) + legal, dim=-1) for blend in choice.blends]
    stacked = torch.stack(laws)
    chosen = stacked.amax(dim=0) if choice.is_union else stacked.amin(dim=0)
    return chosen.masked_fill(torch.isneginf(legal), 0.0)


def _check_divisor(divisor: float | torch.Tensor) -> None:
    least = float(divisor.min()) if isinstance(divisor, torch.Tensor) else divisor
    if least <= 0:
        raise SteeringError(
            f"formula: got weights of laws that add up to {least:g} at some step, expected more than 0 at every step; "
            "change the schedule"
        )
