"""List the texts of a finite automaton, and tell texts from strings that no encoding can write."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from fsm.automata.expression import repeat, symbols
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.dfa import LAST_SYMBOL, Dfa, count_strings

__all__ = ["ALL_TEXTS", "FEW", "is_few", "iterate_texts"]

FEW = 10_000
"""As many texts as are listed one by one."""


@lru_cache(maxsize=1)
def ALL_TEXTS() -> Dfa:  # noqa: N802 - a constant that is built on first use
    """Return the automaton of all texts: lone surrogates are symbols of automata, but of no text."""
    return ExpressionDfa(repeat(symbols(((0, 0xD7FF), (0xE000, LAST_SYMBOL))), 0, None))


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
