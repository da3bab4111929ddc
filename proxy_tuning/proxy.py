"""Tune a large model by what tuning did to a small one (Liu et al. 2024, "Tuning Language Models by Proxy")."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from guidance.loading import as_model
from guidance.logits import Context, TopK
from guidance.model import Model
from proxy_tuning.alignment import VocabularyMap
from proxy_tuning.combination import Combination
from proxy_tuning.dexperts import ExpertPair, add_pairs
from proxy_tuning.errors import SteeringError
from proxy_tuning.formula import BASE, Formula, Prompt, Term
from proxy_tuning.legal import legal_logits
from proxy_tuning.weights import WeightLike, as_weight

__all__ = ["ProxyTuning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTuning(Combination):
    r"""Draw from ``softmax(z + alpha * (z_tuned - z_untuned))``.

    Parameters
    ----------
    tuned, untuned : a small model after and before tuning, both of the steered model's vocabulary; or their names for
        `guidance.load`.
    alpha : strength: 0 is the base; 1 is the paper's. Or a function of the step.
    tuned_prompt : what the tuned model reads in place of the prompt: a function of its text, such as `ChatPrompt`.
    top_k : what is known of the base, for one behind a service that tells only its k most likely tokens: the
        correction applies to those, all others go.
    pairs : more tuned models, added to the first.
    vocabulary_map : the small models' token ids, where they differ from the steered model's.

    Raises
    ------
    SteeringError : when a setting is out of range.

    Examples
    --------
    >>> import guidance
    >>> from guidance.embedded.judge import judge_register
    >>> tuned, untuned = guidance.load("embedded/small_formal"), guidance.load("embedded/small_writer")
    >>> steer = [ProxyTuning(tuned=tuned, untuned=untuned)]
    >>> writer = guidance.load("embedded/writer")
    >>> result = guidance.generate(writer, "Write about the lamp.\n\n", steer=steer, max_tokens=60)
    >>> judge_register(result.text)
    'formal'
    """

    tuned: Model | str
    untuned: Model | str
    alpha: WeightLike = 1.0
    tuned_prompt: Prompt = None
    top_k: int | None = None
    pairs: tuple[ExpertPair, ...] = ()
    vocabulary_map: VocabularyMap | None = None

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        as_weight(self.alpha)
        if self.top_k is not None and self.top_k < 1:
            raise SteeringError(f"ProxyTuning: got top_k={self.top_k!r}, expected at least 1, or None; change top_k")

    @property
    def formula(self) -> Formula:
        """Return the base and every pair's difference."""
        tuned = Term(self.tuned, prompt=self.tuned_prompt, vocabulary_map=self.vocabulary_map)
        untuned = Term(self.untuned, vocabulary_map=self.vocabulary_map)
        more = add_pairs(tuple(self.pairs)) if self.pairs else BASE
        return more + self.alpha * (tuned - untuned)

    @property
    def reference(self) -> Model | None:
        """Return the untuned model."""
        return as_model(self.untuned)

    def remove(self, logits: torch.Tensor, context: Context) -> torch.Tensor | None:
        """Return the tokens of which nothing is known; the service does not know the grammar.

        Where no known token is legal all stay, and the small models choose among the legal ones.
        """
        if self.top_k is None:
            return None
        is_unknown = torch.isneginf(TopK(self.top_k).process((), logits))
        is_usable = ~is_unknown & ~torch.isneginf(legal_logits(logits, context))
        return is_unknown & is_usable.any(dim=-1, keepdim=True)
