"""Keep, by value, what the next token's list depends on: the last tokens of a row, and which contexts it has met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.watermark.seeds import context_seeds, num_seeds
from guidance.watermark.settings import Watermark

__all__ = ["Window", "read_windows"]

_NUM_SHARDS = 64


@dataclass(frozen=True, slots=True)
class Window:
    """Hold one row's last tokens.

    seen : the seeds met before, in shards so that adding one copies little; empty where repetition does not matter
    """

    tokens: tuple[int, ...]
    seen: tuple[frozenset[int], ...] = ()

    @classmethod
    def open(cls, watermark: Watermark, prompt_ids: Sequence[int]) -> Window:
        """Return the window at the end of a prompt."""
        shards = (frozenset[int](),) * _NUM_SHARDS if watermark.is_distortion_free else ()
        return cls(tuple(prompt_ids[-watermark.window_size :]), shards)

    def advance(self, watermark: Watermark, token_id: int) -> Window:
        """Return the window after one more token."""
        tokens = (*self.tokens, token_id)[-watermark.window_size :]
        if not self.seen or len(self.tokens) < watermark.window_size:
            return Window(tokens, self.seen)
        (seed,) = context_seeds(watermark, self.tokens)
        place = seed % _NUM_SHARDS
        shard = self.seen[place] | {seed}
        return Window(tokens, (*self.seen[:place], shard, *self.seen[place + 1 :]))

    def seeds(self, watermark: Watermark) -> tuple[int, ...] | None:
        """Return the seeds of the next token; None where it is left unmarked.

        That is so before a whole context is there, and, for schemes that decide the choice itself, in a context met
        before: a repeated choice would repeat the text from there on.
        """
        if len(self.tokens) < watermark.window_size:
            return None
        seeds = context_seeds(watermark, self.tokens)
        if self.seen and seeds[0] in self.seen[seeds[0] % _NUM_SHARDS]:
            return None
        return seeds


def read_windows(
    watermark: Watermark, states: Sequence[Sequence[Window]]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return the seeds of every row and position, and which of them are to be marked.

    seeds : uint64[B * P, S]   0 where nothing is marked
    marks : bool[B * P]
    """
    found = [window.seeds(watermark) for row in states for window in row]
    blank = (0,) * num_seeds(watermark)
    seeds = np.array([blank if one is None else one for one in found], dtype=np.uint64)
    return seeds, np.array([one is not None for one in found], dtype=np.bool_)
