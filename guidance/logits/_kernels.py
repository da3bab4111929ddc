"""Compile the loops over masks, texts and ordered weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from fsm.kernel import kernel

__all__ = [
    "apply_mask_kernel",
    "count_bits_kernel",
    "find_repeats_kernel",
    "gather_legal_kernel",
    "keep_nearest_kernel",
    "sum_upto_kernel",
]

# Sums may be reordered, so that they vectorise; numbers that are not finite keep their meaning.
_REORDER = {"reassoc", "contract", "nsz"}


@kernel(nogil=True)
def apply_mask_kernel(mask: Any, logits: Any) -> None:
    """Set forbidden logits to minus infinity.

    mask   : int32[B, W]
    logits : float32[B, V]   changed in place; V >= 32 * (W - 1)
    """
    size = logits.shape[1]
    num_words = mask.shape[1]
    for b in range(logits.shape[0]):
        for w in range(num_words):
            word = mask[b, w]
            if word == -1:
                continue
            first = 32 * w
            for v in range(first, min(first + 32, size)):
                if (word >> (v - first)) & 1 == 0:
                    logits[b, v] = -np.inf
        for v in range(min(32 * num_words, size), size):
            logits[b, v] = -np.inf


@kernel(nogil=True)
def count_bits_kernel(mask: Any) -> int:
    """Return how many bits are set; int32[W]."""
    total = 0
    for w in range(mask.shape[0]):
        x = np.uint32(mask[w])
        x = x - ((x >> np.uint32(1)) & np.uint32(0x55555555))
        x = (x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333))
        x = (x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
        total += int(((np.uint64(x) * np.uint64(0x01010101)) >> np.uint64(24)) & np.uint64(0xFF))
    return total


@kernel(nogil=True)
def gather_legal_kernel(logits: Any, mask: Any, values: Any, token_ids: Any) -> int:
    """Collect the allowed logits of one row, in the order of their ids; return how many.

    logits    : float32[V]
    mask      : int32[W]
    values    : float32[V]   the first n are written
    token_ids : int64[V]     the first n are written
    """
    size = logits.shape[0]
    count = 0
    for w in range(mask.shape[0]):
        word = mask[w]
        if word == 0:
            continue
        first = 32 * w
        for v in range(first, min(first + 32, size)):
            if (word >> (v - first)) & 1:
                values[count] = logits[v]
                token_ids[count] = v
                count += 1
    return count


@kernel(nogil=True, fastmath=_REORDER)
def sum_upto_kernel(keys: Any, weights: Any, most: Any) -> Any:
    """Return the sum of the weights whose key is at most `most`."""
    total: Any = 0.0
    for i in range(weights.shape[0]):
        total += weights[i] if keys[i] <= most else np.float32(0.0)
    return total


@kernel(nogil=True)
def keep_nearest_kernel(keys: Any, weights: Any, target: float, bits: Any, as_float: Any, is_kept: Any) -> None:
    """Mark the smallest set of smallest keys whose weights sum to `target`; of equal keys the first.

    keys           : float32[n]   >= 0 or infinite, no NaN
    weights        : float32[n]   >= 0
    bits, as_float : int32[1] and a float32 view of it   overwritten
    is_kept        : bool[n]                             written

    Bisection over bit patterns, which have the order of the numbers they stand for.
    """
    low, high = -1, 0x7F800000  # the pattern of infinity; all weights lie at or below it
    while high - low > 1:
        middle = (low + high) >> 1
        bits[0] = middle
        if sum_upto_kernel(keys, weights, as_float[0]) >= target:
            high = middle
        else:
            low = middle
    bits[0] = high
    most = as_float[0]
    below = 0.0
    for i in range(keys.shape[0]):
        is_kept[i] = keys[i] < most
        if is_kept[i]:
            below += weights[i]
    for i in range(keys.shape[0]):
        if keys[i] == most and below < target:
            is_kept[i] = True
            below += weights[i]


@kernel(nogil=True)
def find_repeats_kernel(tokens: Any, longest: int, followers: Any, lengths: Any) -> int:
    """Write what followed each earlier place where the end of the text occurs, and the length of the repeat there.

    tokens    : int64[n]
    longest   : repeats are measured up to this length; 0 finds none
    followers : int64[n]   the first count are written
    lengths   : int64[n]   the first count are written
    """
    size = tokens.shape[0]
    count = 0
    if size < 2 or longest < 1:
        return 0
    for j in range(size - 1):
        if tokens[j] != tokens[size - 1]:
            continue
        length = 1
        while length < longest and length <= j and tokens[j - length] == tokens[size - 1 - length]:
            length += 1
        followers[count] = tokens[j + 1]
        lengths[count] = length
        count += 1
    return count
