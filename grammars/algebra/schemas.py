"""Combine JSON Schemas as sets of values: ``allOf``, ``anyOf``, and ``allOf`` with ``not``."""

from __future__ import annotations

import json
from typing import Any

from referencing import Registry

from fsm.errors import UnsupportedFeatureError
from grammars.json_schema.drafts import draft_of
from grammars.json_schema.grammar import JsonSchemaGrammar
from grammars.json_schema.references import SPECIFICATIONS

__all__ = ["any_schema", "both_schemas", "first_schema_only", "is_written_alike"]

_NEWEST = "https://json-schema.org/draft/2020-12/schema"
_DIALECTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": _NEWEST,
}


def is_written_alike(one: JsonSchemaGrammar, other: JsonSchemaGrammar) -> bool:
    """Tell whether both write values the same way."""
    return one.spaces == other.spaces and one.is_ordered == other.is_ordered


def both_schemas(one: JsonSchemaGrammar, other: JsonSchemaGrammar) -> JsonSchemaGrammar:
    """Return the values both accept."""
    return _combine(one, other, "&", lambda a, b: {"allOf": [a, b]})


def any_schema(one: JsonSchemaGrammar, other: JsonSchemaGrammar) -> JsonSchemaGrammar:
    """Return the values either accepts."""
    return _combine(one, other, "|", lambda a, b: {"anyOf": [a, b]})


def first_schema_only(one: JsonSchemaGrammar, other: JsonSchemaGrammar) -> JsonSchemaGrammar:
    """Return the values one accepts and the other does not."""
    return _combine(one, other, "-", lambda a, b: {"allOf": [a, {"not": b}]})


def _combine(one: JsonSchemaGrammar, other: JsonSchemaGrammar, sign: str, join: Any) -> JsonSchemaGrammar:
    if not is_written_alike(one, other):
        raise UnsupportedFeatureError(
            f"json_schema {sign} json_schema: the two write values differently, expected the same whitespace= and "
            "key_order=; give both the same"
        )
    if _is_plain(one) and _is_plain(other):
        return _like(one, join(one.schema, other.schema), None)
    registry: Registry[Any] = Registry()
    for grammar in (one, other):
        if grammar.registry is not None:
            registry = registry.combine(grammar.registry)
    references: list[dict[str, str]] = []
    for place, grammar in enumerate((one, other)):
        schema = _with_dialect(grammar)
        resource = SPECIFICATIONS[draft_of(schema, grammar.draft or "draft2020-12")].create_resource(schema)
        uri = resource.id() or f"grammar:/{place}"
        if references and references[0]["$ref"] == uri and one.schema != other.schema:
            raise UnsupportedFeatureError(
                f"json_schema {sign} json_schema: both schemas have the $id {uri!r}; give each its own"
            )
        registry = registry.with_resource(uri, resource)
        references.append({"$ref": uri})
    return _like(one, {"$schema": _NEWEST, **join(*references)}, registry)


def _is_plain(grammar: JsonSchemaGrammar) -> bool:
    """Tell whether the schema means the same wherever it stands."""
    text = json.dumps(grammar.schema)
    return grammar.draft is None and grammar.registry is None and '"$' not in text and '"id"' not in text


def _with_dialect(grammar: JsonSchemaGrammar) -> Any:
    schema = grammar.schema
    if not isinstance(schema, dict) or "$schema" in schema:
        return schema
    return {"$schema": _DIALECTS[grammar.draft or "draft2020-12"], **schema}


def _like(one: JsonSchemaGrammar, schema: Any, registry: Registry[Any] | None) -> JsonSchemaGrammar:
    """Return a grammar that writes as ``one`` does."""
    return JsonSchemaGrammar(
        schema, whitespace=one.whitespace, key_order="schema" if one.is_ordered else "any", registry=registry,
        limits=one.limits, lenient=one.lenient,
    )  # fmt: skip
