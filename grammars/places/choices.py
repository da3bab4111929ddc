"""Say which of a list of texts can still come."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["describe_choices"]

MAX_SHOWN = 5


def describe_choices(texts: Sequence[str], read: str) -> str:
    """Return the texts of a sorted list that begin with what was read.

    Examples
    --------
    >>> describe_choices(["maybe", "no", "none"], "n")
    "of the choices 'no', 'none' are left"
    """
    begin = bisect_left(texts, read)
    end = bisect_left(texts, read + chr(0x10FFFF))
    shown = ", ".join(repr(text) for text in texts[begin : min(end, begin + MAX_SHOWN)])
    more = f" and {end - begin - MAX_SHOWN} more" if end - begin > MAX_SHOWN else ""
    verb = "is" if end - begin == 1 else "are"
    return f"of the choices {shown}{more} {verb} left"
