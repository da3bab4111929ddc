"""Measure how right a classifier's probabilities are, by the length of the prefix it has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["LengthReport", "fit_temperature", "measure_by_length"]

NUM_BINS = 10
TEMPERATURES = torch.logspace(-1, 1, 81)


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthReport:
    """Hold what a classifier is worth on prefixes of some lengths.

    first, last : tokens of the text seen, both included
    accuracy    : share of right arg-maxes
    auc         : chance that a random text of the last label scores higher for it than one of another (ties: half)
    calibration_error : mean distance between confidence and accuracy over ten bins (ECE)
    """

    first: int
    last: int
    count: int
    accuracy: float
    auc: float
    calibration_error: float


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the temperature whose division makes the labels likeliest (Guo et al. 2017, arXiv 1706.04599).

    logits : float[N, C]   labels : int64[N]

    Examples
    --------
    >>> fit_temperature(torch.tensor([[5.0, 0.0], [5.0, 0.0]]), torch.tensor([0, 1])) > 5.0
    True
    """
    losses = [torch.nn.functional.cross_entropy(logits / temperature, labels) for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(torch.stack(losses).argmin())])


def measure_by_length(logits: torch.Tensor, labels: torch.Tensor, lengths: torch.Tensor) -> list[LengthReport]:
    """Return a report for prefixes of 1, 2, 3 to 4, 5 to 8, ... tokens.

    logits : float[N, C]   labels, lengths : int64[N]
    """
    reports = []
    first = 1
    while first <= int(lengths.max()):
        last = max(first, 2 * (first - 1)) if first > 2 else first
        chosen = (lengths >= first) & (lengths <= last)
        if bool(chosen.any()):
            reports.append(_measure(logits[chosen], labels[chosen], first, last))
        first = last + 1
    return reports


def _measure(logits: torch.Tensor, labels: torch.Tensor, first: int, last: int) -> LengthReport:
    law = torch.softmax(logits.float(), dim=-1)
    confidence, guess = law.max(dim=-1)
    is_right = (guess == labels).float()
    return LengthReport(
        first=first,
        last=last,
        count=len(labels),
        accuracy=float(is_right.mean()),
        auc=_auc(law[:, -1], labels == law.shape[1] - 1),
        calibration_error=_calibration_error(confidence, is_right),
    )


def _auc(scores: torch.Tensor, is_last: torch.Tensor) -> float:
    """Return the area under the curve, from ranks; ties count half."""
    num_last = int(is_last.sum())
    num_other = len(is_last) - num_last
    if not num_last or not num_other:
        return float("nan")
    _, places, counts = np.unique(scores.double().numpy(), return_inverse=True, return_counts=True)
    ranks = counts.cumsum() - (counts - 1) / 2
    total = float(ranks[places][is_last.numpy()].sum())
    return (total - num_last * (num_last + 1) / 2) / (num_last * num_other)


def _calibration_error(confidence: torch.Tensor, is_right: torch.Tensor) -> float:
    bins = (confidence * NUM_BINS).long().clamp(max=NUM_BINS - 1)
    error = 0.0
    for place in range(NUM_BINS):
        inside = bins == place
        if bool(inside.any()):
            error += float(inside.float().mean() * (confidence[inside].mean() - is_right[inside].mean()).abs())
    return error
