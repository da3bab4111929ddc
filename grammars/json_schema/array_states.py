"""Write the network of one kind of array, item by item."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fsm.layout import STATE_POP
from fsm.network import Network
from grammars.json_schema.array_plan import ArrayPlan, ArrayPosition
from grammars.json_schema.name_trie import lay_names
from grammars.json_schema.text_tail import last_value_start

if TYPE_CHECKING:
    from grammars.json_schema.states import ValueStates

__all__ = ["ArrayStates"]

QUOTE, CLOSE_BRACKET = 34, 93


class ArrayStates:
    """Own the stubs of one kind of array."""

    def __init__(self, values: ValueStates, plan: ArrayPlan) -> None:
        self.values = values
        self.plan = plan
        self.network = values.network
        self.number = self.network.add_owner(self)
        self._arguments: list[tuple[str, ArrayPosition]] = []
        self._next: dict[ArrayPosition, int] = {}

    def open(self) -> int:
        """Return the state after the opening bracket."""
        return self._stub("open", self.plan.start)

    def shortest(self, argument: int) -> int:
        """Return the bytes to the closing bracket."""
        kind, position = self._arguments[argument]
        return self.values.lengths.close_array(self.plan, position, is_first=kind == "open")

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write one row."""
        kind, position = self._arguments[argument]
        edges = [(CLOSE_BRACKET, CLOSE_BRACKET, STATE_POP)] if self.plan.may_close(position) else []
        space = self.values.prelude.space
        if kind == "open":
            network.write_byte(state, edges, default=self._item(position), space=space)
            return
        item = self._item(position)
        if item:
            if space:
                item = network.add_byte([], default=item, space=space)
            comma = self.values.spaces.comma
            edges.insert(0, (comma[0], comma[0], network.add_text(comma[1:], item)))
        network.write_byte(state, edges, space=space)

    def note(self, network: Network, argument: int, text: bytes) -> int:
        """Return the state after an item whose value is now known."""
        _, position = self._arguments[argument]
        return self._after(self.plan.after_value(position, text[last_value_start(text) :].decode()))

    def _stub(self, kind: str, position: ArrayPosition) -> int:
        self._arguments.append((kind, position))
        return self.network.add_stub(self.number, len(self._arguments) - 1)

    def _after(self, position: ArrayPosition) -> int:
        known = self._next.get(position)
        if known is None:
            known = self._next[position] = self._stub("next", position)
        return known

    def _item(self, position: ArrayPosition) -> int:
        """Return the state in which the next item begins, 0 where none may come."""
        network = self.network
        calls = []
        items = self.plan.items(position)
        values = self.plan.listed(position) if items else None
        if values is not None:
            return self._listed(values, items[0].after)
        for item in items:
            after = self._after(item.after)
            if self.plan.rules.is_unique:
                after = self._noted(item.after, after)
            calls.append(network.add_call(self.values.state(item.obligations), after))
        return network.add_fork(calls)

    def _listed(self, values: list[Any], after: ArrayPosition) -> int:
        """Return the state in which one of few values begins; each leads to where it has come: nothing is noted."""
        network, constant = self.network, self.values.expander.references.synthetic
        ends = [self._after(self.plan.after_value(after, json.dumps(value))) for value in values]
        texts = {value: end for value, end in zip(values, ends, strict=True) if type(value) is str}
        starts = []
        if texts:
            trie = lay_names(network, list(texts), list(texts.values()))
            starts.append(network.add_byte([(QUOTE, QUOTE, trie)]))
        for value, end in zip(values, ends, strict=True):
            if type(value) is not str:
                obligations = frozenset([(constant({"const": value}), True)])
                starts.append(network.add_call(self.values.state(obligations), end))
        return network.add_fork(starts)

    def _noted(self, position: ArrayPosition, pending: int) -> int:
        """Return the state after an item whose value must be noted."""
        self._arguments.append(("next", position))
        return self.network.add_note(self.number, len(self._arguments) - 1, pending)
