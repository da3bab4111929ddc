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
from guidance.model import CausalLM

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
    """Hold the tokens proposed to follow one row: a line of them, or a tree.

    A place is where a next token may stand: place 0 follows the row itself, place k + 1 follows ``token_ids[k]``.

    Parameters
    ----------
    token_ids : the tokens, those included that the grammar forces after one of the others; none stands before the one
        it follows.
    parents : the place each token stands at; in a line, token k stands at place k.
    depths : for each place, how many tokens lead there.
    num_drafted : how many of the tokens were drafted; the rest is forced.
    num_levels : how many drafted tokens the longest way has; in a line, all of them.
    laws : for places, the law that the tokens there were drawn from, one after the other and none twice, when they are
        to be accepted by that law.
    masks : for places whose mask is known already, the packed mask: int32[W].
    is_plain : False where some place has a law of its own, as regions with a temperature have.

    Examples
    --------
    >>> proposal = Proposal()
    >>> proposal.add(0, 5), proposal.add(0, 6), proposal.add(2, 7)
    (1, 2, 3)
    >>> proposal.is_tree, proposal.path(3), proposal.paths()
    (True, [2, 3], [[1], [2, 3]])
    """

    token_ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=lambda: [0])
    num_drafted: int = 0
    num_levels: int = 0
    laws: dict[int, DraftLaw] = field(default_factory=dict)
    masks: dict[int, NDArray[np.int32]] = field(default_factory=dict)
    is_plain: bool = True

    @property
    def is_tree(self) -> bool:
        """Tell whether two tokens stand at one place."""
        return any(place != k for k, place in enumerate(self.parents))

    def add(self, place: int, token_id: int) -> int:
        """Propose a token at a place; return the place after it."""
        self.token_ids.append(token_id)
        self.parents.append(place)
        self.depths.append(self.depths[place] + 1)
        return len(self.token_ids)

    def find(self, place: int, token_id: int) -> int:
        """Return the place after a token at a place; 0 where it is not proposed there."""
        for k in range(place, len(self.token_ids)):
            if self.parents[k] == place and self.token_ids[k] == token_id:
                return k + 1
        return 0

    def follow(self, place: int, token_ids: Sequence[int]) -> int:
        """Return the last place that is reached from one by tokens, as far as they are proposed."""
        for token_id in token_ids:
            after = self.find(place, token_id)
            if not after:
                break
            place = after
        return place

    def path(self, place: int) -> list[int]:
        """Return the places on the way to one, itself included and place 0 not."""
        way = []
        while place:
            way.append(place)
            place = self.parents[place - 1]
        return way[::-1]

    def paths(self) -> list[list[int]]:
        """Return the way to every place that nothing is proposed at; one empty way where nothing is proposed."""
        inner = set(self.parents)
        return [self.path(k + 1) for k in range(len(self.token_ids)) if k + 1 not in inner] or [[]]

    def drawn_places(self, *, is_constrained: bool) -> list[int]:
        """Return the places a token is drawn at, those after the last proposed tokens included: not the forced ones.

        Under a grammar they are those whose masks are known.
        """
        return sorted(self.masks) if is_constrained else list(range(len(self.token_ids) + 1))

    def at(self, place: int) -> Proposed:
        """Return what is proposed at a place."""
        tokens = [self.token_ids[k] for k in range(place, len(self.token_ids)) if self.parents[k] == place]
        return Proposed(tokens, self.laws.get(place), self.masks.get(place))


class Proposed(NamedTuple):
    """Hold what is proposed at one place.

    token_ids : the tokens, in the order they are to be tried; empty where there is none
    law       : what they were drawn from; None where one is to be confirmed by the row's own draw
    mask      : the grammar's mask there, where it is known already
    """

    token_ids: Sequence[int]
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
    drafted : for each row, how many tokens were proposed, forced ones excluded; of a tree, its levels.
    drawn : for each row, how many tokens were drawn.
    has_ended : for each row, whether its text ended here.
    """

    seconds: float
    drafted: Sequence[int]
    drawn: Sequence[int]
    has_ended: Sequence[bool]


class Drafter(ABC):
    """Propose what follows each row; owned by one batch, whose rows it follows by itself.

    It may keep a network and its cache. It is told nothing about acceptance: the rows' own tokens say what became of
    its proposals.
    """

    def watch(self, network: CausalLM) -> CausalLM:
        """Return what the batch is to read with in place of the model's network, for a drafter that looks on."""
        return network

    @abstractmethod
    def propose(self, rows: Sequence[Row], rooms: Sequence[int]) -> list[Proposal]:
        """Return a proposal for each row, of at most ``rooms[b]`` tokens one after the other.

        `rows` are those of the last call or fewer. The rows' matchers are left where they were.
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
