"""Say which subschema and which keywords govern the place where a JSON text breaks off."""

from __future__ import annotations

import json
import re
from typing import Any

from grammars.json_schema.shapes import pointer_token
from grammars.places.json_path import JsonPlace, find_place
from grammars.places.pattern import describe_pattern

__all__ = ["describe_schema"]

MAX_SHOWN = 4
_STRUCTURAL = frozenset({"$defs", "definitions", "title", "description", "default", "examples", "$schema", "$id"})
_APPLICATORS = ("allOf", "anyOf", "oneOf")
_PLACED = frozenset({"properties", "patternProperties", "items", "prefixItems", "required", "additionalProperties"})

Subschema = tuple[Any, str]


def describe_schema(schema: Any, text: str) -> str:
    """Return what governs the place, with JSON pointers; empty where no keyword says anything.

    Examples
    --------
    >>> describe_schema({"properties": {"a": {"type": "integer", "minimum": 3}}}, '{"a": ')
    "json schema at #/properties/a: type 'integer', minimum 3"
    """
    place = find_place(text)
    found: list[Subschema] = _opened(schema, (schema, "#"))
    for step in place.path:
        found = [inner for here in found for below in _below(here, step) for inner in _opened(schema, below)]
    if place.kind in ("name", "colon") or (place.kind == "after" and place.names):
        lines = [line for here in found if (line := _describe_members(here, place))]
    else:
        lines = [line for here in found if (line := _describe_value(here, place))]
    more = f" and {len(lines) - MAX_SHOWN} more" if len(lines) > MAX_SHOWN else ""
    return "json schema at " + "; ".join(lines[:MAX_SHOWN]) + more if lines else ""


def _opened(document: Any, start: Subschema) -> list[Subschema]:
    """Return a subschema with those that apply at the same place: references, and what is combined."""
    found: list[Subschema] = []
    waiting, seen = [start], set()
    while waiting:
        schema, pointer = waiting.pop(0)
        if pointer in seen:
            continue
        seen.add(pointer)
        found.append((schema, pointer))
        if not isinstance(schema, dict):
            continue
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            target = _resolve(document, reference)
            if target is not None:
                waiting.append((target, reference))
        for name in _APPLICATORS:
            waiting += [(inner, f"{pointer}/{name}/{i}") for i, inner in enumerate(schema.get(name, ()))]
        waiting += [(schema[name], f"{pointer}/{name}") for name in ("then", "else") if name in schema]
    return found


def _resolve(document: Any, reference: str) -> Any:
    here = document
    for token in reference[1:].split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        try:
            here = here[int(name)] if isinstance(here, list) else here[name]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    return here


def _below(here: Subschema, step: str | int) -> list[Subschema]:
    """Return the subschemas of a member or item."""
    schema, pointer = here
    if not isinstance(schema, dict):
        return []
    if isinstance(step, int):
        listed, key = schema.get("prefixItems"), "prefixItems"
        if listed is None and isinstance(schema.get("items"), list):
            listed, key = schema["items"], "items"
        if listed is not None and step < len(listed):
            return [(listed[step], f"{pointer}/{key}/{step}")]
        rest = "items" if not isinstance(schema.get("items"), list) else "additionalItems"
        return [(schema[rest], f"{pointer}/{rest}")] if rest in schema else []
    found = []
    if step in schema.get("properties", {}):
        found.append((schema["properties"][step], f"{pointer}/properties/{pointer_token(step)}"))
    for pattern, inner in schema.get("patternProperties", {}).items():
        if _searches(pattern, step):
            found.append((inner, f"{pointer}/patternProperties/{pointer_token(pattern)}"))
    if not found and "additionalProperties" in schema:
        found.append((schema["additionalProperties"], f"{pointer}/additionalProperties"))
    return found


def _searches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def _describe_value(here: Subschema, place: JsonPlace) -> str:
    schema, pointer = here
    if schema is False:
        return f"{pointer}: no value is allowed"
    if not isinstance(schema, dict):
        return ""
    if place.kind == "string" and isinstance(schema.get("pattern"), str):
        where = describe_pattern(schema["pattern"].removeprefix("^"), "ecma", place.part)
        if where:
            return f"{pointer}/pattern: {where}"
    said = [
        f"{name} {_shown(value)}"
        for name, value in schema.items()
        if name not in _STRUCTURAL and name not in _PLACED and not isinstance(value, dict) and name not in _APPLICATORS
    ]
    return f"{pointer}: {', '.join(said)}" if said else ""


def _describe_members(here: Subschema, place: JsonPlace) -> str:
    schema, pointer = here
    if not isinstance(schema, dict):
        return ""
    said = []
    names = [name for name in schema.get("properties", {}) if name not in place.names and name.startswith(place.part)]
    if names:
        said.append(f"properties {', '.join(map(repr, names[:MAX_SHOWN]))}")
    owed = [name for name in schema.get("required", ()) if name not in place.names]
    if owed:
        said.append(f"required {', '.join(map(repr, owed[:MAX_SHOWN]))}")
    if schema.get("additionalProperties") is False:
        said.append("additionalProperties false")
    said += [
        f"{name} {_shown(schema[name])}"
        for name in ("minProperties", "maxProperties", "propertyNames", "dependentRequired")
        if name in schema
    ]
    return f"{pointer}: {', '.join(said)}" if said else ""


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
