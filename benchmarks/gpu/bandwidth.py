"""Measure what a device's memory gives, and look up what it is said to give."""

from __future__ import annotations

import torch

__all__ = ["measured_bandwidth", "nominal_bandwidth"]


def measured_bandwidth(device: torch.device, *, num_bytes: int = 4 << 30, repeats: int = 10) -> float:
    """Return bytes per second, read and written, of copying a large tensor: the fastest of the repeats."""
    source = torch.empty(num_bytes // 4, device=device)
    target = torch.empty_like(source)
    best = 0.0
    for _ in range(repeats):
        started, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        started.record()
        target.copy_(source)
        ended.record()
        torch.cuda.synchronize()
        best = max(best, 2 * num_bytes / (started.elapsed_time(ended) / 1e3))
    return best


def nominal_bandwidth(device: torch.device) -> float | None:
    """Return bytes per second from the memory's clock and width; None where the driver does not tell."""
    properties = torch.cuda.get_device_properties(device)
    clock_rate, bus_width = (getattr(properties, name, 0) for name in ("memory_clock_rate", "memory_bus_width"))
    # Kilohertz and bits; two transfers for each tick.
    return 2e3 * clock_rate * bus_width / 8 if clock_rate and bus_width else None
