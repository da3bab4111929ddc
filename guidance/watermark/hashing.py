"""Hash tokens under seeds, on the CPU in a compiled loop and elsewhere in torch's integers, with equal bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from guidance.watermark._kernels import hash_tokens_kernel

if TYPE_CHECKING:
    import torch

__all__ = ["hash_tensor", "hash_tokens"]

_LOW = 0xFFFFFFFF


def hash_tokens(seeds: NDArray[np.uint64], token_ids: NDArray[np.int64] | None, num_columns: int) -> NDArray[np.uint32]:
    """Return each token's hash under its row's seeds; see ``_kernels.py`` for the formula.

    seeds     : uint64[N, S]
    token_ids : int64[N, K]    None: column j is token j
    hashes    : uint32[N, K]
    """
    hashes = np.empty((seeds.shape[0], num_columns), dtype=np.uint32)
    ids = np.zeros((0, num_columns), dtype=np.int64) if token_ids is None else token_ids
    hash_tokens_kernel(seeds, ids, hashes)
    return hashes


def hash_tensor(seeds: NDArray[np.uint64], token_ids: torch.Tensor) -> torch.Tensor:
    """Return the same hashes as int64[N, K] on the tokens' device.

    seeds     : uint64[N, S]
    token_ids : int64[N, K] or [1, K]

    Products of two 32-bit numbers wrap to the right low bits in 64-bit two's complement, so no unsigned type is needed.
    """
    import torch

    words = torch.from_numpy(seeds.view(np.int64)).to(token_ids.device)
    low, high = words & _LOW, (words >> 32) & _LOW
    smallest: torch.Tensor | None = None
    spread = token_ids * 0x9E3779B9
    for s in range(seeds.shape[1]):
        mixed = _mix((spread + low[:, s : s + 1]) & _LOW)
        mixed = _mix(mixed ^ high[:, s : s + 1])
        smallest = mixed if smallest is None else torch.minimum(smallest, mixed)
    assert smallest is not None
    return _mix(smallest) if seeds.shape[1] > 1 else smallest


def _mix(words: torch.Tensor) -> torch.Tensor:
    words = words ^ (words >> 16)
    words = (words * 0x85EBCA6B) & _LOW
    words = words ^ (words >> 13)
    words = (words * 0xC2B2AE35) & _LOW
    return words ^ (words >> 16)
