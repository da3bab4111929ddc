"""Keep small work on one thread.

Threads that wait for each other spin; beside any other busy process a step of a small model then takes 20 times as
long (measured: 26 ms instead of 1.2 ms, two threads on two busy cores), and gains nothing on idle ones.
"""

from __future__ import annotations

from types import TracebackType

import torch

__all__ = ["ThreadLimit"]

# PERF: one thread does 1.5e8 multiply-adds in about 5 ms, where a second one starts to pay (2-core EPYC).
_SMALL_WORK = 150_000_000


class ThreadLimit:
    """Use one thread inside a ``with`` block whose work is small; the caller's number returns after it."""

    __slots__ = ("_before", "is_small")

    def __init__(self, num_multiply_adds: int, device: torch.device) -> None:
        self.is_small = num_multiply_adds < _SMALL_WORK and device.type == "cpu"
        self._before = 1

    def __enter__(self) -> None:
        """Limit."""
        if self.is_small:
            self._before = torch.get_num_threads()
            if self._before > 1:
                torch.set_num_threads(1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Return to the number before."""
        if self.is_small and self._before > 1:
            torch.set_num_threads(self._before)
