"""Prefer what a large model says and a small one does not (Li et al. 2023, "Contrastive Decoding")."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from guidance.loading import as_model
from guidance.logits import Context, MinP
from guidance.model import Model
from proxy_tuning.alignment import VocabularyMap
from proxy_tuning.combination import Combination
from proxy_tuning.errors import SteeringError
from proxy_tuning.formula import BASE, Formula, Term
from proxy_tuning.legal import legal_logits
from proxy_tuning.weights import WeightLike, as_weight

__all__ = ["ContrastiveDecoding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastiveDecoding(Combination):
    """Score ``log p - strength * z_amateur / amateur_temperature`` over the plausible tokens.

    Parameters
    ----------
    amateur : a weaker model of the steered model's vocabulary, or its name for `guidance.load`.
    strength : how much the amateur counts; 0 is the base, restricted to its plausible tokens.
    amateur_temperature : divides the amateur's logits; the paper has 0.5.
    plausibility : keep tokens at least this share as likely as the most likely one, legal ones where there is a
        grammar; 1 is greedy, 0 keeps all.

    Raises
    ------
    SteeringError : when a setting is out of range.
    """

    amateur: Model | str
    strength: WeightLike = 1.0
    amateur_temperature: float = 0.5
    plausibility: float = 0.1
    vocabulary_map: VocabularyMap | None = None

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        as_weight(self.strength)
        if not self.amateur_temperature > 0:
            raise SteeringError(
                f"ContrastiveDecoding: got amateur_temperature={self.amateur_temperature!r}, expected more than 0; "
                "change amateur_temperature"
            )
        if not 0 <= self.plausibility <= 1:
            raise SteeringError(
                f"ContrastiveDecoding: got plausibility={self.plausibility!r}, expected 0 <= plausibility <= 1; "
                "change plausibility"
            )

    @property
    def formula(self) -> Formula:
        """Return the base less the amateur."""
        amateur = Term(self.amateur, vocabulary_map=self.vocabulary_map)
        return BASE - self.strength * ((1 / self.amateur_temperature) * amateur)

    @property
    def reference(self) -> Model | None:
        """Return the amateur."""
        return as_model(self.amateur)

    def remove(self, logits: torch.Tensor, context: Context) -> torch.Tensor | None:
        """Return the implausible tokens."""
        if self.plausibility == 0:
            return None
        return torch.isneginf(MinP(self.plausibility).process((), legal_logits(logits, context)))
