"""Lay what all objects share: the rows around a colon, and names without those that are taken.

Cost: one row per key; an automaton of the names left, shared by all places with the same ones taken.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fsm.automata.dfa import Dfa
from fsm.dfa import difference, literals
from fsm.layout import BYTE, EDGE, UNBOUNDED

if TYPE_CHECKING:
    from grammars.json_schema.states import ValueStates

__all__ = ["add_colons", "without_names", "write_value"]


def add_colons(values: ValueStates, first: int, count: int) -> int:
    """Add the rows after keys, which read the colon and lead to consecutive stubs; return the first.

    They are rows and no stubs, because many tokens end with the colon and few go on.
    """
    network, lead = values.network, values.spaces.colon[0]
    row, edge = network.reserve_states(count), network.reserve_edges(count)
    network.states[row : row + count] = (BYTE, 0, 1, 0, values.prelude.space, 0, UNBOUNDED, 0)
    network.states[row : row + count, EDGE] = np.arange(edge, edge + count)
    network.edges[edge : edge + count, :2] = lead
    network.edges[edge : edge + count, 2] = np.arange(first, first + count)
    return row


def write_value(values: ValueStates, state: int, value: int) -> None:
    """Write the row after a colon's first byte: the rest of it, white space, and a state that reads the value."""
    network, space = values.network, values.prelude.space
    rest = values.spaces.colon[1:]
    if rest:
        if space:
            value = network.add_byte([], default=value, space=space)
        network.write_byte(state, [(rest[0], rest[0], network.add_text(rest[1:], value))])
    else:
        network.write_byte(state, [], default=value, space=space)


@lru_cache(maxsize=1024)
def without_names(dfa: Dfa, names: frozenset[str]) -> Dfa:
    """Return the names that are left; one automaton for all places, so that its masks are shared."""
    taken = sorted(name for name in names if dfa.accepts(name))
    return difference(dfa, literals(taken)) if taken else dfa
