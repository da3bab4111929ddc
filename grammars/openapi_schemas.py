"""Turn the schemas of an OpenAPI 3 document into JSON Schema 2020-12, as requests see them.

OpenAPI 3.0 has a dialect of its own: ``nullable``, exclusive bounds that are true or false, and references that hide
what stands beside them. 3.1 is JSON Schema already. In both, ``readOnly`` members are not sent, and the registered
formats ``int32``, ``int64`` and ``byte`` bound the value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["request_document"]

_ONE = ("additionalProperties", "items", "not", "if", "then", "else", "contains", "propertyNames")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPPINGS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_RANGES = {"int32": 31, "int64": 63}
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def request_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with every schema in it replaced by what JSON Schema says instead; pointers stay right."""
    is_old = str(document.get("openapi", "")).startswith("3.0")
    resolve = _resolver(document)
    found: dict[str, Any] = _walk(document, lambda schema: _convert(schema, is_old, resolve))
    return found


Resolve = Callable[[Any], Any]


def _resolver(document: Mapping[str, Any]) -> Resolve:
    def resolve(node: Any) -> Any:
        """Follow references within the document; None for one that leads nowhere or around."""
        for _ in range(64):
            reference = node.get("$ref") if isinstance(node, Mapping) else None
            if not isinstance(reference, str):
                return node
            if not reference.startswith("#/"):
                return None
            node = document
            for step in reference[2:].split("/"):
                key = step.replace("~1", "/").replace("~0", "~")
                node = node.get(key) if isinstance(node, Mapping) else None
        return None

    return resolve


def _walk(node: Any, convert: Callable[[Any], Any]) -> Any:
    """Convert what stands under ``schema`` and in ``schemas``; leave everything else."""
    if isinstance(node, list):
        return [_walk(item, convert) for item in node]
    if not isinstance(node, Mapping):
        return node
    found = {}
    for key, value in node.items():
        if key == "schema":
            found[key] = convert(value)
        elif key == "schemas" and isinstance(value, Mapping):
            found[key] = {name: convert(schema) for name, schema in value.items()}
        else:
            found[key] = _walk(value, convert)
    return found


def _convert(schema: Any, is_old: bool, resolve: Resolve) -> Any:  # noqa: FBT001 - the version goes all the way down
    if not isinstance(schema, Mapping):
        return schema
    if is_old and "$ref" in schema:
        return {"$ref": schema["$ref"]}
    found = dict(schema)
    for key in _ONE:
        if key in found:
            found[key] = _convert(found[key], is_old, resolve)
    for key in _LISTS:
        if isinstance(found.get(key), list):
            found[key] = [_convert(item, is_old, resolve) for item in found[key]]
    for key in _MAPPINGS:
        if isinstance(found.get(key), Mapping):
            found[key] = {name: _convert(item, is_old, resolve) for name, item in found[key].items()}
    _leave_out_read_only(schema, found, resolve)
    if is_old:
        _modernise(found)
    _assert_format(found)
    return found


def _leave_out_read_only(schema: Mapping[str, Any], found: dict[str, Any], resolve: Resolve) -> None:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return
    hidden = {name for name, item in properties.items() if _is_read_only(item, resolve)}
    if hidden:
        found["properties"] = {name: False if name in hidden else item for name, item in found["properties"].items()}
        if isinstance(found.get("required"), list):
            found["required"] = [name for name in found["required"] if name not in hidden]


def _is_read_only(schema: Any, resolve: Resolve) -> bool:
    if isinstance(schema, Mapping) and schema.get("readOnly") is True:
        return True
    target = resolve(schema)
    return isinstance(target, Mapping) and target.get("readOnly") is True


def _modernise(found: dict[str, Any]) -> None:
    """Rewrite what only 3.0 says."""
    if found.pop("nullable", False) is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(exclusive), bool):
            is_exclusive = found.pop(exclusive)
            if is_exclusive and bound in found:
                found[exclusive] = found.pop(bound)


def _assert_format(found: dict[str, Any]) -> None:
    """Add what the registered formats say about the value."""
    extra: dict[str, Any] = {}
    if found.get("format") in _RANGES:
        size = 1 << _RANGES[found["format"]]
        extra = {"minimum": -size, "maximum": size - 1}
    elif found.get("format") == "byte":
        extra = {"pattern": _BASE64}
    if not extra:
        return
    if set(extra) & set(found):
        found["allOf"] = [*found.get("allOf", []), extra]
    else:
        found.update(extra)
