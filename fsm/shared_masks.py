"""Share masks between places that look alike as far as a fill looked.

A mask depends on its configuration, on the return states that the walk popped off the stack, and on those bits of the
stack that it tested (``SEEN`` states); not on the rest of the text. Kernels and ``Masks`` note both in registers; equal
notes mean equal masks. Cost: a look-up per kind of note that a state has given so far, mostly one or two.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import MAX_TESTED, R_LOWEST, R_TESTED, R_TOP
from fsm.layout import UNBOUNDED
from fsm.network import Network

__all__ = ["Mask", "SharedMasks"]

Row = NDArray[np.int32]
Mask = tuple[Row, "NDArray[np.int64] | None", "Row | None"]
"""The base row, the words that differ from it, and what they are."""

Shape = tuple[int, tuple[int, ...]]
"""How many return states were popped, and which bits were tested at each of them and at the next."""


class SharedMasks:
    """Remember the masks of one grammar by what filling them looked at.

    Parameters
    ----------
    network : whose stacks are looked at.
    """

    __slots__ = ("_key", "_known", "_network")

    def __init__(self, network: Network) -> None:
        self._network = network
        self._known: dict[Hashable, dict[Shape, dict[Hashable, Mask]]] = {}
        self._key: Hashable = None

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()

    def find(self, configuration: list[int]) -> Mask | None:
        """Return the mask of a closed configuration where a place like it has been filled; else begin to note."""
        state, stack, decode, low, high = configuration
        self._key = state if high == UNBOUNDED and not decode and not low else (state, decode, low, high)
        kinds = self._known.get(self._key)
        if kinds is not None:
            for shape, masks in kinds.items():
                mask = masks.get(self._look(stack, shape))
                if mask is not None:
                    return mask
        depth = int(self._network.stacks[stack, 3])
        self._network.regs[R_TOP : R_TESTED + MAX_TESTED] = _beginning(depth)
        return None

    def looked(self) -> Shape | None:
        """Return what was looked at since `find`; None where it was too much to remember."""
        top, lowest, *tested = self._network.regs[R_TOP : R_TESTED + MAX_TESTED].tolist()
        popped = top + 1 - lowest
        if not popped:
            return 0, (tested[0],)
        return (popped, tuple(tested[: popped + 1])) if popped < MAX_TESTED else None

    def look_again(self, shape: Shape) -> None:
        """Note that a part of the fill was looked up which looked at so much."""
        regs = self._network.regs
        popped, tested = shape
        regs[R_LOWEST] = min(regs[R_LOWEST], regs[R_TOP] + 1 - popped)
        regs[R_TESTED : R_TESTED + popped + 1] |= np.array(tested)

    def keep(self, stack: int, mask: Mask) -> None:
        """Remember the mask filled since `find`."""
        shape = self.looked()
        if shape is None:
            return
        kinds = self._known.get(self._key)
        if kinds is None:
            self._known[self._key] = {shape: {self._look(stack, shape): mask}}
        elif shape in kinds:
            kinds[shape][self._look(stack, shape)] = mask
        else:
            kinds[shape] = {self._look(stack, shape): mask}

    def _look(self, stack: int, shape: Shape) -> Hashable:
        """Return the return states on a stack and the bits there, as far as a shape says."""
        popped, tested = shape
        if not popped:
            return tested[0] and int(self._network.stacks[stack, 2]) & tested[0]
        stacks = self._network.stacks
        found = []
        for bits in tested[:-1]:
            ret, parent, seen, _ = stacks[stack].tolist()
            found.append(ret if stack else -1)
            found.append(seen & bits)
            stack = parent
        if tested[-1]:
            found.append(int(stacks[stack, 2]) & tested[-1])
        return tuple(found)


@lru_cache(maxsize=4096)
def _beginning(depth: int) -> NDArray[np.int64]:
    """Return the registers before anything is looked at from a stack of this depth."""
    return np.array([depth, depth + 1] + [0] * MAX_TESTED, np.int64)
