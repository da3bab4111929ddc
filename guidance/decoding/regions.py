"""Treat the regions of a grammar in their own way: their temperature, and their limit of tokens.

A region's limit works as `max_tokens` does for the whole: a token is only taken if the region can still end in time,
one token for each byte of the shortest way out being enough. Where the way out is all that is left, its tokens are
forced on the model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm import Matcher
from fsm.parts.extensions import iterate_beginnings
from fsm.parts.regions import Region
from guidance.decoding.budget import can_finish
from guidance.decoding.row import Row
from guidance.errors import BudgetError

__all__ = ["check_regions", "keep_way_out", "keeps_limits", "temperature_of"]


def temperature_of(row: Row) -> float | None:
    """Return the temperature of the innermost region that has one; None for the request's own."""
    if not isinstance(row.matcher, Matcher):
        return None
    found = [region.temperature for region, _ in row.matcher.regions() if region.temperature is not None]
    return found[-1] if found else None


def check_regions(row: Row) -> None:
    """Refuse limits in which a region's shortest text cannot be certain to end.

    Raises
    ------
    BudgetError : when a region's ``max_tokens`` is below the bytes of its shortest text, its stop included.
    """
    if not isinstance(row.matcher, Matcher):
        return
    for region, needed in row.matcher.every_region():
        if region.max_tokens is not None and region.max_tokens < needed:
            raise BudgetError(
                f"capture {region.name!r}: got max_tokens={region.max_tokens}, expected at least {needed}, the bytes "
                f"of its shortest text; raise it to {needed} or more",
                max_tokens=region.max_tokens,
                needed=needed,
            )


def keeps_limits(row: Row) -> bool:
    """Tell whether every region that the row is in can end within its own limit of tokens."""
    return _exceeded(row) is None


def keep_way_out(row: Row, mask: NDArray[np.int32], *, num_left: int) -> None:
    """Leave in a mask only the tokens along a shortest way out of what has reached its limit.

    mask : int32[W]   changed in place; left as it is where there is no such way
    num_left : tokens left for the whole text.
    """
    matcher = row.matcher
    if not isinstance(matcher, Matcher):
        return
    way = matcher.way_out(None if not can_finish(matcher, num_left - 1) else _tightest(row))
    bits = mask.view(np.uint32)
    kept = np.zeros_like(bits)
    for token, _ in iterate_beginnings(matcher.vocabulary, way):
        kept[token >> 5] |= bits[token >> 5] & np.uint32(1 << (token & 31))
    if kept.any():
        bits[:] = kept


def _exceeded(row: Row) -> Region | None:
    """Return the first region that cannot end in time; one that is over its limit must be at its end."""
    if not isinstance(row.matcher, Matcher):
        return None
    for region, distance in row.matcher.regions():
        if region.max_tokens is not None:
            left = region.max_tokens - row.matcher.num_tokens_inside(region)
            if distance > max(left, 0):
                return region
    return None


def _tightest(row: Row) -> Region | None:
    """Return the region nearest to its limit."""
    assert isinstance(row.matcher, Matcher)
    limited = [
        (region.max_tokens - row.matcher.num_tokens_inside(region) - distance, index, region)
        for index, (region, distance) in enumerate(row.matcher.regions())
        if region.max_tokens is not None
    ]
    return min(limited)[2] if limited else None
