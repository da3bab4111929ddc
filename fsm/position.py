"""Remember what is known about one set of configurations: its mask, and where tokens lead.

A position is an immutable place in a grammar; its memo only grows. Equal configurations share one position, so in the
steady state a mask is a row copy and an advance is a dictionary look-up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOVE_BYTES", "NO_MOVES", "NO_TOKEN", "POSITION_BYTES", "REJECTED", "Position"]

POSITION_BYTES = 500
"""About what a position takes without its configurations, its mask and its memo."""

MOVE_BYTES = 120
"""About what the memo of one token takes."""


class Position:
    """Hold configurations and what was computed from them.

    configurations : int64[n, 5]   state, stack, partial character, low, high
    base    : int32[W] or None     the mask, but for the words listed; None = not filled yet
    words   : int64[m]             words that differ from ``base``
    values  : int32[m]             what they are
    cells   : the buffer of ``base``, which is copied faster than the array; None = not asked yet
    lent    : ``base``, not to be written, where it is the whole mask; None = not asked yet
    token, after : the first token that was read here, `NO_TOKEN` before, and the position it leads to
    next    : position by token id, of other tokens; ``REJECTED`` where the token is not allowed
    is_noted : whether what was just read must be noted before anything else (``fsm.notes``)
    is_accepting : whether the text may end here; None = not asked yet
    is_complete  : whether, besides, nothing but white space may follow; None = not asked yet
    stays   : int32[W] or None     tokens known to lead back here; None = not known
    shortest     : the fewest bytes to the end; None = not asked yet
    """

    __slots__ = (
        "after",
        "base",
        "cells",
        "configurations",
        "is_accepting",
        "is_complete",
        "is_noted",
        "lent",
        "next",
        "shortest",
        "stays",
        "token",
        "values",
        "words",
    )

    configurations: NDArray[np.int64]
    base: NDArray[np.int32] | None
    cells: memoryview | None
    lent: NDArray[np.int32] | None
    words: NDArray[np.int64] | None
    values: NDArray[np.int32] | None
    token: int
    after: Position | None
    next: dict[int, Position]
    is_noted: bool
    is_accepting: bool | None
    is_complete: bool | None
    shortest: int | None
    stays: NDArray[np.int32] | None

    def __init__(self, configurations: NDArray[np.int64], *, is_noted: bool = False) -> None:
        self.configurations = configurations
        self.is_noted = is_noted
        self.clear()

    def clear(self) -> None:
        """Forget what was computed."""
        self.base = self.cells = self.lent = self.words = self.values = self.stays = self.after = None
        self.is_accepting = self.is_complete = self.shortest = None
        self.token, self.next = NO_TOKEN, NO_MOVES

    def forget_moves(self) -> None:
        """Forget where tokens lead."""
        self.token, self.after, self.next = NO_TOKEN, None, NO_MOVES


NO_TOKEN = -1
NO_MOVES: dict[int, Position] = {}
"""The memo of every position that no token has been read at; never changed. Most positions stay so."""

REJECTED = Position(np.empty((0, 5), np.int64))
