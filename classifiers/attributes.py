"""Turn a classifier's logits into log p(attribute), and find the attribute among its labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from classifiers.errors import ClassifierError

__all__ = ["attribute_log_probs", "find_attribute"]


def find_attribute(attribute: str | int, labels: Sequence[str], num_outputs: int, name: str) -> int:
    """Return the output that stands for an attribute, by its label or its number.

    Raises
    ------
    ClassifierError : when there is no such output.

    Examples
    --------
    >>> find_attribute("positive", ["negative", "positive"], 2, "Fudge")
    1
    """
    count = max(2, num_outputs)  # one output is the log-odds of the second of two
    if isinstance(attribute, str) and attribute in labels:
        return list(labels).index(attribute)
    if isinstance(attribute, int) and 0 <= attribute < count:
        return attribute
    known = ", ".join(map(repr, labels)) or "no labels"
    raise ClassifierError(
        f"{name}: got attribute={attribute!r}, expected a label ({known}) or a number below {count}; check the spelling"
    )


def attribute_log_probs(logits: torch.Tensor, attribute: int) -> torch.Tensor:
    """Return log p(attribute) of each row of logits.

    logits : float[..., C]   one output is log-odds
    result : float32[...]

    Examples
    --------
    >>> attribute_log_probs(torch.zeros(3, 2), 1).exp().tolist()
    [0.5, 0.5, 0.5]
    """
    logits = logits.float()
    if logits.shape[-1] == 1:
        return functional.logsigmoid(logits[..., 0] if attribute else -logits[..., 0])
    return torch.log_softmax(logits, dim=-1)[..., attribute]
