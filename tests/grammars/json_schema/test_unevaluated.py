"""Compare what counts as evaluated with a slow validator, where any mixture of in-place keywords decides it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import jsonschema
import pytest

from fsm import UnsatisfiableError
from grammars import json_schema
from tests.grammars.json_schema.test_keywords import VOCABULARY, accepts

Schema = dict[str, Any]
_A = {"properties": {"a": {"type": "integer"}}}
_B = {"properties": {"b": True}, "required": ["b"]}
_C = {"patternProperties": {"^c": {"type": "null"}}}
OBJECTS: list[Schema] = [
    {"unevaluatedProperties": False},
    {**_A, "unevaluatedProperties": {"type": "string"}},
    {"allOf": [_A, _C], "unevaluatedProperties": False},
    {"anyOf": [_A, _B], "unevaluatedProperties": False},
    {"anyOf": [_A, _B, {"required": ["c"]}], "unevaluatedProperties": False},
    {"oneOf": [{**_A, "required": ["a"]}, _B], "unevaluatedProperties": False},
    {"if": _B, "then": _A, "else": _C, "unevaluatedProperties": False},
    {"if": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "unevaluatedProperties": False},
    {"dependentSchemas": {"a": _B, "b": _A}, "unevaluatedProperties": False},
    {"not": {"not": _A}, "unevaluatedProperties": False},
    {"$defs": {"x": {"anyOf": [_A, _C]}}, "$ref": "#/$defs/x", "unevaluatedProperties": False},
    {"allOf": [{**_A, "unevaluatedProperties": True}], "unevaluatedProperties": False},
    {"allOf": [{**_A, "additionalProperties": {"type": "null"}}], "unevaluatedProperties": False},
    {"not": {**_A, "unevaluatedProperties": False}},
    {"not": {"anyOf": [_A, _B], "unevaluatedProperties": False}},
    {"not": {"if": _B, "then": _A, "unevaluatedProperties": False}},
    {"properties": {"a": {"unevaluatedProperties": False, **_B}}, "unevaluatedProperties": {"const": 1}},
]
ARRAYS: list[Schema] = [
    {"unevaluatedItems": False},
    {"prefixItems": [{"type": "integer"}], "unevaluatedItems": {"type": "null"}},
    {"anyOf": [{"prefixItems": [{"const": 1}]}, {"prefixItems": [True, {"const": 1}]}], "unevaluatedItems": False},
    {"contains": {"const": 1}, "unevaluatedItems": {"const": None}},
    {"contains": {"const": 1}, "minContains": 0, "prefixItems": [True], "unevaluatedItems": False},
    {"if": {"contains": {"const": 1}}, "then": {"contains": {"type": "null"}}, "unevaluatedItems": False},
    {"allOf": [{"items": {"type": "integer"}}], "unevaluatedItems": False},
    {"not": {"prefixItems": [{"const": 1}], "unevaluatedItems": False}},
    {"not": {"contains": {"const": 1}, "unevaluatedItems": {"const": None}}},
    {"oneOf": [{"prefixItems": [{"const": 1}]}, {"contains": {"const": 2}}], "unevaluatedItems": False},
]
_VALUES = [1, None, "s", {"b": 1}]


def objects() -> list[Any]:
    """List small objects over the names that matter."""
    found: list[Any] = [3, {}]
    for names in itertools.chain.from_iterable(itertools.permutations(["a", "b", "c", "d"], n) for n in (1, 2)):
        found += [dict(zip(names, values, strict=True)) for values in itertools.product(_VALUES, repeat=len(names))]
    return found


def arrays() -> list[Any]:
    """List short arrays."""
    return [3, *(list(v) for n in range(4) for v in itertools.product([1, 2, None], repeat=n))]


@pytest.mark.parametrize("schema", [*OBJECTS, *ARRAYS], ids=json.dumps)
def test_unevaluated_agrees_with_the_validator(schema: Schema) -> None:
    """Every small value is judged as the validator judges it."""
    validator = jsonschema.Draft202012Validator(schema)
    values = objects() if "Properties" in json.dumps(schema) else arrays()
    compiled = json_schema(schema, key_order="any").compile(VOCABULARY)
    assert [v for v in values if accepts(compiled, json.dumps(v)) != validator.is_valid(v)] == []


def test_contains_evaluates_items_since_2020_12_only() -> None:
    """In 2019-09 an item that ``contains`` matched is still unevaluated."""
    schema = {"contains": {"const": 1}, "unevaluatedItems": False, "minItems": 1}
    assert accepts(json_schema(schema).compile(VOCABULARY), "[1]")
    with pytest.raises(UnsatisfiableError):
        json_schema({**schema, "type": "array"}, draft="draft2019-09").compile(VOCABULARY)


def test_unevaluated_asks_nothing_in_draft_7() -> None:
    """The keywords came with 2019-09."""
    compiled = json_schema({"unevaluatedProperties": False}, draft="draft7").compile(VOCABULARY)
    assert accepts(compiled, '{"a": 1}')
