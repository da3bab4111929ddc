"""Name the reasons a row ends, and find stop strings that may straddle tokens."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

__all__ = ["StopReason", "find_stop"]


class StopReason(StrEnum):
    """Say why a row ended."""

    ACCEPTED = "accepted"
    """The grammar accepts the text and nothing may follow."""
    EOS = "eos"
    """The model chose an end token; under a grammar, where the grammar accepts."""
    LENGTH = "length"
    """The token budget or the context is used up."""
    STOP = "stop"
    """A stop string was completed; the text ends before it."""
    CANCELLED = "cancelled"
    """The caller interrupted; the text is what there was."""
    ERROR = "error"
    """No token could be drawn, for instance because a logit was not a number."""


def find_stop(text: bytes, stops: Sequence[bytes], *, start: int) -> int:
    """Return where the first stop string begins that ends after `start`, or -1.

    Examples
    --------
    >>> find_stop(b"one two", [b"tw"], start=5)
    4
    >>> find_stop(b"one two", [b"three"], start=0)
    -1
    """
    found = [text.find(stop, max(0, start - len(stop) + 1)) for stop in stops]
    return min((place for place in found if place >= 0), default=-1)
