"""Make atoms: what one keyword asks of a branch, guarded by the keyword's type.

An action adds the atom to a branch and tells whether the branch lives; a promise is an atom that some member keeps
later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from grammars.json_schema.branch import (
    ANY_TYPE,
    ARRAY,
    NUMBER,
    OBJECT,
    STRING,
    Branch,
    Contains,
    ItemGroup,
    MemberGroup,
    Promise,
    SomeMember,
    StringRule,
    type_of,
)
from grammars.json_schema.choice import Action, Choice, Item
from grammars.json_schema.numbers import NumberConstraint
from grammars.json_schema.references import References

__all__ = [
    "absent",
    "exclude_values",
    "items_contain",
    "items_meet",
    "items_within",
    "length_within",
    "members_within",
    "missing",
    "number_meets",
    "present",
    "some_member",
    "string_meets",
]

_NONE: frozenset[str] = frozenset()


def present(name: str) -> Promise:
    """Ask for a member."""
    return Promise(frozenset(), (SomeMember(None, frozenset(), (), None, None, name),))


def missing(references: References, name: str) -> Action:
    """Ask that there is no such member: the value is no object, or an object without it."""
    group = MemberGroup({name: (references.false, True)})

    def act(branch: Branch) -> bool:
        if branch.types & OBJECT:
            branch.object.groups.append(group)
        return True

    return act


def absent(name: str) -> Promise:
    """Ask for an object without a member."""
    return Promise(frozenset([name]), ())


def number_meets(constraint: NumberConstraint) -> Action:
    """Ask for a number that meets a constraint."""

    def act(branch: Branch) -> bool:
        branch.types &= NUMBER
        branch.number = branch.number.conjoin(constraint)
        return bool(branch.types)

    return act


def string_meets(rule: StringRule) -> Action:
    """Ask for a string that meets a rule."""

    def act(branch: Branch) -> bool:
        branch.types &= STRING
        branch.string.rules.add(rule)
        return bool(branch.types)

    return act


def length_within(low: int, high: int | None) -> Action:
    """Ask for a string of some length."""

    def act(branch: Branch) -> bool:
        branch.types &= STRING
        rules = branch.string
        rules.low = max(rules.low, low)
        rules.high = rules.high if high is None else high if rules.high is None else min(high, rules.high)
        return bool(branch.types)

    return act


def items_within(low: int, high: int | None) -> Action:
    """Ask for an array of some size."""

    def act(branch: Branch) -> bool:
        branch.types &= ARRAY
        rules = branch.array
        rules.low = max(rules.low, low)
        rules.high = rules.high if high is None else high if rules.high is None else min(high, rules.high)
        return bool(branch.types)

    return act


def members_within(low: int, high: int | None) -> Action:
    """Ask for an object of some size."""

    def act(branch: Branch) -> bool:
        branch.types &= OBJECT
        rules = branch.object
        rules.low = max(rules.low, low)
        rules.high = rules.high if high is None else high if rules.high is None else min(high, rules.high)
        return bool(branch.types)

    return act


def items_meet(group: ItemGroup) -> Action:
    """Ask for an array whose items meet a group."""

    def act(branch: Branch) -> bool:
        branch.types &= ARRAY
        branch.array.groups.append(group)
        return bool(branch.types)

    return act


def items_contain(atom: Contains) -> Action:
    """Ask for an array with so many items that meet an obligation."""

    def act(branch: Branch) -> bool:
        branch.types &= ARRAY
        branch.array.contains.append(atom)
        return bool(branch.types)

    return act


def some_member(some: SomeMember) -> Promise:
    """Ask for an object with a member of a kind."""
    return Promise(frozenset(), (some,))


def exclude_values(references: References, values: Iterable[Any]) -> list[Item]:
    """Ask that the value is none of these."""
    return [item for value in values for item in exclude_value(references, value)]


def exclude_value(references: References, value: Any) -> list[Item]:
    """Ask that the value is not this one; arrays and objects differ in size or at some place."""
    bit = type_of(value)
    if bit == NUMBER:
        return [_unless_number(value)]
    if bit == STRING:
        return [_unless_string(value)]
    if bit not in (ARRAY, OBJECT):
        return [ANY_TYPE & ~bit]
    constant = references.synthetic
    alternatives: list[list[Item]] = [[ANY_TYPE & ~bit]]
    size = len(value)
    if bit == ARRAY:
        true = (references.true, True)
        alternatives += [[items_within(0, size - 1)]] if size else []
        alternatives.append([items_within(size + 1, None)])
        for i, item in enumerate(value):
            group = ItemGroup((*([true] * i), (constant({"const": item}), False)), None)
            alternatives.append([items_within(i + 1, None), items_meet(group)])
        return [Choice(alternatives)]
    others = SomeMember(None, frozenset(value), (), None, None)
    changed = [
        SomeMember(None, _NONE, (), None, (constant({"const": item}), False), name) for name, item in value.items()
    ]
    alternatives.append([Promise(frozenset(value), (*changed, others))])
    return [Choice(alternatives)]


def _unless_number(value: Any) -> Action:
    def act(branch: Branch) -> bool:
        if branch.types & NUMBER:
            branch.number = branch.number.conjoin(NumberConstraint.none_of([value]))
        return True

    return act


def _unless_string(value: str) -> Action:
    def act(branch: Branch) -> bool:
        if branch.types & STRING:
            branch.string.rules.add(StringRule("literals", frozenset([value]), holds=False))
        return True

    return act
