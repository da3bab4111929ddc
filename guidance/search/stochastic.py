"""Draw texts without replacement: stochastic beam search (Kool, van Hoof and Welling 2019, arXiv 1903.06059)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.decoding import Request
from guidance.model import Model
from guidance.search.beam import Beam, Grower
from guidance.search.beams import check_setting
from guidance.search.choices import Choices, falling_places
from guidance.search.decoder import SearchDecoder
from guidance.search.frontier import Frontier
from guidance.search.noise import gumbels, to_gumbel

__all__ = ["StochasticBeams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StochasticBeams:
    """Draw different texts, in the order that drawing without replacement gives them.

    The first one is a plain draw from the law, the second a draw from the rest, and so on. `Sampling` gives seed and
    temperature; ``Sampling(n=k)`` returns the first k. ``result.score`` is the perturbed log-probability, and the mean
    of f over the law is estimated, without bias, by the sum of ``result.weight * f(result)`` over all `num_beams`
    results. There is no length normalisation: it has no place in a law.

    Parameters
    ----------
    num_beams : texts to draw.

    Raises
    ------
    SamplingError : when a setting is out of range.

    Examples
    --------
    >>> StochasticBeams(num_beams=4).num_beams
    4
    """

    num_beams: int = 4

    def __post_init__(self) -> None:
        """Refuse settings no search belongs to."""
        check_setting("StochasticBeams", "num_beams", self.num_beams, "at least 1", holds=self.num_beams >= 1)

    def decoder(self, model: Model, requests: Sequence[Request], *, wants_base: bool) -> SearchDecoder:
        """Return the decoder that finds one output for each request."""
        return SearchDecoder(model, requests, self._frontier, num_results=self.num_beams, wants_base=wants_base)

    def _frontier(self, root: Beam, grower: Grower) -> Frontier:
        return StochasticFrontier(root, grower, self.num_beams)


class StochasticFrontier(Frontier):
    """Keep the texts of largest perturbed log-probability, finished or not.

    One more than asked for is kept: it is the threshold that the weights of the others need.
    """

    def __init__(self, root: Beam, grower: Grower, num_beams: int) -> None:
        super().__init__(root)
        self._grower = grower
        self._num_beams = num_beams
        root.perturbed = to_gumbel(root.request.uniform(0, attempt=_ROOT))

    def step(self, choices: Choices) -> None:
        """Replace the running beams by those of their children that stay among the largest."""
        perturbed = np.stack([self._perturb(choices, row, beam) for row, beam in enumerate(self.running)])
        kept: list[Beam] = list(self.finished)
        finished = [beam.perturbed for beam in kept]
        for place in falling_places(perturbed, first=2 * self._num_beams):
            value = float(perturbed.flat[place])
            num_above = sum(other > value for other in finished)
            if num_above + len(kept) - len(finished) > self._num_beams:
                break
            choice = choices.choice(place // perturbed.shape[1], place % perturbed.shape[1])
            parent = self.running[choice.parent]
            child = self._grower.grow(parent, choice.token_id, choice.log_prob, base_log_prob=choice.base_log_prob)
            if child is not None:
                child.perturbed = value
                kept.append(child)
        kept = sorted(kept, key=_by_noise)[: self._num_beams + 1]
        self.running = [beam for beam in kept if beam.is_running]
        self.finished = [beam for beam in kept if not beam.is_running]

    def best(self, count: int) -> list[Beam]:
        """Return the texts in the order they were drawn, with their weights."""
        beams = sorted(self.finished + self.running, key=_by_noise)
        least = beams[self._num_beams].perturbed if len(beams) > self._num_beams else -math.inf
        for beam in beams:
            beam.score = beam.perturbed
            beam.weight = weigh(beam.total, least)
        return beams[: min(count, self._num_beams)]

    def _perturb(self, choices: Choices, row: int, beam: Beam) -> NDArray[np.float64]:
        """Return the perturbed log-probability of every child; the largest is the parent's own."""
        log_law = beam.total + choices.log_law[row]
        legal = np.flatnonzero(log_law > -np.inf)
        found = np.full(log_law.size, -np.inf)
        if legal.size:
            token_ids = choices.token_ids(row)[legal]
            noise = gumbels(beam.request, beam.token_ids, int(token_ids.max()) + 1)[token_ids]
            found[legal] = truncate_gumbels(log_law[legal] + noise, beam.perturbed)
        return found


_ROOT = 0x726F  # keeps the root's number apart from those that draws use


def truncate_gumbels(values: NDArray[np.float64], largest: float) -> NDArray[np.float64]:
    """Return Gumbel numbers of the same locations under the condition that the largest is `largest`.

    Appendix B.3 of the paper, in the form that does not overflow.

    Examples
    --------
    >>> truncate_gumbels(np.array([0.5, 2.0]), 1.0).round(4).tolist()
    [0.1755, 1.0]
    """
    top = values.max()
    with np.errstate(divide="ignore"):
        shift = largest - values + np.log1p(-np.exp(values - top))
    return np.asarray(largest - np.maximum(shift, 0.0) - np.log1p(np.exp(-np.abs(shift))))


def weigh(log_prob: float, threshold: float) -> float:
    """Return p / q: a text's probability over the chance that its perturbed value exceeds the threshold.

    Examples
    --------
    >>> weigh(math.log(0.25), -math.inf)
    0.25
    """
    if threshold == -math.inf:
        return math.exp(log_prob)
    return math.exp(log_prob) / -math.expm1(-math.exp(log_prob - threshold))


def _by_noise(beam: Beam) -> float:
    return -beam.perturbed
