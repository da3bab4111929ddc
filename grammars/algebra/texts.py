"""List the texts of a finite automaton."""

from __future__ import annotations

from collections.abc import Iterator

from fsm.dfa import Dfa, count_strings

__all__ = ["FEW", "is_few", "iterate_texts"]

FEW = 10_000
"""As many texts as are listed one by one."""


def is_few(dfa: Dfa) -> bool:
    """Tell whether at most ``FEW`` texts are accepted."""
    longest = 0 if dfa.start == 0 else dfa.longest(dfa.start)
    return longest is not None and longest <= FEW and count_strings(dfa, longest) <= FEW


def iterate_texts(dfa: Dfa) -> Iterator[str]:
    """Yield the accepted texts of a finite automaton, in order of code points."""
    waiting = [(dfa.start, "")] if dfa.start else []
    while waiting:
        state, text = waiting.pop()
        if dfa.is_accepting(state):
            yield text
        for first, last, target in reversed(dfa.edges(state)):
            waiting += [(target, text + chr(symbol)) for symbol in range(last, first - 1, -1)]
