"""Read a JSON Schema for its report: what is enforced, what no value can use, what has no bound."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fsm.errors import GuidanceError
from grammars.json_schema.grammar import JsonSchemaGrammar
from grammars.json_schema.shapes import pointer_token

if TYPE_CHECKING:
    from grammars.algebra.findings import Findings

__all__ = ["read_schema"]

MAX_LINES = 200
_SINGLE = frozenset(
    (
        "additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
        "unevaluatedItems", "unevaluatedProperties",
    )
)  # fmt: skip
_LISTS = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
_MAPS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_ASSERTED = frozenset(
    (
        "$dynamicRef", "$recursiveRef", "$ref", "const", "dependencies", "dependentRequired", "enum",
        "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength", "maxProperties",
        "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern",
        "required", "type", "uniqueItems",
    )
)  # fmt: skip


def read_schema(grammar: JsonSchemaGrammar, found: Findings) -> None:
    """Collect findings about every subschema, with its JSON pointer."""
    if grammar.spaces.most is None:
        found.unbounded.append('white space, by whitespace="any"')
    stack: list[tuple[Any, str]] = [(grammar.schema, "#")]
    while stack and len(found.enforced) < MAX_LINES:
        schema, pointer = stack.pop()
        if not isinstance(schema, dict):
            if schema is False:
                found.enforced.append(f"{pointer}: nothing fits")
            continue
        _read_keywords(schema, pointer, found)
        if pointer != "#" and "$ref" not in schema and not _is_definition(pointer) and not _has_value(grammar, schema):
            found.unreachable.append(f"{pointer}: no value meets it")
        stack.extend(reversed(list(_children(schema, pointer))))
    if stack:
        found.enforced.append(f"and more: the first {MAX_LINES} lines are listed")


def _read_keywords(schema: dict[str, Any], pointer: str, found: Findings) -> None:
    asserted = [f"{name} {_brief(schema[name])}" for name in schema if name in _ASSERTED]
    if asserted:
        found.enforced.append(f"{pointer}: {', '.join(asserted)}")
    ignored = [name for name in schema if name not in _ASSERTED | _SINGLE | _LISTS | _MAPS and name[:1] != "$"]
    if ignored:
        found.enforced.append(f"{pointer}: says nothing about values: {', '.join(ignored)}")
    found.unbounded.extend(f"{pointer}: {line}" for line in _endless(schema))


def _endless(schema: dict[str, Any]) -> list[str]:
    if "enum" in schema or "const" in schema:
        return []
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    found = []
    if "string" in types and not {"maxLength", "pattern", "format"} & schema.keys():
        found.append("strings of any length; maxLength bounds them")
    if "array" in types and "maxItems" not in schema and schema.get("items") is not False:
        found.append("any number of items; maxItems bounds it")
    closed = {"maxProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"}
    if "object" in types and not closed & schema.keys():
        found.append("members of any name; additionalProperties: false closes the object")
    if {"integer", "number"} & set(types) and not (
        {"minimum", "exclusiveMinimum"} & schema.keys() and {"maximum", "exclusiveMaximum"} & schema.keys()
    ):
        found.append("numbers of any size; minimum and maximum bound them")
    return found


def _children(schema: dict[str, Any], pointer: str) -> list[tuple[Any, str]]:
    found = []
    for name, value in schema.items():
        here = f"{pointer}/{pointer_token(name)}"
        if name in _MAPS and isinstance(value, dict):
            found += [(inner, f"{here}/{pointer_token(key)}") for key, inner in value.items()]
        elif name in _LISTS and isinstance(value, list):
            found += [(inner, f"{here}/{place}") for place, inner in enumerate(value)]
        elif name in _SINGLE and not isinstance(value, list):
            found.append((value, here))
    return found


def _is_definition(pointer: str) -> bool:
    return pointer.startswith(("#/$defs/", "#/definitions/"))


def _has_value(grammar: JsonSchemaGrammar, schema: dict[str, Any]) -> bool:
    """Tell whether some value meets a subschema; one that refers elsewhere is given the benefit of the doubt."""
    if '"$' in json.dumps(schema):
        return True
    try:
        return grammar.has_value(schema)
    except GuidanceError:
        return True


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
