"""Carry, with the log-probability of a drawn token, the one it had before truncation.

Mirostat 1 steers by the surprise of the untruncated law, which the law drawn from no longer tells.
"""

from __future__ import annotations

from typing import Self

__all__ = ["LogProb"]


class LogProb(float):
    """Be the log-probability a token was drawn with.

    Parameters
    ----------
    value : under the law drawn from.
    untruncated : under the law before its truncation.

    Examples
    --------
    >>> drawn = LogProb(-0.5, untruncated=-0.75)
    >>> drawn + 0.0, drawn.untruncated
    (-0.5, -0.75)
    """

    __slots__ = ("untruncated",)
    untruncated: float

    def __new__(cls, value: float, *, untruncated: float) -> Self:
        """Make one."""
        made = super().__new__(cls, value)
        made.untruncated = untruncated
        return made
