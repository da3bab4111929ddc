"""Follow a text whose first bytes were read before: matchers that begin inside a grammar."""

from __future__ import annotations

from fsm.compiled import Compiled
from fsm.errors import GrammarError
from fsm.matcher import Matcher
from fsm.position import REJECTED, Position

__all__ = ["Continued", "ContinuedMatcher"]


class Continued:
    """Be a compiled grammar of which some bytes were read already.

    Parameters
    ----------
    compiled : the grammar.
    head : the bytes.

    Raises
    ------
    GrammarError : no text of the grammar begins so.

    Examples
    --------
    >>> from fsm import Vocabulary
    >>> from grammars import regex
    >>> compiled = regex("abc").compile(Vocabulary([b"a", b"b", b"c"]))
    >>> Continued(compiled, b"ab").matcher().forced_bytes()
    b'c'
    """

    def __init__(self, compiled: Compiled, head: bytes) -> None:
        self.compiled = compiled
        self.head = head
        start = compiled.advance_bytes(compiled.start, head, bytes) if head else compiled.start
        if start is REJECTED:
            raise GrammarError(f"no text of the grammar begins with {head!r}")
        self._start = start

    def matcher(self) -> ContinuedMatcher:
        """Return a matcher after the head."""
        return ContinuedMatcher(self.compiled, self.head, self._start)


class ContinuedMatcher(Matcher):
    """Follow one text from behind its head; ``text`` is all of it, head included."""

    __slots__ = ("_begin", "_head")

    def __init__(self, compiled: Compiled, head: bytes, begin: Position) -> None:
        super().__init__(compiled)
        self._head = head
        self._begin = begin
        self.reset()

    def text(self) -> bytes:
        """Join the head and the bytes of the tokens read."""
        return self._head + super().text()

    def reset(self) -> None:
        """Return to where the head ends."""
        super().reset()
        self._position = self._begin
        self._path = [self._begin]

    def fork(self) -> ContinuedMatcher:
        """Return an independent matcher at the same place."""
        twin = ContinuedMatcher(self._compiled, self._head, self._begin)
        for name in Matcher.__slots__:
            value = getattr(self, name)
            setattr(twin, name, value.copy() if isinstance(value, list) else value)
        return twin
