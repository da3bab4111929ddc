"""The way home: ``shortest_completion`` shrinks with every byte of some way, and the text ends in a valid document."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from benchmarks.walks.oracle import Oracle, UndecidedError
from benchmarks.walks.walker import Ending, Walker
from fsm.errors import GrammarError, LimitError
from grammars import json_schema
from tests.strategies.json_text import mixed_vocabulary
from tests.strategies.schemas import Schema, schemas

CASES: list[Schema] = [
    True,
    {"pattern": "^[a-c]+$", "minLength": 3},
    {"type": "string", "pattern": "^[éè]+$", "minLength": 3, "maxLength": 9},
    {"type": "string", "pattern": "^[😀-😂]+$", "minLength": 2},
    {"type": "string", "pattern": "[0-9]{4}", "minLength": 4, "maxLength": 4},
    {"type": "string", "pattern": "^(日|abcd)$"},
    {"type": "string", "pattern": "a[12].*z", "minLength": 10, "maxLength": 12},
    {"type": "string", "minLength": 500},
    {"type": "string", "pattern": "^\\w(\\s*\\w){9}=$"},
    {"required": ["word"], "properties": {"word": {"type": "string", "pattern": "^[\\w. -]+$", "minLength": 3}}},
    {"type": "object", "minProperties": 3},
    {"type": "object", "minProperties": 3, "properties": {"": {"type": "string", "minLength": 9}}},
    {"type": "object", "minProperties": 3, "properties": {"long name": {"type": "string", "minLength": 9}, "n": {}}},
    {"type": "object", "propertyNames": {"pattern": "^[xé]$"}, "minProperties": 2},
    {"anyOf": [{"type": "object", "propertyNames": {"const": 5}, "minProperties": 1}, {"type": "null"}]},
    {"type": "object", "propertyNames": {"pattern": "^x*$"}, "minProperties": 4},
    {
        "type": "object",
        "patternProperties": {"^[a-z]$": {"type": "integer"}, "^[A-Z]{3}$": {"type": "array", "minItems": 3}},
        "additionalProperties": False,
        "minProperties": 30,
    },
    {"type": "object", "properties": {"a": {}, "b": {}}, "dependentRequired": {"a": ["b"]}, "minProperties": 2},
    {"type": "object", "dependentSchemas": {"a": {"minProperties": 3}}, "required": ["a"]},
    {"anyOf": [{"required": ["aaa"]}, {"required": ["b"]}], "not": {"required": ["c"]}, "type": "object"},
    {"type": "array", "contains": {"type": "object", "required": ["k"]}, "minContains": 2, "minItems": 3},
    {"type": "array", "uniqueItems": True, "minItems": 4, "items": {"enum": ["aaa", "b", "cc", 1000, True]}},
    {"type": "array", "uniqueItems": True, "minItems": 12, "items": {"type": "integer"}},
    {"type": "array", "uniqueItems": True, "minItems": 3, "items": {"type": "string", "pattern": "^[xé]*$"}},
    {"type": "array", "uniqueItems": True, "minItems": 3, "items": {"type": "string", "minLength": 2}},
    {"type": "array", "uniqueItems": True, "minItems": 4},
    {"type": "array", "uniqueItems": True, "minItems": 3, "prefixItems": [{"const": 1}, {"type": "integer"}]},
    {"type": "array", "uniqueItems": True, "contains": {"type": "string"}, "minContains": 3, "minItems": 4},
    {"type": "array", "uniqueItems": True, "minItems": 3, "items": {"type": "array", "items": {"type": "boolean"}}},
    {"type": "array", "uniqueItems": True, "minItems": 3, "items": {"required": ["k"], "type": "object"}},
    {"type": "array", "uniqueItems": True, "minItems": 20, "items": {"type": ["integer", "string"]}},
    {"enum": [[1, {"a": "é"}], {"k": [None]}, "\u0001"]},
    {"$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}}, "required": ["v"]}}, "$ref": "#/$defs/n"},
]


def walk_home(schema: Schema, key_order: str, seed: int, *, max_tokens: int) -> None:
    """Walk at random, then home; the text must be valid."""
    compiled = json_schema(schema, key_order=key_order).compile(mixed_vocabulary())
    walk = Walker(mixed_vocabulary()).walk(compiled, random.Random(seed), max_tokens=max_tokens)
    assert walk.ending is Ending.FINISHED, (walk, json.dumps(schema))
    try:
        fault = Oracle(schema).find_fault(walk.text)
    except UndecidedError:
        return
    assert fault is None, (walk.text, fault, json.dumps(schema))


@pytest.mark.parametrize("key_order", ["any", "schema"])
@pytest.mark.parametrize("schema", CASES, ids=json.dumps)
def test_the_way_home_shrinks_with_every_byte(schema: Schema, key_order: str) -> None:
    """From the beginning, and from wherever a walk got to, inside names, characters and escapes."""
    for seed, max_tokens in enumerate([0, 1, 2, 3, 5, 8, 13, 21]):
        walk_home(schema, key_order, seed, max_tokens=max_tokens)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(schemas(), st.sampled_from(["any", "schema"]), st.integers(0, 2**32), st.integers(0, 25))
def test_the_way_home_shrinks_under_drawn_schemas(schema: Schema, key_order: str, seed: int, max_tokens: int) -> None:
    """Whatever keywords meet, a walk ends, and in a document that `jsonschema` holds for."""
    try:
        walk_home(schema, key_order, seed, max_tokens=max_tokens)
    except (GrammarError, LimitError) as error:
        event(f"refused: {type(error).__name__}")


@pytest.mark.parametrize(
    ("schema", "text", "most"),
    [
        ({"type": "string", "minLength": 5}, b'"', 6),
        ({"type": "string", "pattern": "^[a-z]+$", "minLength": 5}, b'"ab', 4),
        ({"type": "string", "pattern": "^[😀-😂]$"}, b'"\\ud83d', 7),
        ({"type": "string", "pattern": "^[é]$"}, b'"\xc3', 2),
        ({"type": "object", "minProperties": 2}, b"", 12),
        ({"required": ["a", "b"], "type": "object"}, b'{"a":', 8),
        ({"type": "object", "properties": {"a": {"type": "null"}}, "minProperties": 1, "maxProperties": 1}, b"", 6),
    ],
)
def test_shortest_completion_is_exact(schema: Schema, text: bytes, most: int) -> None:
    """The number of bytes is that of the shortest text there is."""
    matcher = json_schema(schema).compile(mixed_vocabulary()).matcher()
    for byte in text:
        matcher.advance(byte)
    assert matcher.shortest_completion() == most


def test_a_long_key_does_not_exhaust_the_stack() -> None:
    """A name of two thousand characters that stands already is as near to the end as a short one."""
    matcher = json_schema({"type": "object", "minProperties": 3}).compile(mixed_vocabulary()).matcher()
    for byte in b'{"' + b"k" * 2000 + b'":0,"kkk':
        matcher.advance(byte)
    assert 0 < matcher.shortest_completion() < 40


def test_values_nested_too_deep_are_refused_by_name() -> None:
    """Where every level needs another, Python's stack is a limit like any other; below it there is no trouble."""
    for depth, is_served in [(40, True), (190, False)]:
        schema: dict[str, Any] = {"type": "integer"}
        for _ in range(depth):
            schema = {"type": "array", "minItems": 1, "items": schema}
        if is_served:
            assert json_schema(schema).compile(mixed_vocabulary()).matcher().shortest_completion() == 2 * depth + 1
        else:
            with pytest.raises(LimitError, match="nest deeper"):
                json_schema(schema).compile(mixed_vocabulary()).matcher().shortest_completion()


