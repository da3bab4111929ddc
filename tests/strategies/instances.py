"""Guess documents near a schema: they take its values, keys and lengths, and miss by little where they miss."""

from __future__ import annotations

import random
from typing import Any

__all__ = ["guess"]

_POOL: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    3,
    6,
    0.5,
    1.5,
    7.0,
    "",
    "a",
    "b",
    "ab",
    "aab",
    "é",
    "😀",
    "0",
    [],
    {},
)
_BRANCHES = ("allOf", "anyOf", "oneOf")
_SINGLE = ("not", "if", "then", "else")
_KEYS = ("a", "b", "ab", "c", "é")


def guess(schema: Any, root: Any, source: random.Random, *, depth: int = 4) -> Any:
    """Make a value from one part of the schema, chosen at random."""
    if not isinstance(schema, dict) or not schema or depth == 0 or source.random() < 0.1:
        return source.choice(_POOL)
    makers = [maker for maker in _MAKERS if any(keyword in schema for keyword in _MAKERS[maker])]
    if not makers:
        return source.choice(_POOL)
    return source.choice(makers)(schema, root, source, depth - 1)


def _listed(schema: Any, _root: Any, source: random.Random, _depth: int) -> Any:
    return source.choice([*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())])


def _number(schema: Any, _root: Any, source: random.Random, _depth: int) -> Any:
    limits = [schema[k] for k in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if k in schema]
    if "multipleOf" in schema and source.random() < 0.5:
        return schema["multipleOf"] * source.choice((-1, 0, 1, 2, 10))
    return source.choice(limits or [0]) + source.choice((-1, 0, 0, 1, 0.5))


def _string(schema: Any, _root: Any, source: random.Random, _depth: int) -> Any:
    lengths = [schema[k] for k in ("minLength", "maxLength") if k in schema] or [2]
    length = max(0, source.choice(lengths) + source.choice((-1, 0, 0, 1)))
    return "".join(source.choice("aabbé0😀") for _ in range(length))


def _object(schema: Any, root: Any, source: random.Random, depth: int) -> Any:
    named = {**schema.get("properties", {}), **schema.get("dependentSchemas", {})}
    keys = {*named, *schema.get("required", ()), *schema.get("dependentRequired", ())}
    chosen = {key for key in sorted(keys) if source.random() < 0.8}
    chosen |= {key for key in _KEYS if source.random() < 0.2}
    others = [schema[k] for k in ("additionalProperties", "unevaluatedProperties") if k in schema]
    others += schema.get("patternProperties", {}).values()
    members = source.sample(sorted(chosen), len(chosen))
    return {
        key: guess(named.get(key, source.choice(others) if others else True), root, source, depth=depth)
        for key in members
    }


def _array(schema: Any, root: Any, source: random.Random, depth: int) -> Any:
    parts = [*schema.get("prefixItems", ())]
    others = [schema[k] for k in ("items", "contains", "unevaluatedItems") if k in schema] or [True]
    lengths = [schema[k] for k in ("minItems", "maxItems", "minContains", "maxContains") if k in schema] or [
        len(parts),
        2,
    ]
    length = max(0, source.choice(lengths) + source.choice((-1, 0, 0, 1)))
    parts += [source.choice(others) for _ in range(length)]
    return [guess(part, root, source, depth=depth) for part in parts[:length]]


def _branch(schema: Any, root: Any, source: random.Random, depth: int) -> Any:
    inner = [part for name in _BRANCHES for part in schema.get(name, ())]
    inner += [schema[name] for name in _SINGLE if name in schema]
    if "$ref" in schema:
        inner.append(root if schema["$ref"] == "#" else root["$defs"]["d"])
    return guess(source.choice(inner), root, source, depth=depth)


def _typed(schema: Any, _root: Any, source: random.Random, _depth: int) -> Any:
    kinds = {
        "null": None,
        "boolean": True,
        "integer": 2,
        "number": 0.5,
        "string": "ab",
        "array": [1],
        "object": {"a": 1},
    }
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return kinds[source.choice(names)]


_MAKERS = {
    _listed: ("enum", "const"),
    _number: ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    _string: ("minLength", "maxLength", "pattern"),
    _object: (
        *("properties", "patternProperties", "additionalProperties", "propertyNames", "required", "minProperties"),
        *("maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties"),
    ),
    _array: (
        *("items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems"),
        *("uniqueItems", "unevaluatedItems"),
    ),
    _branch: (*_BRANCHES, *_SINGLE, "$ref"),
    _typed: ("type",),
}
