"""Read trees of tokens in one forward pass, and keep one way through each.

A token of a tree sees what its row holds, the tokens on the way to it, and itself; its position counts those alone.
So what is computed for it is what would be computed if its way stood in the cache by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.errors import ModelError
from guidance.model import Model

__all__ = ["TreeReader", "check_reads_trees"]


class TreeReader:
    """Append trees to the rows of a cache; what was appended stays open until `keep` says what of it is kept.

    Parameters
    ----------
    network : has ``decode_branches``; see `check_reads_trees`.
    cache : its cache; nothing else may be appended to it while this is open.

    Owned by whoever owns the cache.
    """

    __slots__ = ("_bases", "_cache", "_network", "_num_slots", "_ways")

    def __init__(self, network: Any, cache: Any) -> None:
        self._network = network
        self._cache = cache
        self._bases: list[int] = list(cache.slots.positions)
        self._num_slots = 0
        self._ways: list[list[list[int]]] = [[] for _ in self._bases]

    @torch.inference_mode()
    def read(self, lines: Sequence[Sequence[int]], parents: Sequence[Sequence[int]]) -> torch.Tensor:
        """Append tokens to every row and return the logits after each: float[B, P, V], aligned on the right.

        lines   : the tokens of each row
        parents : for each, which of the row's tokens it follows, counted from the first that was appended since the
                  tree was opened; -1 stands for what the row held before
        """
        num_new = max(len(line) for line in lines)
        token_ids = np.zeros((len(lines), num_new), dtype=np.int64)
        positions = np.zeros((len(lines), num_new), dtype=np.int64)
        sees = np.zeros((len(lines), num_new, self._num_slots + num_new), dtype=np.bool_)
        for row, line in enumerate(lines):
            first = num_new - len(line)
            token_ids[row, first:] = line
            ways = self._append_ways(row, parents[row], first)
            positions[row, first:] = [self._bases[row] + len(way) - 1 for way in ways]
            for place, way in enumerate(ways, start=first):
                sees[row, place, way] = True
            padding = np.arange(first)
            sees[row, padding, self._num_slots + padding] = True  # itself, to stay finite
        self._num_slots += num_new
        return self._decode(token_ids, positions, sees, [len(line) for line in lines])

    @torch.inference_mode()
    def keep(self, kept: Sequence[Sequence[int]]) -> None:
        """Keep these of each row's tokens, and forget the others.

        kept : for each row, tokens that follow one another, numbered as for `read`; rows that have joined the cache
            since are left whole
        """
        if not self._num_slots:
            return
        slots = [[self._ways[row][token][-1] for token in tokens] for row, tokens in enumerate(kept)]
        self._cache.keep(slots, self._num_slots)

    def _append_ways(self, row: int, parents: Sequence[int], first: int) -> list[list[int]]:
        """Note the slots on the way to each new token, counted from the first slot of the tree; return them."""
        ways = self._ways[row]
        before = len(ways)
        for place, parent in enumerate(parents, start=self._num_slots + first):
            ways.append([*ways[parent], place] if parent >= 0 else [place])
        return ways[before:]

    def _decode(
        self,
        token_ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        sees: NDArray[np.bool_],
        lengths: list[int],
    ) -> torch.Tensor:
        cache, device = self._cache, self._network.device
        num_rows, num_new = token_ids.shape
        cache.make_room(num_new)
        cache.slots.append(num_new, lengths, device)
        num_before = cache.num_slots - sees.shape[2]
        mask = torch.ones(num_rows, 1, num_new, cache.num_slots, dtype=torch.bool, device=device)
        if cache.slots.live is not None:
            mask[..., :num_before] = cache.slots.live[:, None, None, :num_before]
        mask[:, 0, :, num_before:] = torch.from_numpy(sees).to(device)
        logits: torch.Tensor = self._network.decode_branches(
            cache, torch.from_numpy(token_ids).to(device), torch.from_numpy(positions).to(device), mask
        )
        return logits


def check_reads_trees(model: Model) -> None:
    """Refuse a model whose network cannot read tokens that do not follow one another.

    Raises
    ------
    ModelError : when it cannot.
    """
    network = model.language_model
    if not hasattr(network, "decode_branches") or not getattr(network, "can_branch", True):
        raise ModelError(
            f"{model.name}: got tree for a {type(network).__name__} that reads lines only, expected a decoder-only "
            "transformer with explicit positions, attention 'sdpa' or 'eager', and a cache that is not static; leave "
            "tree out"
        )
