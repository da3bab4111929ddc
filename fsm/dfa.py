"""Import deterministic automata and their algebra from one place; ``fsm/automata`` holds the parts."""

from __future__ import annotations

from fsm.automata.dfa import DEAD, LAST_SYMBOL, Dfa, Edge, Lengths, make_key

__all__ = ["DEAD", "LAST_SYMBOL", "Dfa", "Edge", "Lengths", "make_key"]
