"""Let a value at the end of a text stop wherever it may, although what follows could go on with it.

Inside JSON a number takes every digit there is, which is right, because no digit can follow it. Where another grammar
follows, ``12`` may be a whole number and ``1`` with something after it: both ways are kept.
"""

from __future__ import annotations

from fsm.dfa_states import ByteStates
from fsm.layout import ARGUMENT, BYTE, COUNT, EDGE, FORK, KIND, OWNER, STATE_POP, STUB
from fsm.network import Network

__all__ = ["lay_open_value"]


class _OpenStates(ByteStates):
    """Lay an automaton over ASCII bytes that may return wherever it accepts."""

    __slots__ = ()

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write the bytes that go on, and beside them the way out."""
        edges = self.edges(network, argument)
        if not self.dfa.is_accepting(argument):
            network.write_byte(state, edges)
        else:
            network.write_fork(state, [network.add_byte(edges), STATE_POP] if edges else [STATE_POP])


def lay_open_value(network: Network, value: int) -> int:
    """Return a state that reads the value at ``value``, numbers with open ends."""
    if network.states[value, KIND] == STUB:
        network.expand(value)
    cells = network.states[value].tolist()
    edges = network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist()
    if cells[KIND] == FORK:
        return network.add_fork([lay_open_value(network, target) for _, _, target in edges])
    assert cells[KIND] == BYTE
    owners: dict[ByteStates, _OpenStates] = {}
    return network.add_byte([(first, last, _open(network, owners, target)) for first, last, target in edges])


def _open(network: Network, owners: dict[ByteStates, _OpenStates], target: int) -> int:
    row = network.states[target]
    origin = (int(row[OWNER]), int(row[ARGUMENT])) if row[KIND] == STUB else network.origins.get(target)
    owner = None if origin is None else network.owners[origin[0]]
    if origin is None or not isinstance(owner, ByteStates):
        return target
    opened = owners.get(owner)
    if opened is None:
        opened = owners[owner] = _OpenStates(network, owner.dfa)
    return opened.state(network, origin[1])
