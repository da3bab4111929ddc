"""Gather what is certain of a subschema without opening it: types, only values, constants of members.

Facts show quickly that two subschemas exclude each other, which keeps alternatives apart without negation. They prove
exclusion only; what they do not exclude may still be empty.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from grammars.json_schema.branch import ANY_TYPE, OBJECT, type_of
from grammars.json_schema.drafts import is_older, knows
from grammars.json_schema.groups import type_bits
from grammars.json_schema.references import Subschema
from grammars.json_schema.values import canonical

if TYPE_CHECKING:
    from grammars.json_schema.expand import Expander

__all__ = ["FactFinder", "Facts", "is_constant", "listed_values"]

MAX_DEPTH = 6
MAX_VALUES = 256


class Facts:
    """Hold what is certain of the values of a subschema; unchanged once made.

    types : the types possible; values : the only values, None = any.
    members : per name the subschemas of its value; required : names that are there.
    closed : the only names possible, None = any.
    """

    __slots__ = ("closed", "members", "required", "types", "values")

    def __init__(self) -> None:
        self.types = ANY_TYPE
        self.values: frozenset[Hashable] | None = None
        self.members: dict[str, tuple[Subschema, ...]] = {}
        self.required: frozenset[str] = frozenset()
        self.closed: frozenset[str] | None = None


class FactFinder:
    """Know the facts of the subschemas of one document."""

    def __init__(self, expander: Expander) -> None:
        self.expander = expander
        self.nothing = Facts()
        self._known: dict[Subschema, Facts] = {}

    def of(self, node: Subschema, depth: int = 0) -> Facts:
        """Return the facts of a subschema."""
        found = self._known.get(node)
        if found is None:
            if depth > MAX_DEPTH:
                return self.nothing
            found = self._gather(node, depth)
            self._known[node] = found
        return found

    @staticmethod
    def requiring(names: set[str]) -> Facts:
        """Return the facts of an object that has some members."""
        facts = Facts()
        facts.required = frozenset(names)
        return facts

    def join(self, first: Facts, second: Facts, depth: int = 0) -> Facts:
        """Return the facts of what meets both; no types where nothing does."""
        if first is self.nothing:
            return second
        if second is self.nothing:
            return first
        both = Facts()
        both.types = first.types & second.types
        both.values = first.values if second.values is None else second.values
        if first.values is not None and second.values is not None:
            both.values = first.values & second.values
            if not both.values:
                both.types = 0
        if both.types & OBJECT:
            both.members, both.required, both.closed = first.members, first.required, first.closed
            self._join_members(both, second, depth)
        return both

    def _join_members(self, both: Facts, second: Facts, depth: int) -> None:
        if second.members:
            both.members = dict(both.members) if both.members else second.members
            if both.members is not second.members:
                for name, nodes in second.members.items():
                    both.members[name] = (*both.members.get(name, ()), *nodes)
        both.required = both.required | second.required
        if second.closed is not None:
            both.closed = second.closed if both.closed is None else both.closed & second.closed
        if not self._can_be_object(both, depth):
            both.types &= ~OBJECT

    def _can_be_object(self, facts: Facts, depth: int) -> bool:
        if facts.closed is not None and not facts.required <= facts.closed:
            return False
        for name in facts.required:
            nodes = facts.members.get(name, ())
            if len(nodes) > 1 and depth < MAX_DEPTH:
                met = self.nothing
                for node in dict.fromkeys(nodes):
                    met = self.join(met, self.of(node, depth + 1), depth + 1)
                if met.types == 0:
                    return False
        return True

    def _gather(self, node: Subschema, depth: int) -> Facts:
        schema = node.schema
        if schema is True:
            return self.nothing
        facts = Facts()
        if schema is False:
            facts.types = 0
            return facts
        assert isinstance(schema, dict)
        reference = schema.get("$ref")
        if type(reference) is str and is_older(node.draft, "draft2019-09"):
            return self.of(self.expander.references.resolve(node, "$ref"), depth + 1)
        self._add_values(facts, schema)
        if "type" in schema:
            facts.types &= type_bits(schema["type"])[0]
        if facts.types & OBJECT:
            self._add_members(facts, node, schema)
        if type(reference) is str:
            facts = self.join(facts, self.of(self.expander.references.resolve(node, "$ref"), depth + 1), depth)
        for i in range(len(schema.get("allOf", ()))):
            facts = self.join(facts, self.of(self.expander.child(node, "allOf", i), depth + 1), depth)
        return facts

    @staticmethod
    def _add_values(facts: Facts, schema: dict[str, Any]) -> None:
        values = schema.get("enum") if "enum" in schema else [schema["const"]] if "const" in schema else None
        if values is None:
            return
        bits = 0
        for value in values:
            bits |= type_of(value)
        facts.types &= bits
        if len(values) <= MAX_VALUES:
            facts.values = frozenset(canonical(value) for value in values)

    def _add_members(self, facts: Facts, node: Subschema, schema: dict[str, Any]) -> None:
        properties = schema.get("properties", {})
        child = self.expander.child
        facts.members = {name: (child(node, "properties", name),) for name in properties}
        required = schema.get("required")
        if type(required) is list:
            facts.required = frozenset(required)
        if schema.get("additionalProperties") is False and not schema.get("patternProperties"):
            facts.closed = frozenset(properties)


def is_constant(node: Subschema) -> bool:
    """Tell whether a subschema lists its values and asks nothing else."""
    schema = node.schema
    return (
        type(schema) is dict
        and (("enum" in schema) != ("const" in schema and knows(node.draft, "const")))
        and not schema.keys() - _HARMLESS
    )


def listed_values(node: Subschema) -> list[Any]:
    """Return the values that a constant lists."""
    schema = node.schema
    assert isinstance(schema, dict)
    return list(schema["enum"]) if "enum" in schema else [schema["const"]]


_HARMLESS = frozenset({"enum", "const", "title", "description", "$comment", "default", "examples"})
