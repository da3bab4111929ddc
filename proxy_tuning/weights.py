"""Hold how much a term counts: a number, or a number that varies from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from proxy_tuning.errors import SteeringError

__all__ = ["NOTHING", "Schedule", "Weight", "WeightLike", "as_weight"]

Schedule = Callable[[int], float]
"""A weight as a function of the step: 0 before the first token of the output, 1 after it."""

WeightLike = float | Schedule


@dataclass(frozen=True, slots=True)
class Weight:
    """Hold ``constant + sum(factor * schedule(step))``.

    Examples
    --------
    >>> fading = 2.0 * as_weight(lambda step: 0.5**step) + as_weight(1.0)
    >>> fading.at(0), fading.at(1), fading.is_constant
    (3.0, 2.0, False)
    """

    constant: float = 0.0
    schedules: tuple[tuple[float, Schedule], ...] = ()

    @property
    def is_constant(self) -> bool:
        """Tell whether every step has the same weight."""
        return not self.schedules

    @property
    def is_nothing(self) -> bool:
        """Tell whether it is zero at every step."""
        return self.is_constant and self.constant == 0.0

    def at(self, step: int) -> float:
        """Return the weight at a step."""
        return self.constant + sum(factor * schedule(step) for factor, schedule in self.schedules)

    def __add__(self, other: Weight) -> Weight:
        """Return the sum; a schedule and its opposite cancel."""
        factors: dict[Schedule, float] = {}
        for factor, schedule in (*self.schedules, *other.schedules):
            factors[schedule] = factors.get(schedule, 0.0) + factor
        left = tuple((factor, schedule) for schedule, factor in factors.items() if factor)
        return Weight(self.constant + other.constant, left)

    def __mul__(self, factor: float) -> Weight:
        """Return the product with a number."""
        return Weight(self.constant * factor, tuple((own * factor, schedule) for own, schedule in self.schedules))

    __rmul__ = __mul__


NOTHING = Weight()


def as_weight(value: WeightLike) -> Weight:
    """Return a number or a schedule as a weight.

    Raises
    ------
    SteeringError : when a number is not finite, or it is neither.
    """
    given: object = value
    if callable(given):
        return Weight(0.0, ((1.0, given),))
    if isinstance(given, (int, float)) and math.isfinite(given):
        return Weight(float(given))
    raise SteeringError(f"weight: got {value!r}, expected a finite number or a function of the step; change it")
