"""Check that a JSON Schema is one: every keyword has a value of the shape its draft asks for.

Input: the decoded schema. Output: nothing, or an error that names the pointer, what was given and what was expected.
Cost: one visit per keyword; limits on depth and size are named in ``SchemaLimits``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fsm.errors import GrammarError, LimitError
from grammars.json_schema.drafts import is_older

__all__ = ["JsonSchema", "SchemaLimits", "check_shape", "pointer_token"]

JsonSchema = dict[str, Any] | bool

TYPE_NAMES = frozenset({"null", "boolean", "number", "integer", "string", "array", "object"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """Bound what a schema may ask for; a larger one is refused with ``LimitError``.

    Parameters
    ----------
    max_depth : nesting of subschemas.
    max_subschemas : subschemas in one document.
    max_branches : alternatives that must be held apart at one place.
    max_steps : subschemas opened while one place is expanded.
    max_states : network states expanded for one grammar.
    """

    max_depth: int = 200
    max_subschemas: int = 200_000
    max_branches: int = 2_000
    max_steps: int = 50_000
    max_states: int = 4_000_000


def pointer_token(name: object) -> str:
    """Escape one reference token of a JSON pointer (RFC 6901, section 3)."""
    return str(name).replace("~", "~0").replace("/", "~1")


def check_shape(schema: Any, *, draft: str, limits: SchemaLimits) -> None:
    """Refuse what is not a schema.

    Raises
    ------
    GrammarError : a keyword has a value of the wrong shape; ``where`` is the pointer.
    LimitError : the schema is too deep or too large.
    """
    stack: list[tuple[Any, str, int]] = [(schema, "#", 0)]
    count = 0
    old_references = is_older(draft, "draft2019-09")
    while stack:
        here, pointer, depth = stack.pop()
        kind = type(here)
        if kind is bool:
            continue
        if kind is not dict:
            raise _wrong(pointer, here, "a schema: an object or a boolean")
        count += 1
        if count > limits.max_subschemas or depth > limits.max_depth:
            raise LimitError(
                f"json schema at {pointer}: more than {limits.max_depth} levels or {limits.max_subschemas} subschemas; "
                "simplify the schema or raise SchemaLimits"
            )
        if old_references and type(here.get("$ref")) is str:
            continue  # draft 7 and older: nothing beside a reference counts
        for keyword, value in here.items():
            rule = _RULES.get(keyword)
            if rule is not None:
                rule(value, pointer, keyword, stack, depth)


def _wrong(pointer: str, value: object, expected: str) -> GrammarError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return GrammarError(f"got {shown}, expected {expected}; correct the schema", where=f"json schema at {pointer}")


Stack = list[tuple[Any, str, int]]
Rule = Callable[[Any, str, str, Stack, int], None]


def _subschema(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not bool:
        stack.append((value, f"{pointer}/{keyword}", depth + 1))


def _subschemas(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not list or not value:
        raise _wrong(f"{pointer}/{keyword}", value, "a non-empty list of schemas")
    for i, item in enumerate(value):
        stack.append((item, f"{pointer}/{keyword}/{i}", depth + 1))


def _items(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is list:
        for i, item in enumerate(value):
            stack.append((item, f"{pointer}/{keyword}/{i}", depth + 1))
    else:
        _subschema(value, pointer, keyword, stack, depth)


def _schema_map(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not dict:
        raise _wrong(f"{pointer}/{keyword}", value, "an object of schemas")
    for name, item in value.items():
        if type(item) is not bool:
            stack.append((item, f"{pointer}/{keyword}/{pointer_token(name)}", depth + 1))


def _definitions(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is dict:  # only what a reference reaches must be a schema
        return
    raise _wrong(f"{pointer}/{keyword}", value, "an object of schemas")


def _dependencies(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not dict:
        raise _wrong(f"{pointer}/{keyword}", value, "an object of schemas or name lists")
    for name, item in value.items():
        where = f"{pointer}/{keyword}/{pointer_token(name)}"
        if type(item) is list:
            _names(item, where, "", stack, depth)
        elif type(item) is not str:
            _subschema(item, f"{pointer}/{keyword}", pointer_token(name), stack, depth)


def _name_lists(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not dict:
        raise _wrong(f"{pointer}/{keyword}", value, "an object of name lists")
    for name, item in value.items():
        _names(item, f"{pointer}/{keyword}", pointer_token(name), stack, depth)


def _names(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not list or not all(type(name) is str for name in value):
        raise _wrong(f"{pointer}/{keyword}", value, "a list of property names")


def _required(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not bool:  # draft 3 wrote a boolean here; it says nothing in later drafts
        _names(value, pointer, keyword, stack, depth)


def _type(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    names = value if type(value) is list else [value]
    for name in names:
        if type(name) is not str or name not in TYPE_NAMES:
            raise _wrong(f"{pointer}/{keyword}", name, "one of " + ", ".join(sorted(TYPE_NAMES)))


def _count(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) not in (int, float) or value < 0 or value != int(value):
        raise _wrong(f"{pointer}/{keyword}", value, "an integer >= 0")


def _number(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) not in (int, float) or (type(value) is float and not math.isfinite(value)):
        raise _wrong(f"{pointer}/{keyword}", value, "a number")


def _bound(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not bool:  # draft 4 writes a boolean here
        _number(value, pointer, keyword, stack, depth)


def _positive(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    _number(value, pointer, keyword, stack, depth)
    if value <= 0:
        raise _wrong(f"{pointer}/{keyword}", value, "a number > 0")


def _text(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not str:
        raise _wrong(f"{pointer}/{keyword}", value, "a string")


def _list(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not list:
        raise _wrong(f"{pointer}/{keyword}", value, "a list of values")


def _boolean(value: Any, pointer: str, keyword: str, stack: Stack, depth: int) -> None:
    if type(value) is not bool:
        raise _wrong(f"{pointer}/{keyword}", value, "true or false")


_RULES: dict[str, Rule] = {
    "$anchor": _text,
    "$defs": _definitions,
    "$dynamicRef": _text,
    "$ref": _text,
    "additionalItems": _subschema,
    "additionalProperties": _subschema,
    "allOf": _subschemas,
    "anyOf": _subschemas,
    "contains": _subschema,
    "definitions": _definitions,
    "dependencies": _dependencies,
    "dependentRequired": _name_lists,
    "dependentSchemas": _schema_map,
    "else": _subschema,
    "enum": _list,
    "exclusiveMaximum": _bound,
    "exclusiveMinimum": _bound,
    "format": _text,
    "if": _subschema,
    "items": _items,
    "maxContains": _count,
    "maxItems": _count,
    "maxLength": _count,
    "maxProperties": _count,
    "maximum": _number,
    "minContains": _count,
    "minItems": _count,
    "minLength": _count,
    "minProperties": _count,
    "minimum": _number,
    "multipleOf": _positive,
    "not": _subschema,
    "oneOf": _subschemas,
    "pattern": _text,
    "patternProperties": _schema_map,
    "prefixItems": _subschemas,
    "properties": _schema_map,
    "propertyNames": _subschema,
    "required": _required,
    "then": _subschema,
    "type": _type,
    "unevaluatedItems": _subschema,
    "unevaluatedProperties": _subschema,
    "uniqueItems": _boolean,
}
