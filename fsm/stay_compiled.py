"""Fill the masks of tokens of a grammar that read nearly everything: strings, comments, names.

Which tokens of the vocabulary stay inside such a token of the grammar depends on the place in it alone, whatever rules
are open around it. So a place is walked once; afterwards only what follows where it may be left is walked, as a trie of
the rests of vocabulary tokens. Cost: some milliseconds per place, then what the rests cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsm._byte_kernels import UNKNOWN
from fsm._stay_kernels import count_rests_kernel, list_rests_kernel, stay_kernel
from fsm.compiled import Compiled
from fsm.layout import (
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
    POP,
    RETURN,
    STATE_POP,
    STUB,
    UNBOUNDED,
    WS,
)
from fsm.masks import WALK_ENDINGS
from fsm.network import Network
from fsm.position import Position
from fsm.regions import close_configuration
from fsm.tables import VocabularyTables
from fsm.trie import TokenTrie, build_trie

__all__ = ["ByteStays", "Stay", "StayCompiled"]

HEAVY_BYTES = 20
"""A place counts as heavy when it allows at least so many ASCII bytes."""

MOST_RESTS = 8_000
"""More rests than these are no saving."""

MOST_CALLS = 4
"""Deeper calls than these within one vocabulary token are left to the walk."""

Row = NDArray[np.int32]
_Inside = tuple[int, tuple[int, ...]]
"""A network state, and the states that its calls return to, the next one first."""


@dataclass(frozen=True, slots=True)
class _Rests:
    """What follows where a place is left at ``state``: a trie of rests, and the tokens that end with each."""

    state: int
    trie: TokenTrie
    tokens: Row
    counts: Row
    starts: Row


@dataclass(frozen=True, slots=True)
class Stay:
    """Hold one place: the tokens that stay inside, and the rests of those that do not."""

    row: Row
    rests: tuple[_Rests, ...]


class ByteStays:
    """Find the stays of one network; states that go on side by side without calls are one state here.

    delta : int32[capacity, 256]   ``stay_kernel``; stays, leaves : the network states inside a state, and those that
    leave it; kinds : uint8[capacity].
    """

    def __init__(self, network: Network, tables: VocabularyTables) -> None:
        self._network = network
        self._tables = tables
        self._known: dict[int, Stay | None] = {}
        self._numbers: dict[tuple[tuple[_Inside, ...], tuple[int, ...]], int] = {}
        self._stays: list[tuple[_Inside, ...]] = [()]
        self._leaves: list[tuple[int, ...]] = [()]
        self._delta: NDArray[np.int32] = np.zeros((16, 256), np.int32)
        self._kinds: NDArray[np.uint8] = np.zeros(16, np.uint8)
        self._alone: dict[int, int] = {}
        self._calls: dict[tuple[int, int], int] = {}

    def get(self, state: int) -> Stay | None:
        """Return the stay of a state of bytes; None where it is not worth while."""
        if state not in self._known:
            self._known[state] = self._find(state) if self._is_heavy(state) else None
        return self._known[state]

    def _is_heavy(self, state: int) -> bool:
        cells = self._network.states[state].tolist()
        if cells[KIND] != BYTE or cells[WS]:
            return False
        live = [(a, b) for a, b, target in self._edges(cells) if target and a < 128]
        return sum(min(b, 127) - a + 1 for a, b in live) >= HEAVY_BYTES

    def _edges(self, cells: list[int]) -> list[list[int]]:
        edges: list[list[int]] = self._network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT]].tolist()
        return edges

    def _find(self, state: int) -> Stay | None:
        trie = self._tables.trie
        start = self._number(((state, ()),), ())
        row, exits = np.zeros(self._tables.num_words, np.int32), np.empty((len(trie.nodes), 2), np.int32)
        path, registers = np.zeros(trie.max_depth + 2, np.int32), np.zeros(2, np.int64)
        path[0] = start
        while True:
            need = stay_kernel(
                self._delta, self._kinds, trie.nodes, trie.duplicates, path, registers, row, exits
            )  # fmt: skip
            if need < 0:
                break
            self._expand(need)
        found = exits[: registers[1]]
        places: dict[int, list[NDArray[np.int32]]] = {}
        for number in np.unique(found[:, 1]).tolist():
            for leave in self._leaves[number]:
                places.setdefault(leave, []).append(found[found[:, 1] == number, 0])
        rests = []
        for leave, nodes in places.items():
            rest = self._rests(leave, np.concatenate(nodes))
            if rest is None:
                return None
            rests.append(rest)
        return Stay(row, tuple(rests))

    def _rests(self, leave: int, places: NDArray[np.int32]) -> _Rests | None:
        nodes, allowed = self._tables.trie.nodes, self._allowed(leave)
        count = int(count_rests_kernel(nodes, places, allowed))
        if count > MOST_RESTS:
            return None
        listed = np.empty((count, 2), np.int32)
        list_rests_kernel(nodes, places, allowed, listed)
        token_bytes = self._tables.vocabulary.token_bytes
        groups: dict[bytes, list[int]] = {}
        for token, depth in listed.tolist():
            groups.setdefault(token_bytes[token][depth:], []).append(token)
        tokens = [token for group in groups.values() for token in group]
        starts = np.cumsum([0, 0, *(len(group) for group in groups.values())])
        return _Rests(
            leave,
            build_trie(list(groups), list(range(1, len(groups) + 1)), len(groups) + 1),
            np.array(tokens, np.int32),
            np.zeros(len(tokens), np.int32),
            starts.astype(np.int32),
        )

    def _allowed(self, state: int) -> NDArray[np.uint8]:
        """Return the bytes that may come after leaving at a state, as far as its row tells: uint8[256]."""
        allowed = np.ones(256, np.uint8)
        cells = self._network.states[state].tolist()
        while cells[KIND] == CALL:
            cells = self._network.states[cells[CALLEE]].tolist()
        if cells[KIND] == BYTE and not cells[WS]:
            allowed[:] = 1 if cells[DEFAULT] else 0
            for first, last, target in self._edges(cells):
                allowed[first : last + 1] = 1 if target else 0
        return allowed

    def _number(self, stays: tuple[_Inside, ...], leaves: tuple[int, ...]) -> int:
        number = self._numbers.get((stays, leaves))
        if number is None:
            number = self._numbers[stays, leaves] = len(self._stays)
            if number >= len(self._delta):
                bigger = np.zeros((2 * number, 256), np.int32)
                bigger[: len(self._delta)] = self._delta
                self._delta = bigger
                self._kinds = np.concatenate([self._kinds, np.zeros(2 * number - len(self._kinds), np.uint8)])
            self._stays.append(stays)
            self._leaves.append(leaves)
            self._delta[number, 0] = UNKNOWN
            self._kinds[number] = (1 if stays else 0) | (2 if leaves else 0)
        return number

    def _expand(self, number: int) -> None:
        """Write where each byte leads."""
        ways: dict[int, list[_Inside]] = {}
        for state, chain in self._stays[number]:
            for first, last, target in self._edges(self._network.states[state].tolist()):
                if target:
                    for byte in range(first, last + 1):
                        ways.setdefault(byte, []).append((target, chain))
        numbers: dict[tuple[_Inside, ...], int] = {}
        row = np.zeros(256, np.int32)
        for byte, targets in ways.items():
            key = tuple(targets)
            if key not in numbers:
                numbers[key] = self._arrive(targets)
            row[byte] = numbers[key]
        self._delta[number] = row

    def _arrive(self, targets: list[_Inside]) -> int:
        """Return the state that some places are together; calls are followed, so that their tokens are inside too."""
        stays: dict[_Inside, None] = {}
        leaves: dict[int, None] = {}
        waiting, seen = list(targets), set(targets)
        while waiting:
            state, chain = waiting.pop()
            cells = self._network.states[state].tolist()
            if cells[KIND] == STUB:
                self._network.expand(state)
                cells = self._network.states[state].tolist()
            following: list[_Inside] = []
            if cells[KIND] == FORK:
                following = [(target, chain) for _, _, target in self._edges(cells)]
            elif cells[KIND] == CALL and len(chain) < MOST_CALLS and (cells[LOW], cells[HIGH]) == (0, UNBOUNDED):
                following = [(cells[CALLEE], (cells[RETURN], *chain) if cells[RETURN] else chain)]
            elif cells[KIND] == POP and chain:
                following = [(chain[0], chain[1:])]
            elif cells[KIND] != BYTE or cells[WS] or not any(target for _, _, target in self._edges(cells)):
                leaves[self._returning(state, chain)] = None
            else:
                stays[state, chain] = None
                if cells[DEFAULT]:
                    leaves[self._returning(self.leave_alone(state), chain)] = None
            waiting += [inside for inside in following if inside not in seen]
            seen.update(following)
        return self._number(tuple(sorted(stays)), tuple(sorted(leaves)))

    def _returning(self, state: int, chain: tuple[int, ...]) -> int:
        """Return a state that goes on at ``state`` and then along a chain of returns."""
        for after in chain:
            if state == STATE_POP:
                state = after
                continue
            known = self._calls.get((state, after))
            if known is None:
                known = self._calls[state, after] = self._network.add_call(state, after)
            state = known
        return state

    def leave_alone(self, state: int) -> int:
        """Return a state that only leaves, where ``state`` may also go on."""
        cells = self._network.states[state].tolist()
        known = self._alone.get(state)
        if known is None:
            dead = [(first, last, 0) for first, last, _ in self._edges(cells)]
            known = self._alone[state] = self._network.add_byte(dead, default=cells[DEFAULT])
        return known


class StayCompiled(Compiled):
    """Hold a grammar of rules and their tokens for one vocabulary."""

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        with self._tables.lock:
            if position.base is None and not self._fill_stays(position):
                super().fill(position)

    def _fill_stays(self, position: Position) -> bool:
        """Fill a position some way of which lies in a heavy place; tell whether it was one."""
        stays: ByteStays = self.__dict__.setdefault("_stays", ByteStays(self.network, self._tables))
        ways = [way for row in position.configurations.tolist() for way in close_configuration(self.network, row)]
        found = [stays.get(way[0]) for way in ways]
        if all(stay is None for stay in found):
            return False
        mask = np.zeros(self._tables.num_words, np.int32)
        rest: list[list[int]] = []
        for way, stay in zip(ways, found, strict=True):
            if stay is None:
                rest.append(way)
                continue
            mask |= stay.row
            for rests in stay.rests:
                self._walk_rests(rests, way[1], mask)
            default = int(self.network.states[way[0], DEFAULT])
            if default:
                rest.append([stays.leave_alone(way[0]), way[1], 0, 0, UNBOUNDED])
        if rest:
            mask |= self._mask_of(rest)
        position.is_accepting = self.is_accepting(position)
        if position.is_accepting:
            for token in self.vocabulary.eos_token_ids:
                mask[token >> 5] |= np.uint32(1 << (token & 31)).astype(np.int32)
        position.base = mask
        self._position_bytes += mask.nbytes
        return True

    def _walk_rests(self, rests: _Rests, stack: int, mask: Row) -> None:
        if not len(rests.tokens):
            return
        self._tables.workspace.frontier[0] = (rests.state, stack, 0, 0, UNBOUNDED)
        endings = (rests.tokens, rests.counts, rests.starts)
        self._masks._walk(self._tables.empty_row, WALK_ENDINGS, 1, rests.trie, endings, mask=mask)  # noqa: SLF001

    def _mask_of(self, ways: list[list[int]]) -> Row:
        """Return the mask of other ways on, by walking the trie."""
        other = Position(np.array(ways, np.int64))
        Compiled.fill(self, other)
        assert other.base is not None
        mask = other.base.copy()
        if other.words is not None and other.values is not None:
            mask[other.words] = other.values
        return mask
