"""Lay all states of a small automaton into a network at once, as rows that were written before for another one.

Dates, addresses and identifiers are small automata that many schemas have, and a mask looks several characters ahead.
Cost: two copies, where expanding takes some 10 µs a state.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import Dfa
from fsm.automata.kept import keep_automata
from fsm.dfa_states import CharStates
from fsm.layout import EDGE, STATE_FINAL
from fsm.network import Network

__all__ = ["LaidStates"]

_FIRST = STATE_FINAL + 1
_TARGET = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Hold the rows of all states of one automaton, as they are in a network without anything else.

    states : int64[S, 8], edges : int64[E, 3]
    arguments : the automaton state of each; heavy : those that deserve a summary
    """

    states: NDArray[np.int64]
    edges: NDArray[np.int64]
    arguments: tuple[int, ...]
    heavy: tuple[int, ...]


@keep_automata(64)
def _rows_of(dfa: Dfa) -> _Rows:
    network = Network()
    owner = CharStates(network, dfa)
    owner.start(network)
    state = _FIRST
    while state < network.num_states:  # expanding adds others behind it
        network.expand(state)
        state += 1
    return _Rows(
        states=network.states[_FIRST : network.num_states].copy(),
        edges=network.edges[: network.num_edges].copy(),
        arguments=tuple(owner.states),
        heavy=tuple(argument for _, argument in network.heavy.values()),
    )


class LaidStates(CharStates):
    """Lay an automaton over the characters of a JSON string, every state of it.

    Parameters
    ----------
    dfa : few states; all of them are visited when it is first laid.
    """

    __slots__ = ()

    def __init__(self, network: Network, dfa: Dfa) -> None:
        super().__init__(network, dfa)
        rows = _rows_of(dfa)
        first, edge = network.reserve_states(len(rows.states)), network.reserve_edges(len(rows.edges))
        states, edges = network.states[first : network.num_states], network.edges[edge : network.num_edges]
        states[:], edges[:] = rows.states, rows.edges
        states[:, EDGE] += edge
        edges[:, _TARGET] += first - _FIRST
        numbers = range(first, network.num_states)
        self.states = dict(zip(rows.arguments, numbers, strict=True))
        network.origins.update(zip(numbers, zip(repeat(self.number), rows.arguments), strict=True))
        network.heavy.update((self.states[argument], (self, argument)) for argument in rows.heavy)
