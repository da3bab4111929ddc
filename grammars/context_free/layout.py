"""Lay rules into a network, each place when a text gets there.

A place in a rule is the set of what may still come there: alternatives with a common beginning stay one place until
they part. Its row looks through the rules called first to the terminals that may come next, so that a byte decides at
once, and the calls are made once it is read; a rule whose end may come is left where no byte continues it. Only where a
byte may do both do two configurations go on. Last calls return to the caller's caller, so that right recursion and
repetition need no stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from fsm.automata.ranges import intersect_ranges, union_ranges
from fsm.distance import FAR
from fsm.layout import STATE_POP
from fsm.network import Edge, Network
from grammars.context_free.analysis import Analysis
from grammars.context_free.leads import Item, Leads, Parting, Place, join_items
from grammars.context_free.strictness import can_be_paid, divided_bytes
from grammars.context_free.symbols import Star
from grammars.context_free.token_bytes import Node, lead_bytes

__all__ = ["RuleStates"]


class Reading(NamedTuple):
    """A place inside terminals: what each has read, and the places to return to afterwards, outermost first.

    One item with nothing to return to is shared by all who call the terminal.
    """

    items: tuple[Item, ...]


Way = tuple[int, int, int, Node]


class RuleStates:
    """Map places to network states; the owner of their stubs."""

    def __init__(self, network: Network, analysis: Analysis) -> None:
        self.analysis = analysis
        self.leads = Leads(analysis)
        self.number = network.add_owner(self)
        self._network = network
        self._arguments: list[Place | Reading] = []
        self._states: dict[Place | Reading, int] = {}
        self._reading: dict[tuple[int, Node], int] = {}
        self._calls: dict[tuple[int, int], int] = {}
        self._forks: dict[tuple[int, ...], int] = {}

    def start(self) -> int:
        """Return the state in which a text begins."""
        return self._place(Place(frozenset([(self.analysis.start,)]), 0))

    def release(self) -> None:
        """Let go of what was laid."""
        self._states.clear()
        self._reading.clear()
        self._arguments.clear()
        self._calls.clear()

    # -- stubs -----------------------------------------------------------------------------------------------------

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write the row of one place."""
        place = self._arguments[argument]
        if isinstance(place, Place):
            self._expand_place(state, place)
        elif len(place.items) == 1:
            self._expand_token(state, place.items[0])
        else:
            self._write(state, self._row(place.items), leaving=None)

    def shortest(self, argument: int) -> int:
        """Return the fewest bytes until the place returns."""
        place = self._arguments[argument]
        if isinstance(place, Place):
            return min([self.analysis.shortest(suffix) for suffix in place.suffixes], default=FAR)
        return min([self._shortest_of_item(item) for item in place.items])

    def _shortest_of_item(self, item: Item) -> int:
        after = sum([self._shortest_of_link(link) for link in item.chain])
        parting = (self.analysis.parted & self.analysis.ignored) >> item.number & 1
        return min(self.analysis.bytes[item.number].shortest(item.node) + parting + after, FAR)

    def _shortest_of_link(self, link: Place | Parting) -> int:
        if isinstance(link, Place):
            return min([self.analysis.shortest(one) for one in link.suffixes])
        return min([sum([self._shortest_of_link(place) for place in chain]) for chain in link.chains])

    # -- states ----------------------------------------------------------------------------------------------------

    def _stub(self, key: Place | Reading) -> int:
        state = self._states.get(key)
        if state is None:
            self._arguments.append(key)
            state = self._states[key] = self._network.add_stub(self.number, len(self._arguments) - 1)
        return state

    def _place(self, place: Place | Parting) -> int:
        if isinstance(place, Parting):
            return self._fork([self._call(self._returns(chain), STATE_POP) for chain in place.chains])
        if place.suffixes == {()}:
            return STATE_POP
        return self._stub(place)

    def _returns(self, chain: tuple[Place | Parting, ...]) -> list[int]:
        """Return the states of the places of a chain to return to, the innermost first."""
        return [state for place in reversed(chain) if (state := self._place(place)) != STATE_POP]

    def _call(self, returns: list[int], state: int) -> int:
        """Return a state that pushes some states, the last outermost, and continues at ``state``."""
        for after in returns:
            if state == STATE_POP:
                state = after
                continue
            known = self._calls.get((state, after))
            if known is None:
                known = self._calls[state, after] = self._network.add_call(state, after)
            state = known
        return state

    def _fork(self, targets: list[int]) -> int:
        distinct = tuple(dict.fromkeys(targets))
        if len(distinct) == 1:
            return distinct[0]
        known = self._forks.get(distinct)
        if known is None:
            known = self._forks[distinct] = self._network.add_fork(distinct)
        return known

    def _after(self, items: list[Item]) -> int:
        """Return the state in which all of the items, each one byte further, go on."""
        alone: list[Item] = []
        joint: list[Item] = []
        for item in items:
            (alone if self._may_end(item) else joint).append(item)
        if len(joint) == 1:
            alone.append(joint.pop())
        targets = [self._call(self._returns(item.chain), self._read(item.number, item.node)) for item in alone]
        if joint:
            targets.append(self._stub(Reading(tuple(joint))))
        return self._fork(targets)

    def _read(self, number: int, node: Node) -> int:
        """Return the state that reads on in a terminal and returns."""
        state = self._reading.get((number, node))
        if state is None:
            item = Item(number, node, ())
            texts = self.analysis.bytes[number]
            is_over = self._may_end(item) and not texts.edges(node) and self._is_free(item)
            state = self._reading[number, node] = STATE_POP if is_over else self._stub(Reading((item,)))
            if texts.leads_one_way(node):  # a walk that stops here costs more than the row
                self._network.expand(state)
        return state

    def _may_end(self, item: Item) -> bool:
        return isinstance(item.node, int) and self.analysis.terminals[item.number].automaton.is_accepting(item.node)

    def _is_free(self, item: Item) -> bool:
        assert isinstance(item.node, int)
        automaton = self.analysis.terminals[item.number].automaton
        return self.analysis.is_settled(item.number) or automaton.futures(item.node) is None

    # -- rows ------------------------------------------------------------------------------------------------------

    def _expand_place(self, state: int, place: Place) -> None:
        suffixes = self.leads.closed(place.suffixes)
        items = join_items(self.leads.of(suffixes, place.follow))
        leaving = self.analysis.first_bytes(place.follow) if () in suffixes else None
        self._write(state, self._row(items), leaving=leaving)

    def _expand_token(self, state: int, item: Item) -> None:
        row, analysis, number = self._row((item,)), self.analysis, item.number
        if not self._may_end(item):
            self._write(state, row, leaving=None)
            return
        if self._is_free(item):
            self._write(state, row, leaving=analysis.first_bytes(analysis.follow(number)))
            return
        assert isinstance(item.node, int)
        debt = analysis.terminals[number].automaton.debt(item.node)
        if debt is not None and not can_be_paid(analysis, number, debt):
            self._write(state, row, leaving=None)
            return
        divided = 0 if debt is None else divided_bytes(analysis, number, debt)
        skipped = []
        if divided:
            ignored = [one for one in range(len(analysis.terminals)) if analysis.ignored >> one & 1]
            starts = [Item(one, analysis.terminals[one].automaton.start, ()) for one in ignored]
            skipped = [(a, b, c) for a, b, c in _cut(self._row(tuple(starts))) if divided >> a & 1]
        leaving = self._leaving_bytes(item) & ~divided
        self._write(state, row, leaving=leaving, is_exact=True, skipped=skipped)

    def _leaving_bytes(self, item: Item) -> int:
        """Return the bytes before which a terminal may end that says something about them."""
        follow = self.analysis.follow(item.number)
        automaton = self.analysis.terminals[item.number].automaton
        assert isinstance(item.node, int)
        futures = automaton.futures(item.node)
        assert futures is not None
        allowed = union_ranges([*futures.free, *futures.pending])
        return lead_bytes(intersect_ranges(self.analysis.first_characters(follow), allowed))

    def _row(self, items: tuple[Item, ...]) -> list[Edge]:
        """Return the edges that read one byte in all of the items."""
        returns = [self._returns(item.chain) for item in items]
        again = [self._again(item) for item in items]
        ways = [
            (first, last, place, node)
            for place, item in enumerate(items)
            for first, last, node in self.analysis.bytes[item.number].edges(item.node)
        ]
        ways.sort(key=_first_byte)
        row: list[Edge] = []
        for first, last, here in _side_by_side(ways):
            if len(here) == 1:
                place, node = here[0]
                if again[place] and isinstance(node, int):
                    target = self._call(returns[place][1:], returns[place][0])
                else:
                    target = self._call(returns[place], self._read(items[place].number, node))
                row.append((first, last, target))
            else:
                joint = [Item(items[place].number, node, items[place].chain) for place, node in here]
                row.append((first, last, self._after(joint)))
        return row

    def _again(self, item: Item) -> bool:
        """Tell whether a terminal may be read again right after one character of it, and says no more by that."""
        if not item.chain or not self.analysis.is_run(item.number):
            return False
        place, alone = item.chain[-1], (self.analysis.terminals[item.number],)
        if not isinstance(place, Place) or item.node != alone[0].automaton.start:
            return False
        after = [suffix[0] if suffix else None for suffix in place.suffixes]
        return all(isinstance(one, Star) and alone in self.analysis.rules[one.name] for one in after)

    def _write(
        self,
        state: int,
        row: list[Edge],
        *,
        leaving: int | None,
        is_exact: bool = False,
        skipped: Sequence[Edge] = (),
    ) -> None:
        """Write a row; ``leaving``: the bytes before which the place may be left, None: it may not be left.

        is_exact : no other byte may come after the place; otherwise none does come.
        skipped : edges that leave the place by reading on.

        Where a byte continues the place and may also come after it, both are tried side by side.
        """
        network = self._network
        if leaving is None:
            network.write_byte(state, row)
            return
        used = 0
        for first, last, _ in row:
            used |= (2 << last) - (1 << first)
        closed = _runs(~leaving & ~used & ((1 << 256) - 1)) if is_exact else []
        if not used & leaving and not skipped:
            edges = sorted([*row, *[(first, last, 0) for first, last in closed]])
            network.write_byte(state, edges, default=STATE_POP)
            return
        stay = network.add_byte(row)
        read = sum([1 << byte for byte, _, _ in skipped])
        blocked = [(first, last, 0) for first, last in _runs(~leaving & ~read & ((1 << 256) - 1))]
        leave = network.add_byte(sorted([*blocked, *skipped]), default=STATE_POP)
        network.write_fork(state, [stay, leave])


