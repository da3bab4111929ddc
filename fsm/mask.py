"""Lay out token masks: the one place that knows where a token's bit is.

Layout: ``int32[B, W]`` with ``W = ceil(V / 32)``; bit ``j`` of word ``w`` is token ``32 * w + j``; 1 = allowed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fsm.errors import MaskError

__all__ = [
    "MASK_DTYPE",
    "allocate_token_bitmask",
    "allowed_token_ids",
    "check_token_bitmask",
    "is_allowed",
    "num_mask_words",
    "pack_token_ids",
]

MASK_DTYPE = np.dtype(np.int32)


def num_mask_words(vocabulary_size: int) -> int:
    """Count the 32-bit words that hold one bit per token."""
    return (vocabulary_size + 31) // 32


def allocate_token_bitmask(batch_size: int, vocabulary_size: int) -> NDArray[np.int32]:
    """Allocate masks that allow nothing.

    Returns
    -------
    mask : int32[B, W]   W = ceil(V / 32); bit j of word w is token 32*w + j; 1 = allowed

    Examples
    --------
    >>> allocate_token_bitmask(2, 100).shape
    (2, 4)
    """
    if batch_size < 0 or vocabulary_size < 0:
        raise MaskError(f"mask: got batch size {batch_size} and vocabulary size {vocabulary_size}, expected both >= 0")
    return np.zeros((batch_size, num_mask_words(vocabulary_size)), np.int32)


def check_token_bitmask(mask: NDArray[np.int32], index: int, vocabulary_size: int) -> None:
    """Refuse a mask that has no room for this vocabulary at this row.

    Raises
    ------
    MaskError : wrong dtype, too few words, or no such row.
    """
    words = (vocabulary_size + 31) >> 5
    shape = mask.shape
    if len(shape) != 2 or shape[1] < words or (mask.dtype is not MASK_DTYPE and mask.dtype != MASK_DTYPE):
        raise MaskError(
            f"mask: got {mask.dtype}{list(mask.shape)}, expected int32[B, {words}] for {vocabulary_size} tokens; "
            "allocate it with allocate_token_bitmask"
        )
    if not -shape[0] <= index < shape[0]:
        raise MaskError(f"mask: row {index} does not exist, the mask has {shape[0]} rows")


def pack_token_ids(token_ids: Iterable[int], vocabulary_size: int) -> NDArray[np.int32]:
    """Pack ids into one row: int32[W]."""
    row = np.zeros(num_mask_words(vocabulary_size), np.uint32)
    ids = np.fromiter(token_ids, np.int64)
    np.bitwise_or.at(row, ids >> 5, np.uint32(1) << (ids & 31).astype(np.uint32))
    return row.view(np.int32)


def allowed_token_ids(row: NDArray[np.int32]) -> NDArray[np.int64]:
    """List the ids whose bit is set in one row, ascending: int64[n]."""
    return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))


def is_allowed(row: NDArray[np.int32], token_id: int) -> bool:
    """Tell whether a token's bit is set in one row."""
    return bool((int(row[token_id >> 5]) >> (token_id & 31)) & 1)
