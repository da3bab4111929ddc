"""Spell a class of characters as a small automaton over the bytes of UTF-8.

Cost: tens of microseconds for a class with many ranges, once per class.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fsm.automata.ranges import Ranges
from fsm.character_bytes import Tail, plain_moves
from fsm.patterns._position_kernels import DONE
from fsm.patterns.byte_loops import covers_rest

__all__ = ["MAX_PLACES", "class_table", "class_width"]

MAX_PLACES = 4000
"""Places inside the characters of a class; more do not fit an item (``fsm.patterns._position_kernels``)."""

NO_WIDE, ALL_WIDE, SOME_WIDE = range(3)
_NOT_ASCII = ((0x80, 0x10FFFF),)


@lru_cache(maxsize=512)
def class_table(ranges: Ranges) -> NDArray[np.uint16] | None:
    """Return where each byte leads from each place inside a character; None where there are too many places.

    Returns
    -------
    table : uint16[K, 256]   0 = dead, ``DONE`` = the character is whole, else the place, counted from 1; place 0 is
                             before the character

    Examples
    --------
    >>> class_table(((0x61, 0x7A), (0xE9, 0xE9)))[:, [0x61, 0xC3, 0xA9]].tolist()
    [[1, 2, 0], [0, 0, 1]]
    """
    if ranges[-1][1] < 0x80:
        table = np.zeros((1, 256), np.uint16)
        for first, last in ranges:
            table[0, first : last + 1] = DONE
        return table
    if ranges[0][0] < 0x80 and class_width(ranges) == ALL_WIDE:
        wide = class_table(_NOT_ASCII)
        assert wide is not None
        table = wide.copy()
        for first, last in ranges:
            table[0, first : min(last, 0x7F) + 1] = DONE
        return table
    begin = plain_moves(tuple([(first, last, DONE) for first, last in ranges]), is_json=False)
    numbers: dict[Tail, int] = {}
    waiting = [begin]
    rows: list[NDArray[np.uint16]] = []
    while len(rows) < len(waiting):
        row = np.zeros(256, np.uint16)
        for first, last, target in waiting[len(rows)]:
            if isinstance(target, Tail):
                number = numbers.get(target)
                if number is None:
                    number = numbers[target] = len(waiting) + 1
                    waiting.append(target.moves())
                row[first : last + 1] = number
            else:
                row[first : last + 1] = DONE
        rows.append(row)
        if len(waiting) > MAX_PLACES:
            return None
    return np.stack(rows)


def class_width(ranges: Ranges) -> int:
    """Tell whether a class has none (0), all (1) or some (2) of the characters that are not ASCII."""
    if not ranges or ranges[-1][1] < 0x80:
        return NO_WIDE
    return ALL_WIDE if covers_rest([pair for pair in ranges if pair[1] >= 0x80]) else SOME_WIDE