@pytest.mark.parametrize("maximum", [11, 12])
def test_masks_leave_room_for_what_a_pattern_still_needs(maximum: int) -> None:
    """After an escape that sets a pattern back, as after any other character, what must still come has to fit."""
    schema: dict[str, Any] = {"type": "string", "pattern": "a[12].*z", "minLength": 10, "maxLength": maximum}
    for seed in range(20):
        walk_home(schema, "any", seed, max_tokens=60)


@pytest.mark.parametrize("key_order", ["any", "schema"])
@pytest.mark.parametrize(
    "rules",
    [
        {"propertyNames": {"enum": ["on", "off"]}, "additionalProperties": {"type": "integer"}},
        {"patternProperties": {"^(on|off)$": {"type": "integer"}}, "additionalProperties": False},
    ],
    ids=["propertyNames", "patternProperties"],
)
def test_no_comma_comes_where_no_name_is_left(rules: dict[str, Any], key_order: Any) -> None:
    """Names that only a pattern knows may run out as well; then the object can only close."""
    matcher = json_schema({"type": "object", **rules}, key_order=key_order).compile(mixed_vocabulary()).matcher()
    for byte in b'{"on":1':
        matcher.advance(byte)
    assert matcher.fork().try_advance(ord(","))
    for byte in b',"off":2':
        matcher.advance(byte)
    assert not matcher.fork().try_advance(ord(","))
    assert matcher.fork().try_advance(ord("}"))
