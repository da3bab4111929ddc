"""Score every token of a text against a watermark, and say which of them count.

A token counts when it has a whole context before it, was not forced by the grammar, and its evidence is new: what
decides a score is hashed to 32 bits, and equal hashes are one piece of evidence however often they occur. That keeps
the null law exact in repetitive text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.watermark.hashing import hash_tokens
from guidance.watermark.seeds import context_seeds
from guidance.watermark.settings import Watermark

__all__ = ["Scores", "depth_weights", "score_tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Hold what each of T tokens says.

    values       : float64[T]   1 for green and 0 for red; -log(1 - r) for gumbel; the weighted mean of bits for synthid
    scored       : bool[T]      whether the token counts
    num_repeated : tokens that do not because their evidence had counted before
    """

    values: NDArray[np.float64]
    scored: NDArray[np.bool_]
    num_repeated: int = 0


def score_tokens(
    watermark: Watermark, token_ids: Sequence[int], *, start: int, forced: NDArray[np.bool_] | None = None
) -> Scores:
    """Score the tokens from `start` on; those before are context only.

    token_ids : the whole text, prompt included where it is known
    forced    : bool[T]   tokens the grammar left no choice about; None for none

    Cost: one keyed hash for each new context, one loop over the tokens.
    """
    size = watermark.window_size
    num_tokens = len(token_ids) - start
    values, scored = np.zeros(num_tokens), np.zeros(num_tokens, dtype=np.bool_)
    places = range(max(start, size), len(token_ids))
    if not places:
        return Scores(values=values, scored=scored)
    seeds = np.array([context_seeds(watermark, token_ids[t - size : t]) for t in places], dtype=np.uint64)
    chosen = np.array([[token_ids[t]] for t in places], dtype=np.int64)
    hashes = hash_tokens(seeds, chosen, 1)[:, 0]
    evidence: NDArray[np.uint64] = seeds[:, 0] if watermark.is_distortion_free else hashes.astype(np.uint64)
    where = np.arange(places.start - start, num_tokens)
    values[where] = _values(watermark, hashes)
    scored[where] = True if forced is None else ~forced[where]
    num_candidates = int(scored.sum())
    scored[where] &= _is_new(watermark, evidence, scored[where])
    return Scores(values=values, scored=scored, num_repeated=num_candidates - int(scored.sum()))


def _values(watermark: Watermark, hashes: NDArray[np.uint32]) -> NDArray[np.float64]:
    if watermark.scheme == "gumbel":
        found: NDArray[np.float64] = -np.log1p(-(hashes + 0.5) / 2.0**32)
        return found
    if watermark.scheme == "synthid":
        bits = (hashes[:, None] >> np.arange(watermark.depth, dtype=np.uint32)) & 1
        means: NDArray[np.float64] = bits @ depth_weights(watermark.depth)
        return means
    is_green: NDArray[np.float64] = (hashes < watermark.threshold).astype(np.float64)
    return is_green


def depth_weights(depth: int) -> NDArray[np.float64]:
    """Return the weight of each round, falling from 10 to 1 as later rounds say less, with sum 1."""
    weights = np.linspace(10.0, 1.0, depth)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _is_new(watermark: Watermark, evidence: NDArray[np.uint64], candidates: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return True at the first candidate of each piece of evidence.

    A distortion-free scheme marks a context the first time the row draws in it, so forced tokens use it up.
    """
    seen: set[int] = set()
    new = np.zeros(len(evidence), dtype=np.bool_)
    for i, item in enumerate(evidence.tolist()):
        if item not in seen and (candidates[i] or watermark.is_distortion_free):
            new[i] = True
            seen.add(item)
    return new
