"""Steer by what an expert and an anti-expert say of each token (Liu et al. 2021, "DExperts")."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from guidance.loading import as_model
from guidance.logits import Context, TopP
from guidance.model import Model
from proxy_tuning.alignment import VocabularyMap
from proxy_tuning.combination import Combination
from proxy_tuning.errors import SteeringError
from proxy_tuning.formula import BASE, Formula, Term
from proxy_tuning.legal import legal_logits
from proxy_tuning.weights import WeightLike, as_weight

__all__ = ["DExperts", "ExpertPair", "add_pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertPair:
    """Hold an expert, an anti-expert and how much their difference counts.

    Parameters
    ----------
    expert, antiexpert : models, or names for `guidance.load`; either may be None, which the steered model stands in
        for.
    alpha : the weight of the difference, or a function of the step.
    vocabulary_map : their token ids, where they differ from the steered model's.

    Raises
    ------
    SteeringError : when both are missing, or the weight is no number.
    """

    expert: Model | str | None = None
    antiexpert: Model | str | None = None
    alpha: WeightLike = 2.0
    vocabulary_map: VocabularyMap | None = None

    def __post_init__(self) -> None:
        """Refuse an empty pair."""
        if self.expert is None and self.antiexpert is None:
            raise SteeringError("ExpertPair: got neither expert nor antiexpert, expected at least one; pass one")
        as_weight(self.alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class DExperts(Combination):
    r"""Draw from ``softmax(z + alpha * (z_expert - z_antiexpert))`` over the nucleus of the base.

    Parameters
    ----------
    expert, antiexpert : models of the steered model's vocabulary, or names for `guidance.load`; either may be None,
        which the base stands in for.
    alpha : strength: 0 is the base, restricted to its nucleus; negative steers the other way. Or a function of the
        step. The paper has 2.0 against toxicity and 3.2 for sentiment.
    base_top_p : keep the smallest set of tokens, legal ones where there is a grammar, that have this probability under
        the base; 1 keeps all.
    pairs : more experts, added to the first.
    vocabulary_map : the experts' token ids, where they differ from the steered model's.

    Raises
    ------
    SteeringError : when no expert is given, or a setting is out of range.

    Notes
    -----
    Experts are compared on their unfiltered logits (equation 1); the nucleus, of the base alone, is cut afterwards.

    Examples
    --------
    >>> import guidance
    >>> from guidance.embedded.judge import judge_sentiment
    >>> writer = guidance.load("embedded/writer")
    >>> positive, negative = guidance.load("embedded/positive"), guidance.load("embedded/negative")
    >>> praise = DExperts(expert=positive, antiexpert=negative, alpha=2.0)
    >>> result = guidance.generate(writer, "Write about the lamp.\n\n", steer=[praise], max_tokens=60)
    >>> judge_sentiment(result.text)
    'positive'
    """

    expert: Model | str | None = None
    antiexpert: Model | str | None = None
    alpha: WeightLike = 2.0
    base_top_p: float = 0.9
    pairs: tuple[ExpertPair, ...] = ()
    vocabulary_map: VocabularyMap | None = None

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        if not self._all_pairs():
            raise SteeringError("DExperts: got no expert and no antiexpert, expected at least one; pass one")
        if not 0.0 < self.base_top_p <= 1.0:
            raise SteeringError(
                f"DExperts: got base_top_p={self.base_top_p!r}, expected 0 < base_top_p <= 1; change base_top_p"
            )

    @property
    def formula(self) -> Formula:
        """Return the base and every pair's difference."""
        return add_pairs(self._all_pairs())

    @property
    def reference(self) -> Model | None:
        """Return the first model given."""
        first = self._all_pairs()[0]
        found = first.antiexpert if first.expert is None else first.expert
        return None if found is None else as_model(found)

    def remove(self, logits: torch.Tensor, context: Context) -> torch.Tensor | None:
        """Return the tokens outside the nucleus of the base."""
        if self.base_top_p == 1.0:
            return None
        return torch.isneginf(TopP(self.base_top_p).process((), legal_logits(logits, context)))

    def _all_pairs(self) -> tuple[ExpertPair, ...]:
        if self.expert is None and self.antiexpert is None:
            return tuple(self.pairs)
        own = ExpertPair(
            expert=self.expert, antiexpert=self.antiexpert, alpha=self.alpha, vocabulary_map=self.vocabulary_map
        )
        return (own, *self.pairs)


def add_pairs(pairs: tuple[ExpertPair, ...]) -> Formula:
    """Return ``z + sum(alpha_i * (z_i_expert - z_i_antiexpert))``."""
    formula: Formula = BASE
    for pair in pairs:
        expert = BASE if pair.expert is None else Term(pair.expert, vocabulary_map=pair.vocabulary_map)
        antiexpert = BASE if pair.antiexpert is None else Term(pair.antiexpert, vocabulary_map=pair.vocabulary_map)
        formula += pair.alpha * (expert - antiexpert)
    return formula
