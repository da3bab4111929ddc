"""Compute the tails of the laws that scores follow where there is no watermark."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["binomial_tail", "gamma_tail", "normal_tail"]


def binomial_tail(successes: int, trials: int, probability: float) -> float:
    """Return P(X >= successes) for X binomial, exactly.

    Examples
    --------
    >>> round(binomial_tail(16, 16, 0.5) * 2**16, 9)
    1.0
    >>> binomial_tail(0, 10, 0.25)
    1.0
    """
    if successes <= 0:
        return 1.0
    if successes > trials:
        return 0.0
    counts = np.arange(successes, trials + 1)
    terms = (
        _log_factorials(trials)[trials]
        - _log_factorials(trials)[counts]
        - _log_factorials(trials)[trials - counts]
        + counts * math.log(probability)
        + (trials - counts) * math.log1p(-probability)
    )
    return min(1.0, _sum_exponentials(terms))


def gamma_tail(value: float, shape: int) -> float:
    """Return P(X >= value) for X the sum of `shape` standard exponentials: the chance of fewer Poisson events.

    Examples
    --------
    >>> round(gamma_tail(1.0, 1), 6) == round(math.exp(-1.0), 6)
    True
    """
    if value <= 0.0 or shape == 0:
        return 1.0
    counts = np.arange(shape)
    terms = counts * math.log(value) - value - _log_factorials(shape)[:shape]
    return min(1.0, _sum_exponentials(terms))


def normal_tail(z: float) -> float:
    """Return P(Z >= z) for a standard normal Z.

    Examples
    --------
    >>> normal_tail(0.0)
    0.5
    """
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def _log_factorials(largest: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    table = np.zeros(largest + 1)
    table[1:] = np.log(np.arange(1, largest + 1)).cumsum()
    return table


def _sum_exponentials(terms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    top = float(terms.max())
    return math.exp(top) * float(np.exp(terms - top).sum()) if top > -745.0 else 0.0
