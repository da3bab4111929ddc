"""Keep a network's matrices in the layout that the compiled step reads: panels of sixteen outputs, one after the other.

A panel is float32[K, 16]: for each input, what sixteen neighbouring outputs multiply it by. A step then reads all the
memory of a matrix in the order in which it lies there, once for all its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.transformer._tile_kernels import LANES

__all__ = ["Panels", "has_wide_registers", "pack_panels"]

_LINE = 64 // 4
"""Numbers in a line of the processor's cache."""


class Panels:
    """Hold matrices as panels; what they were made of may change no more.

    numbers : float32[X]    all of them, from the beginning of a cache line on
    places  : int64[M, 3]   of each matrix where it begins, its depth K, its number of panels
    """

    __slots__ = ("numbers", "places")

    def __init__(self, numbers: NDArray[np.float32], places: NDArray[np.int64]) -> None:
        self.numbers = numbers
        self.places = places

    def width(self, which: int) -> int:
        """Return how many outputs a matrix has in panels, the zeros at the end of the last one among them."""
        return LANES * int(self.places[which, 2])


def pack_panels(matrices: Sequence[torch.Tensor]) -> Panels:
    """Copy matrices into panels; outputs beyond the last are zeros.

    matrices : float32[O, K] each

    Examples
    --------
    >>> panels = pack_panels([torch.tensor([[1.0, 2.0], [3.0, 4.0]])])
    >>> panels.places.tolist(), panels.width(0), panels.numbers.reshape(2, 16)[:, :2].tolist()
    ([[0, 2, 1]], 16, [[1.0, 3.0], [2.0, 4.0]])
    """
    places = np.zeros((len(matrices), 3), dtype=np.int64)
    for index, matrix in enumerate(matrices):
        places[index, 1:] = matrix.shape[1], -(-matrix.shape[0] // LANES)
    sizes = LANES * places[:, 1] * places[:, 2]
    places[:, 0] = np.cumsum(sizes) - sizes
    numbers = _allocate(int(sizes.sum()))
    for matrix, place, size in zip(matrices, places, sizes, strict=True):
        num_outputs, depth = matrix.shape
        panels = numbers[place[0] : place[0] + size].reshape(-1, depth, LANES)
        rows = matrix.detach().numpy()
        num_whole = num_outputs // LANES
        panels[:num_whole] = rows[: num_whole * LANES].reshape(num_whole, LANES, depth).transpose(0, 2, 1)
        if num_whole < len(panels):
            panels[-1] = 0.0
            panels[-1, :, : num_outputs - num_whole * LANES] = rows[num_whole * LANES :].T
    return Panels(numbers, places)


@lru_cache(maxsize=1)
def has_wide_registers() -> bool:
    """Tell whether the processor has 32 registers of sixteen float32, into which larger tiles fit.

    Only how fast products are depends on it, not what they give.
    """
    from llvmlite import binding

    return bool(binding.get_host_cpu_features().get("avx512f"))


def _allocate(size: int) -> NDArray[np.float32]:
    """Return memory that begins with a cache line: a panel's rows then never lie across two."""
    room = np.empty(size + _LINE, dtype=np.float32)
    first = -room.ctypes.data // 4 % _LINE
    return room[first : first + size]
