"""Keep the tokens of a row as a value that grows in constant time.

Many lengths of one text share one buffer: appending to the longest writes behind it, appending to a shorter one copies.
So a state kept for rolling back stays what it was, and what beams and drafts leave behind costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["History"]

_FIRST_CAPACITY = 64


class Tape:
    """Hold the buffer that several histories share; only the longest of them may append."""

    __slots__ = ("length", "tokens")

    def __init__(self, tokens: NDArray[np.int64]) -> None:
        self.length = tokens.size
        self.tokens = np.empty(max(_FIRST_CAPACITY, 2 * tokens.size), dtype=np.int64)
        self.tokens[: tokens.size] = tokens

    def append(self, token_id: int) -> None:
        """Write one token behind the last, growing by doubling."""
        if self.length == self.tokens.size:
            self.tokens = np.concatenate([self.tokens, np.empty_like(self.tokens)])
        self.tokens[self.length] = token_id
        self.length += 1


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Hold a sequence of token ids; never changes.

    Cost: appending to the longest text of a buffer is O(1), else O(length).

    Examples
    --------
    >>> before = History.of([5, 6])
    >>> before.append(7).tokens.tolist(), before.tokens.tolist()
    ([5, 6, 7], [5, 6])
    """

    tape: Tape
    length: int

    @staticmethod
    def of(token_ids: Sequence[int]) -> History:
        """Return the history of these tokens."""
        return History(Tape(np.array(token_ids, dtype=np.int64)), len(token_ids))

    @property
    def tokens(self) -> NDArray[np.int64]:
        """Return int64[n], a view that nobody may write to."""
        view = self.tape.tokens[: self.length]
        view.flags.writeable = False
        return view

    def append(self, token_id: int) -> History:
        """Return the history one token longer."""
        tape = self.tape if self.tape.length == self.length else Tape(self.tokens)
        tape.append(token_id)
        return History(tape, self.length + 1)
