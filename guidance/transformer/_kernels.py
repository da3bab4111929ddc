"""Compile the loops between a layer's matrices, for a few tokens of every row on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from guidance.logits._kernels import fill_weights_kernel

__all__ = ["add_norm_kernel", "attend_rows_kernel", "gate_up_kernel"]

# Sums may be reordered, so that they vectorise; numbers that are not finite keep their meaning.
_REORDER = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, fastmath=_REORDER)
def add_norm_kernel(hidden: Any, change: Any, has_change: bool, weight: Any, epsilon: Any, normed: Any) -> None:
    """Add, and divide by the root mean square.

    hidden : float32[B, H]   changed in place
    change : float32[B, H]   added if has_change
    weight : float32[H]
    normed : float32[B, H]   written
    """
    size = hidden.shape[1]
    for b in range(hidden.shape[0]):
        row, out = hidden[b], normed[b]
        if has_change:
            other = change[b]
            for i in range(size):
                row[i] += other[i]
        total = np.float32(0.0)
        for i in range(size):
            total += row[i] * row[i]
        scale = np.float32(1.0) / np.sqrt(total / np.float32(size) + epsilon)
        for i in range(size):
            out[i] = row[i] * scale * weight[i]


@njit(cache=True, nogil=True, fastmath=_REORDER)
def gate_up_kernel(gate_up: Any, powers: Any, factors: Any, product: Any) -> None:
    """Write silu(gate) * up.

    gate_up         : float32[B, 2 * I]
    powers, factors : int32[I] and a float32 view of it   overwritten
    product         : float32[B, I]                       written; relative error 1e-6

    PERF: Cody and Waite's reduction and the Cephes polynomial, as in ``fill_weights_kernel``, so that it vectorises.
    """
    size = product.shape[1]
    log2_e, half, one = np.float32(1.4426950408889634), np.float32(0.5), np.float32(1.0)
    high, low = np.float32(0.693359375), np.float32(-2.12194440e-4)
    most = np.float32(87.0)
    for b in range(product.shape[0]):
        gate, up, out = gate_up[b, :size], gate_up[b, size:], product[b]
        for i in range(size):
            x = -gate[i]
            x = most if x > most else x
            x = -most if x < -most else x
            whole = np.floor(x * log2_e + half)
            r = x - whole * high - whole * low
            y = np.float32(1.9875691500e-4)
            y = y * r + np.float32(1.3981999507e-3)
            y = y * r + np.float32(8.3334519073e-3)
            y = y * r + np.float32(4.1665795894e-2)
            y = y * r + np.float32(1.6666665459e-1)
            y = y * r + np.float32(5.0000001201e-1)
            out[i] = y * r * r + r + one
            powers[i] = (np.int32(whole) + np.int32(127)) << np.int32(23)
        for i in range(size):
            out[i] = gate[i] * up[i] / (one + out[i] * factors[i])


@njit(cache=True, nogil=True, fastmath=_REORDER)
def attend_rows_kernel(
    qkv: Any,
    rotations: Any,
    positions: Any,
    owners: Any,
    slots: Any,
    live: Any,
    has_live: bool,
    keys: Any,
    values: Any,
    query: Any,
    powers: Any,
    factors: Any,
    scores: Any,
    weights: Any,
    attended: Any,
) -> None:
    """Turn a token's query and key, put its key and value into their slot, and attend to all slots up to it.

    The N tokens are read in turn, so that a later one of a row looks at the earlier ones.

    qkv             : float32[N, (H + 2 * K) * D]
    rotations       : float32[context, D / 2, 2]   cosines and sines
    positions       : int64[N]                     of each token in its text
    owners          : int64[N]                     the row of the cache that each belongs to
    slots           : int64[N]                     where each is put; those after it are not looked at
    live            : bool[B, S]                   slots to look at; read only if has_live
    keys, values    : float32[B, K, C, D]          changed in place
    query           : float32[D]                   overwritten
    powers, factors : int32[C] and a float32 view  overwritten
    scores, weights : float32[C]                   overwritten
    attended        : float32[N, H * D]            written
    """
    num_kv_heads, size = keys.shape[1], keys.shape[3]
    num_heads = attended.shape[1] // size
    num_groups = num_heads // num_kv_heads
    pairs = size // 2
    scale = np.float32(1.0 / np.sqrt(size))
    for n in range(qkv.shape[0]):
        turn, b, slot = rotations[positions[n]], owners[n], slots[n]
        end = slot + 1
        for k in range(num_kv_heads):
            source = qkv[n, (num_heads + k) * size : (num_heads + k + 1) * size]
            key = keys[b, k, slot]
            for i in range(pairs):
                x, y = source[2 * i], source[2 * i + 1]
                key[2 * i] = x * turn[i, 0] - y * turn[i, 1]
                key[2 * i + 1] = x * turn[i, 1] + y * turn[i, 0]
            values[b, k, slot] = qkv[
                n, (num_heads + num_kv_heads + k) * size : (num_heads + num_kv_heads + k + 1) * size
            ]
            for g in range(num_groups):
                h = k * num_groups + g
                source = qkv[n, h * size : (h + 1) * size]
                for i in range(pairs):
                    x, y = source[2 * i], source[2 * i + 1]
                    query[2 * i] = (x * turn[i, 0] - y * turn[i, 1]) * scale
                    query[2 * i + 1] = (x * turn[i, 1] + y * turn[i, 0]) * scale
                best = np.float32(-np.inf)
                for s in range(end):
                    if has_live and not live[b, s]:
                        scores[s] = np.float32(-np.inf)
                        continue
                    line = keys[b, k, s]
                    score = np.float32(0.0)
                    for i in range(size):
                        score += query[i] * line[i]
                    scores[s] = score
                    best = max(best, score)
                total = fill_weights_kernel(
                    scores[:end], best, np.float32(1.0), powers[:end], factors[:end], weights[:end]
                )
                out = attended[n, h * size : (h + 1) * size]
                out[:] = np.float32(0.0)
                for s in range(end):
                    weight = weights[s]
                    line = values[b, k, s]
                    for i in range(size):
                        out[i] += weight * line[i]
                share = np.float32(1.0) / np.float32(total)
                for i in range(size):
                    out[i] *= share
