"""Say what ``unevaluatedProperties`` and ``unevaluatedItems`` ask, one alternative per set of subschemas that hold.

Which members and items count as evaluated depends on which in-place subschemas hold. Where the keywords must hold, each
alternative asks that some of them do and relies on no more than these; where they must fail, each asks that the others
do not hold. Sources: JSON Schema 2019-09 section 9.3 and 2020-12 section 11 (core).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from fsm.errors import LimitError
from grammars.json_schema.atoms import items_contain, missing, present
from grammars.json_schema.branch import (
    ARRAY,
    OBJECT,
    Branch,
    Contains,
    ItemGroup,
    MemberGroup,
    Promise,
    SomeMember,
)
from grammars.json_schema.choice import Choice, Item
from grammars.json_schema.drafts import is_older, knows
from grammars.json_schema.groups import item_group, skips_pattern
from grammars.json_schema.references import Subschema

if TYPE_CHECKING:
    from grammars.json_schema.expand import Expander

__all__ = ["UNEVALUATED", "fail_unevaluated", "open_unevaluated"]

UNEVALUATED = frozenset({"unevaluatedProperties", "unevaluatedItems"})
MAX_WAYS = 512


@dataclass(frozen=True, slots=True)
class Coverage:
    """Hold what counts as evaluated: names, patterns of names or all members; a prefix, matching items or all items."""

    names: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    is_every_member: bool = False
    prefix: int = 0
    matching: frozenset[Subschema] = frozenset()
    is_every_item: bool = False

    def join(self, other: Coverage) -> Coverage:
        """Return what either covers."""
        return Coverage(
            self.names | other.names,
            self.patterns | other.patterns,
            self.is_every_member or other.is_every_member,
            max(self.prefix, other.prefix),
            self.matching | other.matching,
            self.is_every_item or other.is_every_item,
        )


NOTHING = Coverage()
Way = tuple[list[Item], Coverage]


def open_unevaluated(expander: Expander, branch: Branch, node: Subschema, todo: list[Item]) -> bool:
    """Ask that every member and item that is not evaluated meets the keywords of a node that must hold."""
    if not knows(node.draft, "unevaluatedItems"):
        return True
    ways = _Ways(expander, must_hold=True).of(node, is_top=True)
    alternatives = [[*items, *_rules(expander, node, coverage)] for items, coverage in ways]
    if len(alternatives) == 1:
        todo.extend(alternatives[0])
    else:
        todo.append(Choice(alternatives))
    return True


def fail_unevaluated(expander: Expander, node: Subschema, keyword: str) -> list[list[Item]]:
    """List the ways in which a member or item that is not evaluated fails one keyword of a node."""
    if not knows(node.draft, keyword):
        return []
    child = expander.child(node, keyword)
    alternatives: list[list[Item]] = []
    for items, coverage in _Ways(expander, must_hold=False).of(node, is_top=True):
        if keyword == "unevaluatedProperties" and not coverage.is_every_member:
            some = SomeMember(None, coverage.names, tuple(sorted(coverage.patterns)), None, (child, False))
            alternatives.append([*items, Promise(frozenset(), (some,))])
        if keyword == "unevaluatedItems" and not coverage.is_every_item:
            wanted = _any_of(expander, coverage, child)
            alternatives.append([*items, items_contain(Contains((wanted, False), 1, None, coverage.prefix))])
    return alternatives


def _rules(expander: Expander, node: Subschema, coverage: Coverage) -> list[Item]:
    """Return the atoms that a coverage leaves to ask."""
    schema = node.schema
    assert isinstance(schema, dict)
    true = (expander.references.true, True)
    items: list[Item] = []
    if "unevaluatedProperties" in schema and not coverage.is_every_member:
        rest = (expander.child(node, "unevaluatedProperties"), True)
        items.append(
            _members(
                MemberGroup(
                    dict.fromkeys(sorted(coverage.names), true),
                    tuple((pattern, true) for pattern in sorted(coverage.patterns)),
                    rest,
                )
            )
        )
    if "unevaluatedItems" in schema and not coverage.is_every_item:
        wanted = _any_of(expander, coverage, expander.child(node, "unevaluatedItems"))
        items.append(_items(ItemGroup((true,) * coverage.prefix, (wanted, True))))
    return items


def _any_of(expander: Expander, coverage: Coverage, rest: Subschema) -> Subschema:
    """Return what an item past the prefix must meet: one of the ``contains`` that cover it, or the keyword's own."""
    if not coverage.matching:
        return rest
    return expander.references.any_of([*sorted(coverage.matching, key=lambda node: node.pointer), rest])


def _members(group: MemberGroup) -> Item:
    def act(branch: Branch) -> bool:
        if branch.types & OBJECT:
            branch.object.groups.append(group)
        return True

    return act


def _items(group: ItemGroup) -> Item:
    def act(branch: Branch) -> bool:
        if branch.types & ARRAY:
            branch.array.groups.append(group)
        return True

    return act


