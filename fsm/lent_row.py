"""Keep a row that masks are shown in, one after another, so that only the words in which they differ are written.

Cost: some 0.3 µs a mask where it differs from the same shared row as the last one did; else a copy of the row.
"""

from __future__ import annotations

from sys import getrefcount
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_SPARE", "MOST_UNDONE", "LentRow", "read_only"]

MOST_SPARE = 8
"""So many rows that no matcher needs any more are kept with a vocabulary for the next ones."""

MOST_UNDONE = 32
"""More words than these are undone slower than the shared row is copied."""


class LentRow:
    """Be one row: int32[W].

    row   : what is written; cells : its buffer; view : the same, not to be written, for others
    base  : the shared row from which it differs, None at first
    words : the words in which it does; None while it is written
    is_empty : whether nothing is allowed in ``base``
    """

    __slots__ = ("base", "cells", "is_empty", "row", "view", "words")

    def __init__(self, num_words: int) -> None:
        self.row: Any = np.empty(num_words, np.int32)  # of int32[W]; its type would forbid values that may be None
        self.cells = self.row.data
        self.view = read_only(self.row)
        self.base: NDArray[np.int32] | None = None
        self.words: Any = None
        self.is_empty = False

    def begin(self, base: NDArray[np.int32], cells: memoryview, *, is_empty: bool) -> None:
        """Write a shared row, whose buffer is ``cells``, to the whole of this one."""
        self.base = None  # until it is written
        self.cells[_ALL] = cells
        self.base, self.is_empty = base, is_empty

    @property
    def is_seen(self) -> bool:
        """Tell whether anything but this object holds the row, or looks at it."""
        return getrefcount(self.view) > _VIEW_HOLDERS or getrefcount(self.row) > _ROW_HOLDERS


_VIEW_HOLDERS, _ROW_HOLDERS = 2, 4
"""The attribute, the argument of ``getrefcount``, and of a row its view and its buffer."""
_ALL = slice(None)


def read_only(row: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return a view of a row that cannot be written."""
    view = row.view()
    view.flags.writeable = False
    return view
