"""Interrupt what takes too long."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["OutOfTimeError", "time_cap"]


class OutOfTimeError(Exception):
    """The work took longer than its cap."""


@contextmanager
def time_cap(seconds: float) -> Iterator[None]:
    """Raise OutOfTimeError after some seconds, as soon as Python code runs again; main thread only."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise OutOfTimeError(f"more than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
