"""Draw JSON Schemas (draft 2020-12) and documents from small pools, so that both outcomes are frequent."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["documents", "schemas"]

Schema = dict[str, Any] | bool

KEYS = st.sampled_from(["a", "b", "ab", "c", "é"])
STRINGS = st.sampled_from(["", "a", "b", "ab", "aab", "ba", "é", "日本", "😀", 'q"\\', "\n/", "0", "abcdef"])
INTEGERS = st.integers(-3, 13)
NUMBERS = st.one_of(INTEGERS, st.sampled_from([0.5, 1.5, -2.25, 0.1, 0.3, 7.0, 1e2]))
PATTERNS = st.sampled_from(["^a", "b$", "^a*b?$", "a", "^.{2}$", "^[^a]*$", "[0-9]", "^(ab|ba)$", "é"])
COUNTS = st.integers(0, 3)
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")

documents: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, STRINGS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=8,
)


def schemas() -> st.SearchStrategy[Schema]:
    """Draw schemas of a few levels; every keyword of the vocabulary of validation and applicators appears."""
    return st.recursive(_leaves(), _compound, max_leaves=6).flatmap(_with_definitions)


def _keywords(choices: dict[str, st.SearchStrategy[Any]], size: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    """Draw some of the keywords, each with a value of its own."""
    names = st.lists(st.sampled_from(sorted(choices)), unique=True, max_size=size)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: choices[name] for name in chosen}))


def _leaves() -> st.SearchStrategy[Schema]:
    atoms = {
        "type": st.one_of(
            st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), unique=True, min_size=1, max_size=3)
        ),
        "enum": st.lists(documents, min_size=1, max_size=4),
        "const": documents,
        "minimum": NUMBERS,
        "maximum": NUMBERS,
        "exclusiveMinimum": NUMBERS,
        "exclusiveMaximum": NUMBERS,
        "multipleOf": st.sampled_from([1, 2, 3, 0.5, 0.1, 1.5]),
        "minLength": COUNTS,
        "maxLength": COUNTS,
        "pattern": PATTERNS,
        "minItems": COUNTS,
        "maxItems": COUNTS,
        "uniqueItems": st.booleans(),
        "minProperties": COUNTS,
        "maxProperties": COUNTS,
        "required": st.lists(KEYS, unique=True, max_size=2),
        "dependentRequired": st.dictionaries(KEYS, st.lists(KEYS, unique=True, max_size=2), max_size=2),
    }
    return st.one_of(st.booleans(), _keywords(atoms), st.just({"$ref": "#/$defs/d"}))


def _compound(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    named = st.dictionaries(KEYS, inner, max_size=3)
    some = st.lists(inner, min_size=1, max_size=3)
    objects = {
        "properties": named,
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "dependentSchemas": named,
        "unevaluatedProperties": inner,
        "required": st.lists(KEYS, unique=True, max_size=2),
    }
    arrays = {
        "items": inner,
        "prefixItems": some,
        "contains": inner,
        "minContains": COUNTS,
        "maxContains": COUNTS,
        "unevaluatedItems": inner,
        "uniqueItems": st.booleans(),
    }
    logic = {"allOf": some, "anyOf": some, "oneOf": some, "not": inner, "if": inner, "then": inner, "else": inner}
    return st.one_of(
        _keywords(objects), _keywords(arrays), _keywords(logic), _keywords({**objects, **arrays, **logic}, 4)
    )


def _with_definitions(schema: Schema) -> st.SearchStrategy[Schema]:
    """Add what ``$ref`` names: a list or an object that may hold the whole schema again, behind a bracket."""
    if isinstance(schema, bool):
        return st.just(schema)
    definitions: list[Schema] = [
        {"type": "array", "items": {"$ref": "#"}},
        {"type": "object", "additionalProperties": {"$ref": "#"}},
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/$defs/d"}}]},
    ]
    return st.sampled_from(definitions).map(lambda definition: {**schema, "$defs": {"d": definition}})
