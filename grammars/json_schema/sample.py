"""Make up a value that is typical of a schema: every declared key, one item in an array, a short value everywhere.

Masks are filled along its text before a model writes (``Grammar.compile_ahead``). So it is read off the schema as it
stands, without the algebra of keywords, and need not be valid: where keywords depend on one another it follows the
first one. Cost: a microsecond or two for each subschema.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import ge, gt, le, lt
from typing import Any

from fsm.automata.expression_dfa import ExpressionDfa
from fsm.dfa import typical_string
from fsm.errors import GuidanceError
from grammars.json_schema.shapes import JsonSchema
from grammars.regex import regex_dfa

__all__ = ["FORMAT_EXAMPLES", "sample_value"]

FORMAT_EXAMPLES = {
    "date": "2000-10-10",
    "date-time": "2000-10-10T10:10:10Z",
    "duration": "P1D",
    "email": "ab@ab.ab",
    "hostname": "ab.ab",
    "idn-email": "ab@ab.ab",
    "idn-hostname": "ab.ab",
    "ipv4": "10.10.10.10",
    "ipv6": "::1",
    "iri": "http://ab.ab/ab",
    "iri-reference": "/ab",
    "json-pointer": "/ab",
    "regex": "ab",
    "relative-json-pointer": "1",
    "time": "10:10:10Z",
    "uri": "http://ab.ab/ab",
    "uri-reference": "/ab",
    "uri-template": "/ab",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
"""A text of each format."""

_KINDS = {
    "properties": "object", "required": "object", "additionalProperties": "object", "items": "array",
    "prefixItems": "array", "pattern": "string", "format": "string", "minLength": "string", "maxLength": "string",
    "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
}  # fmt: skip
"""The type that a keyword is about, for schemas that name none."""

_BOUNDS = (("minimum", 0, ge), ("maximum", 0, le), ("exclusiveMinimum", 1, gt), ("exclusiveMaximum", -1, lt))
"""The keywords of bounds, what is next to each, and how a value meets it."""

_LETTERS = "ab"
_ANYTHING = {"ab": ["ab", 12, 0.5, True, None, {"ab": "ab", "ba": []}], "ba": {}}
_MOST_CHARACTERS = 64
_MOST_DEPTH = 8
_MOST_VALUES = 256
_MOST_ITEMS = 3


def sample_value(schema: JsonSchema) -> Any:
    """Return a value that the schema is likely to accept.

    Examples
    --------
    >>> sample_value({"properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 18}}})
    {'name': 'ab', 'age': 18}
    """
    return _Sampler(schema).value(schema, 0)


class _Sampler:
    """Make values up for the subschemas of one document."""

    def __init__(self, document: JsonSchema) -> None:
        self._document = document
        self._num_left = _MOST_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        """Return a value; nothing but a short text where the document is deep or large."""
        self._num_left -= 1
        if not isinstance(schema, Mapping) or self.is_over(depth):
            return _LETTERS if depth else _ANYTHING
        schema = self._opened(schema, depth)
        values = [schema["const"]] if "const" in schema else _listed(schema.get("enum"))
        values = values or _listed(schema.get("examples"))
        return values[0] if values else self._made_up(schema, depth)

    def _made_up(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = _kind(schema)
        if kind is None:
            return _LETTERS if depth else _ANYTHING
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "string":
            return _text(schema)
        return _number(schema) if kind in ("number", "integer") else kind == "boolean" or None

    def is_over(self, depth: int) -> bool:
        """Tell whether no more containers are to be opened."""
        return depth > _MOST_DEPTH or self._num_left < 0

    def _opened(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """Return a schema joined with what it refers to, all of ``allOf`` and the first of each choice."""
        parts = []
        reference = schema.get("$ref")
        if reference is not None:
            parts.append(self._follow(reference))
        parts += _listed(schema.get("allOf"))
        parts += [part for keyword in ("anyOf", "oneOf") for part in _listed(schema.get(keyword))[:1]]
        self._num_left -= len(parts)
        if not parts or self.is_over(depth):
            return schema
        joined: dict[str, Any] = {}
        for part in (*parts, {keyword: schema[keyword] for keyword in schema if keyword not in _JOINING}):
            if isinstance(part, Mapping):
                opened = self._opened(part, depth + 1)
                properties = {**joined.get("properties", {}), **_mapping(opened.get("properties"))}
                joined.update(opened)
                if properties:
                    joined["properties"] = properties
        return joined

    def _follow(self, reference: Any) -> Any:
        """Return what a pointer into the document itself leads to; an empty schema for other references."""
        here: Any = self._document
        if not isinstance(reference, str) or not reference.startswith("#"):
            return {}
        for token in reference[1:].split("/")[1:]:
            step = token.replace("~1", "/").replace("~0", "~")
            if isinstance(here, list) and step.isdigit() and int(step) < len(here):
                here = here[int(step)]
            elif isinstance(here, Mapping):
                here = here.get(step, {})
        return here

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties, found = _mapping(schema.get("properties")), {}
        required = [name for name in _listed(schema.get("required")) if isinstance(name, str)]
        for name in dict.fromkeys((*properties, *required)):
            if self.is_over(depth + 1) and name not in required:
                continue
            subschema = properties.get(name, schema.get("additionalProperties"))
            if subschema is not False:
                found[name] = self.value(subschema, depth + 1)
        return found

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        prefix, items = schema.get("prefixItems"), schema.get("items")
        if isinstance(items, list):  # as drafts before 2020-12 call the first ones
            prefix, items = items, schema.get("additionalItems")
        subschemas, fewest = list(_listed(prefix)), _natural(schema.get("minItems"), 0)
        missing = max(fewest, 0 if subschemas else 1) - len(subschemas)
        subschemas += [items] * min(missing, _MOST_ITEMS) if items is not False else []
        subschemas = subschemas[: _natural(schema.get("maxItems"), len(subschemas))]
        if self.is_over(depth + 1):
            subschemas = subschemas[:fewest]
        return [self.value(subschema, depth + 1) for subschema in subschemas]


_JOINING = frozenset({"$ref", "allOf", "anyOf", "oneOf"})


def _kind(schema: Mapping[str, Any]) -> str | None:
    """Return the type of the value to make up, None where any will do."""
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return kinds
    if kinds:
        return next((kind for kind in _listed(kinds) if isinstance(kind, str) and kind != "null"), "null")
    return next((_KINDS[keyword] for keyword in schema if keyword in _KINDS), None)


def _number(schema: Mapping[str, Any]) -> Any:
    """Return 12 or another small number within the bounds; else a bound, or what is next to one."""
    step: Any = schema.get("multipleOf")
    candidates = [step] if _is_number(step) else [12, 1, 0]
    candidates += [schema[keyword] + more for keyword, more, _ in _BOUNDS if _is_number(schema.get(keyword))]
    fits = (
        value
        for value in candidates
        if all(is_met(value, schema[keyword]) for keyword, _, is_met in _BOUNDS if _is_number(schema.get(keyword)))
    )
    return next(fits, 0)


def _text(schema: Mapping[str, Any]) -> str:
    """Return a short text: one of the format, else one of the pattern, else letters."""
    example = FORMAT_EXAMPLES.get(schema["format"]) if isinstance(schema.get("format"), str) else None
    if example is not None:
        return example
    if isinstance(schema.get("pattern"), str):
        try:
            dfa = regex_dfa(schema["pattern"], "ecma", search=True)
        except GuidanceError:
            return _LETTERS
        if isinstance(dfa, ExpressionDfa) and 0 < dfa.shortest(dfa.start) <= _MOST_CHARACTERS:
            return typical_string(dfa) or _LETTERS
    least, most = _natural(schema.get("minLength"), 0), _natural(schema.get("maxLength"), len(_LETTERS))
    size = max(min(least, _MOST_CHARACTERS), min(most, len(_LETTERS)))
    return (_LETTERS * size)[:size]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _natural(value: Any, default: int) -> int:
    return value if isinstance(value, int) and value >= 0 else default
