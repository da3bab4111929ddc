"""Share masks between sets of configurations that look alike as far as a walk looked.

A mask depends on the states, and on the return states that the walk popped; not on the rest of the stacks, so long as
what was popped least deep is the same below. Cost: a look-up per depth to which walks from such states have popped so
far, mostly one.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from fsm.network import Network
from fsm.rules._state_set_kernels import NOT_LOOKED

__all__ = ["SetMasks"]

Row = NDArray[np.int32]
MOST_POPPED = 12
"""Deeper looks than this are not remembered."""


class SetMasks:
    """Remember the masks of one grammar's sets by what filling them looked at.

    Parameters
    ----------
    network : whose stacks are looked at.
    """

    __slots__ = ("_known", "_network")

    def __init__(self, network: Network) -> None:
        self._network = network
        self._known: dict[Hashable, dict[int, dict[Hashable, Row]]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()

    def find(self, configurations: NDArray[np.int64]) -> Row | None:
        """Return the mask of a set where one like it has been filled."""
        outline, tops, depths = self._outline(configurations)
        kinds = self._known.get(outline)
        if kinds is None:
            return None
        for popped, masks in kinds.items():
            look = self._look(tops, depths, popped)
            found = None if look is None else masks.get(look)
            if found is not None:
                return found
        return None

    def keep(self, configurations: NDArray[np.int64], lowest: int, mask: Row) -> None:
        """Remember a mask and the lowest depth of the stack that filling it looked at."""
        outline, tops, depths = self._outline(configurations)
        popped = 0 if lowest == NOT_LOOKED else max(depths) + 1 - lowest
        if popped > MOST_POPPED:
            return
        popped = max(popped, 0)
        look = self._look(tops, depths, popped)
        if look is not None:
            self._known.setdefault(outline, {}).setdefault(popped, {})[look] = mask

    def _outline(self, configurations: NDArray[np.int64]) -> tuple[Hashable, list[int], list[int]]:
        """Return all but the stacks, the stacks, and their depths."""
        rows = configurations.tolist()
        stacks = self._network.stacks
        tops = [row[1] for row in rows]
        depths = [int(stacks[top, 3]) for top in tops]
        if len(rows) == 1:
            return (rows[0][0], *rows[0][2:]), tops, depths
        most = max(depths)
        outline = tuple(
            [(row[0], row[2], row[3], row[4], most - depth) for row, depth in zip(rows, depths, strict=True)]
        )
        return outline, tops, depths

    def _look(self, tops: list[int], depths: list[int], popped: int) -> Hashable | None:
        """Return the return states popped from every stack; None where they do not meet below."""
        if not popped and len(tops) == 1:
            return ()
        stacks, lowest = self._network.stacks, max(depths) + 1 - popped
        found: list[int] = []
        below: set[int] = set()
        for top, depth in zip(tops, depths, strict=True):
            node = top
            while depth >= lowest:
                found.append(int(stacks[node, 0]) if node else -1)
                node = int(stacks[node, 1])
                depth -= 1  # noqa: PLW2901
            below.add(node)
        # Stacks that are not looked at may be anything, but those that differ must differ elsewhere too.
        return tuple(found) if len(below) == 1 or lowest <= 0 else None
