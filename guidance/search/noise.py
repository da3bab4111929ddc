"""Supply one random number for every token that may follow a text: a function of seed, prompt, text and token."""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from guidance.decoding import Request

__all__ = ["gumbels", "to_gumbel"]


def gumbels(request: Request, token_ids: Sequence[int], size: int) -> NDArray[np.float64]:
    """Return a standard Gumbel number for every token that may follow a text.

    The numbers of two texts are independent, and no other text of the batch changes them. SplitMix64 (Steele, Lea and
    Flood 2014) as in `guidance.sampling.uniform`, over all tokens at once.

    Returns
    -------
    noise : float64[size]
    """
    text = zlib.crc32(array("q", token_ids).tobytes())
    key = int(request.uniform(len(token_ids), attempt=_STREAM + (text << 16)) * 2**53) << 11
    halves = (_mix(_mix(np.arange(size, dtype=np.uint64) + np.uint64(key))) >> np.uint64(11)).astype(np.float64) + 0.5
    return np.asarray(-np.log(-np.log(halves * 2.0**-53)))


def to_gumbel(number: float) -> float:
    """Return the standard Gumbel number of a uniform one in [0, 1), a multiple of 2 ** -53.

    Examples
    --------
    >>> round(to_gumbel(0.5), 4)
    0.3665
    """
    return -math.log(-math.log(number + 2.0**-54))


_STREAM = 0x6775  # keeps these numbers apart from those that draws use


def _mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    word = word + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = word ^ (word >> np.uint64(31))
    return mixed
