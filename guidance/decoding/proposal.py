"""Say what runs ahead of the model: tokens proposed for each row, which the model then reads in one pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from guidance.decoding.metrics import SpeculationFigures
from guidance.decoding.row import Row

__all__ = ["NOTHING", "DraftLaw", "Drafter", "Proposal", "Proposed", "Step"]


@dataclass(frozen=True, slots=True)
class DraftLaw:
    """Hold the law a proposed token was drawn from.

    probabilities : float64[K]   of the draft's processed law
    token_ids     : int64[K]     which token each is; None when column j is token j
    """

    probabilities: NDArray[np.float64]
    token_ids: NDArray[np.int64] | None = None

    def of(self, token_id: int) -> float:
        """Return one token's probability."""
        if self.token_ids is None:
            return float(self.probabilities[token_id])
        return float(self.probabilities[self.token_ids == token_id].sum())

    def spread(self, size: int) -> NDArray[np.float64]:
        """Return the probabilities of all tokens: float64[V]."""
        dense = np.zeros(size)
        if self.token_ids is None:
            dense[: self.probabilities.size] = self.probabilities
        else:
            np.add.at(dense, self.token_ids, self.probabilities)
        return dense


@dataclass(slots=True)
class Proposal:
    """Hold the tokens proposed to follow one row.

    Parameters
    ----------
    token_ids : the tokens, in order, those included that the grammar forces after one of the others.
    num_drafted : how many of them were drafted; the rest is forced.
    laws : for the places of drafted tokens, the law each was drawn from, when it is to be accepted by that law.
    masks : for places whose mask is known already, the packed mask: int32[W].
    is_plain : False where some place has a law of its own, as regions with a temperature have.
    """

    token_ids: list[int] = field(default_factory=list)
    num_drafted: int = 0
    laws: dict[int, DraftLaw] = field(default_factory=dict)
    masks: dict[int, NDArray[np.int32]] = field(default_factory=dict)
    is_plain: bool = True

    def drawn_places(self, *, is_constrained: bool) -> list[int]:
        """Return the places a token is drawn at, the one after the last proposed token included: not the forced ones.

        Under a grammar they are those whose masks are known.
        """
        return sorted(self.masks) if is_constrained else list(range(len(self.token_ids) + 1))

    def at(self, place: int) -> Proposed:
        """Return what is proposed at a place; nothing beyond the last one."""
        token_id = self.token_ids[place] if place < len(self.token_ids) else -1
        return Proposed(token_id, self.laws.get(place), self.masks.get(place))


class Proposed(NamedTuple):
    """Hold what is proposed at one place.

    token_id : the token, -1 where there is none
    law      : what it was drawn from; None where it is to be confirmed by the row's own draw
    mask     : the grammar's mask there, where it is known already
    """

    token_id: int
    law: DraftLaw | None
    mask: NDArray[np.int32] | None


NOTHING = Proposal()
"""Stands for no proposal; never changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Hold what one step of a batch took: drafting, the model's forward pass, and the draws that follow it.

    Parameters
    ----------
    seconds : all three together.
    num_rows : rows that took part.
    num_drafted : tokens proposed for them, forced ones excluded.
    num_drawn : tokens drawn for them.
    """

    seconds: float
    num_rows: int
    num_drafted: int
    num_drawn: int


class Drafter(ABC):
    """Propose what follows each row; owned by one batch, whose rows it follows by itself.

    It may keep a network and its cache. It is told nothing about acceptance: the rows' own tokens say what became of
    its proposals.
    """

    @abstractmethod
    def propose(self, rows: Sequence[Row], rooms: Sequence[int]) -> list[Proposal]:
        """Return a proposal for each row, of at most ``rooms[b]`` tokens; `rows` are those of the last call or fewer.

        The rows' matchers are left where they were.
        """

    @property
    def num_bytes(self) -> int:
        """Return the memory its cache takes."""
        return 0

    def record(self, step: Step) -> None:
        """Learn what a step took and brought."""
        del step

    def figures(self) -> SpeculationFigures | None:
        """Return what drafting brought so far; None where there is nothing to say."""
        return None
