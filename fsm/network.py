"""Hold a recursive transition network in growable integer tables, expanded where a text gets to.

Input: owners (front ends) that know how to expand their stubs. Output: the tables the kernels walk (``fsm.layout``).
Cost: adding a state is one row; nothing is visited that no text reached.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fsm._network_kernels import find_stacks_kernel, name_tables_kernel
from fsm._stack_kernels import arrive_kernel, push_kernel
from fsm.codes import NUM_REGISTERS, R_STACK, R_STACKS, R_WATCHED, SLACK
from fsm.errors import LimitError
from fsm.layout import (
    ARGUMENT,
    BYTE,
    CALL,
    CALLEE,
    CHAR,
    DEFAULT,
    FINAL,
    FORK,
    KIND,
    NOTE,
    NUM_COLUMNS,
    OWNER,
    POP,
    RAW,
    SEEN,
    STUB,
    UNBOUNDED,
)

__all__ = ["Edge", "Network", "Noter", "StubOwner"]

Edge = tuple[int, int, int]

MANY_STACKS = 4096
_MOST_BEHIND = 8
_STATE_BYTES, _EDGE_BYTES = 8 * NUM_COLUMNS, 24
# PERF: packing a row takes 0.13 us, assigning a tuple to it 0.53 us (one core; timeit over both).
_put_state: Callable[..., None] = struct.Struct(f"{NUM_COLUMNS}q").pack_into
_put_edge: Callable[..., None] = struct.Struct("3q").pack_into


class StubOwner(Protocol):
    """Expand stubs: write the real row of ``state``, which stands for the owner's ``argument``."""

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Overwrite the stub at ``state``."""

    def shortest(self, argument: int) -> int:
        """Return the fewest bytes from the stub until it returns; ``fsm.distance.FAR`` where it cannot."""


class Noter(Protocol):
    """Decide what follows from what was read: own NOTE states."""

    def note(self, network: Network, argument: int, text: bytes) -> int:
        """Return the state to continue at, now that ``text`` was read up to here; 0 rejects it."""


class Network:
    """Hold states, edges and stacks; owned by one compiled grammar.

    states : int64[capacity, 8]   one row per state, columns by kind (``fsm.layout``)
    edges  : int64[capacity, 3]   first symbol, last symbol, target; sorted within a state
    stacks : int64[capacity, 4]   return state, parent, bits (SEEN states), depth; 0 = empty; equal stacks are equal
    table  : int64[4 * capacity]  hash table over stacks
    origins : what each expanded stub stood for: owner, argument
    numerals : states inside numbers that many grammars have: (key of the automaton, automaton state)
    heavy  : character states that deserve a summary: (their ``CharStates``, automaton state)

    Parameters
    ----------
    max_states : the most states that may be expanded before ``LimitError``.
    """

    __slots__ = (
        "_addresses",
        "edges",
        "has_notes",
        "heavy",
        "max_states",
        "num_edges",
        "num_states",
        "numerals",
        "origins",
        "owners",
        "regs",
        "stacks",
        "states",
        "table",
    )

    states: NDArray[np.int64]
    edges: NDArray[np.int64]
    stacks: NDArray[np.int64]
    table: NDArray[np.int64]
    regs: NDArray[np.int64]

    def __init__(self, *, max_states: int = 4_000_000, template: Network | None = None) -> None:
        self.max_states = max_states
        self.has_notes = False
        self.owners: list[StubOwner] = []
        self.heavy: dict[int, tuple[Any, int]] = {}
        self.numerals: dict[int, tuple[Hashable, int]] = {}
        self.origins: dict[int, tuple[int, int]] = {}
        self.regs = np.zeros(NUM_REGISTERS, np.int64)
        self.regs[R_STACKS] = 1
        self.stacks = np.empty((64, 4), np.int64)
        self.stacks[0] = 0
        self.table = np.zeros(256, np.int64)
        self._addresses: NDArray[np.int64] | None = None
        if template is None:
            self.states = np.zeros((256, NUM_COLUMNS), np.int64)
            self.edges = np.zeros((256, 3), np.int64)
            self.states[1, 0] = POP
            self.states[2, 0] = FINAL
            self.num_states, self.num_edges = 3, 0
        else:
            self.num_states, self.num_edges = template.num_states, template.num_edges
            self.owners = [owner.copied() if hasattr(owner, "copied") else owner for owner in template.owners]
            self.numerals = template.numerals.copy()
            self.origins = template.origins.copy()
            self.heavy = template.heavy.copy()
            self.states = np.empty((self.num_states + 512, NUM_COLUMNS), np.int64)
            self.states[: self.num_states] = template.states[: self.num_states]
            self.edges = np.empty((self.num_edges + 512, 3), np.int64)
            self.edges[: self.num_edges] = template.edges[: self.num_edges]

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of all tables."""
        return self.states.nbytes + self.edges.nbytes + self.stacks.nbytes + self.table.nbytes

    @property
    def addresses(self) -> NDArray[np.int64]:
        """Name the tables for kernels (``fsm.addresses``); good until a table grows."""
        addresses = self._addresses
        if addresses is None:
            addresses = np.empty(10, np.int64)
            name_tables_kernel(self.states, self.edges, self.stacks, self.table, self.regs, addresses)
            self._addresses = addresses  # last, so that an interruption leaves no names that were not written
        return addresses

    def release(self) -> None:
        """Let go of the owners, which hold the network in turn; nothing can be expanded any more."""
        for owner in self.owners:
            close = getattr(owner, "release", None)
            if close is not None:
                close()
        self.owners.clear()
        self.heavy.clear()

    def reserve_states(self, count: int) -> int:
        """Take ``count`` consecutive state numbers, rows not yet written; return the first."""
        first = self.num_states
        self.num_states = first + count
        if self.num_states > len(self.states):
            if self.num_states > self.max_states:
                raise LimitError(
                    f"network: more than {self.max_states} states are needed; "
                    "simplify the grammar or raise max_states where it is compiled"
                )
            self.states = _grown(self.states, self.num_states)
            self._addresses = None
        return first

    def reserve_edges(self, count: int) -> int:
        """Take ``count`` consecutive edge rows; return the first."""
        first = self.num_edges
        self.num_edges = first + count
        if self.num_edges > len(self.edges):
            self.edges = _grown(self.edges, self.num_edges)
            self._addresses = None
        return first

    def add_edges(self, edges: Sequence[Edge]) -> int:
        """Append sorted edges; return where they begin."""
        if not edges:
            return 0
        first = self.reserve_edges(len(edges))
        place = first * _EDGE_BYTES
        for edge in edges:
            _put_edge(self.edges, place, *edge)
            place += _EDGE_BYTES
        return first

    def add_owner(self, owner: StubOwner) -> int:
        """Register an owner of stubs; return its number."""
        self.owners.append(owner)
        return len(self.owners) - 1

    def add_stub(self, owner: int, argument: int) -> int:
        """Add one stub."""
        state = self.reserve_states(1)
        _put_state(self.states, state * _STATE_BYTES, STUB, owner, argument, 0, 0, 0, UNBOUNDED, 0)
        return state

    def add_stubs(self, owner: int, first_argument: int, count: int) -> int:
        """Add stubs with consecutive arguments; return the first."""
        state = self.reserve_states(count)
        rows = self.states[state : state + count]
        rows[:] = (STUB, owner, 0, 0, 0, 0, UNBOUNDED, 0)
        rows[:, 2] = np.arange(first_argument, first_argument + count)
        return state

    def expand(self, state: int) -> None:
        """Replace a stub by the row its owner makes for it."""
        owner, argument = self.states.item(state, OWNER), self.states.item(state, ARGUMENT)
        self.origins[state] = (owner, argument)
        self.owners[owner].expand(self, state, argument)

    def stub_behind(self, state: int) -> int:
        """Return the stub that a state leads to without consuming anything, by calls and defaults; 0 if to none."""
        item = self.states.item
        for _ in range(_MOST_BEHIND):
            kind = item(state, KIND)
            if kind == CALL:
                state = item(state, CALLEE)
            elif kind == BYTE:
                state = item(state, DEFAULT)
            else:
                return state if kind == STUB else 0
        return 0

    def write_byte(self, state: int, edges: Sequence[Edge], *, default: int = 0, space: int = 0, base: int = 0) -> None:
        """Write a state that consumes one byte."""
        first = self.add_edges(edges)
        _put_state(self.states, state * _STATE_BYTES, BYTE, first, len(edges), default, space, 0, UNBOUNDED, base)

    def write_char(
        self,
        state: int,
        edges: Sequence[Edge],
        *,
        default: int = 0,
        close: int = 0,
        shortest: int = 0,
        longest: int = UNBOUNDED,
        base: int = 0,
    ) -> None:
        """Write a state that consumes one character of a JSON string."""
        first = self.add_edges(edges)
        _put_state(self.states, state * _STATE_BYTES, CHAR, first, len(edges), default, close, shortest, longest, base)

    def write_raw(self, state: int, edges: Sequence[Edge], *, close: int = 0) -> None:
        """Write a state that consumes one UTF-8 character, or continues at ``close`` without consuming."""
        first = self.add_edges(edges)
        _put_state(self.states, state * _STATE_BYTES, RAW, first, len(edges), 0, close, 0, UNBOUNDED, 0)

    def write_call(self, state: int, callee: int, ret: int, *, low: int = 0, high: int = UNBOUNDED) -> None:
        """Write a state that calls ``callee`` and continues at ``ret`` (0: it does not come back here)."""
        _put_state(self.states, state * _STATE_BYTES, CALL, callee, ret, 0, 0, low, high, 0)

    def add_seen(self, target: int, *, needs: int = 0, left: int = 0, adds: int = 0) -> int:
        """Add a state that goes on where the bits of the stack's top allow it, and sets more of them."""
        state = self.reserve_states(1)
        _put_state(self.states, state * _STATE_BYTES, SEEN, needs, left, target, adds, 0, UNBOUNDED, 0)
        return state

    def add_note(self, owner: int, argument: int, pending: int, *, watched: int = 0) -> int:
        """Add a state that asks its owner what follows; where nothing was read, ``pending`` does.

        watched : bits of the stack's top that tell what the owner may say.
        """
        state = self.reserve_states(1)
        _put_state(self.states, state * _STATE_BYTES, NOTE, owner, argument, pending, watched, 0, UNBOUNDED, 0)
        self.has_notes = True
        self.regs[R_WATCHED] |= watched != 0
        return state

    def write_fork(self, state: int, targets: Sequence[int]) -> None:
        """Write a state that continues at every target side by side."""
        first = self.add_edges([(0, 0, target) for target in targets])
        _put_state(self.states, state * _STATE_BYTES, FORK, first, len(targets), 0, 0, 0, UNBOUNDED, 0)

    def add_call(self, callee: int, ret: int, *, low: int = 0, high: int = UNBOUNDED) -> int:
        """Add a state that calls."""
        state = self.reserve_states(1)
        _put_state(self.states, state * _STATE_BYTES, CALL, callee, ret, 0, 0, low, high, 0)
        return state

    def add_byte(self, edges: Sequence[Edge], *, default: int = 0, space: int = 0) -> int:
        """Add a state that consumes one byte."""
        state = self.reserve_states(1)
        self.write_byte(state, edges, default=default, space=space)
        return state

    def add_fork(self, targets: Sequence[int]) -> int:
        """Add a state that continues at every target; one target is itself, none is dead."""
        if len(targets) < 2:
            return targets[0] if targets else 0
        state = self.reserve_states(1)
        self.write_fork(state, targets)
        return state

    def add_text(self, text: bytes, target: int) -> int:
        """Add a chain of states that consumes exactly these bytes; return its first state."""
        count = len(text)
        if count == 0:
            return target
        first = self.reserve_states(count)
        edge = self.reserve_edges(count)
        rows = self.states[first : first + count]
        rows[:] = (BYTE, 0, 1, 0, 0, 0, UNBOUNDED, 0)
        rows[:, 1] = np.arange(edge, edge + count)
        links = self.edges[edge : edge + count]
        links[:, 0] = links[:, 1] = np.frombuffer(text, np.uint8)
        links[:, 2] = np.arange(first + 1, first + count + 1)
        links[-1, 2] = target
        return first

    @property
    def is_stack_full(self) -> bool:
        """Tell whether the kernels have no room left for stacks."""
        return int(self.regs[R_STACKS]) + SLACK > len(self.stacks)

    def push(self, ret: int, parent: int) -> int:
        """Return the stack node (ret, parent), none of its bits set."""
        if self.is_stack_full:
            self.grow_stacks()
        return int(push_kernel(self.stacks, self.table, self.regs, ret, parent, 0))

    def arrive(self, state: int, stack: int) -> tuple[int, int]:
        """Pass SEEN states; return the state and the stack node behind them, state 0 where one is dead."""
        if self.is_stack_full:
            self.grow_stacks()
        target = int(arrive_kernel(self.states, self.stacks, self.table, self.regs, state, stack))
        return target, int(self.regs[R_STACK])

    def grow_stacks(self) -> None:
        """Make more room for stacks and rebuild their hash table."""
        stacks = _grown(self.stacks, (4 if len(self.stacks) < MANY_STACKS else 2) * len(self.stacks))
        table = np.zeros(4 * len(stacks), np.int64)
        find_stacks_kernel(stacks, table, self.regs)
        # In one step, so that an interruption leaves no names of tables that are gone.
        self.stacks, self.table, self._addresses = stacks, table, None


def _grown(array: NDArray[np.int64], at_least: int) -> NDArray[np.int64]:
    bigger = np.zeros((max(at_least, 2 * len(array)), *array.shape[1:]), np.int64)
    bigger[: len(array)] = array
    return bigger
