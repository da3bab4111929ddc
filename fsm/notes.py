"""Follow configurations to the NOTE states that what was just read leads to, and ask their owners what follows.

A grammar that must remember a text (the keys of an object, the items of a set) cannot do so in a finite table: where
such a text ends stands a NOTE state, and its owner makes the state that follows from the text.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fsm._text_kernels import find_kernel
from fsm.layout import (
    ARGUMENT,
    BYTE,
    CALL,
    CALLEE,
    COUNT,
    DEFAULT,
    EDGE,
    FORK,
    HIGH,
    KIND,
    LOW,
    NOTE,
    OWNER,
    POP,
    RETURN,
    STUB,
    UNBOUNDED,
    WS,
)
from fsm.network import Network, Noter

__all__ = ["must_note", "resolve_notes"]

Row = list[int]


def must_note(network: Network, configurations: NDArray[np.int64]) -> bool:
    """Tell whether some configuration has nothing left to read before a NOTE."""
    return any(_note_below(network, row) is not None for row in configurations.tolist())


def resolve_notes(network: Network, configurations: list[Row], text: bytes, byte: int | None) -> list[Row]:
    """Return the configurations with their NOTE states answered.

    byte : what comes next, where that decides whether a value has ended (numbers); None = only what has ended for sure.
    """
    found: list[Row] = []
    for row in configurations:
        found.extend(_resolve_one(network, row, text, byte))
    return found


def _note_below(network: Network, row: Row) -> Row | None:
    """Return the configuration in the NOTE state that ``row`` has reached, None where it has not."""
    state, stack, kind_of, stacks = row[0], row[1], network.states.item, network.stacks.item
    while kind_of(state, KIND) == POP and stack:
        state, stack = stacks(stack, 0), stacks(stack, 1)
    return [state, stack, 0, 0, UNBOUNDED] if kind_of(state, KIND) == NOTE else None


def _answer(network: Network, state: int, stack: int, text: bytes) -> list[Row]:
    number, argument = network.states.item(state, OWNER), network.states.item(state, ARGUMENT)
    owner = cast("Noter", network.owners[number])
    after, stack = network.arrive(owner.note(network, argument, text), stack)
    return [[after, stack, 0, 0, UNBOUNDED]] if after else []


def _resolve_one(network: Network, row: Row, text: bytes, byte: int | None) -> list[Row]:
    below = _note_below(network, row)
    if below is not None:
        return _answer(network, below[0], below[1], text)
    if byte is None:
        return [row]
    todo, found = [row], []
    while todo:
        here = todo.pop()
        state, stack = here[0], here[1]
        cells: Any = network.states[state].tolist()
        kind = cells[KIND]
        if kind == NOTE:
            found += _answer(network, state, stack, text)
        elif kind == STUB:
            network.expand(state)
            todo.append(here)
        elif kind == POP and stack:
            todo.append([*network.stacks[stack, :2].tolist(), 0, 0, UNBOUNDED])
        elif kind == CALL:
            if cells[RETURN]:
                stack = network.push(cells[RETURN], stack)
            todo.append([cells[CALLEE], stack, 0, cells[LOW], cells[HIGH]])
        elif kind == FORK:
            edges = network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT], 2].tolist()
            todo += [[target, *here[1:]] for target in edges]
        elif kind == BYTE and not _consumes(network, cells, byte):
            if cells[DEFAULT]:
                todo.append([cells[DEFAULT], stack, 0, 0, UNBOUNDED])
        else:
            found.append(here)
    return found


def _consumes(network: Network, cells: Row, byte: int) -> bool:
    is_space = cells[WS] != 0 and byte in (9, 10, 13, 32)
    return is_space or find_kernel(network.edges, cells[EDGE], cells[COUNT], byte) >= 0
