"""Steer by a classifier with a head at every prefix (FUDGE: Yang and Klein 2021, arXiv 2104.05218).

The classifier was trained to judge unfinished texts, so its word on prefix + candidate is log p(attribute | prefix,
candidate): equation 2 of the paper, with the whole legal law behind it instead of a re-ranked list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from classifiers.attributes import find_attribute
from classifiers.discriminator import Discriminator
from classifiers.errors import ClassifierError
from classifiers.rescoring import Rescorer
from classifiers.siblings import SiblingReader
from fsm import Vocabulary
from guidance.loading import as_model
from guidance.model import Model
from guidance.transformer import LlamaCausalLM

__all__ = ["Fudge", "PrefixClassifier"]


@dataclass(frozen=True, slots=True, eq=False)
class PrefixClassifier:
    """Score candidates with a causal classifier.

    network : its logits are its classes
    silent  : bool[V]   tokens that keep the prefix's score
    """

    network: LlamaCausalLM
    attribute: int
    silent: torch.Tensor

    @property
    def scores_all(self) -> bool:
        """Tell that every candidate must be read."""
        return False

    def open(self, prompts: Sequence[Sequence[int]]) -> SiblingReader:
        """Return a reader that has read these prompts."""
        return SiblingReader.open(self.network, prompts, attribute=self.attribute, silent=self.silent)


@dataclass(frozen=True, eq=False)
class Fudge(Rescorer):
    r"""Steer towards an attribute by a classifier that judges every prefix.

    Parameters
    ----------
    model : a causal sequence classifier of the Llama family, such as ``guidance.load("embedded/sentiment")``, or its
        name; it must read the tokens of the model it steers.
    attribute : a label of it, or the number of one.
    plausible : 1e-3 keeps out what the classifier has never seen there, and most of the reading; with 0 and
        ``top_k=None`` strength 1 is Bayes' rule itself.

    Raises
    ------
    ClassifierError : when the model has no classification head or no such label.

    Examples
    --------
    >>> import guidance
    >>> steer = Fudge("embedded/sentiment", attribute="positive", strength=2.0)
    >>> result = guidance.generate("embedded/writer", "Write about the camera.\n\n", steer=[steer])
    >>> result.text != ""
    True
    """

    model: Model | str
    attribute: str | int = field(kw_only=True)
    plausible: float = field(default=1e-3, kw_only=True)
    _classifier: PrefixClassifier = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the head and the label."""
        super().__post_init__()
        model = as_model(self.model)
        network = model.language_model
        if not isinstance(network, LlamaCausalLM) or network.weights.score is None:
            raise ClassifierError(
                f"Fudge: got {model.name}, which has no classification head, expected a Llama-like sequence classifier "
                "such as 'embedded/sentiment'; train one with guidance train-classifier, or steer with OnePassHead, "
                "GeDi or, for any other classifier, Caif"
            )
        judge = LlamaCausalLM(network.shape, replace(network.weights, head=network.weights.score))
        attribute = find_attribute(self.attribute, model.labels, judge.logits_size, "Fudge")
        silent = silent_tokens(model.vocabulary, network.weights.embedding.shape[0]).to(network.device)
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "_classifier", PrefixClassifier(judge, attribute, silent))

    @property
    def discriminator(self) -> Discriminator:
        """Return the classifier."""
        return self._classifier

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the tokens it reads."""
        return as_model(self.model).vocabulary


def silent_tokens(vocabulary: Vocabulary, size: int) -> torch.Tensor:
    """Return bool[size]: True for tokens that add no text."""
    silent = torch.ones(size, dtype=torch.bool)
    silent[torch.tensor(vocabulary.text_token_ids, dtype=torch.long)] = False
    return silent
