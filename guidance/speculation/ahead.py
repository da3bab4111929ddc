"""Walk one row ahead of the model: its grammar along every way proposed so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm import allocate_token_bitmask
from fsm.errors import TokenRejected
from guidance.decoding.budget import fill_mask
from guidance.decoding.proposal import Proposal
from guidance.decoding.regions import temperature_of
from guidance.decoding.row import Row
from guidance.decoding.writing import Writer

__all__ = ["Ahead"]


class Ahead:
    """Build one row's proposal, place by place.

    `close` takes the row's matcher back to where it stood.

    Parameters
    ----------
    row : the row to walk ahead of.
    room : most tokens to propose one after the other.
    writer : knows what the grammar forces, and the end tokens.

    frontier : the places that more may be proposed at; taking them is for the caller, `extend` adds new ones.
    states : for places, the states of the row's processors there; kept by the caller beyond place 0.
    """

    __slots__ = ("_complete", "_levels", "_room", "_way", "_writer", "frontier", "proposal", "row", "states")

    def __init__(self, row: Row, room: int, writer: Writer) -> None:
        self.row = row
        self.states: dict[int, tuple[Any, ...]] = {0: row.states}
        self.proposal = Proposal()
        self.frontier = [0] if room > 0 else []
        self._room = room
        self._way: list[int] = []  # the places that the matcher has passed
        self._complete: set[int] = set()
        self._levels = {0: 0}
        self._writer = writer

    def take_frontier(self) -> list[int]:
        """Return the places that more may be proposed at, and begin a new frontier."""
        taken, self.frontier = self.frontier, []
        return taken

    def note_mask(self, place: int) -> NDArray[np.int32] | None:
        """Return the mask at a place, int32[W], kept for the model's own draw there; None without a grammar."""
        if self.row.matcher is None:
            return None
        masks = self.proposal.masks
        if place not in masks:
            self._go_to(place)
            masks[place] = allocate_token_bitmask(1, self._writer.vocabulary_size)[0]
            fill_mask(self.row.matcher, masks[place][None], 0)
            self.proposal.is_plain = self.proposal.is_plain and temperature_of(self.row) is None
        return masks[place]

    def extend(self, place: int, token_id: int) -> int:
        """Propose a token at a place, and what the grammar forces after it.

        Returns the place after all of it; 0 where the token cannot be proposed.
        """
        if token_id in self._writer.ends:
            return 0
        self.note_mask(place)
        after = self._append(place, token_id)
        if not after:
            return 0
        proposal, matcher = self.proposal, self.row.matcher
        proposal.num_drafted += 1
        if matcher is not None and not matcher.is_complete:
            for forced in self._writer.forced(self.row)[: self._room - proposal.depths[after]]:
                further = 0 if forced in self._writer.ends else self._append(after, forced)
                if not further:
                    break
                after = further
        self._levels[after] = self._levels[place] + 1
        proposal.num_levels = max(proposal.num_levels, self._levels[after])
        if matcher is not None and matcher.is_complete:
            self._complete.add(after)
        elif proposal.depths[after] < self._room:
            self.frontier.append(after)
        return after

    def close(self) -> Proposal:
        """Return the proposal, with the row's matcher where it was and the masks after its last tokens noted."""
        for way in self.proposal.paths():
            if way and way[-1] not in self._complete:
                self.note_mask(way[-1])
        self._go_to(0)
        return self.proposal

    def _append(self, place: int, token_id: int) -> int:
        """Propose one token where the grammar allows it, and leave the matcher behind it; return the place after."""
        if self.row.matcher is not None:
            self._go_to(place)
            try:
                self.row.matcher.advance(token_id)
            except TokenRejected:
                return 0
            self._way.append(len(self.proposal.token_ids) + 1)
        return self.proposal.add(place, token_id)

    def _go_to(self, place: int) -> None:
        """Take the matcher to a place: back to where the ways part, and on from there."""
        matcher = self.row.matcher
        if matcher is None or place == (self._way[-1] if self._way else 0):
            return
        way = self.proposal.path(place)
        shared = next(
            (k for k, (one, other) in enumerate(zip(way, self._way, strict=False)) if one != other),
            min(len(way), len(self._way)),
        )
        if shared < len(self._way):
            matcher.rollback(len(self._way) - shared)
        for passed in way[shared:]:
            matcher.advance(self.proposal.token_ids[passed - 1])
        self._way = way
