"""Determinise a pushdown view over bytes, where its calls nest no deeper than the texts asked about.

A state is a set of (node, nodes to return to). Equal sets are one state, so a grammar without recursion has finitely
many; lazily expanded, a recursive one has as many as are asked for.
"""

from __future__ import annotations

from itertools import pairwise

from fsm.errors import LimitError
from fsm.pushdown import MAX_NODES, Pushdown

__all__ = ["ByteAutomaton", "ByteEdge"]

ByteEdge = tuple[int, int, int]
"""First byte, last byte, state they lead to."""

Configuration = tuple[int, tuple[int, ...]]


class ByteAutomaton:
    """Hold the states that were asked for; state 0 is dead, state 1 the start.

    Parameters
    ----------
    places : the grammar; start : the node its texts begin at.
    max_states : how many states are made before `LimitError`.
    """

    def __init__(self, places: Pushdown, start: int, *, max_states: int = MAX_NODES) -> None:
        self.max_states = max_states
        self._places = places
        self._sets: list[frozenset[Configuration]] = [frozenset()]
        self._numbers: dict[frozenset[Configuration], int] = {frozenset(): 0}
        self._edges: dict[int, list[ByteEdge]] = {}
        self._accepting: dict[int, bool] = {}
        self.start = self._number(frozenset([(start, ())]))

    @property
    def num_states(self) -> int:
        """Count the states made, the dead one included."""
        return len(self._sets)

    def is_accepting(self, state: int) -> bool:
        """Tell whether a text may end here."""
        self.edges(state)
        return self._accepting[state]

    def num_readings(self, state: int) -> int:
        """Count the ways in which a text that leads here can be read so far."""
        return len(self._sets[state])

    def edges(self, state: int) -> list[ByteEdge]:
        """Return the ways on, sorted and disjoint."""
        known = self._edges.get(state)
        if known is None:
            known = self._edges[state] = self._expand(state)
        return known

    def _number(self, configurations: frozenset[Configuration]) -> int:
        number = self._numbers.get(configurations)
        if number is None:
            number = self._numbers[configurations] = len(self._sets)
            if number > self.max_states:
                raise LimitError(
                    f"grammar: more than {self.max_states} states over bytes are reachable (limit max_states); "
                    "make it smaller, without recursion and long repetitions, or raise the limit"
                )
            self._sets.append(configurations)
        return number

    def _expand(self, state: int) -> list[ByteEdge]:
        ways: list[tuple[int, int, Configuration]] = []
        accepting = False
        waiting = list(self._sets[state])
        seen = set(waiting)
        while waiting:
            node, stack = waiting.pop()
            for first, last, target, frames in self._places.moves(node):
                ways.append((first, last, (target, frames + stack)))
            leave = self._places.exit(node)
            if leave is None:
                continue
            if not stack:
                accepting = True
                continue
            following = (self._places.filtered(stack[0], leave), stack[1:])
            if following not in seen:
                seen.add(following)
                waiting.append(following)
        self._accepting[state] = accepting
        return self._partition(ways)

    def _partition(self, ways: list[tuple[int, int, Configuration]]) -> list[ByteEdge]:
        cuts = sorted({first for first, _, _ in ways} | {last + 1 for _, last, _ in ways})
        edges: list[ByteEdge] = []
        for begin, end in pairwise(cuts):
            target = self._number(frozenset([way for first, last, way in ways if first <= begin <= last]))
            if target and edges and edges[-1][1] == begin - 1 and edges[-1][2] == target:
                edges[-1] = (edges[-1][0], end - 1, target)
            elif target:
                edges.append((begin, end - 1, target))
        return edges
