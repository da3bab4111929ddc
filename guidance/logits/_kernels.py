"""Compile the loops over masks and logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

__all__ = [
    "apply_mask_kernel",
    "count_bits_kernel",
    "count_broken_kernel",
    "count_from_kernel",
    "draw_rows_kernel",
    "draw_token_kernel",
    "fill_weights_kernel",
    "find_best_kernel",
    "find_kth_kernel",
    "find_nucleus_kernel",
    "find_repeats_kernel",
    "gather_between_kernel",
    "gather_legal_kernel",
    "invert_cdf_kernel",
    "keep_nearest_kernel",
    "sum_from_kernel",
    "sum_kept_kernel",
    "sum_upto_kernel",
    "trim_ties_kernel",
    "truncate_kernel",
]

# Sums may be reordered, so that they vectorise; numbers that are not finite keep their meaning.
_REORDER = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True, fastmath=_REORDER)
def fill_weights_kernel(values: Any, best: Any, scale: Any, powers: Any, factors: Any, weights: Any) -> Any:
    """Write exp(scale * (value - best)) and return the sum; below exp(-87) it is 0.

    values          : float32[n]   no NaN, none above best
    powers, factors : int32[n] and a float32 view of it   overwritten
    weights         : float32[n]   written; relative error 1e-7 beside that of the argument

    PERF: Cody and Waite's reduction and the Cephes polynomial, so that the loop vectorises: 26 us for 128,256 columns
    where math.exp takes 240 us (2-core EPYC; ``python -m benchmarks.sampling``).
    """
    log2_e = np.float32(1.4426950408889634)
    high, low = np.float32(0.693359375), np.float32(-2.12194440e-4)
    half, one, smallest = np.float32(0.5), np.float32(1.0), np.float32(-87.0)
    for i in range(values.shape[0]):
        x = (values[i] - best) * scale
        is_zero = x < smallest
        x = smallest if is_zero else x
        n = np.int32(x * log2_e - half)
        whole = np.float32(n)
        r = x - whole * high - whole * low
        y = np.float32(1.9875691500e-4)
        y = y * r + np.float32(1.3981999507e-3)
        y = y * r + np.float32(8.3334519073e-3)
        y = y * r + np.float32(4.1665795894e-2)
        y = y * r + np.float32(1.6666665459e-1)
        y = y * r + np.float32(5.0000001201e-1)
        weights[i] = y * r * r + r + one
        powers[i] = np.int32(0) if is_zero else (n + np.int32(127)) << np.int32(23)
    total: Any = 0.0
    for i in range(values.shape[0]):
        weights[i] *= factors[i]
        total += weights[i]
    return total


@njit(cache=True, nogil=True, fastmath=_REORDER)
def sum_from_kernel(weights: Any, least: Any) -> Any:
    """Return the sum of the weights that are at least `least`."""
    total: Any = 0.0
    for i in range(weights.shape[0]):
        total += weights[i] if weights[i] >= least else np.float32(0.0)
    return total


@njit(cache=True, nogil=True, fastmath=_REORDER)
def count_from_kernel(weights: Any, least: Any) -> int:
    """Return how many weights are at least `least`."""
    count = 0
    for i in range(weights.shape[0]):
        count += 1 if weights[i] >= least else 0
    return count


@njit(cache=True, nogil=True)
def gather_between_kernel(weights: Any, least: Any, most: Any, found: Any) -> int:
    """Collect the weights that are at least `least` and below `most`; return how many.

    found : float32[n]   the first count are written, and one more at most
    """
    count = 0
    for i in range(weights.shape[0]):
        found[count] = weights[i]
        count += 1 if weights[i] >= least and weights[i] < most else 0
        if count == found.shape[0]:
            break
    return count


@njit(cache=True, nogil=True)
def find_kth_kernel(weights: Any, k: int, bits: Any, as_float: Any, scratch: Any) -> Any:
    """Return the k-th largest weight: the largest x with at least k weights >= x, by bisection over bit patterns.

    weights        : float32[n]   >= 0, the largest 1
    bits, as_float : int32[1] and a float32 view of it   overwritten
    scratch        : float32[n]                          overwritten
    """
    low, high = 0, 0x3F800001  # the patterns of 0 and of just above 1
    above = 0
    for _ in range(10):
        middle = (low + high) >> 1
        bits[0] = middle
        count = count_from_kernel(weights, as_float[0])
        if count >= k:
            low = middle
        else:
            high = middle
            above = count
    bits[0] = low
    least = as_float[0]
    bits[0] = high
    count = gather_between_kernel(weights, least, as_float[0], scratch)
    while high - low > 1:
        middle = (low + high) >> 1
        bits[0] = middle
        if above + count_from_kernel(scratch[:count], as_float[0]) >= k:
            low = middle
        else:
            high = middle
    bits[0] = low
    return as_float[0]


@njit(cache=True, nogil=True)
def find_nucleus_kernel(weights: Any, target: float, bits: Any, as_float: Any, scratch: Any) -> Any:
    """Return the least weight of the smallest set of largest weights whose sum reaches `target`.

    weights        : float32[n]   >= 0, the largest 1
    bits, as_float : int32[1] and a float32 view of it   overwritten
    scratch        : float32[n]                          overwritten

    Bisection over bit patterns: ten sums over all weights, the rest over the few left between the bounds.
    """
    low, high = 0, 0x3F800001
    above = 0.0
    for _ in range(10):
        middle = (low + high) >> 1
        bits[0] = middle
        total = sum_from_kernel(weights, as_float[0])
        if total >= target:
            low = middle
        else:
            high = middle
            above = total
    bits[0] = low
    least = as_float[0]
    bits[0] = high
    count = gather_between_kernel(weights, least, as_float[0], scratch)
    while high - low > 1:
        middle = (low + high) >> 1
        bits[0] = middle
        if above + sum_from_kernel(scratch[:count], as_float[0]) >= target:
            low = middle
        else:
            high = middle
    bits[0] = low
    return as_float[0]


@njit(cache=True, nogil=True, fastmath=_REORDER)
def sum_kept_kernel(weights: Any, least: Any) -> float:
    """Set weights below `least` to 0 and return the sum of the others."""
    total = 0.0
    for i in range(weights.shape[0]):
        weights[i] = weights[i] if weights[i] >= least else np.float32(0.0)
        total += weights[i]
    return total


@njit(cache=True, nogil=True)
def trim_ties_kernel(weights: Any, least: Any, target: float) -> None:
    """Set to 0 the last of the weights equal to `least` that a set reaching `target` can do without."""
    above = 0.0
    for i in range(weights.shape[0]):
        if weights[i] > least:
            above += weights[i]
    for i in range(weights.shape[0]):
        if weights[i] == least:
            if above >= target:
                weights[i] = 0.0
            above += least


@njit(cache=True, nogil=True)
def truncate_kernel(
    weights: Any, total: float, top_k: int, top_p: float, min_p: float, bits: Any, as_float: Any, scratch: Any
) -> float:
    """Set to 0 what top-k, then top-p, then min-p drop; return the sum of the rest.

    weights        : float32[n]   >= 0, the largest 1; changed in place
    total          : their sum
    bits, as_float : int32[1] and a float32 view of it   overwritten
    scratch        : float32[n]                          overwritten
    """
    size = weights.shape[0]
    few = weights
    if top_k < size:
        total = sum_kept_kernel(weights, find_kth_kernel(weights, top_k, bits, as_float, scratch))
        if 4 * top_k < size:  # what is left fits twice into the scratch; ties may make it more
            bits[0] = 1
            count = gather_between_kernel(weights, as_float[0], np.float32(2), scratch[: size // 2])
            if count < size // 2:
                few = scratch[:count]
    if top_p < 1.0:
        target = top_p * total
        rest = scratch if few.shape[0] == size else scratch[size // 2 :]
        least = find_nucleus_kernel(few, target, bits, as_float, rest)
        bits[0] += 1
        if count_from_kernel(few, least) > count_from_kernel(few, as_float[0]) + 1:
            total = sum_kept_kernel(weights, least)
            trim_ties_kernel(weights, least, target)
        total = sum_kept_kernel(weights, least)
    if min_p > 0.0:
        total = sum_kept_kernel(weights, np.float32(min_p))
    return total


@njit(cache=True, nogil=True)
def invert_cdf_kernel(weights: Any, uniform: float, total: float) -> int:
    """Return the first index whose running sum exceeds ``uniform * total``; never one of weight 0.

    Whole blocks are passed over by their sums, which vectorise.
    """
    target = uniform * total
    running = 0.0
    last = -1
    size = weights.shape[0]
    zero = np.float32(0.0)
    for first in range(0, size, 512):
        block = weights[first : min(first + 512, size)]
        whole = sum_from_kernel(block, zero)
        if whole <= 0.0:
            continue
        if running + whole <= target and first + 512 < size:
            running += whole
            last = first
            continue
        for i in range(block.shape[0]):
            if block[i] > 0.0:
                running += block[i]
                last = first + i
                if running > target:
                    return last
    while weights[last] <= 0.0:  # rounding left the target at the end of a block: take the last index of weight
        last += 1
    return last


@njit(cache=True, nogil=True)
def draw_token_kernel(
    values: Any,
    best_index: int,
    scale: float,
    truncation_scale: float,
    top_k: int,
    top_p: float,
    min_p: float,
    uniform: float,
    powers: Any,
    factors: Any,
    weights: Any,
    scratch: Any,
    log_prob: Any,
) -> Any:
    """Draw an index from softmax(scale * values), truncated, by inverse CDF; write its log-probability.

    values           : float32[n]   no NaN, no +inf, at least one finite
    best_index       : where the largest value stands
    scale            : 1 / temperature; 0 takes the largest value and reports the law at temperature 1
    truncation_scale : 1 / temperature of the law that top-k, top-p and min-p look at
    powers, factors  : int32[m] and a float32 view of it, m >= n   overwritten
    weights, scratch : float32[m]                                  overwritten
    log_prob         : float64[1]                                  written
    """
    size = values.shape[0]
    best = values[best_index]
    powers, factors, weights, scratch = powers[:size], factors[:size], weights[:size], scratch[:size]
    first_scale = np.float32(truncation_scale if scale > 0.0 else 1.0)
    total = fill_weights_kernel(values, best, first_scale, powers, factors, weights)
    if scale <= 0.0:
        log_prob[0] = -math.log(total)
        return best_index
    if top_k < size or top_p < 1.0 or min_p > 0.0:
        total = truncate_kernel(weights, total, top_k, top_p, min_p, powers[:1], factors[:1], scratch)
    if scale != truncation_scale:
        scratch[:] = weights
        fill_weights_kernel(values, best, np.float32(scale), powers, factors, weights)
        for i in range(size):
            if scratch[i] <= 0.0:
                weights[i] = 0.0
        total = sum_from_kernel(weights, np.float32(0.0))
    index = invert_cdf_kernel(weights, uniform, total)
    log_prob[0] = (np.float64(values[index]) - best) * scale - math.log(total)
    return index


@njit(cache=True, nogil=True, fastmath=_REORDER)
def count_broken_kernel(values: Any) -> Any:
    """Return how many values are not a number."""
    count = 0
    for i in range(values.shape[0]):
        count += 1 if values[i] != values[i] else 0
    return count


@njit(cache=True, nogil=True)
def find_best_kernel(values: Any, lanes: Any) -> int:
    """Return where the largest value first stands; -1 where none is above minus infinity, -2 for NaN and infinity.

    values : float32[n]
    lanes  : float32[64]   overwritten

    PERF: 64 running maxima vectorise where one does not: 12 us for 128,256 values instead of 60 (2-core EPYC).
    """
    if count_broken_kernel(values) > 0:
        return -2
    size = values.shape[0]
    largest, place = np.float32(-np.inf), -1
    for first in range(0, size, 1024):
        block = values[first : min(first + 1024, size)]
        lanes[:] = -np.inf
        whole = block.shape[0] // 64 * 64
        for i in range(0, whole, 64):
            for j in range(64):
                lanes[j] = max(lanes[j], block[i + j])
        for j in range(block.shape[0] - whole):
            lanes[j] = max(lanes[j], block[whole + j])
        for j in range(64):
            if lanes[j] > largest:
                largest, place = lanes[j], first
    if place < 0:
        return -1
    if largest == np.inf:
        return -2
    while values[place] != largest:
        place += 1
    return place


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def draw_rows_kernel(
    logits: Any,
    mask: Any,
    has_mask: bool,
    scales: Any,
    at_temperature_one: bool,
    top_k: int,
    top_p: float,
    min_p: float,
    uniforms: Any,
    wants_base: bool,
    buffers: Any,
    powers: Any,
    ids: Any,
    token_ids: Any,
    log_probs: Any,
    base_log_probs: Any,
) -> None:
    """Draw one token per row, each as if it were alone.

    logits         : float32[B, V]
    mask           : int32[B, W]     read only when has_mask
    scales         : float64[B]      1 / temperature; 0 takes the arg-max
    uniforms       : float64[B]      in [0, 1)
    buffers        : float32[3, max(V, 64)]   overwritten
    powers         : int32[V]        overwritten
    ids            : int64[V]        overwritten
    token_ids      : int64[B]        written; -1 when no token is allowed, -2 when a logit is not a number
    log_probs      : float64[B]      written; of the law drawn from (greedy: the law at temperature 1)
    base_log_probs : float64[B]      written when wants_base; of softmax(logits) without mask and temperature
    """
    size = logits.shape[1]
    weights, scratch, kept = buffers[0, :size], buffers[1], buffers[2, :size]
    factors = powers.view(np.float32)
    for b in range(logits.shape[0]):
        values = logits[b]
        is_gathered = False
        if has_mask:
            if count_bits_kernel(mask[b]) * 8 > size:
                kept[:] = logits[b]
                apply_mask_kernel(mask[b : b + 1], kept.reshape(1, size))
                values = kept
            else:
                values = kept[: gather_legal_kernel(logits[b], mask[b], kept, ids)]
                is_gathered = True
        best = find_best_kernel(values, scratch[:64])
        log_probs[b] = 0.0
        if best < 0:
            token_ids[b] = best
            continue
        scale = scales[b]
        limit = top_k if top_k > 0 else size
        first_scale = 1.0 if at_temperature_one else scale
        index = draw_token_kernel(
            values,
            best,
            scale,
            first_scale,
            limit,
            top_p,
            min_p,
            uniforms[b],
            powers,
            factors,
            weights,
            scratch,
            log_probs[b : b + 1],
        )
        token_ids[b] = ids[index] if is_gathered else index
        if wants_base:
            whole = find_best_kernel(logits[b], scratch[:64])
            base_log_probs[b] = np.nan
            if whole >= 0:
                top = logits[b, whole]
                total = fill_weights_kernel(logits[b], top, np.float32(1), powers, factors, weights)
                base_log_probs[b] = np.float64(logits[b, token_ids[b]]) - top - math.log(total)


@njit(cache=True, nogil=True, fastmath=_REORDER)
def sum_upto_kernel(keys: Any, weights: Any, most: Any) -> Any:
    """Return the sum of the weights whose key is at most `most`."""
    total: Any = 0.0
    for i in range(weights.shape[0]):
        total += weights[i] if keys[i] <= most else np.float32(0.0)
    return total


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
