"""Name the flags that change what a pattern means, and read them from letters."""

from __future__ import annotations

from enum import IntFlag

__all__ = ["FLAG_LETTERS", "Flag"]


class Flag(IntFlag):
    """Flags of a pattern, or of a part of one."""

    NONE = 0
    IGNORE_CASE = 1
    MULTI_LINE = 2
    DOT_ALL = 4
    VERBOSE = 8
    ASCII = 16


FLAG_LETTERS = {
    "i": Flag.IGNORE_CASE,
    "m": Flag.MULTI_LINE,
    "s": Flag.DOT_ALL,
    "x": Flag.VERBOSE,
    "a": Flag.ASCII,
    "u": Flag.NONE,
}
