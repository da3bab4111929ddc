"""Keep account of a batch's slots: which are live, and the position that each row writes next.

Rows share every slot of the cache but not its meaning: a padded slot of a row stays where it is and is never looked
at. Windows are measured in positions, not in slots, so padding does not shorten them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

__all__ = ["RowSlots"]

_FEWEST_HOLES = 64


class RowSlots:
    """Hold what B rows have in their slots; owned by one KV cache.

    live : bool[B, num_slots]   False where a row is padded; None while no row is padded anywhere
    """

    __slots__ = ("live", "num_slots", "positions")

    def __init__(self, num_rows: int) -> None:
        self.num_slots = 0
        self.positions = [0] * num_rows
        self.live: torch.Tensor | None = None

    @property
    def num_rows(self) -> int:
        """Return B."""
        return len(self.positions)

    def fork(self) -> RowSlots:
        """Return an independent copy."""
        other = RowSlots(0)
        other.num_slots = self.num_slots
        other.positions = list(self.positions)
        other.live = None if self.live is None else self.live.clone()
        return other

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        self.positions = [self.positions[row] for row in rows]
        if self.live is not None:
            live = self.live[torch.tensor(rows, device=self.live.device)]
            self.live = None if bool(live.all()) else live

    def crop(self, num_slots: int) -> None:
        """Forget every slot from `num_slots` on."""
        removed = self.num_slots - num_slots
        if removed <= 0:
            return
        if self.live is None:
            self.positions = [position - removed for position in self.positions]
        else:
            lost = self.live[:, num_slots:].sum(dim=1).tolist()
            self.positions = [position - int(count) for position, count in zip(self.positions, lost, strict=True)]
            self.live = self.live[:, :num_slots]
        self.num_slots = num_slots

    def drop(self, counts: Sequence[int], device: torch.device) -> int:
        """Forget the last ``counts[b]`` live slots of row b; return how many slots are left once trailing ones go.

        A slot forgotten by some rows only stays where it is, padding for those rows.
        """
        if not any(counts):
            return self.num_slots
        if self.live is None and min(counts) == max(counts):
            # PERF: rows that agree are no work for tensors; one row always agrees with itself.
            self.crop(self.num_slots - counts[0])
            return self.num_slots
        if self.live is None:
            self.live = torch.ones(self.num_rows, self.num_slots, dtype=torch.bool, device=device)
        lost = torch.tensor(counts, device=self.live.device)[:, None]
        from_end = self.live.flip(1).cumsum(dim=1).flip(1)
        self.live = self.live & (from_end > lost)
        self.positions = [position - count for position, count in zip(self.positions, counts, strict=True)]
        used = self.live.any(dim=0).nonzero()
        self.num_slots = int(used[-1]) + 1 if used.numel() else 0
        self.live = self.live[:, : self.num_slots]
        if bool(self.live.all()):
            self.live = None
        return self.num_slots

    def keep(self, kept: Sequence[Sequence[int]], num_new: int, device: torch.device) -> torch.Tensor | None:
        """Of the last `num_new` slots, forget in row b all but ``kept[b]``, counted from the first of them.

        Rows beyond those keep what they have. Returns the slots to take for the new last ones, counted likewise,
        int64[B, K]: every row's live slots move to the front; None where they stand there already.
        """
        start = self.num_slots - num_new
        live = self.live
        if live is None and len(kept) == self.num_rows and len({len(slots) for slots in kept}) == 1:
            # PERF: rows that agree are no work for tensors; one row always agrees with itself.
            size = len(kept[0])
            self.positions = [position - num_new + size for position in self.positions]
            self.num_slots = start + size
            is_in_place = all(list(slots) == list(range(size)) for slots in kept)
            return None if is_in_place else torch.tensor([list(slots) for slots in kept], device=device)
        if live is None:
            live = torch.ones(self.num_rows, self.num_slots, dtype=torch.bool, device=device)
        chosen = torch.zeros(len(kept), num_new, dtype=torch.bool)
        for row, slots in enumerate(kept):
            chosen[row, list(slots)] = True
        chosen = torch.cat([chosen.to(device), live[len(kept) :, start:]])
        lost = (live[:, start:].sum(dim=1) - chosen.sum(dim=1)).tolist()
        self.positions = [position - count for position, count in zip(self.positions, lost, strict=True)]
        size = int(chosen.sum(dim=1).max())
        order = chosen.logical_not().to(torch.uint8).argsort(dim=1, stable=True)[:, :size]
        live = torch.cat([live[:, :start], chosen.gather(1, order)], dim=1)
        self.live = None if bool(live.all()) else live
        self.num_slots = start + size
        return None if bool((order == torch.arange(size, device=device)).all()) else order

    def join(self, other: RowSlots, device: torch.device) -> tuple[int, int]:
        """Add the rows of another account; return how many slots of padding each of the two gains in front."""
        size = max(self.num_slots, other.num_slots)
        padding = size - self.num_slots, size - other.num_slots
        if any(padding) or self.live is not None or other.live is not None:
            self.live = torch.cat([_pad_live(self, padding[0], device), _pad_live(other, padding[1], device)])
        self.positions = self.positions + other.positions
        self.num_slots = size
        return padding

    def compact(self) -> torch.Tensor | None:
        """Close the holes where most slots are holes; return the slots to keep, int64[B, S], or None to keep all.

        Row b's live slots stay in order and end up last; what stands before them is padding.
        """
        longest = max(self.positions, default=0)
        if self.live is None or self.num_slots <= 2 * longest + _FEWEST_HOLES:
            return None
        kept = self.live.to(torch.uint8).argsort(dim=1, stable=True)[:, self.num_slots - longest :]
        self.live = self.live.gather(1, kept)
        self.num_slots = longest
        if bool(self.live.all()):
            self.live = None
        return kept

    def append(self, num_new: int, lengths: Sequence[int] | None, device: torch.device) -> torch.Tensor | None:
        """Account for `num_new` more slots, of which the last ``lengths[b]`` of row b are live.

        Returns
        -------
        positions : int64[B, P] of the new slots, negative in padding; None when every row is the same and unpadded.
        """
        before, starts = self.num_slots, self.positions
        self.num_slots = before + num_new
        if lengths is None or min(lengths) == num_new:
            self.positions = [start + num_new for start in starts]
            if self.live is None:
                return None
            self.live = torch.nn.functional.pad(self.live, (0, num_new), value=True)
            return _count_from(starts, num_new).to(device)
        if self.live is None:
            self.live = torch.ones(self.num_rows, before, dtype=torch.bool, device=device)
        padding = [num_new - length for length in lengths]
        block = torch.arange(num_new)[None, :] >= torch.tensor(padding)[:, None]
        self.live = torch.cat([self.live, block.to(device)], dim=1)
        self.positions = [start + length for start, length in zip(starts, lengths, strict=True)]
        return _count_from([start - pad for start, pad in zip(starts, padding, strict=True)], num_new).to(device)

    def attention_mask(self, positions: torch.Tensor, window: int | None = None) -> torch.Tensor:
        """Return bool[B, 1, P, S]: what each new position may look at; padding looks at itself, to stay finite."""
        assert self.live is not None
        num_new, num_slots = positions.shape[1], self.num_slots
        mask = self.live[:, None, None, :]
        if num_new > 1:
            rows = torch.arange(num_slots - num_new, num_slots, device=mask.device)[:, None]
            columns = torch.arange(num_slots, device=mask.device)[None, :]
            mask = (mask & (columns <= rows)) | (columns == rows)
        if window is not None:
            slot_positions = self.live.cumsum(dim=1) - 1
            mask = mask & (slot_positions[:, None, None, :] > positions[:, None, :, None] - window)
        return mask


def _pad_live(slots: RowSlots, padding: int, device: torch.device) -> torch.Tensor:
    live = slots.live
    if live is None:
        live = torch.ones(slots.num_rows, slots.num_slots, dtype=torch.bool, device=device)
    return torch.nn.functional.pad(live, (padding, 0), value=False)


def _count_from(starts: Sequence[int], num_new: int) -> torch.Tensor:
    return torch.tensor(starts)[:, None] + torch.arange(num_new)[None, :]
