"""Cut overlapping symbol sets into disjoint ranges, each with the set of sets it lies in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fsm.automata.ranges import Ranges

__all__ = ["iterate_partition"]


def iterate_partition(sets: Iterable[Ranges]) -> Iterator[tuple[int, int, int]]:
    """Yield sorted (first, last, members): bit i of ``members`` tells whether the range lies in set i; never 0.

    Examples
    --------
    >>> list(iterate_partition([((0, 9),), ((5, 20),)]))
    [(0, 4, 1), (5, 9, 3), (10, 20, 2)]
    """
    changes: dict[int, int] = {}
    bit = 1
    for ranges in sets:
        for first, last in ranges:
            changes[first] = changes.get(first, 0) ^ bit
            changes[last + 1] = changes.get(last + 1, 0) ^ bit
        bit <<= 1
    members = 0
    previous = 0
    for cut in sorted(changes):
        if members:
            yield previous, cut - 1, members
        members ^= changes[cut]
        previous = cut
