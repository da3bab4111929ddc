"""Put a fixed text before an automaton."""

from __future__ import annotations

from fsm.automata.dfa import Dfa, Edge, Lengths, make_key

__all__ = ["PrefixedDfa"]


class PrefixedDfa(Dfa):
    """Recognise a fixed text and then what an automaton accepts from one of its states.

    Parameters
    ----------
    text : what comes first, not empty.
    rest : the automaton of what follows.
    begin : the state in which it follows.

    Examples
    --------
    >>> from fsm.dfa import literals
    >>> rest = literals(["b"])
    >>> PrefixedDfa("a", rest, rest.start).accepts("ab")
    True
    """

    def __init__(self, text: str, rest: Dfa, begin: int) -> None:
        self.key = make_key("prefixed")
        self.start = 1
        self._text = text
        self._rest = rest
        self._begin = begin

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        return state > len(self._text) and self._rest.is_accepting(self._inner(state))

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to live states."""
        size = len(self._text)
        if state <= size:
            code = ord(self._text[state - 1])
            return ((code, code, state + 1 if state < size else self._outer(self._begin)),)
        return tuple(
            [(first, last, self._outer(target)) for first, last, target in self._rest.edges(self._inner(state))]
        )

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        left = max(len(self._text) + 1 - state, 0)
        return left + self._rest.shortest(self._begin if left else self._inner(state))

    def longest(self, state: int) -> int | None:
        """Return the most symbols from ``state`` to acceptance, None when there is no bound."""
        left = max(len(self._text) + 1 - state, 0)
        longest = self._rest.longest(self._begin if left else self._inner(state))
        return None if longest is None else left + longest

    def lengths(self, state: int) -> Lengths:
        """Return what is known without a search about the lengths accepted from ``state``."""
        left = max(len(self._text) + 1 - state, 0)
        found = self._rest.lengths(self._begin if left else self._inner(state))
        longest = None if found.longest is None else found.longest + left
        return Lengths(found.shortest + left, longest, found.is_gapless)

    def _inner(self, state: int) -> int:
        return state - len(self._text)

    def _outer(self, state: int) -> int:
        return state + len(self._text)
