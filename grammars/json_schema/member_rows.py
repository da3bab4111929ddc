"""Lay what all objects share: the rows around a colon, and names without those that are taken.

Cost: one row per key; an automaton of the names left, shared by all places with the same ones taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import Dfa
from fsm.automata.kept import keep_automata
from fsm.dfa import difference, literals
from grammars.json_schema._kernels import lay_closes_kernel

if TYPE_CHECKING:
    from grammars.json_schema.states import ValueStates

__all__ = ["NEVER_SET", "add_closes", "without_names", "write_value"]

# The bit of a name without a bit of its own, which is never set: such a name is offered until it is among the extras.
NEVER_SET = 1 << 62
_NO_BITS = np.zeros(0, np.int64)


def add_closes(
    values: ValueStates,
    count: int,
    *,
    owner: int,
    argument: int,
    bits: NDArray[np.int64] = _NO_BITS,
    kinds: NDArray[np.int64] = _NO_BITS,
) -> int:
    """Add the rows after keys, which read the colon and lead to stubs with consecutive arguments; return the first.

    They are rows and no stubs, because many tokens end with the colon and few go on.

    Parameters
    ----------
    count : the number of colons, each with a row and a stub; the rows are consecutive.
    owner, argument : of the first stub.
    bits : int64[keys]  the bit on the stack that each key sets, once; these rows come first. int64[0]: there are none.
    kinds : int64[keys]  the number of the colon behind each key that sets a bit.
    """
    network = values.network
    row, edge = network.reserve_states(len(bits) + 2 * count), network.reserve_edges(count)
    lead, space = values.spaces.colon[0], values.prelude.space
    lay_closes_kernel(
        network.states, network.edges, row, edge, count, bits, kinds, NEVER_SET, owner, argument, lead, space
    )
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


@keep_automata(1024)
def without_names(dfa: Dfa, names: frozenset[str]) -> Dfa:
    """Return the names that are left; one automaton for all places, so that its masks are shared."""
    taken = sorted(name for name in names if dfa.accepts(name))
    return difference(dfa, literals(taken)) if taken else dfa
