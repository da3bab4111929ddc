"""Hold one of the texts that a search follows at the same time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from guidance.decoding.row import Row
from guidance.decoding.stopping import StopReason
from guidance.decoding.writing import Writer
from guidance.logits.sampler import Draw

__all__ = ["Beam", "Grower"]


class Beam(Row):
    """Be a row that forks: its tokens, its matcher, and every processor's state go with it.

    total     : log-probability of the text, its end token included
    perturbed : the same with Gumbel noise; of stochastic beams only
    score     : what the search ranks it by; None while it is not finished
    weight    : of the text in an estimate of a mean over the law; of stochastic beams only
    place     : the row of the KV cache that holds it
    """

    __slots__ = ("perturbed", "place", "score", "total", "weight")

    total: float
    perturbed: float
    score: float | None
    weight: float | None
    place: int

    @classmethod
    def of(cls, row: Row) -> Beam:
        """Return a beam where a row stands."""
        beam = cls.__new__(cls)
        _copy(row, beam, Row.__slots__)
        beam.total, beam.perturbed, beam.score, beam.weight, beam.place = 0.0, 0.0, None, None, 0
        return beam

    def fork(self) -> Beam:
        """Return an independent copy; cost: the length of the text."""
        twin = Beam.__new__(Beam)
        twin.become(self)
        return twin

    def become(self, other: Beam) -> None:
        """Take over everything another beam holds."""
        _copy(other, self, (*Row.__slots__, *Beam.__slots__))

    @property
    def num_choices(self) -> int:
        """Return the length that scores are normalised by: all tokens, a drawn end token too; at least 1."""
        return max(len(self.token_ids) + (self.stop_reason is StopReason.EOS), 1)

    def normalised(self, length_penalty: float) -> float:
        """Return ``total / num_choices ** length_penalty``."""
        return float(self.total / self.num_choices**length_penalty)


class Grower:
    """Extend beams by tokens.

    Parameters
    ----------
    writer : appends tokens and what the grammar forces after them.
    """

    __slots__ = ("_writer",)

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def grow(self, parent: Beam, token_id: int, log_prob: float, *, base_log_prob: float = math.nan) -> Beam | None:
        """Return the parent with one more token and what is forced after it; None where no whole output is in reach."""
        child = parent.fork()
        if child.matcher is not None and not self._writer.fits(child, token_id):
            return None
        child.total += log_prob
        self._writer.take(child, Draw(token_id, log_prob, base_log_prob, is_rescued=False))
        return child


def _copy(source: Row, target: Row, names: Sequence[str]) -> None:
    for name in names:
        value = getattr(source, name)
        if isinstance(value, list | bytearray):
            value = value.copy()
        elif name == "matcher" and value is not None:
            value = value.fork()
        setattr(target, name, value)
