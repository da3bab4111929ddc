"""Write laws as expressions over models: ``BASE + 0.5 * Term(formal) - 0.3 * Term(toxic)``.

A sum stands for the law closest to its terms, each weighed: ``softmax(sum(f_i log Q_i) / sum(f_i))``, where a
classifier counts in the numerator alone (Dekoninck et al. 2024, "Controlled Text Generation via Language Model
Arithmetic"). Expressions are frozen values; nothing is computed until one is bound to a model.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from guidance.loading import as_model
from guidance.logits import Companion, Context
from guidance.model import Model
from proxy_tuning.alignment import VocabularyMap
from proxy_tuning.errors import SteeringError
from proxy_tuning.weights import NOTHING, Weight, WeightLike, as_weight

__all__ = [
    "BASE",
    "LAST_TOKEN",
    "Attribute",
    "Extreme",
    "Formula",
    "LastToken",
    "Prompt",
    "Scorer",
    "Sum",
    "Term",
    "intersection",
    "parts_of",
    "union",
]


class LastToken:
    """Stand for the last token of the prompt, read alone."""

    def __repr__(self) -> str:
        return "LAST_TOKEN"


LAST_TOKEN = LastToken()

Prompt = str | Callable[[str], str | Sequence[int]] | LastToken | None
"""What a term reads in place of the prompt: a text, a function of the prompt's text that returns a text or token ids,
the prompt's last token, or None for the prompt itself."""


@runtime_checkable
class Scorer(Protocol):
    """List what a formula asks of a classifier."""

    def open(self, prompts: Sequence[Sequence[int]]) -> Companion | None:
        """Return a companion that has read these prompts; None when it needs none."""

    def score(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        """Return log p(attribute | prefix, token) for every column: float32[B, P, K]."""


class Formula(ABC):  # noqa: B024 - the operators are its whole purpose
    """Add, subtract and scale laws.

    Examples
    --------
    >>> formula = BASE + 0.5 * BASE - 0.25 * BASE
    >>> [(weight.constant, part) for part, weight in parts_of(formula).items()]
    [(1.25, BASE)]
    """

    def __add__(self, other: Formula) -> Sum:
        """Return the sum."""
        return Sum(((1.0, self), (1.0, _checked(other))))

    def __sub__(self, other: Formula) -> Sum:
        """Return the difference."""
        return Sum(((1.0, self), (-1.0, _checked(other))))

    def __mul__(self, weight: WeightLike) -> Sum:
        """Return the product with a number, or with a function of the step."""
        as_weight(weight)
        return Sum(((weight, self),))

    __rmul__ = __mul__

    def __neg__(self) -> Sum:
        """Return the opposite."""
        return Sum(((-1.0, self),))


class _Base(Formula):
    """Stand for the model that is steered."""

    def __repr__(self) -> str:
        return "BASE"


BASE = _Base()
"""The model that is steered, under its own prompt."""


@dataclass(frozen=True, slots=True, eq=False)
class Term(Formula):
    """Stand for another model, or for the same under another prompt.

    Parameters
    ----------
    model : a model, or a name for `guidance.load`; None for the model that is steered.
    prompt : what it reads in place of the prompt; both then read the same output.
    vocabulary_map : its token ids, where they differ from the steered model's.
    """

    model: Model | str | None = None
    prompt: Prompt = None
    vocabulary_map: VocabularyMap | None = None

    def loaded(self, base: Model) -> Model:
        """Return the model, loaded once where it was named."""
        return base if self.model is None else as_model(self.model)


@dataclass(frozen=True, slots=True, eq=False)
class Attribute(Formula):
    """Stand for what a classifier says: ``weight * Attribute(c)`` adds ``weight * log p(c | prefix, token)``."""

    scorer: Scorer


@dataclass(frozen=True, slots=True, eq=False)
class Sum(Formula):
    """Hold weighed parts."""

    parts: tuple[tuple[WeightLike, Formula], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Extreme(Formula):
    """Stand for the largest (union) or the smallest (intersection) probability that two or more laws give a token."""

    parts: tuple[Formula, ...]
    is_union: bool


def union(*parts: Formula) -> Extreme:
    """Return the law proportional to ``max(Q_1, Q_2, ...)``: what any of them would say.

    Raises
    ------
    SteeringError : for fewer than two laws.
    """
    return _extreme(parts, is_union=True)


def intersection(*parts: Formula) -> Extreme:
    """Return the law proportional to ``min(Q_1, Q_2, ...)``: what all of them would say.

    Raises
    ------
    SteeringError : for fewer than two laws.
    """
    return _extreme(parts, is_union=False)


def parts_of(formula: Formula) -> dict[Formula, Weight]:
    """Return every part that is no sum itself, with the weight it has in all; weights of one part add up."""
    found: dict[Formula, Weight] = {}
    _collect(formula, [1.0], found)
    return {part: weight for part, weight in found.items() if not weight.is_nothing}


def _collect(formula: Formula, factors: list[WeightLike], found: dict[Formula, Weight]) -> None:
    if isinstance(formula, Sum):
        for weight, part in formula.parts:
            _collect(part, [*factors, weight], found)
        return
    found[formula] = found.get(formula, NOTHING) + _product(factors)


def _product(factors: list[WeightLike]) -> Weight:
    number, schedules = 1.0, []
    for factor in factors:
        if callable(factor):
            schedules.append(factor)
        else:
            number *= factor
    if not schedules:
        return Weight(number)
    if len(schedules) == 1:
        return number * as_weight(schedules[0])
    return number * as_weight(_Times(tuple(schedules)))


@dataclass(frozen=True, slots=True)
class _Times:
    """Multiply schedules."""

    schedules: tuple[Callable[[int], float], ...]

    def __call__(self, step: int) -> float:
        value = 1.0
        for schedule in self.schedules:
            value *= schedule(step)
        return value


def _extreme(parts: tuple[Formula, ...], *, is_union: bool) -> Extreme:
    if len(parts) < 2:
        name = "union" if is_union else "intersection"
        raise SteeringError(f"{name}: got {len(parts)} laws, expected at least two; name them all")
    return Extreme(tuple(_checked(part) for part in parts), is_union)


def _checked(part: object) -> Formula:
    if isinstance(part, Formula):
        return part
    cure = "wrap it: Term(model)" if isinstance(part, Model) else "write Term(model), Attribute(classifier) or BASE"
    raise SteeringError(f"formula: got {type(part).__name__}, expected a Formula; {cure}")
