"""Concatenate and repeat automata lazily: each state becomes an expression that is written when a text gets there."""

from __future__ import annotations

from fsm.automata.dfa import DEAD, Dfa
from fsm.automata.expression import (
    ANY_TEXT,
    EMPTY,
    NOTHING,
    Deferred,
    Expression,
    choice,
    repeat,
    sequence,
    symbols,
)
from fsm.automata.expression_dfa import ExpressionDfa

__all__ = ["concatenate", "repetition", "write_expression"]


def concatenate(*dfas: Dfa) -> Dfa:
    """Return the automaton of a text of each, one after the other; of the empty text when there is none.

    Examples
    --------
    >>> from fsm.dfa import literals
    >>> concatenate(literals(["a", "ab"]), literals(["bc"])).accepts("abbc")
    True
    """
    return ExpressionDfa(sequence([write_expression(dfa) for dfa in dfas]))


def repetition(dfa: Dfa, least: int, most: int | None) -> Dfa:
    """Return the automaton of ``least`` to ``most`` texts one after the other; ``most`` None = no bound.

    Examples
    --------
    >>> from fsm.dfa import literals
    >>> repetition(literals(["a", "bc"]), 2, 3).accepts("abc")
    True
    """
    return ExpressionDfa(repeat(write_expression(dfa), least, most))


def write_expression(dfa: Dfa) -> Expression:
    """Return an automaton as a plain expression: its own, or each state written when a text gets there.

    Examples
    --------
    >>> from fsm.dfa import literals
    >>> write_expression(literals(["a", "bc"])).longest
    2
    """
    return dfa.expression if isinstance(dfa, ExpressionDfa) else _Writer(dfa).expression(dfa.start)


class _Writer:
    """Write the states of one automaton as expressions, each once."""

    def __init__(self, dfa: Dfa) -> None:
        self._dfa = dfa
        self._known: dict[int, Expression] = {DEAD: NOTHING}

    def expression(self, state: int) -> Expression:
        """Return what is accepted from a state."""
        known = self._known.get(state)
        if known is None:
            known = self._known[state] = self._write(state)
        return known

    def _write(self, state: int) -> Expression:
        dfa = self._dfa
        known = dfa.lengths(state)
        if known.is_every and known.is_gapless and known.shortest == 0 and known.longest is None:
            return ANY_TEXT
        if not dfa.is_accepting(state):
            return Deferred(lambda: self._after(state), dfa.shortest(state), dfa.longest(state))
        if not dfa.edges(state):
            return EMPTY
        shortest = 1 + min(dfa.shortest(target) for _, _, target in dfa.edges(state))
        return choice([EMPTY, Deferred(lambda: self._after(state), shortest, dfa.longest(state))])

    def _after(self, state: int) -> Expression:
        targets: dict[int, list[tuple[int, int]]] = {}
        for first, last, target in self._dfa.edges(state):
            targets.setdefault(target, []).append((first, last))
        return choice([sequence([symbols(tuple(r)), self.expression(t)]) for t, r in targets.items()])
