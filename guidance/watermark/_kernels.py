"""Compile the loops over seeds and tokens.

The hash of token v under a seed (a, b) is two finalisers of MurmurHash3 (Appleby 2011) in 32-bit arithmetic::

    hash(v) = mix(mix(v * 0x9E3779B9 + a) ^ b)
    mix(h)  : h ^= h >> 16; h *= 0x85EBCA6B; h ^= h >> 13; h *= 0xC2B2AE35; h ^= h >> 16

With several seeds the smallest of their hashes counts, mixed once more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsm.kernel import kernel

__all__ = ["add_to_green_kernel", "hash_tokens_kernel", "race_tokens_kernel", "run_tournament_kernel"]

_BLOCK = 1024
# Hashes up to these are most of them: 15 in 16, and 4,095 in 4,096.
_MOST_HASHES, _MANY_HASHES = 0xF0000000, 0xFFF00000
_ROUNDS_AT_ONCE = 10


@kernel(nogil=True, inline="always")
def _mix(h: Any) -> Any:
    h = h ^ (h >> np.uint64(16))
    h = (h * np.uint64(0x85EBCA6B)) & np.uint64(0xFFFFFFFF)
    h = h ^ (h >> np.uint64(13))
    h = (h * np.uint64(0xC2B2AE35)) & np.uint64(0xFFFFFFFF)
    return h ^ (h >> np.uint64(16))


@kernel(nogil=True)
def _hash_block(seeds: Any, token_ids: Any, first: int, count: int, hashes: Any) -> None:
    """Write the hashes of `count` tokens: those at ``token_ids[first:]``, or the ids from `first` on."""
    has_ids = token_ids.shape[0] > 0
    for s in range(seeds.shape[0]):
        low = seeds[s] & np.uint64(0xFFFFFFFF)
        high = seeds[s] >> np.uint64(32)
        for i in range(count):
            v = np.uint64(token_ids[first + i]) if has_ids else np.uint64(first + i)
            h = _mix((v * np.uint64(0x9E3779B9) + low) & np.uint64(0xFFFFFFFF))
            h = _mix(h ^ high)
            hashes[i] = h if s == 0 else min(np.uint64(hashes[i]), h)
    if seeds.shape[0] > 1:
        for i in range(count):
            hashes[i] = _mix(np.uint64(hashes[i]))


@kernel(nogil=True)
def hash_tokens_kernel(seeds: Any, token_ids: Any, hashes: Any) -> None:
    """Hash each row's tokens under its seeds.

    seeds     : uint64[N, S]
    token_ids : int64[N, K] or [0, K]   no rows: column j is token j
    hashes    : uint32[N, K]            written
    """
    size = hashes.shape[1]
    none = np.zeros(0, dtype=np.int64)
    for n in range(seeds.shape[0]):
        row = token_ids[n] if token_ids.shape[0] > 0 else none
        for first in range(0, size, _BLOCK):
            count = min(_BLOCK, size - first)
            _hash_block(seeds[n], row, first, count, hashes[n, first : first + count])


@kernel(nogil=True)
def add_to_green_kernel(
    logits: Any, token_ids: Any, seeds: Any, marks: Any, threshold: Any, delta: Any, changed: Any
) -> None:
    """Write logits whose green tokens gained delta.

    logits    : float32[N, K]
    token_ids : int64[N, K] or [0, K]   no rows: column j is token j
    seeds     : uint64[N, S]
    marks     : bool[N]                 rows to change; the others are copied
    threshold : hashes below it are green
    changed   : float32[N, K]           written
    """
    size = logits.shape[1]
    none = np.zeros(0, dtype=np.int64)
    hashes = np.empty(_BLOCK, dtype=np.uint32)
    limit = np.uint32(threshold)
    gain = np.float32(delta)
    for n in range(logits.shape[0]):
        if not marks[n]:
            changed[n] = logits[n]
            continue
        row = token_ids[n] if token_ids.shape[0] > 0 else none
        for first in range(0, size, _BLOCK):
            count = min(_BLOCK, size - first)
            _hash_block(seeds[n], row, first, count, hashes)
            for i in range(count):
                old = logits[n, first + i]
                changed[n, first + i] = old + gain if hashes[i] < limit else old


@kernel(nogil=True, inline="always")
def _head_start(value: Any) -> Any:
    """Return -log(-log r) for a hash, r = (hash + 1/2) / 2**32; it grows with the hash."""
    return -np.log(-np.log((value + 0.5) / 4294967296.0))


@kernel(nogil=True)
def race_tokens_kernel(logits: Any, hashes: Any, marks: Any, changed: Any) -> None:
    """Keep the token that wins the race argmax(logits - log(-log r)), r = (hash + 1/2) / 2**32; forbid the others.

    Few hashes are large enough to win: the logarithms of the others are not computed.

    logits  : float32[N, K]
    hashes  : uint32[N, K]
    marks   : bool[N]         rows to race; the others are copied
    changed : float32[N, K]   written
    """
    most, many = np.uint32(_MOST_HASHES), np.uint32(_MANY_HASHES)
    most_gain, many_gain = _head_start(_MOST_HASHES) + 1e-6, _head_start(_MANY_HASHES) + 1e-6
    for n in range(logits.shape[0]):
        if not marks[n]:
            changed[n] = logits[n]
            continue
        changed[n] = -np.inf
        best = -np.inf
        winner = -1
        for v in range(logits.shape[1]):
            logit, value = np.float64(logits[n, v]), hashes[n, v]
            if value <= many and logit + (many_gain if value > most else most_gain) <= best:
                continue
            if logit > -np.inf:
                score = logit + _head_start(value)
                if score > best:
                    best = score
                    winner = v
        if winner >= 0:
            changed[n, winner] = logits[n, winner]


@kernel(nogil=True)
def run_tournament_kernel(log_law: Any, law: Any, hashes: Any, marks: Any, depth: int, changed: Any) -> None:
    """Write log p after `depth` rounds of p *= 1 + g - sum(g p), g = bit l of the hash in round l.

    Tokens whose hashes agree in the bits of some rounds gain the same factor in them: ten rounds are played between
    1,024 teams, then every token takes its team's factor.

    log_law : float32[N, K]   log p before the first round
    law     : float64[N, K]   its exponential; changed
    hashes  : uint32[N, K]
    marks   : bool[N]         rows to change
    changed : float32[N, K]   the result where marked; else left as it is
    """
    mass = np.empty(1 << _ROUNDS_AT_ONCE, dtype=np.float64)
    factors = np.empty(1 << _ROUNDS_AT_ONCE, dtype=np.float64)
    for n in range(log_law.shape[0]):
        if not marks[n]:
            continue
        changed[n] = log_law[n]
        for first in range(0, depth, _ROUNDS_AT_ONCE):
            num_rounds = min(_ROUNDS_AT_ONCE, depth - first)
            num_teams = 1 << num_rounds
            shift, low = np.uint32(first), np.uint32(num_teams - 1)
            mass[:num_teams] = 0.0
            factors[:num_teams] = 1.0
            for v in range(law.shape[1]):
                mass[(hashes[n, v] >> shift) & low] += law[n, v]
            for level in range(num_rounds):
                green = 0.0
                for team in range(num_teams):
                    if team >> level & 1:
                        green += mass[team] * factors[team]
                for team in range(num_teams):
                    factors[team] *= 1.0 + (team >> level & 1) - green
            for team in range(num_teams):
                mass[team] = np.log(factors[team]) if factors[team] > 0.0 else -np.inf
            for v in range(law.shape[1]):
                team_of = (hashes[n, v] >> shift) & low
                law[n, v] *= factors[team_of]
                changed[n, v] += mass[team_of]
