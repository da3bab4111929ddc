"""Show quickly that a subschema certainly has a value, so that common schemas pay nothing for the exact test."""

from __future__ import annotations

from typing import Any

from grammars.json_schema.expand import Expander
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
# Keywords that always leave a value where nothing else is asked.
_ALONE = (
    {"format"},
    {"maxItems"},
    {"maxItems", "uniqueItems"},
    {"maxLength"},
    {"maximum"},
    {"minimum"},
    {"uniqueItems"},
)


def is_certain(schema: JsonSchema) -> bool:
    """Tell whether a schema certainly has a value, by its own keywords alone; False says nothing.

    Examples
    --------
    >>> is_certain({"type": "string", "maxLength": 3}), is_certain({"type": "string", "pattern": "a"})
    (True, False)
    """
    if type(schema) is bool:
        return schema
    if _ASSERTING.isdisjoint(schema):
        return True
    return _kind_is_free(schema, _ASSERTING & schema.keys())


def _kind_is_free(schema: dict[str, Any], asked: frozenset[str]) -> bool:
    """Tell whether one type is left alone by every keyword asked."""
    kinds = schema.get("type")
    if asked <= {"enum"} and kinds is not None:
        return kinds == "string" and any(type(value) is str for value in schema["enum"])
    if asked <= {"minLength"} or asked in _ALONE:
        return True
    if asked == {"minLength", "maxLength"}:
        return bool(schema["minLength"] <= schema["maxLength"])
    if asked == {"minimum", "maximum"} and kinds in ("integer", "number"):
        low, high = schema["minimum"], schema["maximum"]
        exclusive = schema.get("exclusiveMinimum") or schema.get("exclusiveMaximum")
        return not exclusive and type(low) is int and type(high) is int and low <= high
    return kinds is None and not asked & _OPERATORS  # null meets them all


class Certainty:
    """Answer "certainly satisfiable" or "unknown" by looking at keywords, never at automata."""

    def __init__(self, expander: Expander) -> None:
        self.expander = expander
        self._known: dict[Subschema, bool] = {}

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

    def _decide(self, node: Subschema, schema: dict[str, Any], depth: int) -> bool:
        asked = _ASSERTING & schema.keys()
        if not asked:
            return True
        if asked == {"$ref"} and type(schema["$ref"]) is str and len(schema.keys() & _HARMLESS) == 0:
            return self.holds(self.expander.references.resolve(node, "$ref"), depth + 1)
        if asked == {"anyOf"} and not schema.keys() & _HARMLESS:
            options = (self.expander.child(node, "anyOf", i) for i in range(len(schema["anyOf"])))
            return any(self.holds(option, depth + 1) for option in options)
        if asked <= {"enum", "const"} and "type" not in schema:
            return bool(schema.get("enum", True)) and len(asked) == 1 and not schema.keys() & _HARMLESS
        if asked == {"required"}:
            return self._required_hold(node, schema, depth)
        return _kind_is_free(schema, asked)

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
