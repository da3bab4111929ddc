"""Combine sets of symbols written as sorted, disjoint, inclusive ranges."""

from __future__ import annotations

from collections.abc import Iterable

from fsm.automata.dfa import LAST_SYMBOL, Ranges

__all__ = ["ALL", "Ranges", "complement_ranges", "has_symbol", "intersect_ranges", "subtract_ranges", "union_ranges"]

ALL: Ranges = ((0, LAST_SYMBOL),)


def union_ranges(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sort any ranges and join those that touch.

    Examples
    --------
    >>> union_ranges([(5, 9), (1, 2), (3, 4)])
    ((1, 9),)
    """
    ordered = sorted(ranges)
    if len(ordered) < 2:
        return tuple(ordered)
    joined: list[tuple[int, int]] = []
    low, high = ordered[0]
    for first, last in ordered:
        if first > high + 1:
            joined.append((low, high))
            low, high = first, last
        elif last > high:
            high = last
    joined.append((low, high))
    return tuple(joined)


def complement_ranges(ranges: Ranges) -> Ranges:
    """Return the symbols that ``ranges`` lacks."""
    gaps: list[tuple[int, int]] = []
    next_free = 0
    for first, last in ranges:
        if first > next_free:
            gaps.append((next_free, first - 1))
        next_free = last + 1
    if next_free <= LAST_SYMBOL:
        gaps.append((next_free, LAST_SYMBOL))
    return tuple(gaps)


def intersect_ranges(left: Ranges, right: Ranges) -> Ranges:
    """Return the symbols in both."""
    common: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        first, last = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first <= last:
            common.append((first, last))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def subtract_ranges(left: Ranges, right: Ranges) -> Ranges:
    """Return the symbols of ``left`` that are not in ``right``."""
    return intersect_ranges(left, complement_ranges(right))


def has_symbol(ranges: Ranges, symbol: int) -> bool:
    """Tell whether ``symbol`` is in ``ranges``."""
    return any(first <= symbol <= last for first, last in ranges)
