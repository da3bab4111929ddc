"""Steer a model by itself under another prompt (Sanchez et al. 2023, "Stay on topic with Classifier-Free Guidance")."""

from __future__ import annotations

from dataclasses import dataclass

from proxy_tuning.combination import Combination
from proxy_tuning.formula import BASE, LAST_TOKEN, Formula, Prompt, Term
from proxy_tuning.weights import WeightLike, as_weight

__all__ = ["ClassifierFree"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierFree(Combination):
    r"""Draw from ``softmax(u + gamma * (z - u))``, where u are the base's logits under the negative prompt.

    Parameters
    ----------
    gamma : strength: 1 is the base; 0 is the base under the negative prompt; above 1 moves away from it. Or a function
        of the step.
    negative_prompt : what the base reads in place of the prompt: a text, or a function of the prompt's text. None
        takes the last token of the prompt alone: the base without a prompt.

    Examples
    --------
    >>> import guidance
    >>> model = guidance.load("embedded/writer")
    >>> steer = [ClassifierFree(gamma=2.0, negative_prompt="Write about the lamp as JSON.\n\n")]
    >>> guidance.generate(model, "Write about the lamp.\n\n", steer=steer, max_tokens=40).text[0] != "{"
    True
    """

    gamma: WeightLike = 1.5
    negative_prompt: Prompt = None

    def __post_init__(self) -> None:
        """Refuse a weight that is none."""
        as_weight(self.gamma)

    @property
    def formula(self) -> Formula:
        """Return the law under the negative prompt and the way from there."""
        negative = Term(prompt=LAST_TOKEN if self.negative_prompt is None else self.negative_prompt)
        return negative + self.gamma * (BASE - negative)
