"""Cut the prompts off the rows that a loop shows its processors, and notice rows of another call.

A processor is told neither where the output begins nor that a new call has begun. The first rows it sees are the
prompts, whatever the loop: greedy, beams, and drafts, whose model reads them before the target does.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.errors import PromptError

__all__ = ["Prompts"]

_CURE = "make a processor for each call of generate, or give it prompt_length"


class Prompts:
    """Know how long the prompts are, padding included.

    Parameters
    ----------
    length : tokens of every row that belong to the prompt; None takes the first rows shown, and refuses others later.
    """

    def __init__(self, length: int | None = None) -> None:
        self._length = length
        self._lines: NDArray[np.int64] | None = None
        self._seen: set[bytes] = set()
        self._longest = 0

    def cut(self, input_ids: torch.Tensor, *, is_finished: bool = False) -> NDArray[np.int64]:
        """Return the output so far of every row: int64[B, n].

        Parameters
        ----------
        input_ids : int64[B, T]   prompts, padded on the left, and what follows them
        is_finished : these are whole texts, of which nobody asks what may follow.

        Raises
        ------
        PromptError : for rows that do not begin with the prompts of the first call.
        """
        lines: NDArray[np.int64] = input_ids.detach().cpu().numpy()
        if self._length is not None:
            if lines.shape[1] < self._length:
                raise PromptError(
                    f"input_ids: got {lines.shape[1]} tokens a row, expected at least prompt_length={self._length}; "
                    "give the width of the prompts, padding included"
                )
            return lines[:, self._length :]
        if self._lines is None:
            self._lines = lines.copy()
            self._seen = {line.tobytes() for line in self._lines}
        self._check(lines, is_finished=is_finished)
        return lines[:, self._lines.shape[1] :]

    def _check(self, lines: NDArray[np.int64], *, is_finished: bool) -> None:
        assert self._lines is not None
        length = self._lines.shape[1]
        heads = lines[:, :length]
        if not np.array_equal(heads, self._lines) and any(line.tobytes() not in self._seen for line in heads):
            raise PromptError(
                f"input_ids: got rows that do not begin with the {length} tokens of the first call's prompts, expected "
                f"the same prompts in every call; {_CURE}"
            )
        if is_finished:
            return
        # Every loop asks what may follow a text before it goes on to what follows that.
        if lines.shape[1] - length > self._longest + 1:
            raise PromptError(
                f"input_ids: got {lines.shape[1] - length} tokens behind the prompts, expected at most "
                f"{self._longest + 1}, one more than were seen before: these are prompts of another call; {_CURE}"
            )
        self._longest = max(self._longest, lines.shape[1] - length)
