"""Follow references inside a document, by anchors, by identifiers, through a registry, and through dynamic scopes."""

from __future__ import annotations

from typing import Any

import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7, DRAFT202012

from fsm import GrammarError
from grammars import json_schema
from tests.grammars.json_schema.test_keywords import VOCABULARY, accepts

Schema = dict[str, Any]
_DRAFT_7 = "http://json-schema.org/draft-07/schema#"
CASES: list[tuple[Schema, list[str], list[str]]] = [
    ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}}, ["null"], ["1"]),
    ({"$ref": "#/$defs/a~0b%25c", "$defs": {"a~b%c": {"type": "null"}}}, ["null"], ["1"]),
    ({"$ref": "#/$defs/%22", "$defs": {'"': {"type": "null"}}}, ["null"], ["1"]),
    ({"$ref": "#/prefixItems/0", "prefixItems": [{"type": ["null", "array"]}]}, ["null", "[null]"], ["1", "[1]"]),
    ({"$ref": "#/$defs/x", "$defs": {"x": True}}, ["null", "1"], ["x"]),
    ({"properties": {"$ref": {"type": "string"}}}, ['{"$ref":"a"}'], ['{"$ref":1}']),
    ({"properties": {"a": {"$ref": "#"}}, "additionalProperties": False}, ['{"a":{"a":1}}'], ['{"a":{"b":1}}']),
    ({"$ref": "#named", "$defs": {"x": {"$anchor": "named", "type": "null"}}}, ["null"], ["1"]),
    (
        {"$id": "http://e.org/root", "$ref": "item", "$defs": {"x": {"$id": "item", "type": "null"}}},
        ["null"],
        ["1"],
    ),
    (
        {
            "$id": "http://e.org/a/",
            "$ref": "b/c#/$defs/deep",
            "$defs": {"x": {"$id": "b/c", "$defs": {"deep": {"$ref": "d"}}}, "y": {"$id": "b/d", "type": "null"}},
        },
        ["null"],
        ["1"],
    ),
    (
        {
            "$schema": _DRAFT_7,
            "allOf": [{"$ref": "#name"}],
            "definitions": {"x": {"$id": "#name", "type": "null"}},
        },
        ["null"],
        ["1"],
    ),
    (
        {"$schema": _DRAFT_7, "$ref": "#/definitions/x", "type": "string", "definitions": {"x": {"type": "null"}}},
        ["null"],
        ['"x"'],
    ),
    ({"$ref": "#/$defs/x", "minimum": 3, "$defs": {"x": {"type": "integer"}}}, ["3"], ["2", '"x"']),
    ({"$ref": "http://json-schema.org/draft-07/schema#"}, ['{"minLength":1}', "true"], ['{"minLength":-1}', "3"]),
    (
        {
            "$id": "http://e.org/strict-tree",
            "$dynamicAnchor": "node",
            "$ref": "tree",
            "unevaluatedProperties": False,
            "$defs": {
                "tree": {
                    "$id": "tree",
                    "$dynamicAnchor": "node",
                    "type": "object",
                    "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
                }
            },
        },
        ['{"children":[{"data":1}]}'],
        ['{"children":[{"daat":1}]}', '{"daat":1}'],
    ),
]


@pytest.mark.parametrize(("schema", "fits", "fails"), CASES, ids=str)
def test_reference_leads_to_its_subschema(schema: Schema, fits: list[str], fails: list[str]) -> None:
    """Pointers with escapes, anchors, identifiers relative to their base, siblings by draft, and dynamic scopes."""
    compiled = json_schema(schema, key_order="any").compile(VOCABULARY)
    assert [text for text in fits if not accepts(compiled, text)] == []
    assert [text for text in fails if accepts(compiled, text)] == []


def test_recursive_reference_follows_the_outermost_anchor() -> None:
    """``$recursiveRef`` of 2019-09 leads to the schema that extends."""
    tree = {
        "$id": "http://e.org/tree",
        "$recursiveAnchor": True,
        "type": "object",
        "properties": {"c": {"items": {"$recursiveRef": "#"}}},
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": "http://e.org/strict",
        "$recursiveAnchor": True,
        "$ref": "tree",
        "unevaluatedProperties": False,
        "$defs": {"tree": tree},
    }
    compiled = json_schema(schema).compile(VOCABULARY)
    assert accepts(compiled, '{"c":[{"c":[]}]}')
    assert not accepts(compiled, '{"c":[{"d":[]}]}')


def test_registry_provides_other_documents() -> None:
    """A document of the registry is read by the draft it names, else by that of who refers to it."""
    ignoring = {"$schema": _DRAFT_7, "$ref": "#/definitions/x", "type": "string", "definitions": {"x": {}}}
    old = Resource(contents=ignoring, specification=DRAFT7)
    new = Resource(contents={"$defs": {"y": {"$ref": "old", "minimum": 0}}}, specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resources([("http://e.org/old", old), ("http://e.org/new", new)])
    schema = {"$ref": "http://e.org/new#/$defs/y", "type": "integer"}
    compiled = json_schema(schema, registry=registry).compile(VOCABULARY)
    assert accepts(compiled, "1")
    assert not accepts(compiled, "-1")
    assert not accepts(compiled, '"x"')


def test_custom_metaschema_may_leave_validation_out() -> None:
    """Without the validation vocabulary ``minimum`` is an annotation."""
    meta = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "http://e.org/meta",
        "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/applicator": True},
    }
    registry: Registry[Any] = Registry().with_resource("http://e.org/meta", Resource.from_contents(meta))
    schema = {"$schema": "http://e.org/meta", "properties": {"a": {"minimum": 3}, "b": False}}
    compiled = json_schema(schema, registry=registry).compile(VOCABULARY)
    assert accepts(compiled, '{"a":1}')
    assert not accepts(compiled, '{"b":1}')


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/x"},
        {"$ref": "#name"},
        {"$ref": "http://e.org/elsewhere"},
        {"properties": {"a": {"$ref": "#/properties/b"}}},
    ],
    ids=str,
)
def test_reference_that_leads_nowhere_is_refused(schema: Schema) -> None:
    """The message names the reference."""
    with pytest.raises(GrammarError, match="leads nowhere"):
        accepts(json_schema(schema).compile(VOCABULARY), '{"a":1}')
