"""Leave padding out of what works on each token alone.

Rows that gain different numbers of tokens, as forced runs and drafts make them, are padded for attention only: the
matrices of a layer, where nearly all the work is, see the real tokens in one line.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

__all__ = ["Packing", "make_packing", "pack_some"]

# PERF: gathering and spreading costs about what a tenth of a layer's matrices do (8 layers of 256, batch 16).
_MOST_FILLED = 0.85


class Packing:
    """Map the N real tokens of B padded rows to one line, and back.

    places : int64[N]   row by row, which of the B * P positions are real
    """

    __slots__ = ("_num_new", "_num_rows", "_places")

    def __init__(self, places: torch.Tensor, num_rows: int, num_new: int) -> None:
        self._places = places
        self._num_rows = num_rows
        self._num_new = num_new

    def pack(self, padded: torch.Tensor) -> torch.Tensor:
        """Return [1, N, X] of [B, P, X]; without X, [1, N] of [B, P]."""
        return padded.flatten(0, 1).index_select(0, self._places)[None]

    def spread(self, packed: torch.Tensor) -> torch.Tensor:
        """Return [B, P, X] of [1, N, X], zeros in padding."""
        padded = packed.new_zeros(self._num_rows * self._num_new, packed.shape[-1])
        return padded.index_copy_(0, self._places, packed[0]).view(self._num_rows, self._num_new, -1)


def make_packing(lengths: Sequence[int] | None, num_new: int, device: torch.device) -> Packing | None:
    """Return the packing of rows whose last ``lengths[b]`` positions are real; None where it saves little."""
    if lengths is None or sum(lengths) > _MOST_FILLED * len(lengths) * num_new or not any(lengths):
        return None
    is_real = torch.arange(num_new)[None, :] >= num_new - torch.tensor(lengths)[:, None]
    return Packing(is_real.flatten().nonzero()[:, 0].to(device), len(lengths), num_new)


def pack_some(is_real: torch.Tensor) -> Packing | None:
    """Return the packing of the tokens that are real; None where it saves little.

    is_real : bool[B, P]
    """
    places = is_real.flatten().nonzero()[:, 0]
    if not 0 < len(places) <= _MOST_FILLED * is_real.numel():
        return None
    return Packing(places, *is_real.shape)
