"""Time loops in turns, on the processor's own clock."""

from __future__ import annotations

from time import thread_time

from benchmarks.decoding.loops import Loop

__all__ = ["tokens_per_second"]


def tokens_per_second(loops: dict[str, Loop], repeats: int) -> dict[str, float]:
    """Return each loop's speed in its fastest run; all run on one thread, whose processor time is what counts.

    They run in turns, so that what else the machine does falls on all of them.
    """
    for loop in loops.values():
        loop()
    best = dict.fromkeys(loops, 0.0)
    for _ in range(repeats):
        for name, loop in loops.items():
            started = thread_time()
            count = loop()
            best[name] = max(best[name], count / (thread_time() - started))
    return best
