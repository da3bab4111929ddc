"""See a network as a pushdown automaton over bytes, node by node, for questions the kernels do not answer.

A node is a place in the network whose stack is left open: ``moves`` says which bytes lead to which node and what they
push; ``exit`` says whether the node may return, and which bytes may then come next inside the grammar (a JSON number
returns only where no digit follows). Nodes are made where they are asked for; equal places inside characters are one.
"""

from __future__ import annotations

from fsm.character_bytes import Place, plain_moves
from fsm.dfa_states import ByteStates, CharStates, RawStates
from fsm.errors import LimitError, UnsupportedFeatureError
from fsm.layout import (
    ADDS,
    BYTE,
    CALL,
    CALLEE,
    CHAR,
    CLOSE,
    COUNT,
    DEFAULT,
    EDGE,
    FORK,
    HIGH,
    KIND,
    LEFT,
    LOW,
    NEEDS,
    NOTE,
    POP,
    RAW,
    RETURN,
    SEEN,
    STUB,
    UNBOUNDED,
    WS,
)  # fmt: skip
from fsm.network import Network

__all__ = ["ALL_BYTES", "MAX_NODES", "Move", "Pushdown"]

Move = tuple[int, int, int, tuple[int, ...]]
"""First byte, last byte, node they lead to, nodes to return to after it (the next one first)."""

MAX_NODES = 100_000
"""As many nodes as questions about whole grammars look at before they give up."""

ALL_BYTES = (1 << 256) - 1
_SPACE_BYTES = (9, 10, 13, 32)
_Filter = int
_Frames = tuple[tuple[int, int], ...]
"""States to return to, each with the bits of its stack's top; the next one first."""
_Waiting = tuple[int, int, _Frames, int, int, _Filter]


