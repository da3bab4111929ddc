"""Show quickly that a subschema certainly has a value, so that common schemas pay nothing for the exact test."""

from __future__ import annotations

import re
from typing import Any

from fsm.errors import GrammarError
from grammars.json_schema.drafts import is_older
from grammars.json_schema.expand import Expander
from grammars.json_schema.meaning import is_reference_only
from grammars.json_schema.references import Subschema
from grammars.json_schema.shapes import JsonSchema

__all__ = ["Certainty", "is_certain"]

MAX_DEPTH = 24
_HARMLESS = frozenset(
    {"type", "properties", "additionalProperties", "patternProperties", "items", "prefixItems", "additionalItems"}
)
_ASSERTING = frozenset(
    """$dynamicRef $recursiveRef $ref allOf anyOf const contains dependencies dependentRequired dependentSchemas enum
    exclusiveMaximum exclusiveMinimum format if maxItems maxLength maxProperties maximum minContains minItems minLength
    minProperties minimum multipleOf not oneOf pattern propertyNames required unevaluatedItems unevaluatedProperties
    uniqueItems""".split()
)
_OPERATORS = frozenset(
    {"enum", "const", "not", "allOf", "oneOf", "anyOf", "if", "$ref", "$dynamicRef", "$recursiveRef"}
)
_ITEM_COUNTS = frozenset({"minItems", "maxItems"})
# Keywords that always leave a value where nothing else is asked.
_ALONE = frozenset({"format", "maxItems", "maxLength", "maximum", "minLength", "minimum", "uniqueItems"})
# Types of decoded scalars, and the names in ``type`` that surely allow them.
_SCALARS: dict[type, tuple[str, ...]] = {
    str: ("string",),
    int: ("integer", "number"),
    bool: ("boolean",),
    type(None): ("null",),
}
# Patterns that are right and that some text matches: characters and classes of them, one after another.
_PLAIN_PATTERN = re.compile(
    r"""\^?(?:
        (?: [A-Za-z0-9_\ :/#@%=,;.-] | \\[./dwsDWS] | \[\^?(?: a-z|A-Z|0-9 | [A-Za-z0-9_\ ] | \\[.dws] )+-?\] )
        (?: [*+?] | \{[0-9]{1,3}(?:,[0-9]{0,3})?\} )?
    )*\$?""",
    re.VERBOSE,
)
_BOUNDS = re.compile(r"\{([0-9]+),([0-9]+)\}")


def is_certain(schema: JsonSchema) -> bool:
    """Tell whether a schema certainly has a value, by its own keywords alone; False says nothing.

    Examples
    --------
    >>> is_certain({"type": "string", "maxLength": 3}), is_certain({"type": "string", "minLength": 3, "maxLength": 2})
    (True, False)
    """
    if type(schema) is bool:
        return schema
    if _ASSERTING.isdisjoint(schema):
        return True
    asked = _ASSERTING.intersection(schema)
    kinds = schema.get("type")
    if kinds is None and not asked & _OPERATORS:
        return True  # null meets them all
    if asked <= _ITEM_COUNTS:
        return _are_items_free(schema)
    if len(asked) > 1:
        return _is_range(schema, asked, kinds)
    (keyword,) = asked
    return _are_members_free(schema, kinds) if keyword == "required" else _is_free(schema, keyword, kinds)


def _are_items_free(schema: dict[str, Any]) -> bool:
    """Tell whether enough items may come, all by one rule that certainly has a value."""
    if "maxItems" in schema and schema.get("minItems", 0) > schema["maxItems"]:
        return False
    items = schema.get("items", True)
    if type(items) is list or "prefixItems" in schema or "additionalItems" in schema:
        return False
    return is_certain(items)


def _are_members_free(schema: dict[str, Any], kinds: Any) -> bool:
    """Tell whether every member required has a value, by its own schema alone."""
    if kinds != "object" or schema.get("patternProperties") or type(schema["required"]) is not list:
        return False
    properties = schema.get("properties", {})
    is_open = schema.get("additionalProperties", True) in (True, {})
    return all(is_certain(properties[name]) if name in properties else is_open for name in schema["required"])


def _is_free(schema: dict[str, Any], keyword: str, kinds: Any) -> bool:
    """Tell whether the only keyword that asks for something leaves something."""
    if keyword in ("enum", "const"):
        return _lists_scalar(schema["enum"] if keyword == "enum" else [schema["const"]], kinds)
    if keyword == "pattern":
        return _is_plain(schema["pattern"])
    return keyword in _ALONE


def _is_plain(pattern: str) -> bool:
    """Tell whether a pattern is one of few simple forms that always match some text."""
    return _PLAIN_PATTERN.fullmatch(pattern) is not None and all(
        int(least) <= int(most) for least, most in _BOUNDS.findall(pattern)
    )


