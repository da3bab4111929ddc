"""Share masks between sets of configurations that look alike as far as a walk looked.

A mask depends on the states, and on the return states that the walk popped; not on the rest of the stacks, so long as
what was popped least deep is the same below. Cost: a look-up per depth to which walks from such states have popped so
far, mostly one.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fsm.network import Network
from fsm.rules._set_kernels import NOT_LOOKED

__all__ = ["Outline", "SetMask", "SetMasks"]

Row = NDArray[np.int32]
MOST_POPPED = 12
"""Deeper looks than this are not remembered."""


class SetMask(NamedTuple):
    """Hold what may come next, and the tokens known to lead back to the set; None = not known."""

    row: Row
    stays: Row | None


class Outline(NamedTuple):
    """Hold what a set of configurations is apart from its stacks, their tops, and their depths."""

    rest: Hashable
    tops: list[int]
    depths: list[int]


class SetMasks:
    """Remember the masks of one grammar's sets by what filling them looked at.

    Parameters
    ----------
    network : whose stacks are looked at.
    """

    __slots__ = ("_known", "_network")

    def __init__(self, network: Network) -> None:
        self._network = network
        self._known: dict[Hashable, dict[int, dict[Hashable, SetMask]]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()

    def find(self, outline: Outline) -> SetMask | None:
        """Return the mask of a set where one like it has been filled."""
        kinds = self._known.get(outline.rest)
        if kinds is None:
            return None
        for popped, masks in kinds.items():
            look = self._look(outline, popped)
            found = None if look is None else masks.get(look)
            if found is not None:
                return found
        return None

    def keep(self, outline: Outline, lowest: int, mask: SetMask) -> None:
        """Remember a mask and the lowest depth of the stack that filling it looked at."""
        popped = 0 if lowest == NOT_LOOKED else max(outline.depths) + 1 - lowest
        if popped > MOST_POPPED:
            return
        popped = max(popped, 0)
        look = self._look(outline, popped)
        if look is not None:
            self._known.setdefault(outline.rest, {}).setdefault(popped, {})[look] = mask

    def outline(self, configurations: NDArray[np.int64]) -> Outline:
        """Return what ``find`` and ``keep`` ask of a set."""
        rows = configurations.tolist()
        item = self._network.stacks.item
        if len(rows) == 1:
            (state, top, *rest) = rows[0]
            return Outline((state, *rest), [top], [item(top, 3)])
        tops = [row[1] for row in rows]
        depths = [item(top, 3) for top in tops]
        most = max(depths)
        rest = tuple([(row[0], row[2], row[3], row[4], most - depth) for row, depth in zip(rows, depths, strict=True)])
        return Outline(rest, tops, depths)

    def _look(self, outline: Outline, popped: int) -> Hashable | None:
        """Return the return states popped from every stack; None where they do not meet below."""
        _, tops, depths = outline
        if not popped and len(tops) == 1:
            return ()
        item, lowest = self._network.stacks.item, max(depths) + 1 - popped
        found: list[int] = []
        below: set[int] = set()
        for top, depth in zip(tops, depths, strict=True):
            node = top
            while depth >= lowest:
                found.append(item(node, 0) if node else -1)
                node = item(node, 1)
                depth -= 1  # noqa: PLW2901
            below.add(node)
        # Stacks that are not looked at may be anything, but those that differ must differ elsewhere too.
        return tuple(found) if len(below) == 1 or lowest <= 0 else None
