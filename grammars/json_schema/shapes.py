"""Check that a JSON Schema is one: every keyword has a value of the shape its draft asks for.

Input: the decoded schema. Output: nothing, or an error that names the pointer, what was given and what was expected.
Cost: one visit per keyword; limits on depth and size are named in ``SchemaLimits``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fsm.errors import GrammarError, LimitError
from grammars.json_schema.drafts import is_older

__all__ = ["KEYWORDS", "JsonSchema", "SchemaLimits", "check_shape", "pointer_token"]

JsonSchema = dict[str, Any] | bool

_SCALARS = frozenset({str, int, float, bool, type(None)})
_DESCRIBED = frozenset({"type", "description", "title"})
TYPE_NAMES = frozenset({"null", "boolean", "number", "integer", "string", "array", "object"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """Bound what a schema may ask for; a larger one is refused with ``LimitError``.

    Parameters
    ----------
    max_depth : nesting of subschemas.
    max_subschemas : subschemas in one document.
    max_references : references that lead on to one another, with nothing beside them.
    max_branches : alternatives that must be held apart at one place.
    max_steps : subschemas opened while one place is expanded.
    max_states : network states expanded for one grammar.
    """

    max_depth: int = 200
    max_subschemas: int = 200_000
    max_references: int = 100
    max_branches: int = 2_000
    max_steps: int = 50_000
    max_states: int = 4_000_000


def pointer_token(name: object) -> str:
    """Escape one reference token of a JSON pointer (RFC 6901, section 3)."""
    return str(name).replace("~", "~0").replace("/", "~1")


def check_shape(schema: Any, *, draft: str, limits: SchemaLimits) -> bool:
    """Refuse what is not a schema; tell whether it has references, or subschemas of a draft or a name of their own.

    Raises
    ------
    GrammarError : a keyword has a value of the wrong shape; ``where`` is the pointer.
    LimitError : the schema is too deep or too large.
    """
    stack = _Stack([(schema, (), 0)], limits.max_depth)
    old_references = is_older(draft, "draft2019-09")
    while stack:
        here, path, depth = stack.pop()
        kind = type(here)
        if kind is bool:
            continue
        if kind is not dict:
            raise _wrong(path, here, "a schema: an object or a boolean")
        stack.num_seen += 1
        if stack.num_seen > limits.max_subschemas or depth > limits.max_depth:
            raise LimitError(
                f"json schema at {_pointer(path)}: more than {limits.max_depth} levels or {limits.max_subschemas} "
                "subschemas; simplify the schema or raise SchemaLimits"
            )
        if old_references and type(here.get("$ref")) is str:
            stack.has_references = True
            continue  # draft 7 and older: nothing beside a reference counts
        for keyword, value in here.items():
            rule = _RULES.get(keyword)
            if rule is not None:
                rule(value, path, keyword, stack, depth)
            elif type(value) not in _SCALARS:
                _json(value, path, keyword, stack, depth)
    return stack.has_references


Path = tuple[Any, ...]
"""Where a subschema stands: the path of the one that holds it, and the tokens below that; nothing for the root."""


class _Stack(list[tuple[Any, Path, int]]):
    """Hold the subschemas to look at: each with its path and depth; note whether references were met.

    num_seen : how many were looked at.
    """

    __slots__ = ("has_references", "max_depth", "num_seen")

    def __init__(self, subschemas: list[tuple[Any, Path, int]], max_depth: int) -> None:
        super().__init__(subschemas)
        self.max_depth = max_depth
        self.has_references = False
        self.num_seen = 0


def _pointer(path: Path) -> str:
    if not path:
        return "#"
    return _pointer(path[0]) + "".join([f"/{pointer_token(token)}" for token in path[1:]])


def _wrong(path: Path, value: object, expected: str) -> GrammarError:
    shown = _show(value)
    where = f"json schema at {_pointer(path)}"
    return GrammarError(f"got {shown}, expected {expected}; correct the schema", where=where)


def _show(value: object) -> str:
    try:
        shown = repr(value)
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deep to show"
    return shown if len(shown) <= 60 else shown[:57] + "..."


Rule = Callable[[Any, Path, str, _Stack, int], None]


def _subschema(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not bool:
        stack.append((value, (path, keyword), depth + 1))


def _subschemas(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not list or not value:
        raise _wrong((path, keyword), value, "a non-empty list of schemas")
    for i, item in enumerate(value):
        stack.append((item, (path, keyword, i), depth + 1))


def _items(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is list:
        for i, item in enumerate(value):
            stack.append((item, (path, keyword, i), depth + 1))
    else:
        _subschema(value, path, keyword, stack, depth)


def _schema_map(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not dict:
        raise _wrong((path, keyword), value, "an object of schemas")
    for name, item in value.items():
        if type(name) is not str:
            raise _wrong((path, keyword), name, "a name: a string")
        if type(item) is dict and depth < stack.max_depth and _is_plain(item):
            stack.num_seen += 1
        elif type(item) is not bool:
            stack.append((item, (path, keyword, name), depth + 1))


def _is_plain(schema: dict[str, Any]) -> bool:
    """Tell whether a schema names its type and is described, no more: most members of most objects."""
    kind = schema.get("type")
    return (
        type(kind) is str
        and kind in TYPE_NAMES
        and _DESCRIBED.issuperset(schema)
        and type(schema.get("description")) in _SCALARS
        and type(schema.get("title")) in _SCALARS
    )


def _definitions(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is dict:  # only what a reference reaches must be a schema
        return
    raise _wrong((path, keyword), value, "an object of schemas")


def _dependencies(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not dict:
        raise _wrong((path, keyword), value, "an object of schemas or name lists")
    for name, item in value.items():
        if type(item) is list:
            _names(item, (path, keyword), name, stack, depth)
        elif type(item) is not str:
            _subschema(item, (path, keyword), name, stack, depth)


def _name_lists(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not dict:
        raise _wrong((path, keyword), value, "an object of name lists")
    for name, item in value.items():
        _names(item, (path, keyword), name, stack, depth)


def _names(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not list or not all(type(name) is str for name in value):
        raise _wrong((path, keyword), value, "a list of property names")


def _required(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not bool:  # draft 3 wrote a boolean here; it says nothing in later drafts
        _names(value, path, keyword, stack, depth)


def _type(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is str and value in TYPE_NAMES:
        return
    for name in value if type(value) is list else [value]:
        if type(name) is not str or name not in TYPE_NAMES:
            raise _wrong((path, keyword), name, "one of " + ", ".join(sorted(TYPE_NAMES)))


def _count(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) not in (int, float) or value < 0 or value != int(value):
        raise _wrong((path, keyword), value, "an integer >= 0")


def _number(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) not in (int, float) or (type(value) is float and not math.isfinite(value)):
        raise _wrong((path, keyword), value, "a number")


def _bound(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not bool:  # draft 4 writes a boolean here
        _number(value, path, keyword, stack, depth)


def _positive(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    _number(value, path, keyword, stack, depth)
    if value <= 0:
        raise _wrong((path, keyword), value, "a number > 0")


def _text(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not str:
        raise _wrong((path, keyword), value, "a string")


def _reference(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    stack.has_references = True
    if keyword != "$recursiveRef":
        _text(value, path, keyword, stack, depth)


def _draft(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    stack.has_references |= depth > 0


def _list(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not list:
        raise _wrong((path, keyword), value, "a list of values")
    if not _SCALARS.issuperset(map(type, value)):
        _json(value, path, keyword, stack, depth)


def _json(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise _wrong((path, keyword), value, f"JSON ({error})") from error


def _boolean(value: Any, path: Path, keyword: str, stack: _Stack, depth: int) -> None:
    if type(value) is not bool:
        raise _wrong((path, keyword), value, "true or false")


_RULES: dict[str, Rule] = {
    "$anchor": _text,
    "$defs": _definitions,
    "$dynamicRef": _reference,
    "$recursiveRef": _reference,
    "$ref": _reference,
    "$schema": _draft,
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

KEYWORDS = frozenset({*_RULES, "$dynamicAnchor", "$id", "const", "id"}) - {"$defs", "$schema", "definitions"}
"""The keywords that may change which values a subschema accepts, or where its references lead; others are annotations,
or hold what references lead to."""
