"""Write the network of an object whose members ask nothing of one another, once for all places in it.

Which keys came is a bit set on the stack (``SEEN`` states), so that one row serves after every member. Keys that are
not declared are noted when read, so that none comes twice: the first few have bits from then on, and their names are
added where a key begins. Rows differ only by the keys that came and have no bit: more of those, and of very many
declared ones the last.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import reduce
from itertools import repeat
from operator import or_
from typing import TYPE_CHECKING

import numpy as np

from fsm.layout import STATE_POP
from fsm.network import Network
from grammars.json_schema.member_rows import NEVER_SET, add_closes, without_names, write_value
from grammars.json_schema.name_trie import add_name, lay_names
from grammars.json_schema.object_plan import ObjectPlan
from grammars.json_schema.object_position import Member, ObjectPosition
from grammars.json_schema.oracle import Obligations
from grammars.json_schema.other_names import OtherNames
from grammars.json_schema.strings import CountedString
from grammars.json_schema.text_tail import last_string

if TYPE_CHECKING:
    from grammars.json_schema.states import ValueStates

__all__ = ["FramedObject"]

QUOTE, CLOSE_BRACE = 34, 125
MOST_BITS = 62
MOST_OTHERS = 16
"""So many keys that are not declared have bits: they are written wherever a key begins after others."""

Names = frozenset[str]
Value = Obligations | str
"""What a value must meet, or the declared name that says it; the name is looked up where a text gets there."""


class FramedObject:
    """Own the stubs of one kind of object.

    A stub is ("open" or "next" or "names", names so far without a bit, None), or ("value", the same, its value), or
    ("other", the same, the value behind any key that is not declared).
    """

    def __init__(self, values: ValueStates, plan: ObjectPlan) -> None:
        self.values = values
        self.plan = plan
        self.network = values.network
        self.number = self.network.add_owner(self)
        names, required = plan.names, plan.rules.required
        if len(names) > MOST_BITS:
            names = sorted(names, key=lambda name: name not in required)[:MOST_BITS]
        self._bit = {name: 1 << place for place, name in enumerate(names)}
        self._required = sum([self._bit[name] for name in required if name in self._bit])
        self._loose = required.difference(self._bit)
        self._arguments: list[tuple[str, Names, Value | None]] = []
        self._begun: dict[Names, int] = {}
        self._next: dict[Names, int] = {}
        self._read: dict[tuple[int, str], int] = {}
        self._colon: dict[int, int] = {}
        self._num_declared = len(self._bit)
        self._free_bits: list[int] = []
        self._trie = self._unknown = 0

    @staticmethod
    def fits(plan: ObjectPlan) -> bool:
        """Tell whether a plan is of this kind: any order, no promises or counts, and names that do not run out."""
        return (
            plan.is_simple
            and not plan.is_ordered
            and all(other.dfa is None or other.dfa.longest(other.dfa.start) is None for other, _ in plan.others())
        )

    def open(self) -> int:
        """Return the state after the opening brace, which puts the bits on the stack."""
        return self.network.add_call(self._stub("open", frozenset()), STATE_POP)

    def shortest(self, argument: int) -> int:
        """Return the bytes to the closing brace where no key came."""
        return self.shortest_seen(argument, 0)

    def shortest_seen(self, argument: int, seen: int) -> int:
        """Return the bytes to the closing brace, given the keys that came."""
        kind, extras, value = self._arguments[argument]
        plan, lengths = self.plan, self.values.lengths
        names = extras.union(name for name, bit in self._bit.items() if seen & bit)
        position = ObjectPosition(0, names, len(names), 0)
        if value is not None:
            return lengths.after_members(plan, [Member(self._obligations(value), position)]) - 1
        if kind == "names":
            width, after = lengths.next_member(plan, position)
            return width - 1 + lengths.close_object(plan, after, is_first=False)
        return lengths.close_object(plan, position, is_first=kind == "open")

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write one row."""
        kind, extras, value = self._arguments[argument]
        if value is not None:
            self._write_value(state, extras, self._obligations(value))
        elif kind == "names":
            self._write_names(state, extras)
        elif kind == "open":
            self._write_open(state, extras)
        else:
            self._write_next(state, extras)

    def note(self, network: Network, argument: int, text: bytes) -> int:
        """Return the state after a key that is not declared, once it is known; 0 where it stands already."""
        name = last_string(text)
        return 0 if name in self._arguments[argument][1] else self._after_other(argument, name)

    def _after_other(self, argument: int, name: str) -> int:
        """Return the state after a key that is not declared: it sets the key's bit, or knows the key.

        With a bit, the name is written where keys begin. What is known of texts in which it did not come stays right:
        its bit is not set in them.
        """
        state = self._read.get((argument, name))
        if state is None:
            kind, extras, value = self._arguments[argument]
            bit = self._other_bit(name, extras) if kind == "other" else 0
            if bit:
                state = self.network.add_seen(self._colon[argument], left=bit, adds=bit)
                if not extras:  # once more where it was interrupted, which changes nothing
                    add_name(self.network, self._trie, name, state, other=self._unknown, num_names=self._num_names())
            else:
                self._arguments.append(("value", extras | {name}, value))
                state = add_closes(self.values, 1, owner=self.number, argument=len(self._arguments) - 1)
            self._read[argument, name] = state
        return state

    def _other_bit(self, name: str, extras: Names) -> int:
        """Return the bit of a key that is not declared, a new one while there are any; 0 where it has none."""
        bit = self._bit.get(name, 0)
        if not bit and not extras and self._free_bits:
            bit = self._bit[name] = self._free_bits.pop()
        return bit

    def _others(self) -> list[str]:
        """List the keys that are not declared and have bits."""
        return list(self._bit)[self._num_declared :]

    def _num_names(self) -> int:
        return len(self.plan.names) + len(self._bit)

    def _obligations(self, value: Value) -> Obligations:
        found = self.plan.value_of(value) if type(value) is str else value
        assert type(found) is frozenset
        return found

    def _stub(self, kind: str, extras: Names) -> int:
        self._arguments.append((kind, extras, None))
        return self.network.add_stub(self.number, len(self._arguments) - 1)

    def _names(self, extras: Names) -> int:
        """Return the state in which a key begins, the first one or not: the bits tell which names came."""
        known = self._begun.get(extras)
        if known is None:
            known = self._begun[extras] = self._stub("names", extras)
        return known

    def _after(self, extras: Names) -> int:
        """Return the state after a member's value."""
        known = self._next.get(extras)
        if known is None:
            known = self._next[extras] = self._stub("next", extras)
        return known

    def _offers(self, extras: Names) -> list[str]:
        """List the declared names that may come, as far as the bits allow."""
        allowed = self.plan.allowed
        return [name for name in allowed if name not in extras] if extras else allowed

    def _bits(self, names: list[str]) -> list[int]:
        return [self._bit.get(name, NEVER_SET) for name in names]

    def _write_open(self, state: int, extras: Names) -> None:
        edges = []
        if self.plan.others() or self._offers(extras):
            edges.append((QUOTE, QUOTE, self._names(extras)))
        if not self.plan.rules.required:
            edges.append((CLOSE_BRACE, CLOSE_BRACE, STATE_POP))
        self.network.write_byte(state, edges, space=self.values.prelude.space)

    def _write_next(self, state: int, extras: Names) -> None:
        """Write the row after a member."""
        network, spaces, prelude = self.network, self.values.spaces, self.values.prelude
        edges = []
        is_open = bool(self.plan.others())
        names = [] if is_open else self._offers(extras)
        if is_open or names:
            quote = network.add_byte([(QUOTE, QUOTE, self._names(extras))], space=prelude.space)
            comma = network.add_text(spaces.comma[1:], quote)
            lead = spaces.comma[0]
            edges.append((lead, lead, comma if is_open else network.add_seen(comma, left=_united(self._bits(names)))))
        if self._loose <= extras:
            close = network.add_seen(STATE_POP, needs=self._required) if self._required else STATE_POP
            edges.append((CLOSE_BRACE, CLOSE_BRACE, close))
        network.write_byte(state, edges, space=prelude.space)

    def _write_names(self, state: int, extras: Names) -> None:
        """Write where a key begins: a trie of the names declared, and beside it every other name."""
        plan, network = self.plan, self.network
        names, others = self._offers(extras), plan.others()
        free = next((obligations for other, obligations in others if other.dfa is None), None)
        if free is not None:
            self._write_open_names(state, extras, names, free)
            return
        bits = self._bits(names)
        closes = self._lay_closes(names, bits, extras)
        starts = []
        if names:
            trie = lay_names(network, names, closes, bits=bits)
            starts.append(network.add_seen(trie, left=_united(bits)) if others else trie)
        starts += [start for start in (self._lay_others(extras, other, o) for other, o in others) if start]
        if len(starts) == 1:
            network.write_call(state, starts[0], 0)
        elif starts:
            network.write_fork(state, starts)
        else:
            network.write_byte(state, [])

    def _write_open_names(self, state: int, extras: Names, names: list[str], free: Obligations) -> None:
        """Write where a key begins that may have any name."""
        network, plan = self.network, self.plan
        closes, others = self._lay_closes(names, self._bits(names), extras), self._others()
        if not extras:
            first = self._num_declared
            self._free_bits = [1 << place for place in range(first, min(first + MOST_OTHERS, MOST_BITS))]
        note, argument = self._note("other", extras, free, watched=0 if extras else sum(self._free_bits))
        is_all = not extras and len(names) == len(plan.names)
        taken = [] if is_all else list(extras.union(plan.names).difference(names))
        closes = [*closes, *[self._after_other(argument, name) for name in others], *repeat(0, len(taken))]
        call = network.add_call(self.values.prelude.free, note)
        trie = lay_names(network, names + others + taken, closes, default=call, other=note, base=call)
        if not extras:
            self._trie, self._unknown = trie, note
        network.write_call(state, trie, 0)

    def _lay_closes(self, names: list[str], bits: list[int], extras: Names) -> Sequence[int]:
        """Lay what follows each declared key: its bit is set, once; then comes the colon, one for all alike values."""
        if not names:
            return ()
        first = len(self._arguments)
        numbers: dict[Hashable, int] = {}
        kinds = []
        for name, bit in zip(names, bits, strict=True):
            kind = name if bit == NEVER_SET else self.plan.kind_of(name)
            number = numbers.get(kind)
            if number is None:
                number = numbers[kind] = len(numbers)
                self._arguments.append(("value", extras if bit != NEVER_SET else extras | {name}, name))
            kinds.append(number)
        row = add_closes(
            self.values,
            len(numbers),
            owner=self.number,
            argument=first,
            bits=np.array(bits, np.int64),
            kinds=np.array(kinds, np.int64),
        )
        return range(row, row + len(names))

    def _lay_others(self, extras: Names, other: OtherNames, obligations: Obligations) -> int:
        """Lay one class of names, without those that are declared or stand already."""
        assert other.dfa is not None
        rest = without_names(other.dfa, extras.union(self.plan.names))
        start = self.values.characters(CountedString(rest))
        return self.network.add_call(start, self._note("value", extras, obligations)[0]) if start else 0

    def _note(self, kind: str, extras: Names, obligations: Obligations, *, watched: int = 0) -> tuple[int, int]:
        """Add the state after the closing quote of a key that must be noted; return it and its argument."""
        self._arguments.append((kind, extras, obligations))
        argument = len(self._arguments) - 1
        colon = self._colon[argument] = add_closes(self.values, 1, owner=self.number, argument=argument)
        return self.network.add_note(self.number, argument, colon, watched=watched), argument

    def _write_value(self, state: int, extras: Names, obligations: Obligations) -> None:
        """Write the row after a colon: white space, value; then what follows the member."""
        write_value(self.values, state, self.network.add_call(self.values.state(obligations), self._after(extras)))


def _united(bits: list[int]) -> int:
    return reduce(or_, bits, 0)
