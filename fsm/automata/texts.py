"""Tell texts from strings that no encoding can write."""

from __future__ import annotations

from functools import lru_cache

from fsm.automata.dfa import LAST_SYMBOL, Dfa
from fsm.automata.expression import repeat, symbols
from fsm.automata.expression_dfa import ExpressionDfa

__all__ = ["ALL_TEXTS"]


@lru_cache(maxsize=1)
def ALL_TEXTS() -> Dfa:  # noqa: N802 - a constant that is built on first use
    """Return the automaton of all texts: lone surrogates are symbols of automata, but of no text."""
    return ExpressionDfa(repeat(symbols(((0, 0xD7FF), (0xE000, LAST_SYMBOL))), 0, None))
