"""Decide whether a decoded value meets a subschema, by the standard's words, one keyword after another.

This is the slow, obvious reading of JSON Schema; the automata are built from the same keywords and must agree with it.
It also filters the values that ``enum`` and ``const`` list.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from fsm.expansion_time import check_expansion_time
from grammars.json_schema.branch import ARRAY, NUMBER, OBJECT, STRING, Obligation, StringRule, StringRules, type_of
from grammars.json_schema.drafts import is_older, knows
from grammars.json_schema.expand import Expander
from grammars.json_schema.facts import is_constant, listed_values
from grammars.json_schema.groups import contains_bounds, item_group, member_group, type_bits
from grammars.json_schema.numbers import NumberConstraint
from grammars.json_schema.references import Subschema
from grammars.json_schema.strings import string_language
from grammars.json_schema.values import canonical, is_equal
from grammars.regex import regex_dfa

__all__ = ["Evaluated", "Evaluator"]


_NUMBER_RULES = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_STRING_RULES = frozenset({"minLength", "maxLength", "pattern", "format"})


class Evaluated:
    """Collect which members and items a subschema that held has looked at (the annotations of ``unevaluated*``)."""

    __slots__ = ("items", "names")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.items: set[int] = set()

    def add(self, other: Evaluated) -> None:
        """Take over what another subschema has looked at."""
        self.names |= other.names
        self.items |= other.items


class Evaluator:
    """Evaluate values against subschemas of one document."""

    def __init__(self, expander: Expander) -> None:
        self.expander = expander
        self._enums: dict[Subschema, frozenset[Hashable]] = {}
        self._options: dict[tuple[Subschema, str], _Options] = {}

    def meets(self, obligation: Obligation, value: Any) -> bool:
        """Tell whether a value meets an obligation."""
        node, holds = obligation
        return (self.evaluate(node, value) is not None) == holds

    def meets_all(self, obligations: Any, value: Any) -> bool:
        """Tell whether a value meets every obligation."""
        return all(self.meets(obligation, value) for obligation in obligations)

    def evaluate(self, node: Subschema, value: Any) -> Evaluated | None:
        """Return what was looked at when the value fits, None when it does not."""
        check_expansion_time()
        schema, seen = node.schema, Evaluated()
        if type(schema) is bool:
            return seen if schema else None
        if type(schema.get("$ref")) is str:
            found = self.evaluate(self.expander.references.resolve(node, "$ref"), value)
            if found is None or is_older(node.draft, "draft2019-09"):
                return found
            seen.add(found)
        bit = type_of(value)
        if not self._values_fit(node, schema, value, bit) or not self._operators_fit(node, schema, value, seen):
            return None
        if bit == OBJECT and not self._members_fit(node, schema, value, seen):
            return None
        if bit == ARRAY and not self._items_fit(node, schema, value, seen):
            return None
        return seen

    def _values_fit(self, node: Subschema, schema: dict[str, Any], value: Any, bit: int) -> bool:
        if "type" in schema:
            bits, is_integer = type_bits(schema["type"])
            if not bits & bit or (bit == NUMBER and is_integer and not NumberConstraint.integer().contains(value)):
                return False
        if "enum" in schema and canonical(value) not in self._listed_in(node, schema["enum"]):
            return False
        if "const" in schema and knows(node.draft, "const") and not is_equal(value, schema["const"]):
            return False
        if bit == NUMBER:
            return _NUMBER_RULES.isdisjoint(schema) or self._number_fits(schema, value)
        return bit != STRING or _STRING_RULES.isdisjoint(schema) or self._string_fits(node, schema, value)

    def _listed_in(self, node: Subschema, values: list[Any]) -> frozenset[Hashable]:
        known = self._enums.get(node)
        if known is None:
            known = self._enums[node] = frozenset(canonical(value) for value in values)
        return known

    def _number_fits(self, schema: dict[str, Any], value: Any) -> bool:
        rules = []
        if "minimum" in schema:
            strict = schema.get("exclusiveMinimum") is True
            rules.append((NumberConstraint.more_than if strict else NumberConstraint.at_least)(schema["minimum"]))
        if "maximum" in schema:
            strict = schema.get("exclusiveMaximum") is True
            rules.append((NumberConstraint.less_than if strict else NumberConstraint.at_most)(schema["maximum"]))
        if type(schema.get("exclusiveMinimum", True)) is not bool:
            rules.append(NumberConstraint.more_than(schema["exclusiveMinimum"]))
        if type(schema.get("exclusiveMaximum", True)) is not bool:
            rules.append(NumberConstraint.less_than(schema["exclusiveMaximum"]))
        if "multipleOf" in schema:
            rules.append(NumberConstraint.multiple_of(schema["multipleOf"]))
        return all(rule.contains(value) for rule in rules)

    def _string_fits(self, node: Subschema, schema: dict[str, Any], value: str) -> bool:
        rules = StringRules(low=int(schema.get("minLength", 0)))
        if "maxLength" in schema:
            rules.high = int(schema["maxLength"])
        if "pattern" in schema and not self.expander.skips(schema["pattern"], node, "pattern"):
            rules.rules.add(StringRule("pattern", schema["pattern"], holds=True))
        if "format" in schema:
            rules.rules.add(StringRule("format", schema["format"], holds=True, draft=node.draft))
        return string_language(rules).accepts(value)

    def _operators_fit(self, node: Subschema, schema: dict[str, Any], value: Any, seen: Evaluated) -> bool:
        child = self.expander.child
        for each in self._conjuncts(node, schema):
            if not self._take(self.evaluate(each, value), seen):
                return False
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema and not self._options_fit(node, keyword, value, seen):
                return False
        if "not" in schema and self.evaluate(child(node, "not"), value) is not None:
            return False
        if "if" in schema and knows(node.draft, "if"):
            holds = self._take(self.evaluate(child(node, "if"), value), seen)
            keyword = "then" if holds else "else"
            return keyword not in schema or self._take(self.evaluate(child(node, keyword), value), seen)
        return True

    def _conjuncts(self, node: Subschema, schema: dict[str, Any]) -> Iterator[Subschema]:
        """Yield the subschemas that must hold in place."""
        for keyword in ("$dynamicRef", "$recursiveRef"):
            if keyword in schema:
                yield self.expander.references.resolve(node, keyword)
        for i in range(len(schema.get("allOf", ()))):
            yield self.expander.child(node, "allOf", i)

    def _options_fit(self, node: Subschema, keyword: str, value: Any, seen: Evaluated) -> bool:
        num_held = 0
        for i in self._options_for(node, keyword, value):
            num_held += self._take(self.evaluate(self.expander.child(node, keyword, i), value), seen)
        return num_held == 1 if keyword == "oneOf" else num_held > 0

    def _options_for(self, node: Subschema, keyword: str, value: Any) -> list[int]:
        """List the options of a keyword that may hold: many constants are looked up, not tried one by one."""
        known = self._options.get((node, keyword))
        if known is None:
            known = self._options[node, keyword] = _Options(
                [self.expander.child(node, keyword, i) for i in range(len(node.schema[keyword]))]  # type: ignore[index]
            )
        return known.of(value)

    @staticmethod
    def _take(found: Evaluated | None, seen: Evaluated) -> bool:
        if found is not None:
            seen.add(found)
        return found is not None

    def _members_fit(self, node: Subschema, schema: dict[str, Any], value: dict[str, Any], seen: Evaluated) -> bool:
        if not self._names_fit(node, schema, value):
            return False
        group = member_group(self.expander, node)
        for name, item in value.items():
            obligations = [group.names[name]] if name in group.names else []
            obligations += [o for p, o in group.patterns if regex_dfa(p, "ecma", search=True).accepts(name)]
            if not obligations and "additionalProperties" in schema:
                obligations = [(self.expander.child(node, "additionalProperties"), True)]
            if obligations:
                seen.names.add(name)
            if not self.meets_all(obligations, item):
                return False
        if not self._dependencies_fit(node, schema, value, seen):
            return False
        if "unevaluatedProperties" in schema and knows(node.draft, "unevaluatedProperties"):
            rest = self.expander.child(node, "unevaluatedProperties")
            if not all(self.evaluate(rest, value[name]) is not None for name in value.keys() - seen.names):
                return False
            seen.names.update(value)
        return True

    def _names_fit(self, node: Subschema, schema: dict[str, Any], value: dict[str, Any]) -> bool:
        if not all(name in value for name in _listed(schema.get("required"))):
            return False
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
            return False
        if "propertyNames" in schema and knows(node.draft, "propertyNames"):
            names = self.expander.child(node, "propertyNames")
            return all(self.evaluate(names, name) is not None for name in value)
        return True

    def _dependencies_fit(
        self, node: Subschema, schema: dict[str, Any], value: dict[str, Any], seen: Evaluated
    ) -> bool:
        is_old = is_older(node.draft, "draft2019-09")
        for keyword in ("dependencies",) if is_old else ("dependentRequired", "dependentSchemas"):
            for name, needed in schema.get(keyword, {}).items():
                if name not in value:
                    continue
                if type(needed) in (list, str):
                    if not all(other in value for other in ([needed] if type(needed) is str else needed)):
                        return False
                elif not self._take(self.evaluate(self.expander.child(node, keyword, name), value), seen):
                    return False
        return True

    def _items_fit(self, node: Subschema, schema: dict[str, Any], value: list[Any], seen: Evaluated) -> bool:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        if schema.get("uniqueItems") and len({canonical(item) for item in value}) < len(value):
            return False
        group = item_group(self.expander, node)
        for i, item in enumerate(value):
            obligation = group.prefix[i] if i < len(group.prefix) else group.rest
            if obligation is not None:
                seen.items.add(i)
                if not self.meets(obligation, item):
                    return False
        if "contains" in schema and knows(node.draft, "contains") and not self._contains_fits(node, value, seen):
            return False
        if "unevaluatedItems" in schema and knows(node.draft, "unevaluatedItems"):
            rest = self.expander.child(node, "unevaluatedItems")
            if not all(self.evaluate(rest, value[i]) is not None for i in set(range(len(value))) - seen.items):
                return False
            seen.items.update(range(len(value)))
        return True

    def _contains_fits(self, node: Subschema, value: list[Any], seen: Evaluated) -> bool:
        low, high = contains_bounds(node)
        wanted = self.expander.child(node, "contains")
        matching = [i for i, item in enumerate(value) if self.evaluate(wanted, item) is not None]
        if not is_older(node.draft, "draft2020-12"):
            seen.items.update(matching)
        return low <= len(matching) and (high is None or len(matching) <= high)


class _Options:
    """Sort options by the constants that they list."""

    __slots__ = ("by_value", "others")

    def __init__(self, nodes: list[Subschema]) -> None:
        self.by_value: dict[Hashable, list[int]] = {}
        self.others: list[int] = []
        for i, node in enumerate(nodes):
            if is_constant(node):
                for value in listed_values(node):
                    self.by_value.setdefault(canonical(value), []).append(i)
            else:
                self.others.append(i)

    def of(self, value: Any) -> list[int]:
        """Return the options that a value may meet."""
        if not self.by_value:
            return self.others
        return list(dict.fromkeys(self.by_value.get(canonical(value), ()))) + self.others


def _listed(value: Any) -> list[str]:
    return value if type(value) is list else []
