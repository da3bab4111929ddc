"""Compile the loops that draw: weights, truncation, and the token at which the running sum passes a number.

Floats are searched by their bit patterns, which have the order of the numbers they stand for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fsm.kernel import kernel
from guidance.logits._exponential_kernels import bits_of_float, exponential_kernel, float_of_bits
from guidance.logits._kernels import apply_mask_kernel, count_bits_kernel, gather_legal_kernel

__all__ = [
    "count_from_kernel",
    "draw_rows_kernel",
    "draw_token_kernel",
    "fill_weights_kernel",
    "find_best_kernel",
    "find_kth_kernel",
    "find_nucleus_kernel",
    "gather_between_kernel",
    "invert_cdf_kernel",
    "sum_from_kernel",
    "sum_kept_kernel",
    "trim_ties_kernel",
    "truncate_kernel",
]

# Sums may be reordered, so that they vectorise; numbers that are not finite keep their meaning.
_REORDER = {"reassoc", "contract", "nsz"}

_BLOCK, _LINE = 1024, 64
"""Numbers summed in float32 at once, and passed over at once."""

_INFINITE, _ABOVE_ONE = 0x7F800000, 0x3F800001
"""The patterns of infinity, and of the number after 1."""

_FEW, _MOST_LOOKS = 256, 12
"""One weight in so many, at most, is to be left when they are gathered, unless looks over all of them do not help."""


@kernel(nogil=True)
def find_range_kernel(values: Any, found: Any) -> None:
    """Write the largest and the smallest key of some values: int32 keys have the order of the numbers they stand for.

    values : float32[n]
    found  : int32[2]     written; keys of what is not a number lie beyond those of the infinities

    PERF: comparing numbers does not vectorise, for what is not a number; comparing keys does.
    """
    most, least = np.int32(-0x80000000), np.int32(0x7FFFFFFF)
    for i in range(values.shape[0]):
        bits = bits_of_float(values[i] + np.float32(0.0))  # -0.0 becomes 0.0, which it equals
        key = bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))
        most = key if key > most else most
        least = key if key < least else least
    found[0], found[1] = most, least


@kernel(nogil=True)
def find_best_kernel(values: Any) -> int:
    """Return where the largest value first stands; -1 where none is above minus infinity, -2 for NaN and infinity.

    values : float32[n]
    """
    found = np.empty(2, dtype=np.int32)
    most, place = np.int32(-0x80000000), -1
    for first in range(0, values.shape[0], _BLOCK):
        find_range_kernel(values[first : first + _BLOCK], found)
        if found[0] >= _INFINITE or found[1] < -_INFINITE - 1:
            return -2
        if found[0] > most:
            most, place = found[0], first
    if place < 0 or most < -_INFINITE:
        return -1
    largest = float_of_bits(np.int32(most ^ ((most >> np.int32(31)) & np.int32(0x7FFFFFFF))))
    while values[place] != largest:
        place += 1
    return place


@kernel(nogil=True, fastmath=_REORDER)
def fill_weights_kernel(values: Any, best: Any, scale: Any, weights: Any) -> Any:
    """Write exp(scale * (value - best)) and return the sum; below exp(-87) it is 0.

    values  : float32[n]   no NaN, none above best
    weights : float32[n]   written; relative error 1e-7 beside that of the argument

    PERF: 35 us for 128,256 columns where math.exp takes 240 us (2-core EPYC; ``python -m benchmarks.sampling``).
    """
    smallest, zero = np.float32(-87.0), np.float32(0.0)
    total: Any = 0.0
    for first in range(0, values.shape[0], _BLOCK):
        block, out = values[first : first + _BLOCK], weights[first : first + _BLOCK]
        part = zero
        for i in range(block.shape[0]):
            x = (block[i] - best) * scale
            is_zero = x < smallest
            weight = exponential_kernel(smallest if is_zero else x)
            weight = zero if is_zero else weight
            out[i] = weight
            part += weight
        total += part
    return total


@kernel(nogil=True, fastmath=_REORDER)
def sum_from_kernel(weights: Any, least: Any) -> Any:
    """Return the sum of the weights that are at least `least`.

    PERF: blocks are summed in float32, which vectorises, and their sums in float64: half the time of the latter alone.
    """
    total: Any = 0.0
    for first in range(0, weights.shape[0], _BLOCK):
        block = weights[first : first + _BLOCK]
        part = np.float32(0.0)
        for i in range(block.shape[0]):
            part += block[i] if block[i] >= least else np.float32(0.0)
        total += part
    return total


@kernel(nogil=True, fastmath=_REORDER)
def sum_from_two_kernel(weights: Any, low: Any, high: Any, sums: Any) -> None:
    """Write the sums of the weights that are at least `low`, and at least `high`.

    sums : float64[2]   written
    """
    sums[:] = 0.0
    zero = np.float32(0.0)
    for first in range(0, weights.shape[0], _BLOCK):
        block = weights[first : first + _BLOCK]
        more, fewer = zero, zero
        for i in range(block.shape[0]):
            more += block[i] if block[i] >= low else zero
            fewer += block[i] if block[i] >= high else zero
        sums[0] += more
        sums[1] += fewer


@kernel(nogil=True, fastmath=_REORDER)
def count_from_kernel(weights: Any, least: Any) -> Any:
    """Return how many weights are at least `least`."""
    count: Any = np.int32(0)
    for i in range(weights.shape[0]):
        count += np.int32(1) if weights[i] >= least else np.int32(0)
    return count


@kernel(nogil=True)
def gather_between_kernel(weights: Any, least: Any, most: Any, found: Any) -> int:
    """Collect the weights that are at least `least` and below `most`; return how many.

    found : float32[m]   the first count are written, and one more at most; the search ends where it is full

    PERF: lines in which none is are passed over by counts, which vectorise: 15 to 30 us for 128,256 weights where few
    are, instead of 90.
    """
    count = 0
    for first in range(0, weights.shape[0], _LINE):
        line = weights[first : first + _LINE]
        if count_from_kernel(line, least) == count_from_kernel(line, most):
            continue
        for i in range(line.shape[0]):
            if count == found.shape[0]:
                return count
            found[count] = line[i]
            count += 1 if line[i] >= least and line[i] < most else 0
    return count


@kernel(nogil=True)
def find_kth_kernel(weights: Any, k: int, scratch: Any) -> Any:
    """Return the k-th largest weight: the largest x with at least k weights >= x, by bisection over bit patterns.

    weights : float32[n]   >= 0, the largest 1
    scratch : float32[n]   overwritten
    """
    low, high = 0, _ABOVE_ONE
    above = 0
    for _ in range(10):
        middle = (low + high) >> 1
        count = count_from_kernel(weights, float_of_bits(np.int32(middle)))
        if count >= k:
            low = middle
        else:
            high, above = middle, count
    few = scratch[
        : gather_between_kernel(weights, float_of_bits(np.int32(low)), float_of_bits(np.int32(high)), scratch)
    ]
    while high - low > 1:
        middle = (low + high) >> 1
        if above + count_from_kernel(few, float_of_bits(np.int32(middle))) >= k:
            low = middle
        else:
            high = middle
    return float_of_bits(np.int32(low))


@kernel(nogil=True)
def find_nucleus_kernel(weights: Any, total: float, target: float, scratch: Any) -> Any:
    """Return the least weight of the smallest set of largest weights whose sum reaches `target`.

    weights : float32[n]   >= 0, the largest 1
    total   : their sum, at least target
    scratch : float32[n]   overwritten

    Bit patterns are searched between bounds, for they have the order of the numbers they stand for. Those below the
    share of the rest that each weight would have, if all had the same, cannot be needed: together they are less than
    the rest. A look over all weights sums from two patterns about where the sums at the bounds say the least one is;
    once few weights are left between the bounds, they are gathered, and bisection goes on among them.

    PERF: 40 to 60 us for 128,256 weights, where ten bisections and a gathering took 200 (2-core EPYC).
    """
    size = weights.shape[0]
    lowest = (total - target) * 0.999 / size
    low, high = 0, _ABOVE_ONE
    if lowest > 1e-37 and total - target > 1e-4 * total:  # else the rounding of sums is no longer beside the matter
        low = int(bits_of_float(np.float32(lowest)))
    sums = np.empty(2)
    below, above = total, 0.0
    looks = 0
    while high - low > 8 and below - above > float_of_bits(np.int32(low)) * size / _FEW and looks < _MOST_LOOKS:
        looks += 1
        width = high - low
        guess = low + int(width * min(max((below - target) / max(below - above, 1e-30), 0.2), 0.8))
        first, second = guess - width // 16, guess + width // 16
        sum_from_two_kernel(weights, float_of_bits(np.int32(first)), float_of_bits(np.int32(second)), sums)
        if sums[0] < target:
            high, above = first, sums[0]
        elif sums[1] >= target:
            low, below = second, sums[1]
        else:
            low, below, high, above = first, sums[0], second, sums[1]
    few = scratch[
        : gather_between_kernel(weights, float_of_bits(np.int32(low)), float_of_bits(np.int32(high)), scratch)
    ]
    while high - low > 1:
        middle = (low + high) >> 1
        if above + sum_from_kernel(few, float_of_bits(np.int32(middle))) >= target:
            low = middle
        else:
            high = middle
    return float_of_bits(np.int32(low))


@kernel(nogil=True, fastmath=_REORDER)
def sum_kept_kernel(weights: Any, least: Any) -> Any:
    """Set weights below `least` to 0 and return the sum of the others."""
    total: Any = 0.0
    for first in range(0, weights.shape[0], _BLOCK):
        block = weights[first : first + _BLOCK]
        part = np.float32(0.0)
        for i in range(block.shape[0]):
            weight = block[i] if block[i] >= least else np.float32(0.0)
            block[i] = weight
            part += weight
        total += part
    return total


@kernel(nogil=True)
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


@kernel(nogil=True)
def truncate_kernel(weights: Any, total: float, top_k: int, top_p: float, min_p: float, scratch: Any) -> float:
    """Set to 0 what top-k, then top-p, then min-p drop; return the sum of the rest.

    weights : float32[n]   >= 0, the largest 1; changed in place
    total   : their sum
    scratch : float32[n]   overwritten
    """
    size = weights.shape[0]
    few = weights
    if top_k < size:
        total = sum_kept_kernel(weights, find_kth_kernel(weights, top_k, scratch))
        if 4 * top_k < size:  # what is left fits twice into the scratch; ties may make it more
            count = gather_between_kernel(weights, float_of_bits(np.int32(1)), np.float32(2), scratch[: size // 2])
            if count < size // 2:
                few = scratch[:count]
    if top_p < 1.0:
        target = top_p * total
        rest = scratch if few.shape[0] == size else scratch[size // 2 :]
        least = find_nucleus_kernel(few, total, target, rest)
        above = float_of_bits(np.int32(bits_of_float(least) + np.int32(1)))
        if count_from_kernel(few, least) > count_from_kernel(few, above) + 1:
            total = sum_kept_kernel(weights, least)
            trim_ties_kernel(weights, least, target)
        total = sum_kept_kernel(weights, least)
    if min_p > 0.0:
        total = sum_kept_kernel(weights, np.float32(min_p))
    return total


@kernel(nogil=True)
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


@kernel(nogil=True)
def draw_token_kernel(
    values: Any,
    best_index: int,
    scale: float,
    truncation_scale: float,
    top_k: int,
    top_p: float,
    min_p: float,
    uniform: float,
    weights: Any,
    scratch: Any,
    log_prob: Any,
) -> Any:
    """Draw an index from softmax(scale * values), truncated, by inverse CDF; write its log-probability.

    values           : float32[n]   no NaN, no +inf, at least one finite
    best_index       : where the largest value stands
    scale            : 1 / temperature; 0 takes the largest value and reports the law at temperature 1
    truncation_scale : 1 / temperature of the law that top-k, top-p and min-p look at
    weights, scratch : float32[m], m >= n   overwritten
    log_prob         : float64[1]           written
    """
    size = values.shape[0]
    best = values[best_index]
    weights, scratch = weights[:size], scratch[:size]
    first_scale = np.float32(truncation_scale if scale > 0.0 else 1.0)
    total = fill_weights_kernel(values, best, first_scale, weights)
    if scale <= 0.0:
        log_prob[0] = -math.log(total)
        return best_index
    if top_k < size or top_p < 1.0 or min_p > 0.0:
        total = truncate_kernel(weights, total, top_k, top_p, min_p, scratch)
    if scale != truncation_scale:
        scratch[:] = weights
        fill_weights_kernel(values, best, np.float32(scale), weights)
        for i in range(size):
            if scratch[i] <= 0.0:
                weights[i] = 0.0
        total = sum_from_kernel(weights, np.float32(0.0))
    index = invert_cdf_kernel(weights, uniform, total)
    log_prob[0] = (np.float64(values[index]) - best) * scale - math.log(total)
    return index


@kernel(nogil=True)
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
    buffers        : float32[3, V]   overwritten; the third row only when has_mask
    ids            : int64[V]        overwritten when has_mask
    token_ids      : int64[B]        written; -1 when no token is allowed, -2 when a logit is not a number
    log_probs      : float64[B]      written; of the law drawn from (greedy: the law at temperature 1)
    base_log_probs : float64[B]      written when wants_base; of softmax(logits) without mask and temperature
    """
    size = logits.shape[1]
    weights, scratch, kept = buffers[0], buffers[1], buffers[2]
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
        best = find_best_kernel(values)
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
            weights,
            scratch,
            log_probs[b : b + 1],
        )
        token_ids[b] = ids[index] if is_gathered else index
        if wants_base:
            whole = find_best_kernel(logits[b])
            base_log_probs[b] = np.nan
            if whole >= 0:
                top = logits[b, whole]
                total = fill_weights_kernel(logits[b], top, np.float32(1), weights)
                base_log_probs[b] = np.float64(logits[b, token_ids[b]]) - top - math.log(total)
