"""Show quickly that two subschemas can never hold together, so that ``oneOf`` needs no negation."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from fsm.errors import LimitError
from grammars.json_schema.branch import (
    ANY_TYPE,
    ARRAY,
    BOOLEAN,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    Branch,
    type_of,
)
from grammars.json_schema.expand import Action, Choice, Expander, Item
from grammars.json_schema.positive import type_bits
from grammars.json_schema.references import Subschema
from grammars.json_schema.values import canonical

__all__ = ["are_disjoint", "others_to_fail", "overlap"]

MAX_DEPTH = 8
_TYPES = (
    ("null", NULL),
    ("boolean", BOOLEAN),
    ("number", NUMBER),
    ("string", STRING),
    ("array", ARRAY),
    ("object", OBJECT),
)


def others_to_fail(expander: Expander, options: list[Subschema], chosen: int) -> list[Item]:
    """List what keeps the other options of a ``oneOf`` from holding beside the chosen one.

    Where two options exclude each other anyway nothing is asked; where they do so for some types only, the other one
    must fail on the rest.
    """
    items: list[Item] = []
    for i, other in enumerate(options):
        types = overlap(expander, options[chosen], other) if i != chosen else 0
        if types == ANY_TYPE:
            items.append((other, False))
        elif types:
            items.append(Choice([[_only(~types)], [_only(types), (other, False)]]))
    return items


def are_disjoint(expander: Expander, left: Subschema, right: Subschema) -> bool:
    """Tell whether two subschemas are shown to exclude each other; False proves nothing."""
    return overlap(expander, left, right) == 0


def overlap(expander: Expander, left: Subschema, right: Subschema) -> int:
    """Return the types on which two subschemas may hold together."""
    if left is right:
        return ANY_TYPE
    known: dict[tuple[Subschema, Subschema], int] = expander.__dict__.setdefault("_overlaps", {})
    found = known.get((left, right))
    if found is None:
        found = known[left, right] = known[right, left] = _overlap(expander, left, right)
    return found


def _overlap(expander: Expander, left: Subschema, right: Subschema) -> int:
    first, second = _facts(expander, left), _facts(expander, right)
    types = first.types & second.types
    if types == 0:
        return 0
    if first.values is not None and second.values is not None and not first.values & second.values:
        return 0
    if types & OBJECT and any(
        name in second.constants and not values & second.constants[name] for name, values in first.constants.items()
    ):
        types &= ~OBJECT
    kept = 0
    for name, bits in _TYPES:
        if types & bits and _may_meet(expander, left, right, name):
            kept |= types & bits
    return kept


def _may_meet(expander: Expander, left: Subschema, right: Subschema, name: str) -> bool:
    """Tell whether a value of one type may meet both; unknown counts as yes."""
    guard = expander.references.synthetic({"type": name})
    oracle = expander.oracle
    if oracle is None or oracle.is_busy:
        return True
    try:
        return oracle.is_satisfiable(frozenset([(left, True), (right, True), (guard, True)]))
    except LimitError:
        return True


def _only(types: int) -> Action:
    def act(branch: Branch) -> bool:
        branch.types &= types
        return bool(branch.types)

    return act


class _Facts:
    """Hold what is certain of a subschema's values: types, the only values, constants of required members."""

    __slots__ = ("constants", "types", "values")

    def __init__(self) -> None:
        self.types = ANY_TYPE
        self.values: frozenset[Hashable] | None = None
        self.constants: dict[str, frozenset[Hashable]] = {}


def _facts(expander: Expander, node: Subschema, depth: int = 0) -> _Facts:
    known: dict[Subschema, _Facts] = expander.__dict__.setdefault("_facts", {})
    found = known.get(node)
    if found is None:
        found = _gather(expander, node, depth)
        if depth == 0:
            known[node] = found
    return found


def _gather(expander: Expander, node: Subschema, depth: int) -> _Facts:
    facts, schema = _Facts(), node.schema
    if schema is False:
        facts.types = 0
    if type(schema) is bool or depth > MAX_DEPTH:
        return facts
    parts = []
    if type(schema.get("$ref")) is str:
        parts.append(expander.references.resolve(node, "$ref"))
    parts += [expander.child(node, "allOf", i) for i in range(len(schema.get("allOf", ())))]
    if "type" in schema:
        facts.types &= type_bits(schema["type"])[0]
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is not None:
        facts.values = frozenset(canonical(value) for value in values)
        bits = 0
        for value in values:
            bits |= type_of(value)
        facts.types &= bits
    required: Any = schema.get("required", ())
    for name in schema.get("properties", ()):
        if type(required) is list and name in required:
            inner = _facts(expander, expander.child(node, "properties", name), depth + 1)
            if inner.values is not None:
                facts.constants[name] = inner.values
    for part in parts:
        _join(facts, _facts(expander, part, depth + 1))
    return facts


def _join(facts: _Facts, other: _Facts) -> None:
    facts.types &= other.types
    if other.values is not None:
        facts.values = other.values if facts.values is None else facts.values & other.values
    for name, values in other.constants.items():
        facts.constants[name] = facts.constants.get(name, values) & values
