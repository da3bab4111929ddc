"""Mark stretches of a grammar's texts as regions, and tell in which of them a position lies.

A region is a call whose return state is its own: while that state is on the stack, the text is inside. So a region
costs a row of the network and nothing while a text is read. Cost: a few microseconds when a position is first asked
about, then a look-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fsm.compiled import Compiled
from fsm.distance import FAR, Distances
from fsm.layout import (
    BYTE,
    CALL,
    CALLEE,
    CLOSE,
    COUNT,
    DEFAULT,
    EDGE,
    FORK,
    HIGH,
    KIND,
    LOW,
    NOTE,
    POP,
    RAW,
    RETURN,
    SEEN,
    STATE_POP,
    STUB,
    UNBOUNDED,
    WS,
)
from fsm.network import Network
from fsm.position import Position
from fsm.tokens.tables import vocabulary_tables

__all__ = ["Region", "RegionMarks", "Regions", "add_region", "close_configuration", "marks_of", "regions_of"]

_MOST_POSITIONS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Describe one stretch of a text.

    Parameters
    ----------
    name : what its text is captured as; empty for one that is not captured.
    max_tokens : most tokens that may be drawn inside; None = no limit of its own.
    temperature : at which they are drawn; None = the caller's.
    stops : texts that end it; they belong to the region but not to what is captured.
    read : what turns its text into a value (a callable); None keeps the text.
    is_list : whether the values of all its occurrences are captured, as a list; otherwise the last one.
    """

    name: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    stops: tuple[str, ...] = ()
    read: Any = None
    is_list: bool = False


class RegionMarks:
    """Know which return states end which region; one of a network's owners, which owns no stubs."""

    __slots__ = ("by_state",)

    def __init__(self) -> None:
        self.by_state: dict[int, tuple[Region, int]] = {}

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Refuse: there are no stubs."""
        raise AssertionError("regions have no stubs")

    def shortest(self, argument: int) -> int:
        """Refuse: there are no stubs."""
        raise AssertionError("regions have no stubs")


def marks_of(network: Network) -> RegionMarks | None:
    """Return a network's marks, None where it has no regions."""
    return next((owner for owner in network.owners if isinstance(owner, RegionMarks)), None)


def add_region(network: Network, region: Region, start: int) -> int:
    """Add a state that reads what ``start`` reads, as a region; return it."""
    marks = marks_of(network)
    if marks is None:
        marks = RegionMarks()
        network.add_owner(marks)
    end = network.add_byte([], default=STATE_POP)
    marks.by_state[end] = (region, start)
    return network.add_call(start, end)


class Regions:
    """Answer questions about the regions of one compiled grammar, which it is kept with."""

    __slots__ = ("_distances", "_inside", "_lock", "_marks", "_network")

    def __init__(self, compiled: Compiled) -> None:
        self._lock = vocabulary_tables(compiled.vocabulary).lock
        self._network = compiled.network
        self._marks = marks_of(compiled.network)
        self._distances = Distances(compiled.network)
        self._inside: dict[Position, tuple[tuple[Region, int], ...]] = {}

    @property
    def exist(self) -> bool:
        """Tell whether the grammar has regions at all."""
        return self._marks is not None

    def every(self) -> list[tuple[Region, int]]:
        """List the regions laid so far and the fewest bytes each needs."""
        if self._marks is None:
            return []
        return [(region, self._distances.of_state(start)) for region, start in self._marks.by_state.values()]

    def at(self, position: Position) -> tuple[tuple[Region, int], ...]:
        """Return the regions that the next byte lies in, outermost first, and the fewest bytes until each ends.

        Where a text can be read in several ways, only the regions that all of them lie in; where a region may end or go
        on, it goes on.
        """
        if self._marks is None:
            return ()
        known = self._inside.get(position)
        if known is None:
            if len(self._inside) >= _MOST_POSITIONS:
                self._inside.clear()
            with self._lock:
                known = self._inside[position] = self._find(position)
        return known

    def _find(self, position: Position) -> tuple[tuple[Region, int], ...]:
        common: dict[int, int] | None = None
        for row in position.configurations.tolist():
            for closed in close_configuration(self._network, row):
                inside = self._measure(closed)
                if common is None:
                    common = inside
                else:
                    common = {end: min(common[end], inside[end]) for end in common if end in inside}
        assert self._marks is not None
        return tuple((self._marks.by_state[end][0], distance) for end, distance in (common or {}).items())

    def _measure(self, row: list[int]) -> dict[int, int]:
        """Return the fewest bytes until each region on the stack ends, by return state, outermost first."""
        assert self._marks is not None
        total = self._distances.of_top(row)
        found: list[tuple[int, int]] = []
        stack = row[1]
        while stack:
            ret, stack = self._network.stacks[stack, :2].tolist()
            if ret in self._marks.by_state:
                found.append((ret, min(total, FAR)))
            total += self._distances.of_state(ret, int(self._network.stacks[stack, 2]))
        return dict(reversed(found))


def regions_of(compiled: Compiled) -> Regions:
    """Return what answers questions about the regions of a compiled grammar, made when first asked for."""
    regions: Regions | None = compiled.__dict__.get("_regions")
    if regions is None:
        regions = compiled.__dict__["_regions"] = Regions(compiled)
    return regions


def close_configuration(network: Network, row: list[int]) -> Iterator[list[int]]:  # noqa: C901, PLR0912 - one way on per kind of state
    """Yield the configurations that a configuration leads to without reading, in which something is read next."""
    todo, seen = [row], set()
    while todo:
        here = todo.pop()
        if tuple(here) in seen:
            continue
        seen.add(tuple(here))
        state, stack = here[0], here[1]
        cells: Any = network.states[state].tolist()
        kind = cells[KIND]
        if kind == STUB:
            network.expand(state)
            seen.discard(tuple(here))
            todo.append(here)
        elif kind == POP and stack:
            todo.append([*network.stacks[stack, :2].tolist(), 0, 0, UNBOUNDED])
        elif kind == CALL:
            if cells[RETURN]:
                stack = network.push(cells[RETURN], stack)
            todo.append([cells[CALLEE], stack, 0, cells[LOW], cells[HIGH]])
        elif kind == SEEN:
            target, stack = network.arrive(state, stack)
            todo += [[target, stack, *here[2:]]] if target else []
        elif kind == FORK:
            edges = network.edges[cells[EDGE] : cells[EDGE] + cells[COUNT], 2].tolist()
            todo += [[target, *here[1:]] for target in edges]
        elif kind == NOTE or (kind == BYTE and not cells[COUNT] and not cells[WS]):
            if cells[DEFAULT]:
                todo.append([cells[DEFAULT], stack, 0, 0, UNBOUNDED])
        elif kind == RAW and not cells[COUNT] and here[2] == 0:
            if cells[CLOSE]:
                todo.append([cells[CLOSE], stack, 0, 0, UNBOUNDED])
        elif kind:
            yield here
