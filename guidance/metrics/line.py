"""Show in one line what a generation takes, while it runs and after it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO, TypeVar

from guidance.decoding.metrics import Metrics
from guidance.result import Event

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["describe", "follow"]

T = TypeVar("T")


def describe(metrics: Metrics) -> str:
    """Return the figures one looks at first, as one line.

    Examples
    --------
    >>> from guidance.decoding.metrics import Metrics
    >>> describe(Metrics(num_output_tokens=20, num_forced_tokens=10, prefill_seconds=0.1, decode_seconds=0.1,
    ...                  time_to_first_token_seconds=0.11))
    '20 tokens, 100/s, first after 110 ms, 50 % forced'
    """
    parts = [
        f"{metrics.num_output_tokens} tokens",
        f"{metrics.tokens_per_second:.0f}/s",
        f"first after {1e3 * metrics.time_to_first_token_seconds:.0f} ms",
    ]
    if metrics.mask_seconds:
        parts.append(f"mask {metrics.mask_microseconds_per_token:.0f} us/token")
    if metrics.num_forced_tokens:
        parts.append(f"{100 * metrics.forced_share:.0f} % forced")
    if metrics.num_drafted_tokens:
        parts.append(f"{metrics.num_accepted_tokens} of {metrics.num_drafted_tokens} drafts accepted")
    return ", ".join(parts)


def follow(events: Iterable[Event[T]], *, file: TextIO | None = None) -> Iterator[Event[T]]:
    """Pass a stream's events on, with a live line where `file` is a terminal, else one line of JSON at the end.

    Parameters
    ----------
    events : from `guidance.stream`.
    file : where the line goes; standard error unless given, so that pipes work.
    """
    from rich.console import Console

    console = Console(file=file or sys.stderr)
    if console.is_terminal:
        yield from _follow_live(events, console)
        return
    for event in events:
        yield event
        if event.result is not None:
            print(json.dumps(event.result.metrics.to_json()), file=file or sys.stderr)


def _follow_live(events: Iterable[Event[T]], console: Console) -> Iterator[Event[T]]:
    with console.status("reading the prompt") as status:
        for event in events:
            if event.metrics is not None:
                status.update(describe(event.metrics))
            yield event
            if event.result is not None:
                console.print(describe(event.result.metrics))
