r"""Find the text that a grammar leaves no choice about.

Input: a position. Output: the bytes that come next whatever is chosen. A character of a JSON string may be written in
several ways (``n``, ``\u006e``); they are one choice, and the plain way is the one returned. Cost: a few microseconds
per byte when a position is first asked about, then a look-up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fsm.compiled import Compiled
from fsm.position import REJECTED, Position

__all__ = ["ForcedRuns"]

MOST_BYTES = 512
_MOST_POSITIONS = 4096

_QUOTE, _BACKSLASH = 0x22, 0x5C
# Characters that JSON also writes as a backslash and themselves; those it must escape are never a plain byte.
_SHORT_ESCAPES = {0x2F: b"/"}


class ForcedRuns:
    """Remember the forced text after each position of one compiled grammar, which owns it.

    Examples
    --------
    >>> from fsm import Vocabulary
    >>> from grammars import regex
    >>> compiled = regex("abc(d|e)").compile(Vocabulary([b"a", b"b", b"c", b"d", b"e"]))
    >>> ForcedRuns(compiled).after(compiled.start, bytes)
    b'abc'
    """

    __slots__ = ("_compiled", "_runs")

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._runs: dict[Position, bytes] = {}

    def after(self, position: Position, text: Callable[[], bytes]) -> bytes:
        """Return the bytes that must follow a position.

        text : returns the bytes read so far; asked only where a grammar must note what was read.
        """
        run = self._runs.get(position)
        if run is None:
            run = self._find(position, text)
            if len(self._runs) >= _MOST_POSITIONS:
                self._runs.clear()
            if not self._compiled.network.has_notes:
                self._runs[position] = run
        return run

    def _find(self, position: Position, text: Callable[[], bytes]) -> bytes:
        run = bytearray()
        while len(run) < MOST_BYTES and not self._compiled.is_accepting(position):
            byte = self._only_byte(position, lambda: text() + bytes(run))
            if byte is None:
                break
            position = self._step(position, bytes([byte]), lambda: text() + bytes(run))
            run.append(byte)
        return bytes(run)

    def _only_byte(self, position: Position, text: Callable[[], bytes]) -> int | None:
        """Return the one byte that may come next, other spellings of the same character aside."""
        allowed = self._next(position)
        if len(allowed) == 1:
            return next(iter(allowed))
        if len(allowed) != 2 or _BACKSLASH not in allowed:
            return None
        (plain,) = allowed - {_BACKSLASH}
        if plain == _QUOTE:
            return None
        character = self._character(position, plain, text)
        return plain if character is not None and self._escapes_only(position, character, text) else None

    def _character(self, position: Position, first: int, text: Callable[[], bytes]) -> int | None:
        """Return the one character that starts with this byte; None when there are several."""
        spelled = bytes([first])
        num_more = 0 if first < 0x80 else 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        for _ in range(num_more):
            allowed = self._next(self._step(position, spelled, text))
            if len(allowed) != 1:
                return None
            spelled += bytes(allowed)
        return ord(spelled.decode("utf-8"))

    def _escapes_only(self, position: Position, character: int, text: Callable[[], bytes]) -> bool:
        """Tell whether every escape that may come next is a way to write this character."""
        if character > 0xFFFF:
            return False
        after = self._step(position, b"\\", text)
        if self._next(after) != {0x75, *_SHORT_ESCAPES.get(character, b"")}:
            return False
        spelled = b"\\u"
        for digit in f"{character:04x}":
            if self._next(self._step(position, spelled, text)) != {ord(digit), ord(digit.upper())}:
                return False
            spelled += digit.encode()
        return True

    def _next(self, position: Position) -> set[int]:
        return set(np.flatnonzero(self._compiled.next_bytes(position)).tolist())

    def _step(self, position: Position, data: bytes, text: Callable[[], bytes]) -> Position:
        after = self._compiled.advance_bytes(position, data, text)
        assert after is not REJECTED
        return after
