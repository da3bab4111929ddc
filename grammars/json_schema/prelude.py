"""Build once what every JSON network begins with: white space, literals, free strings, the first digits of numbers.

Every state is expanded to the end, but for those of numbers, whose owners each network copies: networks copied from the
template must share nothing that grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fsm.dfa import any_string
from fsm.dfa_states import ByteStates, CharStates
from fsm.layout import KIND, SHORTEST, STATE_DEAD, STATE_POP, STUB, UNBOUNDED
from fsm.network import Edge, Network
from grammars.json_schema.numbers import NumberConstraint, NumberSpelling, number_dfa
from grammars.json_schema.spaces import Spaces

__all__ = ["Prelude", "lay_prelude", "lay_tail", "make_prelude"]

# How many digits and marks of a number are laid for all networks, by what the number must be.
_COMMON = {NumberConstraint.integer(): 2, NumberConstraint(): 3}
_TYPES = {NumberConstraint.integer(): "integer", NumberConstraint(): "number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prelude:
    """Hold the states every JSON network shares; ``template`` is copied into each.

    space : where one character of white space was read (0: none may stand).
    free : inside a string without rules; counted : the same, where counters run.
    null, true, false : after the first byte of the literal.
    plain : where a value of a type begins of which nothing else is asked, by the type's name; not of every type.
    numbers : the first edges of the numbers that many schemas ask for.
    """

    template: Network
    space: int
    free: int
    counted: int
    null: int
    true: int
    false: int
    plain: Mapping[str, int]
    numbers: Mapping[NumberConstraint, tuple[Edge, ...]]


@lru_cache(maxsize=16)
def make_prelude(spaces: Spaces, spelling: NumberSpelling) -> Prelude:
    """Return the shared states for a white space policy, of grammars that stand alone."""
    return lay_prelude(Network(), spaces, spelling)


def lay_prelude(network: Network, spaces: Spaces, spelling: NumberSpelling | None = None) -> Prelude:
    """Lay the states a JSON text needs into a network that may hold others already.

    spelling : how the numbers that many schemas ask for are written; None lays none.
    """
    free = CharStates(network, any_string())
    counted = CharStates(network, any_string(), counted=True)
    states = [free.start(network), counted.start(network)]
    for state in states:
        network.expand(state)
    null, true, false = (network.add_text(text, STATE_POP) for text in (b"ull", b"rue", b"alse"))
    numbers = {} if spelling is None else _lay_numbers(network, spelling)
    kinds = {_TYPES[constraint]: edges for constraint, edges in numbers.items()}
    return Prelude(
        template=network,
        space=_lay_spaces(network, spaces.most),
        free=states[0],
        counted=states[1],
        null=null,
        true=true,
        false=false,
        plain={
            "string": network.add_byte([(ord('"'), ord('"'), states[0])]),
            "boolean": network.add_byte([(ord("f"), ord("f"), false), (ord("t"), ord("t"), true)]),
            "null": network.add_byte([(ord("n"), ord("n"), null)]),
            **{kind: network.add_byte(edges) for kind, edges in kinds.items()},
        },
        numbers=numbers,
    )


def _lay_numbers(network: Network, spelling: NumberSpelling) -> dict[NumberConstraint, tuple[Edge, ...]]:
    """Lay the beginnings of common numbers; return their first edges."""
    found = {}
    for constraint, depth in _COMMON.items():
        owner = ByteStates(network, number_dfa(constraint, spelling), is_common=True)
        found[constraint] = tuple(owner.edges_of_start(network))
        for _ in range(depth):
            for state in list(owner.states.values()):
                if network.states[state, KIND] == STUB:
                    network.expand(state)
    return found


def lay_tail(network: Network, most: int | None) -> int:
    """Lay white space of which each character may also be left to what follows; return the first state."""
    if most == 0:
        return STATE_POP
    last = network.reserve_states(1)
    if most is None:
        network.write_fork(last, [STATE_POP, network.add_byte(_space_edges(last))])
        return last
    network.write_fork(last, [STATE_POP])
    for _ in range(most):
        last = network.add_fork([STATE_POP, network.add_byte(_space_edges(last))])
    return last


def _lay_spaces(network: Network, most: int | None) -> int:
    """Lay states that count white space; each returns where something else comes."""
    if most == 0:
        return 0
    if most is None:
        state = network.reserve_states(1)
        network.write_byte(state, _space_edges(state), default=STATE_POP)
        network.states[state, SHORTEST] = UNBOUNDED + 1
        return state
    first = network.reserve_states(most)
    for i in range(most - 1):
        network.write_byte(first + i, _space_edges(first + i + 1), default=STATE_POP)
    # After the last one white space leads nowhere; anything else returns.
    network.write_byte(first + most - 1, _space_edges(STATE_DEAD), default=STATE_POP)
    network.states[first : first + most, SHORTEST] = np.arange(most, 0, -1)
    return first


def _space_edges(target: int) -> list[Edge]:
    return [(9, 10, target), (13, 13, target), (32, 32, target)]
