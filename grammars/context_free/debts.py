"""Read terminals and the debts of the text before them side by side; split them by the debts they leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fsm.automata.dfa import Edge
from fsm.automata.partition import iterate_partition
from fsm.automata.ranges import Ranges, intersect_ranges, subtract_ranges
from fsm.distance import FAR
from grammars.context_free.symbols import Debt, Debts, Futures, LookingAutomaton, Terminal

__all__ = ["Explored", "SplitAutomaton", "paid_edges", "pay_debts"]

_NOTHING: Debts = frozenset()


class Explored:
    """Read a terminal and the debts of the text before it side by side.

    pairs : (state of the terminal, debts left) by number
    edges : by number; exits : the debts that may be left at the end, with the numbers where they are
    """

    def __init__(self, terminal: Terminal, before: Debts, dues: Ranges | None) -> None:
        self.terminal = terminal
        self.dues = dues
        self.pairs: list[tuple[int, Debts]] = [(0, _NOTHING), (terminal.automaton.start, before)]
        self.edges: list[list[Edge]] = [[]]
        self.exits: dict[Debts, set[int]] = {}
        numbers = {pair: number for number, pair in enumerate(self.pairs)}
        number = 1
        while number < len(self.pairs):
            state, debts = self.pairs[number]
            self.edges.append([])
            for first, last, target, left in paid_edges(terminal, state, debts):
                after = numbers.get((target, left))
                if after is None:
                    after = numbers[target, left] = len(self.pairs)
                    self.pairs.append((target, left))
                self.edges[number].append((first, last, after))
            self._note_exit(number, state, debts)
            number += 1

    def _note_exit(self, number: int, state: int, debts: Debts) -> None:
        automaton = self.terminal.automaton
        if not automaton.is_accepting(state):
            return
        own = automaton.debt(state)
        if own is None or self.dues is not None:
            self.exits.setdefault(debts, set()).add(number)
        if own is None:
            return
        if self.dues is None:
            self.exits.setdefault(debts | {own}, set()).add(number)
        elif any(
            intersect_ranges(self.dues, ((first, last),))
            for first, last, after in own.automaton.follow_edges(own.follow)
            if not own.automaton.is_free(after)
        ):
            due = Debt(_Due(own.automaton, self.dues), (True, own.follow))
            self.exits.setdefault(debts | {due}, set()).add(number)


@dataclass(frozen=True, slots=True)
class _Due:
    """Owe what a text owes, where one of some characters comes first."""

    automaton: LookingAutomaton
    dues: Ranges

    def follow_edges(self, follow: tuple[bool, Any]) -> tuple[tuple[int, int, tuple[bool, Any]], ...]:
        """Return sorted (first, last, what is still owed after these characters)."""
        is_first, inner = follow
        edges = self.automaton.follow_edges(inner)
        if not is_first:
            return tuple([(first, last, (False, after)) for first, last, after in edges])
        return tuple(
            [
                (low, high, (False, after))
                for first, last, after in edges
                if not self.automaton.is_free(after)
                for low, high in intersect_ranges(self.dues, ((first, last),))
            ]
        )

    def is_free(self, follow: tuple[bool, Any]) -> bool:
        """Tell whether nothing is owed."""
        return not follow[0] and self.automaton.is_free(follow[1])

    def holds_at_end(self, follow: tuple[bool, Any]) -> bool:
        """Tell whether the whole text may end."""
        return not follow[0] and self.automaton.holds_at_end(follow[1])


def _is_due(debt: Debt) -> bool:
    follow: Any = debt.follow
    return isinstance(debt.automaton, _Due) and bool(follow[0])


def paid_edges(terminal: Terminal, state: int, debts: Debts) -> Iterator[tuple[int, int, int, Debts]]:
    """Yield (first, last, state, debts left) for the characters that fit both."""
    yield from pay_debts(terminal.automaton.edges(state), debts)


def pay_debts(edges: tuple[Edge, ...], debts: Debts) -> Iterator[tuple[int, int, int, Debts]]:
    """Yield (first, last, target, debts left) for the characters of some edges that debts allow."""
    if not debts:
        for first, last, target in edges:
            yield first, last, target, debts
        return
    owed = [(debt, debt.automaton.follow_edges(debt.follow)) for debt in debts]
    sets = [((first, last),) for first, last, _ in edges]
    lists = [(debt, after) for debt, found in owed for _, _, after in found]
    sets += [((first, last),) for _, found in owed for first, last, _ in found]
    for first, last, members in iterate_partition(sets):
        taken = members & ((1 << len(edges)) - 1)
        kept = [lists[bit] for bit in _bits(members >> len(edges))]
        if taken and len(kept) == len(debts):
            left = frozenset([Debt(debt.automaton, after) for debt, after in kept if not debt.automaton.is_free(after)])
            yield first, last, edges[taken.bit_length() - 1][2], left


def _bits(members: int) -> Iterator[int]:
    """Yield the bits that are set; there are few among many."""
    while members:
        lowest = members & -members
        yield lowest.bit_length() - 1
        members ^= lowest


class SplitAutomaton:
    """Recognise the texts of a terminal after which exactly these debts are left."""

    __slots__ = ("_accepting", "_distances", "_explored", "_is_settled", "is_plain", "looks", "start")

    def __init__(self, explored: Explored, before: Debts, after: Debts) -> None:
        self._explored = explored
        self._accepting = explored.exits[after]
        self._is_settled = explored.dues is not None and not any(_is_due(debt) for debt in after)
        self.is_plain = not self._is_settled or explored.terminal.automaton.is_plain
        self.looks = True
        self._distances = _measure(explored.edges, self._accepting)
        self.start = 1

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to states from which the terminal can still end."""
        return tuple([edge for edge in self._explored.edges[state] if self._distances[edge[2]] < FAR])

    def is_accepting(self, state: int) -> bool:
        """Tell whether the terminal may end in ``state``."""
        return state in self._accepting

    def futures(self, state: int) -> Futures | None:
        """Return what may follow; None: anything, or rules see to it."""
        if not self._is_settled:
            return None
        futures = self._explored.terminal.automaton.futures(self._explored.pairs[state][0])
        dues = self._explored.dues
        if futures is None or not dues:
            return futures
        return replace(futures, pending=subtract_ranges(futures.pending, dues))

    def shortest_bytes(self, state: int) -> int:
        """Return the fewest bytes from ``state`` to where the terminal may end."""
        return self._distances[state]

    def debt(self, state: int) -> Debt | None:
        """Return nothing: rules carry what is owed."""
        return None


def _measure(edges: list[list[Edge]], accepting: set[int]) -> list[int]:
    distances = [0 if number in accepting else FAR for number in range(len(edges))]
    is_changed = True
    while is_changed:
        is_changed = False
        for number in range(len(edges) - 1, 0, -1):
            for first, _, target in edges[number]:
                way = len(chr(first).encode("utf-8", "surrogatepass")) + distances[target]
                if way < distances[number]:
                    distances[number] = way
                    is_changed = True
    return distances
