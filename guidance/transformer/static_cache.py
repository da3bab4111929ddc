"""Keep keys and values in tensors that never grow: every row has all its slots from the start.

A row's token number p stands in slot p, so rows of different lengths hold no padding, forget by counting back, and the
addresses that a step reads and writes stay the same. One slot more takes what is padded in a step, and is never read.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from guidance.errors import ModelError
from guidance.model import KvCache

__all__ = ["StaticKvCache"]


class StaticKvCache:
    """Hold keys and values of B rows in a fixed number of slots; owned by the loop that decodes with it.

    keys, values : float[L, B, K, S + 1, D]   S = `size`; row b's tokens are in its first ``positions[b]`` slots, the
                                              last slot takes padding; a fork is shorter until it is written to

    Parameters
    ----------
    keys, values : the tensors, on one device.
    size : S, the most tokens a row may hold.
    positions : how many tokens each row holds.
    """

    __slots__ = ("_end", "_flat", "_is_even", "keys", "positions", "size", "values")

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, *, size: int, positions: Sequence[int]) -> None:
        self.keys = keys
        self.values = values
        self.size = size
        self.positions = list(positions)
        self._end = 0
        self._is_even = False
        self._flat: torch.Tensor | None = None

    @property
    def num_rows(self) -> int:
        """Return B."""
        return len(self.positions)

    @property
    def num_slots(self) -> int:
        """Return how many tokens the longest row holds."""
        return max(self.positions, default=0)

    @property
    def num_bytes(self) -> int:
        """Return the memory the keys and values take."""
        return self.keys.nbytes + self.values.nbytes

    def fork(self) -> StaticKvCache:
        """Return an independent copy; it takes no more memory than its tokens until it is written to."""
        end = self.num_slots
        keys, values = (tensor[..., :end, :].clone() for tensor in (self.keys, self.values))
        return StaticKvCache(keys, values, size=self.size, positions=self.positions)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may be named more than once."""
        indices = torch.tensor(rows, device=self.keys.device)
        self.keys, self.values = self.keys.index_select(1, indices), self.values.index_select(1, indices)
        self.positions = [self.positions[row] for row in rows]

    def crop(self, num_slots: int) -> None:
        """Forget every row's tokens from number `num_slots` on."""
        self.positions = [min(position, num_slots) for position in self.positions]

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        self.positions = [position - count for position, count in zip(self.positions, counts, strict=True)]

    def join(self, other: KvCache) -> None:
        """Add the rows of another cache of the same model behind these; the other one must not be used again."""
        assert isinstance(other, StaticKvCache)
        self._unfold()
        other._unfold()  # noqa: SLF001 - it is of this class
        self.keys, self.values = torch.cat([self.keys, other.keys], 1), torch.cat([self.values, other.values], 1)
        self.positions = self.positions + other.positions

    def in_order(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values with row b's tokens in its first ``positions[b]`` slots: float[L, B, K, E, D]."""
        return self.keys[..., : self.num_slots, :], self.values[..., : self.num_slots, :]

    def load(self, keys: torch.Tensor, values: torch.Tensor, positions: Sequence[int]) -> None:
        """Take over what another cache returns from `in_order`; the tensors of this one stay where they are."""
        end = keys.shape[3]
        self.keys[..., :end, :] = keys
        self.values[..., :end, :] = values
        self.positions = list(positions)

    def append(self, num_new: int, lengths: Sequence[int] | None) -> torch.Tensor:
        """Account for more tokens and say where they go; `write` then takes their keys and values, layer by layer.

        num_new : P; row b's real tokens are the last ``lengths[b]`` of the P columns

        Returns
        -------
        places : int64[B, P]   the slot of each; S for padding

        Raises
        ------
        ModelError : when a row would hold more tokens than it has slots.
        """
        counts = [num_new] * self.num_rows if lengths is None else list(lengths)
        starts = self.positions
        after = [start + count for start, count in zip(starts, counts, strict=True)]
        self._check(max(after))
        self._unfold()
        columns = torch.arange(num_new)[None, :] - torch.tensor([num_new - count for count in counts])[:, None]
        places = torch.where(columns < 0, self.size, columns + torch.tensor(starts)[:, None])
        self.positions = after
        places = places.to(self.keys.device)
        self._is_even = min(counts) == num_new and min(starts) == max(starts)
        self._point(places, max(after))
        return places

    def add_slots(self, num_new: int, lengths: Sequence[int] | None = None) -> None:
        """Account for ``lengths[b]`` more tokens in row b, or as many as `num_new` in each."""
        counts = [num_new] * self.num_rows if lengths is None else lengths
        after = [position + count for position, count in zip(self.positions, counts, strict=True)]
        self._check(max(after))
        self._unfold()
        self.positions = after

    def last_slots(self) -> tuple[list[int], torch.Tensor | None]:
        """Return the slot of each row's last token; None says that all slots up to it are live."""
        return [position - 1 for position in self.positions], None

    def attention_mask(self, places: torch.Tensor) -> torch.Tensor | None:
        """Return which slots each new token looks at: bool[B, 1, P, E], E the longest row; None for all of them."""
        if self._is_even and places.shape[1] == 1:
            return None
        slots = torch.arange(self._end, device=places.device)
        return slots <= places[:, None, :, None]

    def write(self, layer: int, new_keys: torch.Tensor, new_values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Put a layer's keys and values where `append` said; return all of that layer up to the longest row.

        new_keys, new_values : float[B, K, P, D]
        """
        keys, values = self.keys[layer], self.values[layer]
        if self._is_even:
            start = self._end - new_keys.shape[2]
            keys[:, :, start : self._end] = new_keys
            values[:, :, start : self._end] = new_values
        else:
            assert self._flat is not None
            head_size = keys.shape[-1]
            keys.view(-1, head_size).index_copy_(0, self._flat, new_keys.reshape(-1, head_size))
            values.view(-1, head_size).index_copy_(0, self._flat, new_values.reshape(-1, head_size))
        return keys[:, :, : self._end], values[:, :, : self._end]

    def _check(self, num_tokens: int) -> None:
        if num_tokens > self.size:
            raise ModelError(
                f"static cache: got a row of {num_tokens} tokens, expected at most {self.size}, its slots; "
                "load the model with a larger static_cache"
            )

    def _point(self, places: torch.Tensor, end: int) -> None:
        """Remember where the next `write` goes: int64[B * K * P], lines of a layer seen as one list of slots."""
        self._end = end
        if self._is_even:
            return
        _, num_rows, num_heads, capacity, _ = self.keys.shape
        heads = torch.arange(num_rows * num_heads, device=places.device).view(num_rows, num_heads, 1) * capacity
        self._flat = (heads + places[:, None, :]).flatten()

    def _unfold(self) -> None:
        """Give a fork all its slots."""
        missing = self.size + 1 - self.keys.shape[3]
        if missing > 0:
            self.keys = functional.pad(self.keys, (0, 0, 0, missing))
            self.values = functional.pad(self.values, (0, 0, 0, missing))
