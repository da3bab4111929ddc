"""Write the network of one kind of object, member by member.

Per position: OPEN (after the brace), NEXT (after a member), NAMES (inside a key); per offered name a colon, then VALUE,
a call of its value that returns to NEXT. Names that are not declared are noted when they were read, so that none comes
twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.layout import STATE_POP
from fsm.network import Network
from grammars.json_schema.member_rows import add_closes, without_names, write_value
from grammars.json_schema.name_trie import lay_names
from grammars.json_schema.object_plan import ObjectPlan
from grammars.json_schema.object_position import Member, ObjectPosition
from grammars.json_schema.other_names import OtherNames
from grammars.json_schema.strings import CountedString
from grammars.json_schema.text_tail import last_string

if TYPE_CHECKING:
    from grammars.json_schema.states import ValueStates

__all__ = ["ObjectStates"]

QUOTE, CLOSE_BRACE = 34, 125


class ObjectStates:
    """Own the stubs of one kind of object."""

    def __init__(self, values: ValueStates, plan: ObjectPlan) -> None:
        self.values = values
        self.plan = plan
        self.network = values.network
        self.number = self.network.add_owner(self)
        self._arguments: list[tuple[str, ObjectPosition, list[Member] | None]] = []
        self._next: dict[ObjectPosition, int] = {}
        self._read: dict[tuple[int, str], int] = {}

    def open(self) -> int:
        """Return the state after the opening brace."""
        return self._stub("open", self.plan.start)

    def shortest(self, argument: int) -> int:
        """Return the bytes to the closing brace."""
        kind, position, members = self._arguments[argument]
        lengths = self.values.lengths
        if kind == "value":
            assert members is not None
            return lengths.after_members(self.plan, members) - 1
        if kind == "names":
            width, after = lengths.next_member(self.plan, position)
            return width - 1 + lengths.close_object(self.plan, after, is_first=False)
        return lengths.close_object(self.plan, position, is_first=kind == "open")

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write one row."""
        kind, position, members = self._arguments[argument]
        if kind == "value":
            assert members is not None
            self._write_value(state, members)
        elif kind == "names":
            self._write_names(state, position)
        else:
            self._write_boundary(state, position, is_open=kind == "open")

    def note(self, network: Network, argument: int, text: bytes) -> int:
        """Return the state after a key that is not declared, once it is known; 0 where it stands already."""
        _, position, members = self._arguments[argument]
        assert members is not None
        name = last_string(text)
        if name in position.seen:
            return 0
        state = self._read.get((argument, name))
        if state is None:
            known = [Member(m.obligations, self.plan.after_other(m.after, name)) for m in members]
            self._arguments.append(("value", position, known))
            state = add_closes(self.values, 1, owner=self.number, argument=len(self._arguments) - 1)
            self._read[argument, name] = state
        return state

    def _stub(self, kind: str, position: ObjectPosition, members: list[Member] | None = None) -> int:
        self._arguments.append((kind, position, members))
        return self.network.add_stub(self.number, len(self._arguments) - 1)

    def after(self, position: ObjectPosition) -> int:
        """Return the state after a member's value."""
        known = self._next.get(position)
        if known is None:
            known = self._next[position] = self._stub("next", position)
        return known

    def _write_boundary(self, state: int, position: ObjectPosition, *, is_open: bool) -> None:
        """Write the row after the opening brace or after a member."""
        plan, network, spaces = self.plan, self.network, self.values.spaces
        edges = []
        if plan.may_close(position):
            edges.append((CLOSE_BRACE, CLOSE_BRACE, STATE_POP))
        if plan.has_next(position):
            names = self._stub("names", position)
            if is_open:
                edges.append((QUOTE, QUOTE, names))
            else:
                quote = network.add_byte([(QUOTE, QUOTE, names)], space=self.values.prelude.space)
                lead = spaces.comma[0]
                edges.append((lead, lead, network.add_text(spaces.comma[1:], quote)))
        edges.sort()
        network.write_byte(state, edges, space=self.values.prelude.space)

    def _write_names(self, state: int, position: ObjectPosition) -> None:
        """Write where a key begins: a trie of the names offered, and beside it every other name."""
        plan, network = self.plan, self.network
        offers = plan.offers(position)
        names = [name for name, _ in offers]
        closes: list[int] = []
        if offers:
            first = len(self._arguments)
            self._arguments.extend(("value", position, members) for _, members in offers)
            colon = add_closes(self.values, len(offers), owner=self.number, argument=first)
            closes = list(range(colon, colon + len(offers)))
        others = plan.other_offers(position)
        free = next((members for other, members in others if other.dfa is None), None)
        if free is not None:
            taken = list({*plan.names, *position.seen}.difference(names))
            note = self._noted(position, free)
            call = network.add_call(self.values.prelude.free, note)
            trie = lay_names(network, names + taken, closes + [0] * len(taken), default=call, other=note, base=call)
            network.write_call(state, trie, 0)
            return
        starts = [lay_names(network, names, closes)] if names else []
        starts += [start for start in (self._lay_others(position, other, m) for other, m in others) if start]
        if len(starts) == 1:
            network.write_call(state, starts[0], 0)
        elif starts:
            network.write_fork(state, starts)
        else:
            network.write_byte(state, [])

    def _lay_others(self, position: ObjectPosition, other: OtherNames, members: list[Member]) -> int:
        """Lay one class of names, without those that are declared or stand already."""
        assert other.dfa is not None
        rest = without_names(other.dfa, frozenset({*self.plan.names, *position.seen}))
        start = self.values.characters(CountedString(rest))
        return self.network.add_call(start, self._noted(position, members)) if start else 0

    def _noted(self, position: ObjectPosition, members: list[Member]) -> int:
        """Return the state after the closing quote of a key that must be noted."""
        network = self.network
        self._arguments.append(("value", position, members))
        argument = len(self._arguments) - 1
        pending = add_closes(self.values, 1, owner=self.number, argument=argument)
        return network.add_note(self.number, argument, pending)

    def _write_value(self, state: int, members: list[Member]) -> None:
        """Write the row after a colon: white space, value; then the position after the member."""
        network = self.network
        calls = [network.add_call(self.values.state(m.obligations), self.after(m.after)) for m in members]
        write_value(self.values, state, network.add_fork(calls))
