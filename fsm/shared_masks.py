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

from fsm._mask_kernels import EXTRA_WIDTH, NUM_EXTRAS, WAY_WALK
from fsm._network_kernels import name_parts_kernel
from fsm.addresses import addresses_of
from fsm.codes import MAX_TESTED, R_COUNT, R_FIRST
from fsm.network import Network

__all__ = ["ACCEPTS", "STAYS", "Mask", "SharedMasks"]

Row = NDArray[np.int32]
Mask = tuple[Row, "NDArray[np.int64] | None", "Row | None"]
"""The base row, the words that differ from it, and what they are."""

Words = tuple[NDArray[np.int64], Row]

ACCEPTS, STAYS = 1, 2
"""Flags of a place: the text may end there; it is inside a free string."""


class SharedMasks:
    """Remember the masks of one grammar by what filling them looked at.

    ``mask_entry`` reads and writes the tables, which lie one after another in one array: heads, known, values, shapes,
    room for what is looked at, what was filled last around names, what is known of numbers and quotes, and how many
    there are. Besides, it writes the words in which masks differ from their rows, and reads how states of characters
    are filled.

    Parameters
    ----------
    network : the grammar's network, whose stacks are looked at.

    Attributes
    ----------
    masks : the masks remembered, by number.
    addresses : int64[22], names the arrays for kernels.
    """

    __slots__ = ("_cells", "_held", "_network", "_num_rows", "_tables", "_ways", "_words", "addresses", "masks")

    masks: list[Mask]
    _held: list[NDArray[np.int64] | None]  # what the ways name
    addresses: NDArray[np.int64]

    def __init__(self, network: Network) -> None:
        self._network = network
        self.clear()

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of the tables, room for words included; words are counted by who filled the masks."""
        room = 12 * (len(self._words) - int(self._tables[-1]))
        return self._tables.nbytes + self._ways.nbytes + room

    def clear(self) -> None:
        """Forget everything; masks that others hold stay as they are."""
        starts = _layout(_FEWEST)[0]
        tables = np.empty(starts[-1], np.int64)
        tables[:_NUM_CHAINS] = tables[starts[_OTHERS]] = tables[starts[_EXTRAS]] = tables[-_NUM_SIZES:] = 0
        tables[-_NUM_SIZES] = 1  # record 0 stands for none
        self._install(_FEWEST, tables, _words(_FEW_WORDS), np.zeros((0, 2), np.int64))
        # After it, so that an interruption leaves no table that tells of what is gone.
        self.masks = []
        self._held = []

    def _install(self, num_rows: int, tables: NDArray[np.int64], room: Words, ways: NDArray[np.int64]) -> None:
        """Take tables with room for so many masks, and their names for the kernels, all at once."""
        layout = _layout(num_rows)[1]
        words, cells = room
        addresses = np.empty(len(layout) + 6, np.int64)
        name_parts_kernel(tables, layout, words, cells, ways, addresses)
        # In one step, so that an interruption leaves no name of tables that are gone.
        self._num_rows, self._tables, self._words, self._cells, self._ways, self.addresses = (
            num_rows, tables, words, cells, ways, addresses,
        )  # fmt: skip

    def taken(self, base: Row) -> Mask:
        """Return the mask whose words a kernel has just taken: how it differs from a row."""
        first, count = self._network.regs[R_FIRST : R_COUNT + 1].tolist()
        if not count:
            return base, None, None
        return base, self._words[first : first + count], self._cells[first : first + count]

    def grow(self) -> None:
        """Make room for what a kernel had none for: the words of a mask, or else one mask more."""
        count = int(self._network.regs[R_COUNT])
        if count:
            self._install(self._num_rows, self._tables, _words(2 * len(self._words) + count), self._ways)
            self._tables[-1] = 0  # after it, so that an interruption has nothing written over
            return
        num_rows = (4 if self._num_rows < _MANY else 2) * self._num_rows
        old, starts, places = self._tables, _layout(self._num_rows)[0], _layout(num_rows)[0]
        tables = np.zeros(places[-1], np.int64)
        for first, last, place in zip(starts, starts[1:], places, strict=False):
            tables[place : place + last - first] = old[first:last]
        self._install(num_rows, tables, (self._words, self._cells), self._ways)

    def set_way(self, state: int, way: NDArray[np.int64] | None, close: int = 0) -> None:
        """Say how a state of characters is filled: by what an array names (``mask_entry``), or, without, by a walk.

        close : where a text goes on that closes what is summed up.
        """
        ways = self._ways
        if state >= len(ways):
            ways = np.zeros((len(self._network.states), 2), np.int64)
            ways[: len(self._ways)] = self._ways
            self._install(self._num_rows, self._tables, (self._words, self._cells), ways)
        self._held.append(way)
        ways[state] = WAY_WALK if way is None else addresses_of(way)[0], close

    def add_extras(self, facts: tuple[int, ...], found: NDArray[np.int64]) -> None:
        """Say with which row a place begins where a walk found some numbers and quotes (``begin_extras_kernel``)."""
        first = _layout(self._num_rows)[0][_EXTRAS]
        count = int(self._tables[first])
        place = first + 1 + count % NUM_EXTRAS * EXTRA_WIDTH
        self._tables[place : place + len(facts)] = facts
        self._tables[place + len(facts) : place + len(facts) + found.size] = found.ravel()
        self._tables[first] = count + 1  # last: what it counts is whole


# Which parts hold what was filled around names, and what is known of numbers and quotes.
_OTHERS, _EXTRAS = 5, 6

# How many chains there are, how many rows the tables have at first, how many counts `take_kernel` keeps, how much room
# for words there is at first.
_NUM_CHAINS, _FEWEST, _MANY, _NUM_SIZES, _FEW_WORDS = 256, 16, 512, 4, 1024
# Room for what holds for every key but some names, at the last place in a key (``keep_others_kernel``).
_MOST_OTHERS = 1024
# The parts that do not grow.
_SIZES = (2 * MAX_TESTED + 2, _MOST_OTHERS, 1 + NUM_EXTRAS * EXTRA_WIDTH, _NUM_SIZES)


def _words(count: int) -> Words:
    """Make room for so many words in which masks differ from their rows, and for what they are."""
    return np.empty(count, np.int64), np.empty(count, np.int32)


@lru_cache(maxsize=32)
def _layout(num_rows: int) -> tuple[list[int], NDArray[np.int64]]:
    """Return where the tables begin and the last one ends; and the same as bytes, with the number of rows of each."""
    rows = [_NUM_CHAINS, num_rows, 4 * num_rows, num_rows // 8, *_SIZES]
    widths = [1, 8, 1, 2 + MAX_TESTED, *[1] * len(_SIZES)]
    starts = [0, *accumulate(count * width for count, width in zip(rows, widths, strict=True))]
    named = [(8 * start, count) for start, count in zip(starts, rows, strict=False)]
    return starts, np.array(named, np.int64).ravel()
