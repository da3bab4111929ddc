"""Members whose values must meet the same share their rows; those that differ in anything that counts do not."""

from __future__ import annotations

import itertools
import json
import random

import jsonschema
import pytest

from fsm import Vocabulary
from grammars import json_schema

BYTES = Vocabulary([*(bytes([byte]) for byte in range(256)), b""], eos_token_ids=[256])
SCHEMAS = [
    {},
    {"type": "string"},
    {"type": "string", "title": "a", "description": "b", "default": {"x": [1]}},
    {"type": ["string", "null"]},
    {"type": "integer"},
    {"type": "integer", "minimum": 1},
    {"type": "integer", "minimum": 2},
    {"type": "number", "multipleOf": 2},
    {"type": "string", "maxLength": 1},
    {"type": "string", "format": "date"},
    {"type": "string", "pattern": "^a"},
    {"type": "array", "items": {"type": "string"}},
    {"type": "array", "items": {"type": "integer", "title": "n"}},
    {"type": "array", "items": {"type": "integer"}},
    {"type": "array", "items": False},
    {"type": "array", "uniqueItems": True, "items": {"type": "integer"}},
    {"$ref": "#/$defs/a"},
    {"$ref": "#/$defs/b"},
    {"enum": ["a", 1]},
    {"not": {"type": "string"}},
]
DEFS = {"a": {"type": "null"}, "b": {"type": "boolean"}}
VALUES = ["", "a", "ab", "2020-01-31", 1, 2, 3.5, None, True, [], ["a"], [1], [1, 1], {}]


def accepts(matcher_of, text: str) -> bool:
    """Read a text byte by byte."""
    matcher = matcher_of.matcher()
    return all(matcher.try_advance(byte) for byte in text.encode()) and matcher.is_accepting


@pytest.mark.parametrize("first", range(len(SCHEMAS)))
def test_values_of_two_keys_are_judged_each_by_its_own_schema(first):
    """Whatever two subschemas stand side by side, as members and as items, and whatever was read before."""
    for second in range(first):
        check_side_by_side(first, second)


def check_side_by_side(first: int, second: int) -> None:
    """Compare every pair of values with jsonschema's judgement."""
    members = {"$defs": DEFS, "properties": {"p": SCHEMAS[first], "q": SCHEMAS[second]}}
    items = {"$defs": DEFS, "prefixItems": [SCHEMAS[first], SCHEMAS[second]]}
    for schema, write in ((members, lambda a, b: {"q": b, "p": a}), (items, lambda a, b: [a, b])):
        compiled = json_schema(schema, key_order="any").compile(BYTES)
        judge = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        for left, right in itertools.product(VALUES, repeat=2):
            document = write(left, right)
            assert accepts(compiled, json.dumps(document)) == judge.is_valid(document), (schema, document)


DRAFT4 = {"$schema": "http://json-schema.org/draft-04/schema#"}


@pytest.mark.parametrize("key_order", ["any", "schema"])
@pytest.mark.parametrize("names", ["on", "no"])
@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ({**DRAFT4, "const": 1}, {"const": 1}, 2),
        ({"items": {**DRAFT4, "const": 1}}, {"items": {"const": 1}}, [2]),
    ],
)
def test_members_of_different_drafts_share_nothing(old, new, value, names, key_order):
    """Draft 4 has no "const"; beside it the newest draft's counts, whichever of them is written first."""
    schemas = {"o": old, "n": new}
    schema = {"properties": {name: schemas[name] for name in names}}
    compiled = json_schema(schema, key_order=key_order).compile(BYTES)
    assert accepts(compiled, json.dumps({"o": value}))
    assert accepts(compiled, json.dumps({"n": 1 if value == 2 else [1]}))
    assert not accepts(compiled, json.dumps({"n": value}))


def test_alike_members_share_their_rows():
    """A second key with the same kind of value adds no states for the value."""

    def num_states(*types: str) -> int:
        schema = {"properties": {f"key{i}": {"type": name, "title": f"T{i}"} for i, name in enumerate(types)}}
        compiled = json_schema(schema, key_order="any").compile(BYTES)
        matcher = compiled.matcher()
        values = {"string": "a", "integer": 1, "boolean": True}
        document = {key: values[name] for key, name in zip(schema["properties"], types, strict=True)}
        for byte in json.dumps(document).encode():
            matcher.advance(byte)
        return compiled.network.num_states

    same, other = num_states("string", "string", "string"), num_states("string", "integer", "boolean")
    assert same - num_states("string", "string") < 12
    assert other - same > 2


@pytest.mark.parametrize("more", [True, False, {"type": "integer"}])
@pytest.mark.parametrize("num_required", [61, 63, 70])
def test_more_required_keys_than_bits_all_have_to_come_once(num_required, more):
    """The last of very many keys have no bit: whichever is missing is missed, whichever comes twice is refused."""
    names = [f"k{number}" for number in range(75)]
    schema = {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "required": names[:num_required],
        "additionalProperties": more,
    }
    compiled = json_schema(schema, key_order="any").compile(BYTES)
    judge = jsonschema.Draft202012Validator(schema)
    shuffled = random.Random(num_required).sample(names, len(names))
    for order in (names, names[::-1], shuffled, names[:num_required], ["x", *names, "y"]):
        document = dict.fromkeys(order, 1)
        assert accepts(compiled, json.dumps(document)) == judge.is_valid(document)
        for missing in (order[0], order[1], order[-1], names[0], names[num_required - 1], names[30]):
            less = {name: 1 for name in order if name != missing}
            assert accepts(compiled, json.dumps(less)) == judge.is_valid(less), missing
        for twice in (order[0], order[-1]):
            text = json.dumps(document)[:-1] + f', "{twice}": 1}}'
            assert not accepts(compiled, text)
    matcher = compiled.matcher()
    for byte in json.dumps(dict.fromkeys(shuffled[1:40], 1))[:-1].encode():
        matcher.advance(byte)
    rest = [name for name in names[:num_required] if name not in shuffled[1:40]]
    assert matcher.shortest_completion() == len("".join(f',"{name}":1' for name in rest)) + 1