def _side_by_side(ways: list[Way]) -> list[tuple[int, int, list[tuple[int, Node]]]]:
    """Return (first, last, items that read these bytes, each with the node after) for sorted ways."""
    if all(one[1] < other[0] for one, other in pairwise(ways)):
        return [(first, last, [(place, node)]) for first, last, place, node in ways]
    cuts = sorted({first for first, *_ in ways} | {last + 1 for _, last, *_ in ways})
    found = [
        (begin, end - 1, [(place, node) for first, last, place, node in ways if first <= begin <= last])
        for begin, end in pairwise(cuts)
    ]
    return [one for one in found if one[2]]


def _first_byte(way: Way) -> int:
    return way[0]


def _cut(row: list[Edge]) -> list[Edge]:
    """Return a row with an edge for each byte."""
    return [(byte, byte, target) for first, last, target in row for byte in range(first, last + 1)]


def _runs(bits: int) -> list[tuple[int, int]]:
    """Return the runs of set bits as (first, last)."""
    found: list[tuple[int, int]] = []
    place = 0
    while bits:
        skip = (bits & -bits).bit_length() - 1
        place += skip
        bits >>= skip
        length = (~bits & (bits + 1)).bit_length() - 1
        found.append((place, place + length - 1))
        place += length
        bits >>= length
    return found
