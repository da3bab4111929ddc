"""Bound how long one question about a grammar may take: a mask, a move, a distance, the reading of a pattern.

States are made when a text gets to them, so a grammar whose automaton is huge compiles at once and would be met in the
middle of a text. Whatever makes states asks `check_expansion_time` now and then; a question that took more than
``MAX_EXPANSION_SECONDS`` ends in `LimitError`. What was made until then is whole and is kept.

Only time that this thread computed is counted, so a machine under load refuses no more than an idle one. Cost: a look
at the clock, some .15 µs; the thread's own time, which costs ten times as much, is asked for after ``_PATIENCE``.
"""

from __future__ import annotations

import math
import sys
import threading
from time import monotonic, thread_time
from types import FrameType, TracebackType

from fsm.errors import LimitError

__all__ = ["MAX_EXPANSION_SECONDS", "ExpansionTime", "check_expansion_time"]

MAX_EXPANSION_SECONDS = 1.5
_PATIENCE = 0.1


class _Clock:
    """Tell when one thread must look at its time; never outside questions. A thread has one question at a time.

    frame : the call that asked the question, None outside questions. Where Ctrl-C came just before it could say that
            it ends, it is no longer among the callers, and the question is over.
    depth : how often that call asked, one question inside the other.
    """

    __slots__ = ("continued_look", "depth", "end", "frame", "next_look", "times")

    def __init__(self) -> None:
        self.frame: FrameType | None = None
        self.depth = 0
        self.times = 1
        self.next_look = self.continued_look = self.end = math.inf

    def look(self) -> None:
        if not self._is_open():
            self.next_look, self.frame = math.inf, None
            return
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

    def _is_open(self) -> bool:
        """Tell whether whoever asked the question still waits."""
        caller: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to ask
        while caller is not None and caller is not self.frame:
            caller = caller.f_back
        return caller is not None


_own = threading.local()


def _own_clock() -> _Clock:
    """Return this thread's clock."""
    try:
        clock: _Clock = _own.clock
    except AttributeError:
        clock = _own.clock = _Clock()
    return clock


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
        # PERF: 0.8 us with __exit__, where methods of a thread-local object took 1.4; every expansion pays it.
        clock, frame = _own_clock(), sys._getframe(1)  # noqa: SLF001
        if clock.frame is None:
            if not self._continues:
                clock.continued_look, clock.end, clock.times = monotonic() + _PATIENCE, math.inf, self._times
            clock.frame, clock.depth, clock.next_look = frame, 1, clock.continued_look
        elif clock.frame is frame:
            clock.depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        clock = _own_clock()
        if clock.frame is sys._getframe(1):  # noqa: SLF001
            clock.depth -= 1
            if clock.depth == 0:
                clock.continued_look, clock.next_look, clock.frame = clock.next_look, math.inf, None


def check_expansion_time() -> None:
    """Go on where there is time left, or no question is timed.

    Raises
    ------
    LimitError : the question took more than ``MAX_EXPANSION_SECONDS``.
    """
    clock = _own_clock()
    if monotonic() > clock.next_look:
        clock.look()
