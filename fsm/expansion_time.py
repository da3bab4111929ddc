"""Bound how long one question about a grammar may take: a mask, a move, a distance, the reading of a pattern.

States are made when a text gets to them, so a grammar whose automaton is huge compiles at once and would be met in the
middle of a text. Whatever makes states asks `check_expansion_time` now and then; a question that took more than
``MAX_EXPANSION_SECONDS`` ends in `LimitError`. What was made until then is whole and is kept.

Only time that this thread computed is counted, so a machine under load refuses no more than an idle one. Cost: a look
at the clock, some .15 µs; the thread's own time, which costs ten times as much, is asked for after ``_PATIENCE``.
"""

from __future__ import annotations

import math
import threading
from time import monotonic, thread_time
from types import TracebackType

from fsm.errors import LimitError

__all__ = ["MAX_EXPANSION_SECONDS", "ExpansionTime", "check_expansion_time"]

MAX_EXPANSION_SECONDS = 1.5
_PATIENCE = 0.1


class _Clock(threading.local):
    """Tell when this thread must look at its time; never outside questions. A thread has one question at a time."""

    depth = 0
    times = 1
    next_look = math.inf
    continued_look = math.inf
    end = math.inf

    def enter(self, times: int, *, continues: bool) -> None:
        self.depth += 1
        if self.depth == 1:
            if not continues:
                self.continued_look, self.end, self.times = monotonic() + _PATIENCE, math.inf, times
            self.next_look = self.continued_look

    def leave(self) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.continued_look, self.next_look = self.next_look, math.inf

    def look(self) -> None:
        spent, most = thread_time(), MAX_EXPANSION_SECONDS * self.times
        if self.end == math.inf:
            self.end = spent + most - _PATIENCE
        elif spent > self.end:
            what = "one mask, move or distance" if self.times == 1 else "the reading of the grammar"
            raise LimitError(
                f"more than {most:g} s were spent on {what} (limit MAX_EXPANSION_SECONDS of fsm.expansion_time): too "
                "many states are needed here; shorten repetitions, combine fewer patterns, look-arounds and "
                "conditions, or raise the limit"
            )
        self.next_look = monotonic() + _PATIENCE / 2


_clock = _Clock()


class ExpansionTime:
    """Time what is done inside, with whatever question it is part of; a context manager.

    Parameters
    ----------
    times : how many times the limit this may take; reading a long grammar takes its time.
    continues : whether this is more of the question that this thread timed last.

    Examples
    --------
    >>> with ExpansionTime():
    ...     check_expansion_time()
    """

    __slots__ = ("_continues", "_times")

    def __init__(self, *, times: int = 1, continues: bool = False) -> None:
        self._times = times
        self._continues = continues

    def __enter__(self) -> None:
        _clock.enter(self._times, continues=self._continues)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _clock.leave()


def check_expansion_time() -> None:
    """Go on where there is time left, or no question is timed.

    Raises
    ------
    LimitError : the question took more than ``MAX_EXPANSION_SECONDS``.
    """
    if monotonic() > _clock.next_look:
        _clock.look()
