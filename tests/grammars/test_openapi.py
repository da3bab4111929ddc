"""Check operations of OpenAPI documents: walks are judged by jsonschema, single values by what the standard says."""

from __future__ import annotations

import json
import random

import jsonschema
import pytest

from fsm.errors import GrammarError
from grammars import from_openapi, openapi_tools, tool_calls
from tests.reference.walks import BYTES, walk

PETS = {
    "openapi": "3.0.3",
    "paths": {
        "/pets/{id}": {
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "format": "int32"}},
                {"name": "verbose", "in": "query", "schema": {"type": "boolean"}},
            ],
            "put": {
                "operationId": "replacePet",
                "parameters": [
                    {"$ref": "#/components/parameters/Trace"},
                    {"name": "verbose", "in": "query", "required": True, "schema": {"type": "string", "maxLength": 2}},
                ],
                "requestBody": {"$ref": "#/components/requestBodies/Pet"},
            },
            "get": {},
        },
        "/raw": {"post": {"operationId": "raw", "requestBody": {"content": {"text/plain": {"schema": {}}}}}},
    },
    "components": {
        "parameters": {
            "Trace": {"name": "trace", "in": "header", "content": {"application/json": {"schema": {"type": "number"}}}}
        },
        "requestBodies": {
            "Pet": {
                "required": True,
                "content": {"application/json; charset=utf-8": {"schema": {"$ref": "#/components/schemas/Pet"}}},
            }
        },
        "schemas": {
            "Pet": {
                "type": "object",
                "required": ["id", "name", "age"],
                "properties": {
                    "id": {"type": "integer", "readOnly": True},
                    "made": {"$ref": "#/components/schemas/Stamp", "nullable": True},
                    "name": {"type": "string", "nullable": True, "maxLength": 3},
                    "age": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 9},
                    "kind": {"nullable": True, "enum": ["cat", "dog"]},
                    "friend": {"$ref": "#/components/schemas/Pet", "type": "string"},
                    "photo": {"type": "string", "format": "byte"},
                },
                "additionalProperties": False,
            },
            "Stamp": {"type": "string", "format": "date-time", "readOnly": True},
        },
    },
}

PET = {
    "type": "object",
    "required": ["name", "age"],
    "properties": {
        "name": {"type": ["string", "null"], "maxLength": 3},
        "age": {"type": "number", "exclusiveMinimum": 0, "maximum": 9},
        "kind": {"enum": ["cat", "dog"]},
        "friend": {"$ref": "#/$defs/pet"},
        "photo": {"type": "string", "pattern": "^[A-Za-z0-9+/]*={0,2}$"},
    },
    "additionalProperties": False,
}
REQUEST = {
    "$defs": {"pet": PET},
    "type": "object",
    "required": ["id", "verbose", "body"],
    "properties": {
        "id": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        "verbose": {"type": "string", "maxLength": 2},
        "trace": {"type": "number"},
        "body": {"$ref": "#/$defs/pet"},
    },
    "additionalProperties": False,
}
GOOD = {"id": 1, "verbose": "no", "body": {"name": None, "age": 0.5, "friend": {"name": "a", "age": 9}}}


def accepts(grammar, value) -> bool:
    """Read the JSON of a value byte by byte."""
    matcher = grammar.compile(BYTES).matcher()
    tokens = {piece: token for token, piece in enumerate(BYTES.token_bytes) if len(piece) == 1}
    return all(matcher.try_advance(tokens[bytes([b])]) for b in json.dumps(value).encode()) and matcher.is_accepting


