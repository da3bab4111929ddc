"""Open a subschema that must fail: some keyword of it fails (De Morgan), each in its own alternative.

Each alternative is guarded by the keyword's type: ``minLength: 3`` fails on a string shorter than 3, and on nothing
else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fsm.errors import UnsupportedFeatureError
from grammars.json_schema.atoms import (
    absent,
    exclude_values,
    items_contain,
    items_meet,
    items_within,
    length_within,
    members_within,
    number_meets,
    present,
    some_member,
    string_meets,
)
from grammars.json_schema.branch import (
    ANY_TYPE,
    ARRAY,
    STRING,
    Branch,
    Contains,
    ItemGroup,
    Promise,
    SomeMember,
    StringRule,
)
from grammars.json_schema.choice import Choice, Item
from grammars.json_schema.disjoint import are_disjoint
from grammars.json_schema.drafts import is_older, knows
from grammars.json_schema.groups import contains_bounds, item_group, skips_pattern, type_bits
from grammars.json_schema.leniency import UNIQUE_MUST_FAIL
from grammars.json_schema.numbers import NumberConstraint
from grammars.json_schema.references import Subschema
from grammars.json_schema.strings import is_known_format
from grammars.json_schema.unevaluated import fail_unevaluated

if TYPE_CHECKING:
    from grammars.json_schema.expand import Expander

__all__ = ["Negatives"]

Alternatives = list[list[Item]]
Opener = Callable[["Negatives", Subschema, Any], Alternatives]

MAX_DEPTH = 32
_NONE: frozenset[str] = frozenset()
_CONJUNCTIONS = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "allOf"})


class Negatives:
    """Open subschemas that must fail."""

    def __init__(self, expander: Expander) -> None:
        self.expander = expander
        self._known: dict[Subschema, Alternatives] = {}

    def open(self, branch: Branch, node: Subschema, todo: list[Item]) -> bool:
        """Add the choice between the ways in which a subschema fails; False where it cannot fail."""
        schema = node.schema
        if type(schema) is bool:
            return not schema
        alternatives = self._merged(node)
        if not alternatives:
            return False
        if len(alternatives) == 1:
            todo.extend(alternatives[0])
        else:
            todo.append(Choice(alternatives))
        return True

    def unit(self, node: Subschema) -> list[Item] | None:
        """Return what a subschema that must fail asks where there is no choice at all, else None."""
        if type(node.schema) is bool:
            return None
        alternatives = self._merged(node)
        if len(alternatives) != 1:
            return None
        for item in alternatives[0]:
            if type(item) is Choice or (type(item) is Promise and len(item.absent) + len(item.members) > 1):
                return None
        return alternatives[0]

    def _merged(self, node: Subschema) -> Alternatives:
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = _merge_promises(self.alternatives(node))
        return known

    def alternatives(self, node: Subschema, depth: int = 0) -> Alternatives:
        """List the ways in which a subschema fails; conjunctions below it are opened too."""
        schema = node.schema
        if type(schema) is bool:
            return [] if schema else [[]]
        if depth > MAX_DEPTH:
            return [[(node, False)]]
        alternatives: Alternatives = []
        is_reference = "$ref" in schema and is_older(node.draft, "draft2019-09")
        for keyword in ("$ref",) if is_reference else schema:
            opener = _OPENERS.get(keyword)
            if opener is not None:
                for alternative in opener(self, node, schema[keyword]):
                    if keyword in _CONJUNCTIONS and len(alternative) == 1:
                        alternatives += self.alternatives(alternative[0][0], depth + 1)  # type: ignore[index]
                    else:
                        alternatives.append(alternative)
        return alternatives

    def _child(self, node: Subschema, *path: str | int) -> Subschema:
        return self.expander.child(node, *path)

    # -- values ----------------------------------------------------------------------------------------------------

    def _type(self, node: Subschema, value: Any) -> Alternatives:
        bits, is_integer = type_bits(value)
        alternatives: Alternatives = [[ANY_TYPE & ~bits]] if ANY_TYPE & ~bits else []
        if is_integer:
            alternatives.append([number_meets(NumberConstraint.not_integer())])
        return alternatives

    def _enum(self, node: Subschema, value: Any) -> Alternatives:
        return [exclude_values(self.expander.references, value)]

    def _const(self, node: Subschema, value: Any) -> Alternatives:
        return [exclude_values(self.expander.references, [value])] if knows(node.draft, "const") else []

    # -- operators -------------------------------------------------------------------------------------------------

    def _reference(self, node: Subschema, value: Any) -> Alternatives:
        keyword = next(k for k in ("$ref", "$dynamicRef", "$recursiveRef") if node.schema.get(k) == value)  # type: ignore[union-attr]
        return [[(self.expander.references.resolve(node, keyword), False)]]

    def _all_of(self, node: Subschema, value: Any) -> Alternatives:
        return [[(self._child(node, "allOf", i), False)] for i in range(len(value))]

    def _any_of(self, node: Subschema, value: Any) -> Alternatives:
        return [[(self._child(node, "anyOf", i), False) for i in range(len(value))]]

    def _one_of(self, node: Subschema, value: Any) -> Alternatives:
        options = [self._child(node, "oneOf", i) for i in range(len(value))]
        alternatives: Alternatives = [[(option, False) for option in options]]
        for i, first in enumerate(options):
            for second in options[i + 1 :]:
                if not are_disjoint(self.expander, first, second):
                    alternatives.append([(first, True), (second, True)])
        return alternatives

    def _not(self, node: Subschema, value: Any) -> Alternatives:
        return [[(self._child(node, "not"), True)]]

    def _if(self, node: Subschema, value: Any) -> Alternatives:
        schema = node.schema
        assert isinstance(schema, dict)
        if not knows(node.draft, "if"):
            return []
        condition = self._child(node, "if")
        alternatives: Alternatives = []
        if "then" in schema:
            alternatives.append([(condition, True), (self._child(node, "then"), False)])
        if "else" in schema:
            alternatives.append([(condition, False), (self._child(node, "else"), False)])
        return alternatives

    # -- numbers ---------------------------------------------------------------------------------------------------

    def _minimum(self, node: Subschema, value: Any) -> Alternatives:
        strict = node.schema.get("exclusiveMinimum") is True  # type: ignore[union-attr]
        return [[number_meets(NumberConstraint.at_most(value) if strict else NumberConstraint.less_than(value))]]

    def _maximum(self, node: Subschema, value: Any) -> Alternatives:
        strict = node.schema.get("exclusiveMaximum") is True  # type: ignore[union-attr]
        return [[number_meets(NumberConstraint.at_least(value) if strict else NumberConstraint.more_than(value))]]

    def _exclusive_minimum(self, node: Subschema, value: Any) -> Alternatives:
        return [] if type(value) is bool else [[number_meets(NumberConstraint.at_most(value))]]

    def _exclusive_maximum(self, node: Subschema, value: Any) -> Alternatives:
        return [] if type(value) is bool else [[number_meets(NumberConstraint.at_least(value))]]

    def _multiple_of(self, node: Subschema, value: Any) -> Alternatives:
        return [[number_meets(NumberConstraint.not_multiple_of(value))]]

    # -- strings ---------------------------------------------------------------------------------------------------

    def _min_length(self, node: Subschema, value: Any) -> Alternatives:
        return [[length_within(0, int(value) - 1)]] if value > 0 else []

    def _max_length(self, node: Subschema, value: Any) -> Alternatives:
        return [[length_within(int(value) + 1, None)]]

    def _pattern(self, node: Subschema, value: Any) -> Alternatives:
        if self.expander.skips(value, node, "pattern"):
            return [[STRING]]
        return [[string_meets(StringRule("pattern", value, holds=False))]]

    def _format(self, node: Subschema, value: Any) -> Alternatives:
        if not is_known_format(value, node.draft):
            return []
        return [[string_meets(StringRule("format", value, holds=False, draft=node.draft))]]

    # -- arrays ----------------------------------------------------------------------------------------------------

    def _min_items(self, node: Subschema, value: Any) -> Alternatives:
        return [[items_within(0, int(value) - 1)]] if value > 0 else []

    def _max_items(self, node: Subschema, value: Any) -> Alternatives:
        return [[items_within(int(value) + 1, None)]]

    def _unique_items(self, node: Subschema, value: Any) -> Alternatives:
        if not value:
            return []

        def refuse(branch: Branch) -> bool:
            branch.types &= ARRAY
            leniency = self.expander.leniency
            if branch.types and leniency is None:
                raise UnsupportedFeatureError(UNIQUE_MUST_FAIL, where=f"json schema at {node.pointer}")
            if branch.types and leniency is not None:
                leniency.note(f"{node.pointer}/uniqueItems", UNIQUE_MUST_FAIL)
            return branch.types != 0

        return [[refuse]]

    def _contains(self, node: Subschema, value: Any) -> Alternatives:
        if not knows(node.draft, "contains"):
            return []
        low, high = contains_bounds(node)
        obligation = (self._child(node, "contains"), True)
        alternatives: Alternatives = []
        if low > 0:
            alternatives.append([items_contain(Contains(obligation, 0, low - 1))])
        if high is not None:
            alternatives.append([items_contain(Contains(obligation, high + 1, None))])
        return alternatives

    def _all_items(self, node: Subschema, value: Any) -> Alternatives:
        """Fail the items: one of the prefix fails at its place, or some later one fails."""
        group = item_group(self.expander, node)
        alternatives: Alternatives = []
        true = (self.expander.references.true, True)
        for i, (item, _) in enumerate(group.prefix):
            failing = ItemGroup((*([true] * i), (item, False)), None)
            alternatives.append([items_within(i + 1, None), items_meet(failing)])
        if group.rest is not None:
            alternatives.append([items_contain(Contains((group.rest[0], False), 1, None, len(group.prefix)))])
        return alternatives

    def _prefix_items(self, node: Subschema, value: Any) -> Alternatives:
        has_items = "items" in node.schema  # type: ignore[operator]
        return [] if has_items or not knows(node.draft, "prefixItems") else self._all_items(node, value)

    # -- objects ---------------------------------------------------------------------------------------------------

    def _required(self, node: Subschema, value: Any) -> Alternatives:
        return [[absent(name)] for name in value] if type(value) is list else []

    def _min_properties(self, node: Subschema, value: Any) -> Alternatives:
        return [[members_within(0, int(value) - 1)]] if value > 0 else []

    def _max_properties(self, node: Subschema, value: Any) -> Alternatives:
        return [[members_within(int(value) + 1, None)]]

    def _properties(self, node: Subschema, value: Any) -> Alternatives:
        children = [(name, self._child(node, "properties", name)) for name in value]
        return [[some_member(SomeMember(None, _NONE, (), None, (child, False), name))] for name, child in children]

    def _pattern_properties(self, node: Subschema, value: Any) -> Alternatives:
        return [
            [some_member(SomeMember(pattern, _NONE, (), None, (self._child(node, "patternProperties", name), False)))]
            for name in value
            for pattern in [None if skips_pattern(self.expander, node, name) else name]
        ]

    def _additional_properties(self, node: Subschema, value: Any) -> Alternatives:
        schema = node.schema
        assert isinstance(schema, dict)
        names = frozenset(schema.get("properties", ()))
        patterns = tuple(p for p in schema.get("patternProperties", ()) if not skips_pattern(self.expander, node, p))
        child = self._child(node, "additionalProperties")
        return [[some_member(SomeMember(None, names, patterns, None, (child, False)))]]

    def _property_names(self, node: Subschema, value: Any) -> Alternatives:
        if not knows(node.draft, "propertyNames"):
            return []
        return [[some_member(SomeMember(None, _NONE, (), (self._child(node, "propertyNames"), False), None))]]

    def _dependent_required(self, node: Subschema, value: Any) -> Alternatives:
        if not knows(node.draft, "dependentRequired"):
            return []
        return [[present(name), absent(needed)] for name, names in value.items() for needed in names]

    def _dependent_schemas(self, node: Subschema, value: Any) -> Alternatives:
        if not knows(node.draft, "dependentSchemas"):
            return []
        return [[present(name), (self._child(node, "dependentSchemas", name), False)] for name in value]

    def _dependencies(self, node: Subschema, value: Any) -> Alternatives:
        if not is_older(node.draft, "draft2019-09"):
            return []
        alternatives: Alternatives = []
        for name, needed in value.items():
            if type(needed) in (list, str):
                names = [needed] if type(needed) is str else needed
                alternatives += [[present(name), absent(other)] for other in names]
            else:
                alternatives.append([present(name), (self._child(node, "dependencies", name), False)])
        return alternatives

    def _unevaluated_properties(self, node: Subschema, value: Any) -> Alternatives:
        return fail_unevaluated(self.expander, node, "unevaluatedProperties")

    def _unevaluated_items(self, node: Subschema, value: Any) -> Alternatives:
        return fail_unevaluated(self.expander, node, "unevaluatedItems")


def _merge_promises(alternatives: Alternatives) -> Alternatives:
    """Make one promise of those that stand alone: which of them is kept is decided while members are read."""
    alone = [a[0] for a in alternatives if len(a) == 1 and type(a[0]) is Promise]
    if len(alone) < 2:
        return alternatives
    absent: frozenset[str] = frozenset().union(*(promise.absent for promise in alone))
    members = tuple(dict.fromkeys(some for promise in alone for some in promise.members))
    rest = [a for a in alternatives if not (len(a) == 1 and type(a[0]) is Promise)]
    return [*rest, [Promise(absent, members)]]


_OPENERS: dict[str, Opener] = {
    "$dynamicRef": Negatives._reference,
    "$recursiveRef": Negatives._reference,
    "$ref": Negatives._reference,
    "additionalProperties": Negatives._additional_properties,
    "allOf": Negatives._all_of,
    "anyOf": Negatives._any_of,
    "const": Negatives._const,
    "contains": Negatives._contains,
    "dependencies": Negatives._dependencies,
    "dependentRequired": Negatives._dependent_required,
    "dependentSchemas": Negatives._dependent_schemas,
    "enum": Negatives._enum,
    "exclusiveMaximum": Negatives._exclusive_maximum,
    "exclusiveMinimum": Negatives._exclusive_minimum,
    "format": Negatives._format,
    "if": Negatives._if,
    "items": Negatives._all_items,
    "maxItems": Negatives._max_items,
    "maxLength": Negatives._max_length,
    "maxProperties": Negatives._max_properties,
    "maximum": Negatives._maximum,
    "minItems": Negatives._min_items,
    "minLength": Negatives._min_length,
    "minProperties": Negatives._min_properties,
    "minimum": Negatives._minimum,
    "multipleOf": Negatives._multiple_of,
    "not": Negatives._not,
    "oneOf": Negatives._one_of,
    "pattern": Negatives._pattern,
    "patternProperties": Negatives._pattern_properties,
    "prefixItems": Negatives._prefix_items,
    "properties": Negatives._properties,
    "propertyNames": Negatives._property_names,
    "required": Negatives._required,
    "type": Negatives._type,
    "unevaluatedItems": Negatives._unevaluated_items,
    "unevaluatedProperties": Negatives._unevaluated_properties,
    "uniqueItems": Negatives._unique_items,
}
