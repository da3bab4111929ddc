"""Close the objects of a schema, so that a model cannot invent keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["close_objects"]

_SCHEMA_KEYWORDS = ("additionalProperties", "items", "not", "if", "then", "else", "contains", "propertyNames")
_LIST_KEYWORDS = ("anyOf", "allOf", "oneOf", "prefixItems")
_MAPPING_KEYWORDS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def close_objects(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return the schema with ``additionalProperties: false`` where properties are listed and nothing else is said.

    Pydantic ignores unknown keys when it reads, so its schemas leave objects open; a model asked to write one should
    not invent keys. Names that are listed by ``propertyNames`` become properties.
    """
    if not isinstance(schema, dict):
        return schema
    closed = dict(schema)
    for keyword in _SCHEMA_KEYWORDS:
        if keyword in closed:
            closed[keyword] = close_objects(closed[keyword], definitions)
    for keyword in _LIST_KEYWORDS:
        if keyword in closed:
            closed[keyword] = [close_objects(item, definitions) for item in closed[keyword]]
    for keyword in _MAPPING_KEYWORDS:
        if keyword in closed:
            closed[keyword] = {name: close_objects(item, definitions) for name, item in closed[keyword].items()}
    names = _listed_names(closed.get("propertyNames"), definitions)
    if names is not None and "properties" not in closed:
        del closed["propertyNames"]
        closed["properties"] = dict.fromkeys(names, closed.pop("additionalProperties", True))
    if closed.get("type") == "object" and "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def _listed_names(schema: Any, definitions: Mapping[str, Any]) -> list[str] | None:
    """Return the names that a schema of names lists; None where it lists none."""
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        schema = definitions.get(schema["$ref"].rpartition("/")[2], {})
    listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    return listed if listed is not None and all(isinstance(name, str) for name in listed) else None