class _Ways:
    """List which subschemas may hold in place, with what they cover.

    must_hold : ways may overlap and cover too little (each asks what it relies on); otherwise they may cover too much
    (each asks that what it leaves out fails).
    """

    def __init__(self, expander: Expander, *, must_hold: bool) -> None:
        self.expander = expander
        self.must_hold = must_hold
        self._open: set[Subschema] = set()

    def of(self, node: Subschema, *, is_top: bool = False) -> list[Way]:
        """Return the ways of a node that holds."""
        schema = node.schema
        if type(schema) is bool or node in self._open:
            return [([], NOTHING)]
        self._open.add(node)
        try:
            ways: list[Way] = [([], self._own(node, is_top=is_top))]
            for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
                if type(schema.get(keyword)) is str:
                    ways = _product(ways, self.of(self.expander.references.resolve(node, keyword)), node)
            if "$ref" in schema and is_older(node.draft, "draft2019-09"):
                return ways
            for i in range(len(schema.get("allOf", ()))):
                ways = _product(ways, self.of(self.expander.child(node, "allOf", i)), node)
            for keyword in ("anyOf", "oneOf"):
                if keyword in schema:
                    ways = _product(ways, self._options(node, keyword), node)
            if "if" in schema:
                ways = _product(ways, self._condition(node), node)
            for name in schema.get("dependentSchemas", ()):
                ways = _product(ways, self._dependent(node, name), node)
        finally:
            self._open.discard(node)
        return ways

    def _own(self, node: Subschema, *, is_top: bool) -> Coverage:
        """Return what the node's own members and items keywords cover."""
        schema = node.schema
        assert isinstance(schema, dict)
        group = item_group(self.expander, node)
        matching: frozenset[Subschema] = frozenset()
        if "contains" in schema and not is_older(node.draft, "draft2020-12"):
            matching = frozenset([self.expander.child(node, "contains")])
        is_nested = not is_top and knows(node.draft, "unevaluatedItems")
        keys = schema.get("patternProperties", ())
        patterns = [key for key in keys if not skips_pattern(self.expander, node, key)]
        return Coverage(
            frozenset(schema.get("properties", ())),
            frozenset(patterns),
            "additionalProperties" in schema
            or len(patterns) < len(keys)
            or (is_nested and "unevaluatedProperties" in schema),
            len(group.prefix),
            matching,
            group.rest is not None or (is_nested and "unevaluatedItems" in schema),
        )

    def _covers(self, node: Subschema) -> bool:
        return any(coverage != NOTHING for _, coverage in self.of(node))

    def _options(self, node: Subschema, keyword: str) -> list[Way]:
        schema = node.schema
        assert isinstance(schema, dict)
        options = [self.expander.child(node, keyword, i) for i in range(len(schema[keyword]))]
        covering = [option for option in options if self._covers(option)]
        if not covering:
            return [([], NOTHING)]
        most = len(covering) if keyword == "anyOf" else 1
        if most > 1 and 1 << most > MAX_WAYS:
            raise _too_many(node)
        ways: list[Way] = []
        for size in range(most + 1):
            for chosen in combinations(covering, size):
                ways += self._chosen(chosen, options, covering)
        return ways

    def _chosen(self, chosen: Iterable[Subschema], options: list[Subschema], covering: list[Subschema]) -> list[Way]:
        """Return the ways in which some options are the ones relied on."""
        held = list(chosen)
        items: list[Item]
        if not self.must_hold:
            items = [(option, False) for option in covering if option not in held]
        elif held:
            items = [(option, True) for option in held]
        else:
            others = [option for option in options if option not in covering]
            if not others:
                return []  # one of the covering ones holds: another way has it
            items = [Choice([[(option, True)] for option in others])]
        ways: list[Way] = [(items, NOTHING)]
        for option in held:
            ways = _product(ways, self.of(option), option)
        return ways

    def _condition(self, node: Subschema) -> list[Way]:
        schema = node.schema
        assert isinstance(schema, dict)
        condition = self.expander.child(node, "if")
        then: list[Way] = _product([([(condition, True)], NOTHING)], self.of(condition), node)
        other: list[Way] = [([(condition, False)], NOTHING)]
        if "then" in schema:
            then = _product(then, self.of(self.expander.child(node, "then")), node)
        if "else" in schema:
            other = _product(other, self.of(self.expander.child(node, "else")), node)
        ways = then + other
        return ways if any(coverage != NOTHING for _, coverage in ways) else [([], NOTHING)]

    def _dependent(self, node: Subschema, name: str) -> list[Way]:
        child = self.expander.child(node, "dependentSchemas", name)
        if not self._covers(child):
            return [([], NOTHING)]
        there: list[Way] = _product([([present(name)], NOTHING)], self.of(child), node)
        return [([missing(self.expander.references, name)], NOTHING), *there]


def _product(left: list[Way], right: list[Way], node: Subschema) -> list[Way]:
    if len(left) * len(right) > MAX_WAYS:
        raise _too_many(node)
    return [(a + b, first.join(second)) for a, first in left for b, second in right]


def _too_many(node: Subschema) -> LimitError:
    return LimitError(
        f'json schema at {node.pointer}: more than {MAX_WAYS} sets of alternatives decide what "unevaluated..." asks; '
        "use fewer alternatives beside it"
    )
