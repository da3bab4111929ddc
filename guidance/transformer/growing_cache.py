"""Keep keys and values in tensors that grow with the texts of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from guidance.model import KvCache
from guidance.transformer.slots import RowSlots

__all__ = ["FIRST_CAPACITY", "LlamaKvCache"]

FIRST_CAPACITY = 128
"""Slots beyond the prompts that a cache begins with."""

# A cache stays within a thirty-second of what its longest row needs: copying it so often is little beside reading.
_FEWEST_ADDED = 64


class LlamaKvCache:
    """Hold keys and values in two tensors that grow with the texts.

    keys, values : float[L, B, K, C, D]   C = capacity in slots, of which `num_slots` are written
    """

    __slots__ = ("keys", "slots", "values")

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, slots: RowSlots) -> None:
        self.keys = keys
        self.values = values
        self.slots = slots

    @property
    def num_rows(self) -> int:
        """Return B."""
        return self.slots.num_rows

    @property
    def num_slots(self) -> int:
        """Return how many positions every row occupies, padding included."""
        return self.slots.num_slots

    @property
    def num_bytes(self) -> int:
        """Return the memory the keys and values take."""
        return self.keys.nbytes + self.values.nbytes

    def fork(self) -> LlamaKvCache:
        """Return an independent copy."""
        end = self.num_slots
        return LlamaKvCache(self.keys[..., :end, :].clone(), self.values[..., :end, :].clone(), self.slots.fork())

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may be named more than once."""
        indices = torch.tensor(rows, device=self.keys.device)
        self.keys = self.keys.index_select(1, indices)
        self.values = self.values.index_select(1, indices)
        self.slots.select(rows)

    def crop(self, num_slots: int) -> None:
        """Forget every slot from `num_slots` on, in all rows."""
        self.slots.crop(num_slots)

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        self.slots.drop(counts, self.keys.device)
        self._close_holes()

    def keep(self, kept: Sequence[Sequence[int]], num_new: int) -> None:
        """Of the last `num_new` slots, forget in row b all but ``kept[b]``; rows beyond those forget none."""
        start = self.num_slots - num_new
        order = self.slots.keep(kept, num_new, self.keys.device)
        if order is not None:
            index = order[None, :, None, :, None].expand(*self.keys.shape[:3], -1, self.keys.shape[4])
            for tensor in (self.keys, self.values):
                tensor[..., start : self.num_slots, :] = tensor[..., start : start + num_new, :].gather(3, index)
        self._close_holes()

    def _close_holes(self) -> None:
        kept = self.slots.compact()
        if kept is not None:
            index = kept[None, :, None, :, None].expand(*self.keys.shape[:3], -1, self.keys.shape[4])
            self.keys, self.values = self.keys.gather(3, index), self.values.gather(3, index)

    @property
    def positions(self) -> list[int]:
        """Return how many tokens each row holds."""
        return self.slots.positions

    def in_order(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values with row b's tokens in its first ``positions[b]`` slots: float[L, B, K, E, D]."""
        live = self.slots.live
        if live is None:
            return self.keys[..., : self.num_slots, :], self.values[..., : self.num_slots, :]
        order = (~live).to(torch.uint8).argsort(dim=1, stable=True)[:, : max(self.positions)]
        index = order[None, :, None, :, None].expand(*self.keys.shape[:3], -1, self.keys.shape[4])
        return self.keys.gather(3, index), self.values.gather(3, index)

    @torch.inference_mode()
    def join(self, other: KvCache) -> None:
        """Add the rows of another cache of the same model behind these; the other one must not be used again."""
        assert isinstance(other, LlamaKvCache)
        ends = self.num_slots, other.num_slots
        padding = self.slots.join(other.slots, self.keys.device)
        sides = ((self, padding[0], ends[0]), (other, padding[1], ends[1]))
        room = FIRST_CAPACITY
        self.keys, self.values = (
            torch.cat([functional.pad(t[..., :end, :], (0, 0, pad, room)) for t, pad, end in tensors], dim=1)
            for tensors in (
                [(c.keys, pad, end) for c, pad, end in sides],
                [(c.values, pad, end) for c, pad, end in sides],
            )
        )

    def write(self, layer: int, new_keys: torch.Tensor, new_values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Put a layer's keys and values, float[B, K, P, D], into the last P slots; return all of that layer."""
        keys, values, end = self.keys[layer], self.values[layer], self.num_slots
        keys[:, :, end - new_keys.shape[2] : end] = new_keys
        values[:, :, end - new_keys.shape[2] : end] = new_values
        return keys[:, :, :end], values[:, :, :end]

    def add_slots(self, num_new: int, lengths: Sequence[int] | None = None) -> None:
        """Account for more slots in every row, of which the last ``lengths[b]`` of row b hold tokens; None for all."""
        self.make_room(num_new)
        self.slots.append(num_new, lengths, self.keys.device)

    def last_slots(self) -> tuple[list[int], torch.Tensor | None]:
        """Return the slot of each row's last token, and which slots are live: bool[B, S], or None for all up to it."""
        return [self.num_slots - 1] * self.num_rows, self.slots.live

    def make_room(self, num_new: int) -> None:
        """Grow until `num_new` more slots fit."""
        capacity, needed = self.keys.shape[3], self.num_slots + num_new
        if needed <= capacity:
            return
        added = needed + max(_FEWEST_ADDED, needed // 32) - capacity
        self.keys = functional.pad(self.keys, (0, 0, 0, added))
        self.values = functional.pad(self.values, (0, 0, 0, added))
