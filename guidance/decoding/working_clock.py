"""Choose the clock that tells what a step costs, rather than how busy the machine is."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, thread_time

import torch

__all__ = ["working_clock"]


def working_clock(device: torch.device) -> Callable[[], float]:
    """Return a clock to compare steps by, in seconds.

    On the CPU the calling thread takes part in all the work, so its own processor time is what a step costs, whatever
    else runs on the machine; on other devices the host only waits, and the wall clock counts.
    """
    return thread_time if device.type == "cpu" else perf_counter
