"""Find schemas without values at compile time, and name the keywords that clash; see none where there is a value."""

from __future__ import annotations

from typing import Any

import pytest

from fsm import UnsatisfiableError
from grammars import json_schema
from tests.grammars.json_schema.test_keywords import VOCABULARY, accepts

CLASHES: list[tuple[Any, set[str]]] = [
    ({"type": "integer", "minimum": 5, "maximum": 3, "title": "x"}, {"#/type", "#/minimum", "#/maximum"}),
    ({"type": "string", "minLength": 3, "maxLength": 2}, {"#/type", "#/minLength", "#/maxLength"}),
    ({"type": "string", "pattern": "^a$", "minLength": 2}, {"#/type", "#/pattern", "#/minLength"}),
    ({"type": "string", "enum": [1, 2]}, {"#/type", "#/enum"}),
    ({"const": 1, "enum": [2]}, {"#/const", "#/enum"}),
    ({"allOf": [{"type": "string"}, {"type": "null"}], "minimum": 1}, {"#/allOf/0/type", "#/allOf/1/type"}),
    ({"type": "object", "required": ["a"], "properties": {"a": False}}, {"#/type", "#/required", "#/properties/a"}),
    (
        {"type": "object", "required": ["a", "b"], "maxProperties": 1, "minProperties": 0},
        {"#/type", "#/required", "#/maxProperties"},
    ),
    (
        {"type": "object", "properties": {"a": {"type": "null", "const": 1}, "b": {"minimum": 1}}, "required": ["a"]},
        {"#/type", "#/required", "#/properties/a/type", "#/properties/a/const"},
    ),
    ({"type": "array", "items": {"enum": [1, 2]}, "minItems": 3, "uniqueItems": True}, {
        "#/type", "#/items/enum", "#/minItems", "#/uniqueItems",
    }),
    ({"type": "array", "maxItems": 1, "contains": {"const": 1}, "minContains": 2}, {
        "#/type", "#/maxItems", "#/contains", "#/minContains",
    }),
    ({"type": "object", "propertyNames": {"enum": ["a"]}, "minProperties": 2}, {
        "#/type", "#/propertyNames/enum", "#/minProperties",
    }),
    ({"type": "integer", "multipleOf": 7, "exclusiveMinimum": 7, "exclusiveMaximum": 14}, {
        "#/type", "#/multipleOf", "#/exclusiveMinimum", "#/exclusiveMaximum",
    }),
    ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "null"}, "y": {}}, "not": {"const": None}}, {
        "#/$ref", "#/$defs/x/type", "#/not",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "pointers"), CLASHES, ids=[str(schema) for schema, _ in CLASHES])
def test_unsatisfiable_schema_names_what_clashes(schema: Any, pointers: set[str]) -> None:
    """The error lists exactly the keywords that cannot be spared."""
    with pytest.raises(UnsatisfiableError) as caught:
        json_schema(schema).compile(VOCABULARY)
    listed = str(caught.value).partition("these clash: ")[2].partition(";")[0]
    assert set(listed.split(", ")) == pointers


NEVER: list[Any] = [
    False,
    {"not": {}},
    {"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"]},
    {"type": "array", "items": {"$ref": "#"}, "minItems": 1},
    {"oneOf": [{"type": "null"}, {"const": None}], "type": "null"},
    {"anyOf": [False, {"type": "string", "const": 3}]},
    {"allOf": [{"not": {"minimum": 5}}, {"minimum": 5}], "type": "number"},
    {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "required": ["a", "b"]},
    {"type": "object", "not": {"properties": {"a": {"type": "null"}}}, "propertyNames": {"maxLength": 0}},
    {"type": "object", "not": {"maxProperties": 3}, "maxProperties": 3},
    {"type": "boolean", "not": {"enum": [True, False]}},
]


@pytest.mark.parametrize("schema", NEVER, ids=str)
def test_schema_without_values_is_found(schema: Any) -> None:
    """Emptiness is decided through recursion, negation and counts."""
    with pytest.raises(UnsatisfiableError):
        json_schema(schema).compile(VOCABULARY)


ALMOST: list[tuple[Any, str]] = [
    ({"properties": {"x": {"$ref": "#"}}, "required": ["x"]}, "1"),
    ({"type": "array", "items": {"$ref": "#"}}, "[[],[[]]]"),
    ({"type": "array", "items": {"enum": [1, 2]}, "minItems": 2, "uniqueItems": True}, "[2,1]"),
    (
        {
            "type": "object",
            "maxProperties": 1,
            "allOf": [
                {"not": {"patternProperties": {"a": False}}},
                {"not": {"patternProperties": {"b": False}}},
                {"not": {"propertyNames": {"maxLength": 3}}},
            ],
        },
        '{"abab":0}',
    ),
    (
        {
            "type": "object",
            "maxProperties": 2,
            "additionalProperties": False,
            "patternProperties": {"^[0-9]$": {"type": "array"}},
            "not": {"anyOf": [{"propertyNames": {"enum": ["1"]}}, {"propertyNames": {"enum": ["2"]}}]},
        },
        '{"1":[],"2":[]}',
    ),
    ({"type": "array", "contains": {"const": 1}, "minContains": 1_000_000}, ""),
]


@pytest.mark.parametrize(("schema", "text"), ALMOST, ids=str)
def test_schema_with_few_values_is_not_refused(schema: Any, text: str) -> None:
    """One member or item may have to keep several promises."""
    compiled = json_schema(schema, key_order="any").compile(VOCABULARY)
    assert accepts(compiled, text) == bool(text)
