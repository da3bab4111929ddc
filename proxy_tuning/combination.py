"""Combine the logits of several models at the first stage of the pipeline.

Everything is added in float32 on finite numbers; minus infinity appears only where a method removes tokens for good.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch

from guidance.logits import PLAIN, Companion, Context, Processor, Stage
from guidance.logits.base import States
from guidance.model import Model
from proxy_tuning.blending import Scene, evaluate
from proxy_tuning.ensemble import Ensemble
from proxy_tuning.errors import SteeringError
from proxy_tuning.formula import Formula
from proxy_tuning.plan import Plan, compile_plan

__all__ = ["Combination"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination(Processor):
    """Replace the logits by those of a formula. Sub-classes say which, and which tokens stay.

    plan : the formula compiled for the model it steers; `bind` sets it
    """

    stage: ClassVar[Stage] = Stage.COMBINE
    is_normalised: ClassVar[bool] = False
    plan: Plan | None = field(default=None, repr=False, compare=False)

    @property
    @abstractmethod
    def formula(self) -> Formula:
        """Return the law as an expression."""

    @property
    def reference(self) -> Model | None:
        """Return a model whose vocabulary stands in for the steered model's where none was bound."""
        return None

    def remove(self, logits: torch.Tensor, context: Context) -> torch.Tensor | None:
        """Return bool[B, P, V]: the tokens to remove, judged by the base's own logits; None removes none."""
        del logits, context
        return None

    def bind(self, model: Model) -> Self:
        """Return this processor for a model: vocabularies checked, plan compiled.

        Raises
        ------
        VocabularyError : when a term's token ids mean something else.
        """
        return replace(self, plan=compile_plan(self.formula, model, is_normalised=self.is_normalised))

    def open(self, prompts: Sequence[Sequence[int]]) -> Companion | None:
        """Return the plan's networks, having read the prompts."""
        plan = self._bound().plan
        assert plan is not None
        return None if plan.needs_nothing else Ensemble.open(plan, prompts)

    def start(self, prompt_ids: Sequence[int]) -> Any:
        """Return step 0."""
        del prompt_ids
        return 0

    def advance(self, state: Any, token_id: int, log_prob: float) -> Any:
        """Return the next step."""
        del token_id, log_prob
        return state + 1

    @property
    def is_stateful(self) -> bool:
        """Tell whether a weight varies from step to step."""
        return self.plan is not None and self.plan.blend.has_schedule

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the combined logits; a formula that is the base alone returns the very same ones."""
        plan = self._bound().plan
        assert plan is not None
        _check_width(logits, plan)
        combined = logits
        if not plan.blend.is_plain:
            scene = Scene(plan, states, logits, context)
            # What an earlier method removed stays removed.
            combined = torch.where(torch.isneginf(logits), logits, evaluate(plan.blend, scene))
            combined = _forbid_missing(combined, plan)
        removed = self.remove(logits, context)
        return combined if removed is None else combined.masked_fill(removed, float("-inf"))

    def _bound(self) -> Self:
        if self.plan is not None:
            return self
        if self.reference is None:
            name = type(self).__name__
            raise SteeringError(
                f"{name}: got no model to steer, expected one; pass it to guidance.generate, or call {name}.bind(model)"
            )
        return self.bind(self.reference)


def _check_width(logits: torch.Tensor, plan: Plan) -> None:
    if logits.shape[-1] != plan.vocabulary_size:
        raise SteeringError(
            f"steering: got logits of {logits.shape[-1]} columns, expected the {plan.vocabulary_size} tokens of the "
            "model it was bound to; bind it to the model that is steered, and cut its padding off"
        )


def _forbid_missing(logits: torch.Tensor, plan: Plan) -> torch.Tensor:
    """Remove the tokens that a model of the plan does not have."""
    for reader in plan.readers:
        if not reader.alignment.is_complete:
            missing = torch.from_numpy(reader.alignment.forbidden).to(logits.device)
            logits = logits.masked_fill(missing, float("-inf"))
    return logits
