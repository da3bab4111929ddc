"""Walk one row ahead of the model: its grammar, and the tokens proposed so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm import allocate_token_bitmask
from fsm.errors import TokenRejected
from guidance.decoding.budget import fill_mask
from guidance.decoding.proposal import DraftLaw, Proposal
from guidance.decoding.regions import temperature_of
from guidance.decoding.row import Row
from guidance.decoding.writing import Writer

__all__ = ["Ahead"]


class Ahead:
    """Build one row's proposal, with the states of its processors.

    `close` takes the row's matcher back to where it stood.

    Parameters
    ----------
    row : the row to walk ahead of.
    room : most tokens to propose.
    writer : knows what the grammar forces, and the end tokens.
    """

    __slots__ = ("_is_complete", "_num_advanced", "_room", "_writer", "is_open", "proposal", "row", "states")

    def __init__(self, row: Row, room: int, writer: Writer) -> None:
        self.row = row
        self.states = row.states
        self.proposal = Proposal()
        self.is_open = room > 0
        self._room = room
        self._num_advanced = 0
        self._is_complete = False
        self._writer = writer

    def note_mask(self) -> NDArray[np.int32] | None:
        """Return the mask of the next token, int32[W], kept for the model's own draw there; None without a grammar."""
        if self.row.matcher is None:
            return None
        masks, place = self.proposal.masks, len(self.proposal.token_ids)
        if place not in masks:
            masks[place] = allocate_token_bitmask(1, self._writer.vocabulary_size)[0]
            fill_mask(self.row.matcher, masks[place][None], 0)
            self.proposal.is_plain = self.proposal.is_plain and temperature_of(self.row) is None
        return masks[place]

    def extend(self, token_id: int, law: DraftLaw | None = None) -> bool:
        """Propose a token and what the grammar forces after it; False where it cannot be proposed."""
        if not self.is_open or token_id in self._writer.ends:
            self.is_open = False
            return False
        self.note_mask()
        if not self._advance(token_id):
            self.is_open = False
            return False
        proposal, matcher = self.proposal, self.row.matcher
        self._is_complete = matcher is not None and matcher.is_complete
        if law is not None:
            proposal.laws[len(proposal.token_ids)] = law
        proposal.num_drafted += 1
        proposal.token_ids.append(token_id)
        if matcher is not None and not self._is_complete:
            for forced in self._writer.forced(self.row)[: self._room - len(proposal.token_ids)]:
                if forced in self._writer.ends or not self._advance(forced):
                    break
                proposal.token_ids.append(forced)
            self._is_complete = matcher.is_complete
        self.is_open = len(proposal.token_ids) < self._room and not self._is_complete
        return True

    def close(self) -> Proposal:
        """Return the proposal, with the row's matcher where it was and the mask after its last token noted."""
        if self.proposal.token_ids and not self._is_complete:
            self.note_mask()
        if self._num_advanced and self.row.matcher is not None:
            self.row.matcher.rollback(self._num_advanced)
        self._num_advanced = 0
        return self.proposal

    def _advance(self, token_id: int) -> bool:
        if self.row.matcher is None:
            return True
        try:
            self.row.matcher.advance(token_id)
        except TokenRejected:
            return False
        self._num_advanced += 1
        return True
