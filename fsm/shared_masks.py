"""Share masks between places that look alike as far as a fill looked.

A mask depends on its configuration, on the return states that the walk popped off the stack, and on those bits of the
stack that it tested (``SEEN`` states); not on the rest of the text. Kernels and ``Masks`` note both in registers; equal
notes mean equal masks. Cost: a look-up among the masks that a state has so far, mostly one or two.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import (
    ARENA_FULL,
    FRESH,
    MAX_TESTED,
    R_ACCEPTS,
    R_CLOSED,
    R_LOWEST,
    R_TESTED,
    R_TOP,
    SEVERAL,
    place_entry,
    remember_entry,
)
from fsm._network_kernels import name_parts_kernel
from fsm.kernel_runs import KernelRuns

__all__ = ["ACCEPTS", "STAYS", "Mask", "Shape", "SharedMasks"]

Row = NDArray[np.int32]
Mask = tuple[Row, "NDArray[np.int64] | None", "Row | None"]
"""The base row, the words that differ from it, and what they are."""

Shape = tuple[int, tuple[int, ...]]
"""How many return states were popped, and which bits were tested at each of them and at the next."""

ACCEPTS, STAYS = 1, 2
"""Flags of a place: the text may end there; it is inside a free string."""


class SharedMasks:
    """Remember the masks of one grammar by what filling them looked at.

    The tables of ``remember_kernel`` lie one after another in one array: heads, known, values, shapes, room for what is
    looked at, and how many there are.

    Parameters
    ----------
    runs : the grammar's network, whose stacks are looked at, and scratch room.
    """

    __slots__ = ("_addresses", "_masks", "_num_rows", "_runs", "_tables", "closed", "flags")

    closed: list[list[int]]
    """Where `find` found no mask: the configurations with calls and forks followed."""
    flags: int
    """What it saw of the place: ``ACCEPTS``, ``STAYS``."""

    def __init__(self, runs: KernelRuns) -> None:
        self._runs = runs
        self.clear()

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the tables; the masks are counted by who filled them."""
        return self._tables.nbytes

    def clear(self) -> None:
        """Forget everything."""
        self._masks: list[Mask] = []
        tables = np.zeros(_layout(_FEWEST)[0][-1], np.int64)
        tables[-_NUM_SIZES] = 1  # record 0 stands for none
        self._install(_FEWEST, tables)

    def _install(self, num_rows: int, tables: NDArray[np.int64]) -> None:
        """Take tables with room for so many masks, and their names for the kernels, all at once."""
        layout = _layout(num_rows)[1]
        addresses = np.empty_like(layout)
        name_parts_kernel(tables, layout, addresses)
        # In one step, so that an interruption leaves no name of tables that are gone.
        self._num_rows, self._tables, self._addresses = num_rows, tables, addresses

    def find(self, configurations: NDArray[np.int64]) -> Mask | None:
        """Follow what consumes nothing; return the mask where one place is left and one like it has been filled.

        Else begin to note what filling the one looks at.
        """
        network, space = self._runs.network, self._runs.workspace
        resumes = 0
        while True:
            code: int = place_entry(network.addresses, space.addresses, self._addresses, configurations)
            if code >= 0:
                self.flags = code & 3
                return self._masks[code >> 2]
            if code <= FRESH:
                self.flags, self.closed = FRESH - code, [space.frontier[0].tolist()]
                return None
            if code == SEVERAL:
                self.flags = int(network.regs[R_ACCEPTS])
                self.closed = space.frontier[len(configurations) : int(network.regs[R_CLOSED])].tolist()
                return None
            self._runs.mend(code, resumes=resumes)
            resumes = 1

    def looked(self) -> Shape | None:
        """Return what was looked at since `find`; None where it was too much to remember."""
        top, lowest, *tested = self._runs.network.regs[R_TOP : R_TESTED + MAX_TESTED].tolist()
        popped = top + 1 - lowest
        return (popped, tuple(tested[: popped + 1])) if popped < MAX_TESTED else None

    def look_again(self, shape: Shape) -> None:
        """Note that a part of the fill was looked up which looked at so much."""
        regs = self._runs.network.regs
        popped, tested = shape
        lowest = regs.item(R_TOP) + 1 - popped
        if lowest < regs.item(R_LOWEST):
            regs[R_LOWEST] = lowest
        for place, bits in enumerate(tested, R_TESTED):
            if bits:
                regs[place] |= bits

    def keep(self, configuration: list[int], mask: Mask) -> None:
        """Remember the mask of a closed configuration, filled since `find`."""
        number = len(self._masks)
        self._masks.append(mask)  # before anything refers to it
        while True:
            code = remember_entry(self._runs.network.addresses, self._addresses, *configuration, number)
            if code != ARENA_FULL:
                break
            self._grow()
        if code != 0:
            self._masks.pop()

    def _grow(self) -> None:
        """Make the tables four times as large while they are small, then twice; what they hold stays."""
        num_rows = (4 if self._num_rows < _MANY else 2) * self._num_rows
        old, starts, places = self._tables, _layout(self._num_rows)[0], _layout(num_rows)[0]
        tables = np.zeros(places[-1], np.int64)
        for first, last, place in zip(starts, starts[1:], places, strict=False):
            tables[place : place + last - first] = old[first:last]
        self._install(num_rows, tables)


# How many chains there are, how many rows the tables have at first, how many counts `remember_kernel` keeps.
_NUM_CHAINS, _FEWEST, _MANY, _NUM_SIZES = 256, 16, 512, 3


@lru_cache(maxsize=32)
def _layout(num_rows: int) -> tuple[list[int], NDArray[np.int64]]:
    """Return where the tables begin and the last one ends; and the same as bytes, with the number of rows of each."""
    rows = [_NUM_CHAINS, num_rows, 4 * num_rows, num_rows // 8, 2 * MAX_TESTED + 2, _NUM_SIZES]
    widths = [1, 8, 1, 2 + MAX_TESTED, 1, 1]
    starts = [0, *accumulate(count * width for count, width in zip(rows, widths, strict=True))]
    named = [(8 * start, count) for start, count in zip(starts, rows, strict=False)]
    return starts, np.array(named, np.int64).ravel()
