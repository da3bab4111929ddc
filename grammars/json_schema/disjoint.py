"""Show quickly that two subschemas can never hold together, so that ``oneOf`` needs no negation."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from fsm.errors import LimitError
from grammars.json_schema.branch import (
    ANY_TYPE,
    ARRAY,
    BOOLEAN,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
)
from grammars.json_schema.choice import Choice, Item
from grammars.json_schema.references import Subschema

if TYPE_CHECKING:
    from grammars.json_schema.expand import Expander

__all__ = ["are_disjoint", "others_to_fail", "overlap"]

MAX_PAIRED = 64
_TYPES = (
    ("null", NULL),
    ("boolean", BOOLEAN),
    ("number", NUMBER),
    ("string", STRING),
    ("array", ARRAY),
    ("object", OBJECT),
)


def others_to_fail(expander: Expander, options: list[Subschema]) -> list[list[Item]]:
    """List for each option of a ``oneOf`` what keeps the others from holding beside it.

    Where two options exclude each other anyway nothing is asked; where they do so for some types only, the other one
    must fail on the rest.
    """
    rivals = _rivals(expander, options)
    return [_fails(expander, options, i, rivals[i]) for i in range(len(options))]


def _fails(expander: Expander, options: list[Subschema], chosen: int, rivals: list[int]) -> list[Item]:
    items: list[Item] = []
    for i in rivals:
        types = overlap(expander, options[chosen], options[i])
        if types == ANY_TYPE:
            items.append((options[i], False))
        elif types:
            items.append(Choice([[ANY_TYPE & ~types], [types, (options[i], False)]]))
    return items


def _rivals(expander: Expander, options: list[Subschema]) -> list[list[int]]:
    """List for each option those it may overlap with; many options are sorted by their values first."""
    count = len(options)
    every = list(range(count))
    if count <= MAX_PAIRED:
        return [[j for j in every if j != i] for i in every]
    keys = [_sorting_values(expander, option) for option in options]
    by_value: dict[Hashable, list[int]] = {}
    for i, values in enumerate(keys):
        for value in values:
            by_value.setdefault(value, []).append(i)
    found = [sorted({j for value in values for j in by_value[value] if j != i}) for i, values in enumerate(keys)]
    if None in by_value or sum(map(len, found)) > expander.limits.max_steps:
        raise LimitError(
            f"json schema at {options[0].pointer}: {count} alternatives of oneOf must be held apart; "
            "give them distinct constants, or use anyOf"
        )
    return found


def _sorting_values(expander: Expander, option: Subschema) -> list[Hashable]:
    """Return values of which one only this option may have; [None] where there are none."""
    facts = expander.facts.of(option)
    if facts.values is not None:
        return [("value", value) for value in facts.values]
    if facts.types == OBJECT:
        for name in sorted(facts.required):
            for node in facts.members.get(name, ()):
                inner = expander.facts.of(node).values
                if inner is not None:
                    return [(name, value) for value in inner]
    return [None]


def overlap(expander: Expander, left: Subschema, right: Subschema) -> int:
    """Return the types on which two subschemas may hold together."""
    if left is right:
        return ANY_TYPE
    known = expander.overlaps
    found = known.get((left, right))
    if found is None:
        found = known[left, right] = known[right, left] = _overlap(expander, left, right)
    return found


def are_disjoint(expander: Expander, left: Subschema, right: Subschema) -> bool:
    """Tell whether two subschemas are shown to exclude each other; False proves nothing."""
    return overlap(expander, left, right) == 0


def _overlap(expander: Expander, left: Subschema, right: Subschema) -> int:
    types = expander.facts.join(expander.facts.of(left), expander.facts.of(right)).types
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
