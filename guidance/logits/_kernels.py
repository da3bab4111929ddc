"""Compile the loops over masks and logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

__all__ = ["apply_mask_kernel", "draw_tokens_kernel", "find_log_prob_kernel"]


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
def find_log_prob_kernel(row: Any, token: int) -> Any:
    """Return log softmax(row)[token]; row : float32[V]."""
    top = -np.inf
    for v in range(row.shape[0]):
        top = max(top, row[v])
    whole = 0.0
    for v in range(row.shape[0]):
        whole += math.exp(row[v] - top)
    return row[token] - top - math.log(whole)


@njit(cache=True, nogil=True)
def draw_tokens_kernel(
    logits: Any,
    mask: Any,
    has_mask: bool,
    scales: Any,
    uniforms: Any,
    wants_base: bool,
    scratch: Any,
    token_ids: Any,
    log_probs: Any,
    base_log_probs: Any,
) -> None:
    """Draw one token per row from softmax(scale * logits) over the allowed tokens, by inverse CDF.

    logits         : float32[B, V]
    mask           : int32[B, W]      read only when has_mask
    scales         : float64[B]       1 / temperature; 0 takes the arg-max
    uniforms       : float64[B]       in [0, 1)
    scratch        : float64[V]       overwritten
    token_ids      : int64[B]         written; -1 when no token is allowed, -2 when a logit is not a number
    log_probs      : float64[B]       written; of the law drawn from (greedy: the law at temperature 1)
    base_log_probs : float64[B]       written when wants_base; of softmax(logits) without mask and temperature
    """
    size = logits.shape[1]
    num_words = mask.shape[1] if has_mask else (size + 31) // 32
    for b in range(logits.shape[0]):
        best = -np.inf
        token = -1
        broken = False
        for w in range(num_words):
            word = mask[b, w] if has_mask else np.int32(-1)
            if word == 0:
                continue
            first = 32 * w
            for v in range(first, min(first + 32, size)):
                if (word >> (v - first)) & 1:
                    x = logits[b, v]
                    if x > best:
                        best = x
                        token = v
                    elif x != x:
                        broken = True
        if broken or best == np.inf:
            token_ids[b] = -2
            continue
        if token < 0:
            token_ids[b] = -1
            continue
        scale = scales[b] if scales[b] > 0.0 else 1.0
        total = 0.0
        count = 0
        for w in range(num_words):
            word = mask[b, w] if has_mask else np.int32(-1)
            if word == 0:
                continue
            first = 32 * w
            for v in range(first, min(first + 32, size)):
                if (word >> (v - first)) & 1:
                    weight = math.exp((logits[b, v] - best) * scale)
                    total += weight
                    scratch[count] = weight
                    count += 1
        if scales[b] > 0.0:
            target = uniforms[b] * total
            running = 0.0
            count = 0
            found = False
            for w in range(num_words):
                word = mask[b, w] if has_mask else np.int32(-1)
                if word == 0:
                    continue
                first = 32 * w
                for v in range(first, min(first + 32, size)):
                    if (word >> (v - first)) & 1:
                        weight = scratch[count]
                        count += 1
                        if weight > 0.0:
                            running += weight
                            token = v
                            if running > target:
                                found = True
                                break
                if found:
                    break
        token_ids[b] = token
        log_probs[b] = (logits[b, token] - best) * scale - math.log(total)
        if wants_base:
            base_log_probs[b] = find_log_prob_kernel(logits[b], token)