class Pushdown:
    """Hold the nodes of one network that were met.

    Parameters
    ----------
    network : expanded as far as questions go.
    max_nodes : how many nodes are made before `LimitError`.
    """

    def __init__(self, network: Network, *, max_nodes: int = MAX_NODES) -> None:
        self.network = network
        self.max_nodes = max_nodes
        self._keys: list[object] = []
        self._numbers: dict[object, int] = {}
        self._known: dict[int, tuple[tuple[Move, ...], int | None]] = {}

    @property
    def num_nodes(self) -> int:
        """Count the nodes met."""
        return len(self._keys)

    def node(self, state: int, low: int = 0, high: int = UNBOUNDED, *, seen: int = 0) -> int:
        """Return the node of a network state at a character boundary, with the bits of the stack's top."""
        return self._number((state, low, high, seen))

    def moves(self, node: int) -> tuple[Move, ...]:
        """Return the ways on; their bytes may overlap."""
        return self._look(node)[0]

    def exit(self, node: int) -> int | None:
        """Return the bytes that may follow in the grammar once the node returns, as bits; None: it does not return."""
        return self._look(node)[1]

    def is_endless(self, node: int) -> bool:
        """Tell whether texts of any length follow, as far as the automaton of a character or number shows."""
        key = self._keys[node]
        if not isinstance(key, tuple) or key[2] != UNBOUNDED:
            return False
        origin = self.network.origins.get(key[0])
        owner = None if origin is None else self.network.owners[origin[0]]
        return (
            origin is not None
            and isinstance(owner, RawStates | CharStates | ByteStates)
            and owner.dfa.longest(origin[1]) is None
        )

    def filtered(self, node: int, allowed: int) -> int:
        """Return the node that goes on as ``node`` does, but only with some bytes."""
        if allowed == ALL_BYTES:
            return node
        key = self._keys[node]
        if isinstance(key, frozenset):
            ((node, before),) = key
            allowed &= before
        return self._number(frozenset([(node, allowed)]))

    def _number(self, key: object) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._keys)
            if number > self.max_nodes:
                raise LimitError(
                    f"grammar: more than {self.max_nodes} places have to be looked at (limit fsm.pushdown.MAX_NODES); "
                    "make it smaller: shorten repetitions and length bounds"
                )
            self._keys.append(key)
        return number

    def _look(self, node: int) -> tuple[tuple[Move, ...], int | None]:
        known = self._known.get(node)
        if known is None:
            key = self._keys[node]
            if isinstance(key, tuple):
                known = self._close(*key)
            elif isinstance(key, frozenset):
                known = self._filter(*next(iter(key)))
            else:
                known = tuple([(a, b, self._target(t), ()) for a, b, t in key.moves()]), None  # type: ignore[attr-defined]
            self._known[node] = known
        return known

    def _target(self, target: int | Place) -> int:
        return target if isinstance(target, int) else self._number(target)

    def _filter(self, node: int, allowed: int) -> tuple[tuple[Move, ...], int | None]:
        moves, leave = self._look(node)
        kept = [move for first, last, target, back in moves for move in _narrow(first, last, (target, back), allowed)]
        return tuple(kept), None if leave is None else leave & allowed

    def _close(  # noqa: PLR0912 - one branch per kind of state
        self, state: int, low: int, high: int, seen: int
    ) -> tuple[tuple[Move, ...], int | None]:
        """Follow what consumes nothing from a state; collect the moves and the exit."""
        network = self.network
        moves: list[Move] = []
        leave: int | None = None
        waiting: list[_Waiting] = [(state, seen, (), low, high, ALL_BYTES)]
        met = set(waiting)
        while waiting:
            state, seen, frames, low, high, allowed = waiting.pop()
            cells = self._cells(state)
            kind = cells[KIND]
            following: list[_Waiting] = []
            if kind == POP:
                if frames:
                    following.append((*frames[0], frames[1:], 0, UNBOUNDED, allowed))
                else:
                    leave = allowed if leave is None else leave | allowed
            elif kind == CALL and cells[RETURN]:
                following.append((cells[CALLEE], 0, ((cells[RETURN], seen), *frames), cells[LOW], cells[HIGH], allowed))
            elif kind == CALL:
                following.append((cells[CALLEE], seen, frames, cells[LOW], cells[HIGH], allowed))
            elif kind == FORK:
                targets = network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT], 2].tolist()
                following += [(target, seen, frames, low, high, allowed) for target in targets]
            elif kind == SEEN:
                arrived = self._arrive(state, seen)
                following += [] if arrived is None else [(*arrived, frames, low, high, allowed)]
            elif kind == BYTE:
                rest = self._add_bytes(state, seen, frames, allowed, moves)
                if cells[DEFAULT]:
                    following.append((cells[DEFAULT], seen, frames, 0, UNBOUNDED, rest))
            elif kind in (CHAR, RAW):
                moves += self._character_moves(cells, seen, frames, (low, high), allowed)
                if kind == RAW and cells[CLOSE]:
                    following.append((cells[CLOSE], seen, frames, low, high, allowed))
            for item in following:
                if item not in met:
                    met.add(item)
                    waiting.append(item)
        return tuple(moves), leave

    def _arrive(self, state: int, seen: int) -> tuple[int, int] | None:
        """Pass SEEN states; return the state behind them and the bits then, None where it is dead."""
        cells = self._cells(state)
        while cells[KIND] == SEEN:
            if seen & cells[NEEDS] != cells[NEEDS] or (cells[LEFT] and not cells[LEFT] & ~seen):
                return None
            state, seen = cells[DEFAULT], seen | cells[ADDS]
            cells = self.network.states[state].tolist()
        return state, seen

    def _back(self, frames: _Frames) -> tuple[int, ...]:
        return tuple([self.node(state, seen=seen) for state, seen in frames])

    def _cells(self, state: int) -> list[int]:
        cells: list[int] = self.network.states[state].tolist()
        if cells[KIND] == STUB:
            self.network.expand(state)
            cells = self.network.states[state].tolist()
        if cells[KIND] == NOTE:
            raise UnsupportedFeatureError(
                "this grammar remembers what was read (unique items, or the names of other members), as no automaton "
                "does; set additionalProperties to false, leave out uniqueItems, or use the grammar alone"
            )
        return cells

    def _add_bytes(self, state: int, seen: int, frames: _Frames, allowed: int, moves: list[Move]) -> int:
        """Add the moves of a state of bytes; return the bytes left to its default."""
        back, cells = self._back(frames), self.network.states[state].tolist()
        covered = 0
        for first, last, target in self.network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist():
            covered |= _bits(first, last)
            arrived = self._arrive(target, seen) if target else None
            if arrived is not None:
                moves += _narrow(first, last, (self.node(arrived[0], seen=arrived[1]), back), allowed)
        if cells[WS]:
            for byte in _SPACE_BYTES:
                if not covered >> byte & 1:
                    covered |= 1 << byte
                    moves += _narrow(byte, byte, (self.node(cells[WS]), (self.node(state, seen=seen), *back)), allowed)
        return allowed & ~covered

    def _character_moves(
        self, cells: list[int], seen: int, frames: _Frames, counters: tuple[int, int], allowed: int
    ) -> list[Move]:
        moves: list[Move] = []
        low, high = counters
        is_json = cells[KIND] == CHAR
        back = self._back(frames)
        closed = self._arrive(cells[CLOSE], seen) if is_json and cells[CLOSE] and low == 0 else None
        if closed is not None:
            moves += _narrow(34, 34, (self.node(closed[0], seen=closed[1]), back), allowed)
        if high == 0:
            return moves
        low, high = max(low - 1, 0), high if high == UNBOUNDED else high - 1
        ranges: list[tuple[int, int, int]] = []
        place = 0
        default = self.node(cells[DEFAULT], low, high, seen=seen) if is_json and cells[DEFAULT] else None
        for first, last, target in self.network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist():
            if default is not None and place < first:
                ranges.append((place, first - 1, default))
            arrived = self._arrive(target, seen) if target else None
            if arrived is not None:
                ranges.append((first, last, self.node(arrived[0], low, high, seen=arrived[1])))
            place = last + 1
        if default is not None and place <= 0x10FFFF:
            ranges.append((place, 0x10FFFF, default))
        for first, last, found in plain_moves(tuple(ranges), is_json=is_json):
            moves += _narrow(first, last, (self._target(found), back), allowed)
        return moves


def _bits(first: int, last: int) -> int:
    return (1 << (last + 1)) - (1 << first)


def _narrow(first: int, last: int, rest: tuple[int, tuple[int, ...]], allowed: int) -> list[Move]:
    """Return a move cut down to the bytes allowed."""
    kept = _bits(first, last) & allowed
    if kept == _bits(first, last):
        return [(first, last, *rest)]
    found: list[Move] = []
    while kept:
        low = (kept & -kept).bit_length() - 1
        run = (~(kept >> low) & -~(kept >> low)).bit_length() - 1
        found.append((low, low + run - 1, *rest))
        kept &= ~_bits(low, low + run - 1)
    return found
