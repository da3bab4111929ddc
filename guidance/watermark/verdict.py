"""Hold what detection found."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Verdict", "Window"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hold the stretch of a text that speaks loudest.

    Parameters
    ----------
    start, end : its tokens, half open.
    z : its score in standard deviations.
    p_value : at most this chance of any window of an unmarked text scoring so; corrected for how many were looked at.
    """

    start: int
    end: int
    z: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Hold whether a text bears a watermark, and on what evidence.

    Parameters
    ----------
    z : how many standard deviations the score lies above what unmarked text scores.
    p_value : the chance of at least this score in unmarked text; exact for lists and races, else by the normal law.
    num_scored : tokens that counted.
    green_fraction : share of them that are green; for distortion-free schemes the mean of their bits or numbers.
    false_positive_rate : share of unmarked texts that `is_watermarked` may call marked.
    num_forced : tokens left out because the grammar left no choice.
    num_repeated : tokens left out because the same evidence had been counted.
    randomised_p_value : p_value with ties broken by a number that text and key decide: uniform on unmarked texts.
    window : the loudest stretch; None for texts too short to have one.
    token_ids, values, scored : every token of the text, its score, and whether it counted.
    """

    z: float
    p_value: float
    num_scored: int
    green_fraction: float
    false_positive_rate: float
    num_forced: int
    num_repeated: int
    randomised_p_value: float
    window: Window | None
    token_ids: tuple[int, ...] = field(repr=False)
    values: NDArray[np.float64] = field(repr=False, compare=False)
    scored: NDArray[np.bool_] = field(repr=False, compare=False)

    @property
    def is_watermarked(self) -> bool:
        """Tell whether the text is called marked at `false_positive_rate`."""
        return self.p_value <= self.false_positive_rate
