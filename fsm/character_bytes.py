"""Spell characters as bytes: which bytes lead from a set of characters to which target, in plain or JSON text.

A map from characters to targets is a tuple of ``(first, last, target)``, sorted and disjoint. Places inside a character
are values too: what may still come, relative to what was read. So a place in "any character" is the same place whatever
bytes led there, and an automaton over bytes has a handful of such places where the kernels' partial characters are a
million (``fsm._text_kernels``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Escape", "Hexadecimal", "HighSurrogate", "Place", "Tail", "plain_moves"]

Ranges = tuple[tuple[int, int, int], ...]
Move = tuple[int, int, "int | Place"]
"""First byte, last byte, and where they lead: a target, or a place inside a character."""

_QUOTE, _BACKSLASH = 34, 92
_SHORT = ((34, 34), (47, 47), (92, 92), (98, 8), (102, 12), (110, 10), (114, 13), (116, 9))


@dataclass(frozen=True, slots=True)
class Tail:
    """So many continuation bytes of UTF-8 are to come."""

    left: int
    ranges: Ranges
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Hash the ranges once: there may be hundreds, and tables ask again and again."""
        object.__setattr__(self, "_hash", hash((self.left, self.ranges)))

    def __hash__(self) -> int:
        return self._hash

    def moves(self) -> list[Move]:
        """Return where each continuation byte leads."""
        size = 64 ** (self.left - 1)
        return [(0x80 + first, 0x80 + last, target) for first, last, target in _split(self.ranges, size, 64, self.left)]


@dataclass(frozen=True, slots=True)
class Escape:
    """A backslash of JSON was read."""

    ranges: Ranges

    def moves(self) -> list[Move]:
        """Return the short escapes, and the ``u`` of the long one."""
        found: list[Move] = [
            (byte, byte, target) for byte, code in _SHORT for _, _, target in _slice(self.ranges, code, 1)
        ]
        units = _units(self.ranges)
        return [*found, (117, 117, Hexadecimal(4, units))] if units else found


@dataclass(frozen=True, slots=True)
class Hexadecimal:
    """So many hexadecimal digits are to come; targets may be high surrogates."""

    left: int
    ranges: tuple[tuple[int, int, int | HighSurrogate], ...]

    def moves(self) -> list[Move]:
        """Return where each digit leads, in both cases."""
        size = 16 ** (self.left - 1)
        found: list[Move] = []
        for digit in range(16):
            inner = _slice(self.ranges, digit * size, size)
            if inner:
                target = inner[0][2] if size == 1 else Hexadecimal(self.left - 1, inner)
                found += [(ord(c), ord(c), target) for c in sorted({f"{digit:x}", f"{digit:X}"})]
        return found


@dataclass(frozen=True, slots=True)
class HighSurrogate:
    r"""A high surrogate was read, and so many characters of the ``\u`` that must follow it."""

    read: int
    ranges: Ranges

    def moves(self) -> list[Move]:
        """Return the one way on."""
        if self.read == 0:
            return [(_BACKSLASH, _BACKSLASH, HighSurrogate(1, self.ranges))]
        low = tuple([(0xDC00 + first, 0xDC00 + last, target) for first, last, target in self.ranges])
        return [(117, 117, Hexadecimal(4, low))]


Place = Tail | Escape | Hexadecimal | HighSurrogate


def plain_moves(ranges: Ranges, *, is_json: bool) -> list[Move]:
    """Return where the first byte of a character leads.

    is_json : inside a JSON string, where quotes, backslashes and control characters are escaped.
    """
    found: list[Move] = []
    for first, last, target in ranges:
        for low, high in ((32, 33), (35, 91), (93, 127)) if is_json else ((0, 127),):
            if max(first, low) <= min(last, high):
                found.append((max(first, low), min(last, high), target))
    for lead, count, begin, size in ((0xC2, 30, 0x80, 64), (0xE0, 16, 0, 4096), (0xF0, 5, 0, 262144)):
        left = {64: 1, 4096: 2, 262144: 3}[size]
        least = {1: 0x80, 2: 0x800, 3: 0x10000}[left]
        usable = _without_surrogates(ranges, least)
        moved = tuple([(first - begin, last - begin, target) for first, last, target in usable])
        found += [(lead + a, lead + b, target) for a, b, target in _split(moved, size, count, left + 1)]
    if is_json and ranges:
        found.append((_BACKSLASH, _BACKSLASH, Escape(ranges)))
    return found


def _without_surrogates(ranges: Ranges, least: int) -> Ranges:
    found = []
    for first, last, target in ranges:
        for low, high in ((least, 0xD7FF), (max(least, 0xE000), 0x10FFFF)):
            if max(first, low) <= min(last, high):
                found.append((max(first, low), min(last, high), target))
    return tuple(found)


def _split(ranges: Ranges, size: int, count: int, left: int) -> list[tuple[int, int, int | Place]]:
    """Return where each of ``count`` blocks of ``size`` characters leads, equal neighbours joined."""
    blocks: dict[int, list[tuple[int, int, int]]] = {}
    for first, last, target in ranges:
        for block in range(max(first // size, 0), min(last // size, count - 1) + 1):
            begin = block * size
            piece = (max(first - begin, 0), min(last - begin, size - 1), target)
            blocks.setdefault(block, []).append(piece)
    found: list[tuple[int, int, int | Place]] = []
    for block in sorted(blocks):
        inner = tuple(blocks[block])
        leads: int | Place = inner[0][2] if size == 1 else Tail(left - 1, inner)
        if found and found[-1][1] == block - 1 and found[-1][2] == leads:
            found[-1] = (found[-1][0], block, leads)
        else:
            found.append((block, block, leads))
    return found


def _slice(ranges: tuple[Any, ...], begin: int, size: int) -> tuple[Any, ...]:
    """Return what a map says of ``size`` characters from ``begin`` on, counted from there."""
    end = begin + size - 1
    return tuple([
        (max(first, begin) - begin, min(last, end) - begin, target)
        for first, last, target in ranges
        if first <= end and last >= begin
    ])  # fmt: skip


def _units(ranges: Ranges) -> tuple[tuple[int, int, int | HighSurrogate], ...]:
    """Return the map of UTF-16 units that may follow backslash and ``u``: characters, or high surrogates."""
    found: list[tuple[int, int, int | HighSurrogate]] = []
    for first, last, target in ranges:
        for begin, end in ((0, 0xD7FF), (0xE000, 0xFFFF)):
            if max(first, begin) <= min(last, end):
                found.append((max(first, begin), min(last, end), target))
    for unit in range(1024):
        inner = _slice(ranges, 0x10000 + unit * 1024, 1024)
        if inner:
            high = HighSurrogate(0, inner)
            if found and found[-1][1] == 0xD800 + unit - 1 and found[-1][2] == high:
                found[-1] = (found[-1][0], 0xD800 + unit, high)
            else:
                found.append((0xD800 + unit, 0xD800 + unit, high))
    return tuple(sorted(found, key=lambda item: item[0]))
