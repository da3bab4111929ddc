"""Search with beams, and with groups of beams that avoid each other's tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from guidance.decoding import Request
from guidance.errors import SamplingError
from guidance.model import Model
from guidance.search.beam import Beam, Grower
from guidance.search.choices import Choices
from guidance.search.decoder import SearchDecoder
from guidance.search.frontier import BeamFrontier, Frontier

__all__ = ["Beams", "DiverseBeams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beams:
    """Follow the most likely texts side by side; return the best by normalised log-probability.

    Scores are of the processed law: penalised, masked, renormalised. Temperature 0, the default, leaves it as it is.
    A finished text ranks by ``sum of log-probabilities / length ** length_penalty``, its end token counted; with as
    many beams as there are texts the result is the exact arg-max. Texts that lead too far from an end to fit into
    ``max_tokens`` are passed over. ``Sampling(n=k)`` returns the k best.

    Parameters
    ----------
    num_beams : texts followed at each step.
    length_penalty : 0 ranks by the sum, 1 by the mean; larger values prefer longer texts.
    stops_early : end as soon as `num_beams` texts have finished, though a running one might still win.

    Raises
    ------
    SamplingError : when a setting is out of range.

    Examples
    --------
    >>> import guidance
    >>> model = guidance.load("embedded")
    >>> guidance.generate(model, "Ada, 36, London", output=bool, search=Beams(num_beams=2)).text in {"true", "false"}
    True
    """

    num_beams: int = 4
    length_penalty: float = 1.0
    stops_early: bool = False

    def __post_init__(self) -> None:
        """Refuse settings no search belongs to."""
        check_setting("Beams", "num_beams", self.num_beams, "at least 1", holds=self.num_beams >= 1)
        finite = math.isfinite(self.length_penalty)
        check_setting("Beams", "length_penalty", self.length_penalty, "a finite number", holds=finite)

    def decoder(self, model: Model, requests: Sequence[Request], *, wants_base: bool) -> SearchDecoder:
        """Return the decoder that finds one output for each request."""
        return SearchDecoder(model, requests, self._frontier, num_results=self.num_beams, wants_base=wants_base)

    def _frontier(self, root: Beam, grower: Grower) -> Frontier:
        return BeamFrontier(
            root,
            grower,
            num_beams=self.num_beams,
            length_penalty=self.length_penalty,
            stops_early=self.stops_early,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiverseBeams:
    """Follow groups of beams, each kept from the tokens that groups before it took at the same step.

    Vijayakumar et al. 2016 (1610.02424), with the Hamming penalty: it decides who goes on, and is no part of the score.
    ``Sampling(n=k)`` returns the best of each group first.

    Parameters
    ----------
    num_groups : groups; the first one is plain beam search.
    beams_per_group : texts each follows.
    strength : subtracted from a token for every beam of an earlier group that took it at this step.
    length_penalty : as in `Beams`.

    Raises
    ------
    SamplingError : when a setting is out of range.

    Examples
    --------
    >>> DiverseBeams(num_groups=3).num_results
    6
    """

    num_groups: int = 2
    beams_per_group: int = 2
    strength: float = 0.5
    length_penalty: float = 1.0

    def __post_init__(self) -> None:
        """Refuse settings no search belongs to."""
        for name in ("num_groups", "beams_per_group"):
            value = getattr(self, name)
            check_setting("DiverseBeams", name, value, "at least 1", holds=value >= 1)
        strong = 0 <= self.strength < math.inf
        check_setting("DiverseBeams", "strength", self.strength, "a number >= 0", holds=strong)
        finite = math.isfinite(self.length_penalty)
        check_setting("DiverseBeams", "length_penalty", self.length_penalty, "a finite number", holds=finite)

    @property
    def num_results(self) -> int:
        """Return the most texts it finds for a prompt."""
        return self.num_groups * self.beams_per_group

    def decoder(self, model: Model, requests: Sequence[Request], *, wants_base: bool) -> SearchDecoder:
        """Return the decoder that finds one output for each request."""
        return SearchDecoder(model, requests, self._frontier, num_results=self.num_results, wants_base=wants_base)

    def _frontier(self, root: Beam, grower: Grower) -> Frontier:
        groups = [
            BeamFrontier(root, grower, num_beams=self.beams_per_group, length_penalty=self.length_penalty)
            for _ in range(self.num_groups)
        ]
        return _DiverseFrontier(root, groups, self.strength)


class _DiverseFrontier(Frontier):
    """Keep one frontier for each group; they start from one row and part at the first step."""

    def __init__(self, root: Beam, groups: Sequence[BeamFrontier], strength: float) -> None:
        super().__init__(root)
        self._groups = groups
        self._strength = strength

    def step(self, choices: Choices) -> None:
        """Let the groups step in turn."""
        places = {id(beam): row for row, beam in enumerate(self.running)}
        taken: dict[int, float] = {}
        for group in self._groups:
            rows = [places[id(beam)] for beam in group.running]
            for token_id, count in group.step_apart(choices, rows, taken).items():
                taken[token_id] = taken.get(token_id, 0.0) + self._strength * count
        self.running = [beam for group in self._groups for beam in group.running]

    def best(self, count: int) -> list[Beam]:
        """Return the best of each group, then the second best of each, and so on; each text once."""
        found = [group.best(count) for group in self._groups]
        ranked = [
            (place, -(beam.score or 0.0), index, beam)
            for index, beams in enumerate(found)
            for place, beam in enumerate(beams)
        ]
        unique = {
            (tuple(beam.token_ids), beam.stop_reason): beam for *_, beam in sorted(ranked, key=_without_beam)[::-1]
        }
        return list(unique.values())[::-1][:count]


def _without_beam(entry: tuple[int, float, int, Beam]) -> tuple[int, float, int]:
    return entry[:3]


def check_setting(owner: str, name: str, value: object, expected: str, *, holds: bool) -> None:
    """Refuse a setting that is out of range.

    Raises
    ------
    SamplingError : when it is.
    """
    if not holds:
        raise SamplingError(f"{owner}: got {name}={value!r}, expected {expected}; change {name}")
