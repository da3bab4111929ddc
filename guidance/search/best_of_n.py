"""Draw several outputs and return the best by a score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from guidance.decoding import Decoder, Request, Row
from guidance.decoding.loop import make_rows
from guidance.decoding.metrics import Clock
from guidance.errors import SamplingError
from guidance.model import Model
from guidance.search.beam import Beam
from guidance.search.beams import check_setting
from guidance.search.decoder import split_requests

__all__ = ["BestOf"]

Scorer = Callable[[str], float]

_SCORES = ("log_prob", "mean_log_prob")


@dataclass(frozen=True, slots=True, kw_only=True)
class BestOf:
    """Draw `num_samples` outputs of each prompt as `Sampling` says; return the best.

    Parameters
    ----------
    num_samples : outputs drawn; the prompt is processed once.
    by : ``"log_prob"``, the sum over the tokens the model chose; ``"mean_log_prob"``, its mean; or a function of the
        text that returns a number, for instance a classifier's. ``Sampling(n=k)`` returns the k best.

    Raises
    ------
    SamplingError : when a setting is out of range, or the sampling is greedy, so that all outputs would be equal.

    Examples
    --------
    >>> BestOf(num_samples=8, by=len).num_samples
    8
    """

    num_samples: int = 4
    by: str | Scorer = "log_prob"

    def __post_init__(self) -> None:
        """Refuse settings no search belongs to."""
        check_setting("BestOf", "num_samples", self.num_samples, "at least 1", holds=self.num_samples >= 1)
        known = self.by in _SCORES or callable(self.by)
        check_setting("BestOf", "by", self.by, f"one of {', '.join(_SCORES)}, or a function of a text", holds=known)

    def decoder(self, model: Model, requests: Sequence[Request], *, wants_base: bool) -> BestOfDecoder:
        """Return the decoder that finds one output for each request."""
        sampling = requests[0].pipeline.sampling
        if sampling.is_greedy and self.num_samples > 1:
            raise SamplingError(
                f"BestOf: got num_samples={self.num_samples} and a greedy sampling, expected draws that differ; "
                "give sampling=Sampling(temperature=1.0)"
            )
        if sampling.n > self.num_samples:
            raise SamplingError(
                f"BestOf: got n={sampling.n} of num_samples={self.num_samples}, expected n <= num_samples; "
                "raise num_samples"
            )
        return BestOfDecoder(model, requests, self, wants_base=wants_base)

    def score(self, row: Row) -> float:
        """Return what an output ranks by; minus infinity where a scorer returns no number."""
        if self.by == "log_prob":
            return math.fsum(row.log_probs)
        if self.by == "mean_log_prob":
            return math.fsum(row.log_probs) / max(len(row.log_probs) - row.num_forced, 1)
        assert callable(self.by)
        value = float(self.by(row.text.decode("utf-8", errors="replace")))
        return value if not math.isnan(value) else -math.inf


class BestOfDecoder:
    """Draw with a `Decoder` and hand each request one of its prompt's best outputs."""

    def __init__(self, model: Model, requests: Sequence[Request], best_of: BestOf, *, wants_base: bool) -> None:
        self._best_of = best_of
        self._count = requests[0].pipeline.sampling.n
        self.rows: list[Beam] = [Beam.of(row) for row in make_rows(model, requests)]
        self._groups = split_requests(self.rows, best_of.num_samples)
        self._inner = Decoder(model, self._multiply(), wants_base=wants_base)

    @property
    def clock(self) -> Clock:
        """Return the batch's times."""
        return self._inner.clock

    def run(self) -> Iterator[Sequence[Row]]:
        """Draw; yield after each step."""
        for _ in self._inner.run():
            yield self.rows
        self._hand_out()

    def cancel(self) -> None:
        """Hand out the best of what there is."""
        self._inner.cancel()
        self._hand_out()

    def _multiply(self) -> list[Request]:
        """Return `num_samples` requests for each prompt, numbered on through its repetitions."""
        number = self._best_of.num_samples
        starts = [rows[0].request for rows in self._groups]
        return [
            replace(start, row=start.row // self._count * number + sample)
            for start in starts
            for sample in range(number)
        ]

    def _hand_out(self) -> None:
        number = self._best_of.num_samples
        for place, rows in enumerate(self._groups):
            drawn = [(self._best_of.score(row), row) for row in self._inner.rows[place * number : (place + 1) * number]]
            drawn.sort(key=_by_score)
            for row in rows:
                score, found = drawn[row.request.row % self._count]
                request = row.request
                row.become(Beam.of(found))
                row.request, row.score = request, score


def _by_score(entry: tuple[float, Row]) -> float:
    return -entry[0]