def test_walks_are_requests() -> None:
    """Random walks are what a schema written by hand for the whole request accepts."""
    compiled = from_openapi(PETS, "replacePet").compile(BYTES)
    source = random.Random(0)
    for _ in range(12):
        value = json.loads(walk(compiled.matcher(), source, num_free=40, num_checked=1))
        jsonschema.validate(value, REQUEST, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("change", "is_right"),
    [
        ({}, True),
        ({"id": 2**31}, False),
        ({"id": 2**31 - 1}, True),
        ({"verbose": True}, False),
        ({"verbose": "yes"}, False),
        ({"trace": 1.5}, True),
        ({"other": 1}, False),
        ({"body": {"name": "abcd", "age": 1}}, False),
        ({"body": {"name": "a", "age": 0}}, False),
        ({"body": {"name": "a", "age": 1, "id": 3}}, False),
        ({"body": {"name": "a", "age": 1, "made": "2024-02-29T12:00:00Z"}}, False),
        ({"body": {"name": "a", "age": 1, "kind": None}}, False),
        ({"body": {"name": "a", "age": 1, "kind": "cat"}}, True),
        ({"body": {"name": "a", "age": 1, "friend": "x"}}, False),
        ({"body": {"name": "a", "age": 1, "photo": "YWI="}}, True),
        ({"body": {"name": "a", "age": 1, "photo": "YWI"}}, False),
    ],
)
def test_requests_are_told_apart(change, is_right) -> None:
    """Nullable members, exclusive bounds, hidden siblings of references, formats and read-only members are kept."""
    assert accepts(from_openapi(PETS, "replacePet", key_order="any"), {**GOOD, **change}) == is_right


def test_parts_and_names() -> None:
    """Parameters and bodies stand alone, operations are found by method and path, documents may be text."""
    assert accepts(from_openapi(PETS, "replacePet", part="body"), GOOD["body"])
    assert accepts(from_openapi(json.dumps(PETS), "PUT /pets/{id}", part="parameters"), {"id": 1, "verbose": ""})
    assert accepts(from_openapi(PETS, "GET /pets/{id}"), {"id": 1})
    assert not accepts(from_openapi(PETS, "GET /pets/{id}"), {"verbose": True})


def test_version_3_1_is_json_schema() -> None:
    """Type lists, numeric exclusive bounds and siblings of references mean what JSON Schema says."""
    body = {
        "allOf": [{"$ref": "#/components/schemas/Small"}],
        "type": ["integer", "null"],
        "exclusiveMinimum": 2,
        "$ref": "#/components/schemas/Even",
    }
    document = {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "paths": {"/x": {"post": {"requestBody": {"content": {"application/vnd.x+json": {"schema": body}}}}}},
        "components": {"schemas": {"Small": {"maximum": 6}, "Even": {"multipleOf": 2}}},
    }
    grammar = from_openapi(document, "POST /x", part="body")
    assert [value for value in (None, 2, 3, 4, 6, 8, "a") if accepts(grammar, value)] == [None, 4, 6]
    assert accepts(from_openapi(document, "POST /x"), {})


def test_operations_are_tools() -> None:
    """Every operation with a name can be called as a tool."""
    document = {**PETS, "paths": {key: value for key, value in PETS["paths"].items() if key != "/raw"}}
    tools = openapi_tools(document)
    assert [tool.name for tool in tools] == ["replacePet"]
    text = tool_calls(tools, format="json", at_least=1, at_most=1).shortest()
    call = json.loads(text)
    assert call["name"] == "replacePet"
    jsonschema.validate(call["arguments"], REQUEST, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("document", "operation", "options", "message"),
    [
        ({"swagger": "2.0"}, "x", {}, "expected 3.0 or 3.1"),
        ("a: b", "x", {}, "decode YAML first"),
        (PETS, "nothing", {}, "expected one of replacePet, GET /pets/{id}, raw"),
        (PETS, "raw", {}, "the body of POST /raw is text/plain, expected JSON"),
        (PETS, "GET /pets/{id}", {"part": "body"}, "has no request body"),
        (PETS, "replacePet", {"part": "all"}, "expected one of request, parameters, body"),
        ({"openapi": "3.1.0", "paths": {"/x": {"get": {"parameters": [{"$ref": "#/components/nothing"}]}}}},
         "GET /x", {}, "leads nowhere"),
        ({"openapi": "3.1.0", "paths": {"/x": {"get": {"parameters": [
            {"name": "a", "in": "query", "schema": {}}, {"name": "a", "in": "header", "schema": {}}]}}}},
         "GET /x", {}, "several parameters named 'a'"),
    ],
)  # fmt: skip
def test_what_is_no_operation_is_refused(document, operation, options, message) -> None:
    """Each refusal names what was given and what was expected."""
    with pytest.raises(GrammarError, match=message):
        from_openapi(document, operation, **options)
