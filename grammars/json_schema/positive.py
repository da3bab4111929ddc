"""Open a subschema that must hold: one method per keyword.

Sources: JSON Schema drafts 4, 6, 7, 2019-09, 2020-12 (core and validation vocabularies).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grammars.json_schema.atoms import missing, present
from grammars.json_schema.branch import (
    ANY_TYPE,
    ARRAY,
    NUMBER,
    OBJECT,
    STRING,
    Branch,
    Contains,
    MemberGroup,
    Obligation,
    StringRule,
)
from grammars.json_schema.choice import Choice, Item
from grammars.json_schema.disjoint import others_to_fail
from grammars.json_schema.drafts import is_older, knows
from grammars.json_schema.facts import is_constant, listed_values
from grammars.json_schema.groups import contains_bounds, item_group, member_group, type_bits
from grammars.json_schema.numbers import NumberConstraint
from grammars.json_schema.references import Subschema
from grammars.json_schema.unevaluated import UNEVALUATED, open_unevaluated

if TYPE_CHECKING:
    from grammars.json_schema.expand import Expander

__all__ = ["Positives"]

Todo = list[Item]
Opener = Callable[["Positives", Branch, Subschema, Any, Todo], bool]

_MEMBER_KEYWORDS = frozenset({"properties", "patternProperties", "additionalProperties"})
_ITEM_KEYWORDS = frozenset({"items", "prefixItems", "additionalItems"})
_INTEGER = NumberConstraint.integer()


class Positives:
    """Open subschemas that must hold."""

    def __init__(self, expander: Expander) -> None:
        self.expander = expander
        self._groups: dict[Subschema, MemberGroup] = {}

    def open(self, branch: Branch, node: Subschema, todo: Todo) -> bool:
        """Take the keywords of a subschema into the branch; False where it cannot hold."""
        schema = node.schema
        if type(schema) is bool:
            return schema
        if type(schema.get("$ref")) is str:
            todo.append((self.expander.references.resolve(node, "$ref"), True))
            if is_older(node.draft, "draft2019-09"):
                return True
        if schema.get("type") is not None and not _take_type(branch, schema["type"]):
            return False
        types = branch.types
        for keyword, value in schema.items():
            found = _OPENERS.get(keyword)
            if found is not None and types & found[0] and not found[1](self, branch, node, value, todo):
                return False
        return self._take_groups(branch, node, types, todo)

    def _take_groups(self, branch: Branch, node: Subschema, types: int, todo: Todo) -> bool:
        """Take the keywords that are read together."""
        schema = node.schema
        assert isinstance(schema, dict)
        if types & OBJECT and not _MEMBER_KEYWORDS.isdisjoint(schema):
            branch.object.groups.append(self._members(node))
        if types & ARRAY and not _ITEM_KEYWORDS.isdisjoint(schema):
            branch.array.groups.append(item_group(self.expander, node))
        if types & (OBJECT | ARRAY) and not UNEVALUATED.isdisjoint(schema):
            return open_unevaluated(self.expander, branch, node, todo)
        return True

    def _members(self, node: Subschema) -> MemberGroup:
        group = self._groups.get(node)
        if group is None:
            group = self._groups[node] = member_group(self.expander, node)
        return group

    # -- values ----------------------------------------------------------------------------------------------------

    def _enum(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        return self.expander.restrict(branch, value)

    def _const(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        return not knows(node.draft, "const") or self.expander.restrict(branch, [value])

    # -- operators -------------------------------------------------------------------------------------------------

    def _all_of(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        todo.extend((self.expander.child(node, "allOf", i), True) for i in range(len(value)))
        return True

    def _any_of(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        options = [self.expander.child(node, "anyOf", i) for i in range(len(value))]
        todo.append(Choice(_listed_together(self.expander, [[(option, True)] for option in options])))
        return True

    def _one_of(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        options = [self.expander.child(node, "oneOf", i) for i in range(len(value))]
        fails = others_to_fail(self.expander, options)
        alternatives: list[list[Item]] = [[(option, True), *fails[i]] for i, option in enumerate(options)]
        todo.append(Choice(_listed_together(self.expander, alternatives)))
        return True

    def _not(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        todo.append((self.expander.child(node, "not"), False))
        return True

    def _if(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        schema = node.schema
        assert isinstance(schema, dict)
        if not knows(node.draft, "if"):
            return True
        condition = self.expander.child(node, "if")
        then: Todo = [(condition, True)]
        other: Todo = [(condition, False)]
        if "then" in schema:
            then.append((self.expander.child(node, "then"), True))
        if "else" in schema:
            other.append((self.expander.child(node, "else"), True))
        if len(then) + len(other) > 2 or UNEVALUATED & schema.keys():
            todo.append(Choice([then, other]))
        return True

    def _dynamic_ref(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        keyword = "$dynamicRef" if "$dynamicRef" in node.schema else "$recursiveRef"  # type: ignore[operator]
        todo.append((self.expander.references.resolve(node, keyword), True))
        return True

    # -- numbers ---------------------------------------------------------------------------------------------------

    def _minimum(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        strict = node.schema.get("exclusiveMinimum") is True  # type: ignore[union-attr]
        bound = NumberConstraint.more_than(value) if strict else NumberConstraint.at_least(value)
        branch.number = branch.number.conjoin(bound)
        return True

    def _maximum(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        strict = node.schema.get("exclusiveMaximum") is True  # type: ignore[union-attr]
        bound = NumberConstraint.less_than(value) if strict else NumberConstraint.at_most(value)
        branch.number = branch.number.conjoin(bound)
        return True

    def _exclusive_minimum(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if type(value) is not bool:
            branch.number = branch.number.conjoin(NumberConstraint.more_than(value))
        return True

    def _exclusive_maximum(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if type(value) is not bool:
            branch.number = branch.number.conjoin(NumberConstraint.less_than(value))
        return True

    def _multiple_of(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        branch.number = branch.number.conjoin(NumberConstraint.multiple_of(value))
        return True

    # -- strings ---------------------------------------------------------------------------------------------------

    def _min_length(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        branch.string.low = max(branch.string.low, int(value))
        return True

    def _max_length(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        high = branch.string.high
        branch.string.high = int(value) if high is None else min(high, int(value))
        return True

    def _pattern(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if not self.expander.skips(value, node, "pattern"):
            branch.string.rules.add(StringRule("pattern", value, holds=True))
        return True

    def _format(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        branch.string.rules.add(StringRule("format", value, holds=True, draft=node.draft))
        return True

    # -- arrays ----------------------------------------------------------------------------------------------------

    def _min_items(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        branch.array.low = max(branch.array.low, int(value))
        return True

    def _max_items(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        high = branch.array.high
        branch.array.high = int(value) if high is None else min(high, int(value))
        return True

    def _unique_items(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        branch.array.is_unique = branch.array.is_unique or value
        return True

    def _contains(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if knows(node.draft, "contains"):
            low, high = contains_bounds(node)
            if low > 0 or high is not None:
                branch.array.contains.append(Contains((self.expander.child(node, "contains"), True), low, high))
        return True

    # -- objects ---------------------------------------------------------------------------------------------------

    def _required(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if type(value) is list:
            branch.object.required.update(value)
        return True

    def _min_properties(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        branch.object.low = max(branch.object.low, int(value))
        return True

    def _max_properties(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        high = branch.object.high
        branch.object.high = int(value) if high is None else min(high, int(value))
        return True

    def _property_names(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if knows(node.draft, "propertyNames"):
            branch.object.names.append((self.expander.child(node, "propertyNames"), True))
        return True

    def _dependent_required(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if knows(node.draft, "dependentRequired"):
            branch.object.needs.extend((name, tuple(names)) for name, names in value.items())
        return True

    def _dependent_schemas(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if knows(node.draft, "dependentSchemas"):
            for name in value:
                todo.append(self.if_present(name, (self.expander.child(node, "dependentSchemas", name), True)))
        return True

    def _dependencies(self, branch: Branch, node: Subschema, value: Any, todo: Todo) -> bool:
        if not is_older(node.draft, "draft2019-09"):
            return True  # not a keyword any more
        for name, needed in value.items():
            if type(needed) in (list, str):
                branch.object.needs.append((name, (needed,) if type(needed) is str else tuple(needed)))
            else:
                todo.append(self.if_present(name, (self.expander.child(node, "dependencies", name), True)))
        return True

    def if_present(self, name: str, obligation: Obligation) -> Item:
        """Ask for an obligation on the whole value where it is an object with this member."""
        return Choice([[missing(self.expander.references, name)], [present(name), obligation]])


def _take_type(branch: Branch, kind: Any) -> bool:
    bits, is_integer = type_bits(kind)
    branch.types &= bits
    if is_integer and branch.types & NUMBER:
        branch.number = branch.number.conjoin(_INTEGER)
    return branch.types != 0


def _listed_together(expander: Expander, alternatives: list[list[Item]]) -> list[list[Item]]:
    """Make one alternative of those that only list values."""
    values: list[Any] = []
    rest = []
    for alternative in alternatives:
        node = alternative[0][0]  # type: ignore[index]
        if len(alternative) == 1 and is_constant(node):
            values += listed_values(node)
        else:
            rest.append(alternative)
    if len(alternatives) - len(rest) < 2:
        return alternatives
    return [[lambda branch: expander.restrict(branch, values)], *rest]


_OPENERS: dict[str, tuple[int, Opener]] = {
    "$dynamicRef": (ANY_TYPE, Positives._dynamic_ref),
    "$recursiveRef": (ANY_TYPE, Positives._dynamic_ref),
    "allOf": (ANY_TYPE, Positives._all_of),
    "anyOf": (ANY_TYPE, Positives._any_of),
    "const": (ANY_TYPE, Positives._const),
    "contains": (ARRAY, Positives._contains),
    "dependencies": (OBJECT, Positives._dependencies),
    "dependentRequired": (OBJECT, Positives._dependent_required),
    "dependentSchemas": (OBJECT, Positives._dependent_schemas),
    "enum": (ANY_TYPE, Positives._enum),
    "exclusiveMaximum": (NUMBER, Positives._exclusive_maximum),
    "exclusiveMinimum": (NUMBER, Positives._exclusive_minimum),
    "format": (STRING, Positives._format),
    "if": (ANY_TYPE, Positives._if),
    "maxItems": (ARRAY, Positives._max_items),
    "maxLength": (STRING, Positives._max_length),
    "maxProperties": (OBJECT, Positives._max_properties),
    "maximum": (NUMBER, Positives._maximum),
    "minItems": (ARRAY, Positives._min_items),
    "minLength": (STRING, Positives._min_length),
    "minProperties": (OBJECT, Positives._min_properties),
    "minimum": (NUMBER, Positives._minimum),
    "multipleOf": (NUMBER, Positives._multiple_of),
    "not": (ANY_TYPE, Positives._not),
    "oneOf": (ANY_TYPE, Positives._one_of),
    "pattern": (STRING, Positives._pattern),
    "propertyNames": (OBJECT, Positives._property_names),
    "required": (OBJECT, Positives._required),
    "uniqueItems": (ARRAY, Positives._unique_items),
}
