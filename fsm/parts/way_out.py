"""Find the bytes of a shortest way from a position to where something ends.

Cost: a step for each byte that may come next, for each byte of the way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fsm.compiled import Compiled, TextSource
from fsm.position import Position

__all__ = ["find_way"]

MOST_BYTES = 32


def find_way(compiled: Compiled, position: Position, text: TextSource, measure: Callable[[Position], int]) -> bytes:
    """Return the first bytes of a way on which ``measure`` falls to 0, at most ``MOST_BYTES`` of them.

    Parameters
    ----------
    compiled : the grammar.
    position : where the way begins.
    text : returns the bytes read so far.
    measure : returns how many bytes are left from a position; where none of the next ones is nearer, the way ends.
    """
    way = bytearray()
    left = measure(position)
    while left and len(way) < MOST_BYTES:
        found: tuple[int, int, Position] | None = None
        for byte in np.flatnonzero(compiled.next_bytes(position)).tolist():
            after = compiled.advance_bytes(position, bytes([byte]), lambda: text() + bytes(way))
            distance = measure(after)
            if distance < left and (found is None or distance < found[0]):
                found = (distance, byte, after)
            if distance == left - 1:
                break
        if found is None:
            break
        left, byte, position = found
        way.append(byte)
    return bytes(way)
