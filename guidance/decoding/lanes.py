"""Lay every way through the rows' proposals out as a row of its own, for what reads lines only.

Companions, such as experts and classifiers, read and forget tokens at the end of rows, and copy rows. Reading a tree
takes them one row for each way from its root to a leaf; the row that agrees with what was drawn is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from guidance.decoding.proposal import Proposal

__all__ = ["Lanes"]


class Lanes:
    """Hold which row and which places each lane has, until the draws after it are done.

    Parameters
    ----------
    proposals : one for each row of a group.

    rows : the row that each lane follows.
    """

    __slots__ = ("_proposals", "_stands", "_ways", "num_positions", "rows")

    def __init__(self, proposals: Sequence[Proposal]) -> None:
        self._proposals = proposals
        self.rows: list[int] = []
        self._ways: list[list[int]] = []
        self._stands: list[dict[int, int]] = []
        for row, proposal in enumerate(proposals):
            stands: dict[int, int] = {}
            for way in proposal.paths():
                stands |= dict.fromkeys([0, *way], len(self._ways))
                self.rows.append(row)
                self._ways.append(way)
            self._stands.append(stands)
        self.num_positions = max(len(way) for way in self._ways) + 1

    def lines(self, before: Sequence[Sequence[int]]) -> list[list[int]]:
        """Return what each lane reads: what its row has pending, then the tokens of its way.

        before : for each row, what it has pending
        """
        return [
            [*before[row], *(self._proposals[row].token_ids[place - 1] for place in way)]
            for row, way in zip(self.rows, self._ways, strict=True)
        ]

    def spread(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the logits along every lane, aligned on the right: float[lanes, N, V].

        logits : float[B, P, V]   the last positions of each row, its proposal's tokens in the order of the proposal
        """
        columns = []
        for row, way in zip(self.rows, self._ways, strict=True):
            first = logits.shape[1] - 1 - len(self._proposals[row].token_ids)
            padding = [0] * (self.num_positions - 1 - len(way))
            columns.append([first + place for place in (*padding, 0, *way)])
        return logits[torch.tensor(self.rows)[:, None], torch.tensor(columns)]

    def find(self, row: int, place: int) -> int:
        """Return where a row's place is in `spread`, numbered lane by lane."""
        lane = self._stands[row][place]
        before_end = len(self._ways[lane]) - self._proposals[row].depths[place]
        return (lane + 1) * self.num_positions - 1 - before_end

    def keep(self, places: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return for each row the lane that reaches its place, and how many of the lane's tokens to forget."""
        lanes = [self._stands[row][place] for row, place in enumerate(places)]
        counts = [
            len(self._ways[lane]) - self._proposals[row].depths[place]
            for row, (lane, place) in enumerate(zip(lanes, places, strict=True))
        ]
        return lanes, counts
