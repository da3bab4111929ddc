"""Keep the running and the finished beams of one prompt, and choose who goes on: beam search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence

from guidance.search.beam import Beam, Grower
from guidance.search.choices import Choices

__all__ = ["BeamFrontier", "Frontier"]


class Frontier(ABC):
    """Hold what a search knows about one prompt; owned by the decoder.

    Parameters
    ----------
    root : the text so far; it may have ended, where a grammar forces all of it.
    """

    def __init__(self, root: Beam) -> None:
        self.running: list[Beam] = [root] if root.is_running else []
        self.finished: list[Beam] = [] if root.is_running else [root]

    @abstractmethod
    def step(self, choices: Choices) -> None:
        """Replace the running beams by what follows them; `choices` has them in their order."""

    @abstractmethod
    def best(self, count: int) -> list[Beam]:
        """Return the best finished beams, the best first; running ones only where none has finished."""


class BeamFrontier(Frontier):
    """Keep the `num_beams` most likely texts at every step, and as many finished ones by normalised score.

    A step ranks by the sum of log-probabilities. It is over when no running beam can still become better than the
    worst finished one: sums only fall, so its bound is its sum over the length at which that counts least.

    Parameters
    ----------
    root : the text so far.
    grower : extends beams.
    num_beams : how many go on at each step.
    length_penalty : finished beams rank by ``sum / length ** length_penalty``.
    stops_early : end as soon as `num_beams` have finished.
    """

    def __init__(
        self, root: Beam, grower: Grower, *, num_beams: int, length_penalty: float, stops_early: bool = False
    ) -> None:
        super().__init__(root)
        self._grower = grower
        self._num_beams = num_beams
        self._length_penalty = length_penalty
        self._stops_early = stops_early

    def step(self, choices: Choices) -> None:
        """Replace the running beams by the best of what follows them."""
        self.step_apart(choices, range(len(self.running)), {})

    def step_apart(self, choices: Choices, rows: Sequence[int], penalties: Mapping[int, float]) -> Counter[int]:
        """Do a step with some rows of the choices and penalties on tokens; return how often each was taken."""
        taken: Counter[int] = Counter()
        children: list[Beam] = []
        totals = [-float("inf")] * choices.log_law.shape[0]
        for beam, row in zip(self.running, rows, strict=True):
            totals[row] = beam.total
        parents = dict(zip(rows, self.running, strict=True))
        longest = max((len(beam.token_ids) + beam.num_left for beam in self.running), default=0)
        shortest = min((len(beam.token_ids) for beam in self.running), default=0)
        most = max(penalties.values(), default=0.0)  # what a choice further down may be ahead by
        for choice in choices.ranked(totals, penalties=dict(penalties), first=2 * self._num_beams):
            total = totals[choice.parent] + choice.log_prob + most
            if self._is_hopeless(self._bound(total, shortest=shortest + 1, longest=longest + 1)):
                break
            child = self._grower.grow(
                parents[choice.parent], choice.token_id, choice.log_prob, base_log_prob=choice.base_log_prob
            )
            if child is None:
                continue
            taken[choice.token_id] += 1
            if child.is_running:
                children.append(child)
            else:
                self._finish(child)
            if len(children) == self._num_beams:
                break
        self.running = [] if self._is_over(children) else children
        return taken

    def best(self, count: int) -> list[Beam]:
        """Return the best finished beams, or running ones where none has finished."""
        beams = self.finished or sorted(self.running, key=self._rank)
        for beam in beams:
            beam.score = beam.normalised(self._length_penalty)
        return beams[:count]

    def _finish(self, beam: Beam) -> None:
        self.finished.append(beam)
        self.finished.sort(key=self._rank)
        del self.finished[self._num_beams :]

    def _rank(self, beam: Beam) -> float:
        return -beam.normalised(self._length_penalty)

    def _is_over(self, children: Sequence[Beam]) -> bool:
        if not children:
            return True
        if self._stops_early:
            return len(self.finished) == self._num_beams
        return all(
            self._is_hopeless(
                self._bound(child.total, shortest=child.num_choices, longest=len(child.token_ids) + child.num_left + 1)
            )
            for child in children
        )

    def _is_hopeless(self, bound: float) -> bool:
        """Tell whether as many have finished as are kept, and none is worse than a bound."""
        return len(self.finished) == self._num_beams and bound <= self.finished[-1].normalised(self._length_penalty)

    def _bound(self, total: float, *, shortest: int, longest: int) -> float:
        """Return the best score a text can still reach: sums only fall, so it is at the length that counts least."""
        length = longest if self._length_penalty > 0 else shortest
        return float(total / length**self._length_penalty)