def _is_range(schema: dict[str, Any], asked: frozenset[str], kinds: Any) -> bool:
    """Tell whether several keywords ask for no more than bounds that leave something."""
    if asked == {"minLength", "maxLength"}:
        return bool(schema["minLength"] <= schema["maxLength"])
    if asked == {"minimum", "maximum"} and kinds in ("integer", "number"):
        low, high = schema["minimum"], schema["maximum"]
        exclusive = schema.get("exclusiveMinimum") or schema.get("exclusiveMaximum")
        return not exclusive and type(low) is int and type(high) is int and low <= high
    return asked == {"maxItems", "uniqueItems"}


def _lists_scalar(values: list[Any], kinds: Any) -> bool:
    """Tell whether one of some values is a scalar of a type allowed; keywords on members ask nothing of it."""
    if kinds is None:
        return any(type(value) in _SCALARS for value in values)
    names = [kinds] if type(kinds) is str else kinds
    return any(name in names for value in values for name in _SCALARS.get(type(value), ()))


class Certainty:
    """Answer "certainly satisfiable" or "unknown" by looking at keywords, never at automata."""

    def __init__(self, expander: Expander) -> None:
        self.expander = expander
        self._known: dict[Subschema, bool] = {}
        self._references: dict[str, bool] = {}

    def holds(self, node: Subschema, depth: int = 0) -> bool:
        """Tell whether a subschema certainly has a value."""
        known = self._known.get(node)
        if known is None:
            schema = node.schema
            if type(schema) is bool:
                return schema
            if depth > MAX_DEPTH:
                return False
            known = self._decide(node, schema, depth)
            if known or depth == 0:
                self._known[node] = known
        return known

    def holds_below(self, parent: Subschema, schema: JsonSchema) -> bool:
        """Tell the same of a subschema below another, which is opened only where it refers to one not yet asked about.

        Where no subschema changes the base of references, equal references lead to the same place.
        """
        if is_certain(schema):
            return True
        if parent.resolver is not None or type(schema) is not dict or "$schema" in schema:
            return False
        if not is_reference_only(schema, ignores_siblings=is_older(parent.draft, "draft2019-09")):
            return False
        reference = schema["$ref"]
        known = self._references.get(reference)
        if known is None:
            try:
                target = self.expander.references.follow(parent, reference)
            except GrammarError:  # said where the subschema itself is opened
                return False
            known = self._references[reference] = self.holds(target)
        return known

    def _decide(self, node: Subschema, schema: dict[str, Any], depth: int) -> bool:
        if is_certain(schema):
            return True
        asked = _ASSERTING.intersection(schema)
        if asked == {"required"}:
            return self._required_hold(node, schema, depth)
        if asked <= _ITEM_COUNTS:
            return self._items_hold(node, schema, depth)
        return _HARMLESS.isdisjoint(schema) and self._option_holds(node, schema, asked, depth)

    def _option_holds(self, node: Subschema, schema: dict[str, Any], asked: frozenset[str], depth: int) -> bool:
        """Tell whether a subschema that only stands for others leads to one that certainly has a value."""
        if asked == {"$ref"} and type(schema["$ref"]) is str:
            return self.holds(self.expander.references.resolve(node, "$ref"), depth + 1)
        if asked == {"anyOf"}:
            options = (self.expander.child(node, "anyOf", i) for i in range(len(schema["anyOf"])))
            return any(self.holds(option, depth + 1) for option in options)
        return False

    def _items_hold(self, node: Subschema, schema: dict[str, Any], depth: int) -> bool:
        """Tell whether enough items may come, all by one rule that certainly has a value."""
        if "maxItems" in schema and schema.get("minItems", 0) > schema["maxItems"]:
            return False
        items = schema.get("items", True)
        if type(items) is not dict or "prefixItems" in schema or "additionalItems" in schema:
            return False
        return self.holds(self.expander.child(node, "items"), depth + 1)

    def _required_hold(self, node: Subschema, schema: dict[str, Any], depth: int) -> bool:
        required = schema["required"]
        if type(required) is not list:
            return True
        if "type" in schema and schema["type"] != "object":
            return type(schema["type"]) is list and schema["type"] != ["object"]
        properties = schema.get("properties", {})
        if schema.get("patternProperties"):
            return False
        is_open = schema.get("additionalProperties", True) in (True, {})
        for name in required:
            if name not in properties:
                if not is_open:
                    return False
            elif not is_certain(properties[name]):
                child = self.expander.child(node, "properties", name)
                if not self.holds(child, depth + 1):
                    return False
        return True
