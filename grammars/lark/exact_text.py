"""Recognise one text, as strings in Lark grammars ask for: it ends where it ends, whatever follows."""

from __future__ import annotations

from fsm.automata.dfa import Edge
from grammars.context_free.symbols import Debt, Futures
from grammars.lark.program import width

__all__ = ["ExactText"]


class ExactText:
    """Be the automaton of a string: state n is before its n-th character, the last state after all of them.

    Parameters
    ----------
    text : not empty.

    Examples
    --------
    >>> automaton = ExactText("ab")
    >>> automaton.edges(automaton.start), automaton.is_accepting(3), automaton.shortest_bytes(2)
    (((97, 97, 2),), True, 1)
    """

    __slots__ = ("_text", "is_plain", "looks", "start")

    def __init__(self, text: str) -> None:
        self._text = text
        self.is_plain, self.looks = True, False
        self.start = 1

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return the one edge, none at the end."""
        if not 0 < state <= len(self._text):
            return ()
        code = ord(self._text[state - 1])
        return ((code, code, state + 1),)

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text ends in ``state``."""
        return state == len(self._text) + 1

    def futures(self, state: int) -> Futures | None:
        """Return nothing: anything may follow."""
        return None

    def shortest_bytes(self, state: int) -> int:
        """Return the bytes from ``state`` to the end."""
        return sum([width(ord(letter)) for letter in self._text[state - 1 :]])

    def debt(self, state: int) -> Debt | None:
        """Return nothing: anything may follow."""
        return None
