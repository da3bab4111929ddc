"""Let a draft read the trees it proposes, level by level, and then keep what the rows have taken of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from guidance.speculation.ahead import Ahead
from guidance.speculation.choosing import Spot
from guidance.transformer.trees import TreeReader

__all__ = ["DraftTree"]


class DraftTree:
    """Follow the trees of one step in a draft's cache; nothing else may be read into it until `close`.

    Parameters
    ----------
    network : the draft; it reads trees.
    cache : its cache, which holds what each row has so far.
    aheads : the rows' proposals, which are being built.
    """

    __slots__ = ("_aheads", "_num_read", "_num_written", "_reader")

    def __init__(self, network: Any, cache: Any, aheads: Sequence[Ahead]) -> None:
        self._reader = TreeReader(network, cache)
        self._aheads = aheads
        self._num_read = [0] * len(aheads)
        self._num_written = [len(ahead.row.token_ids) for ahead in aheads]

    def read(self, vocabulary_size: int) -> tuple[list[Spot], torch.Tensor]:
        """Read what was proposed for rows that more may be proposed for.

        Returns
        -------
        spots : the places of their frontiers, which this takes.
        logits : float[n, V] at each.
        """
        lines: list[list[int]] = []
        parents: list[list[int]] = []
        spots: list[Spot] = []
        at: list[tuple[int, int]] = []
        for row, ahead in enumerate(self._aheads):
            proposal, first = ahead.proposal, self._num_read[row]
            end = len(proposal.token_ids) if ahead.frontier else first
            for place in ahead.take_frontier():
                spots.append((ahead, place))
                at.append((row, place - end - 1))
            lines.append(proposal.token_ids[first:end])
            parents.append([place - 1 for place in proposal.parents[first:end]])
            self._num_read[row] = end
        if not spots:
            return [], torch.empty(0)
        logits = self._reader.read(lines, parents)[..., :vocabulary_size]
        return spots, logits[[row for row, _ in at], [column for _, column in at]]

    def close(self) -> list[list[int]]:
        """Keep, of what was read, what the rows have taken since; return those tokens."""
        kept, tokens = [], []
        for ahead, num_read, num_written in zip(self._aheads, self._num_read, self._num_written, strict=True):
            proposal = ahead.proposal
            reached = proposal.follow(0, ahead.row.token_ids[num_written:])
            way = [place for place in proposal.path(reached) if place <= num_read]
            kept.append([place - 1 for place in way])
            tokens.append([proposal.token_ids[place - 1] for place in way])
        self._reader.keep(kept)
        return tokens
