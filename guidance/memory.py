"""Tell how much memory the process took, and whether an error says that there is no more."""

from __future__ import annotations

import resource
import sys

import torch

__all__ = ["is_out_of_memory", "peak_memory_bytes"]


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory held so far: on a GPU what torch allocated there, else the process's resident set."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes on Linux


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, on any device.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    True
    >>> is_out_of_memory(RuntimeError("shapes do not match"))
    False
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
