"""What is shown by keywords alone agrees with the exact test."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fsm import GuidanceError
from grammars import json_schema
from grammars.json_schema.certainty import is_certain
from grammars.regex import regex_dfa

_COUNTS = st.integers(0, 2)
_TYPES = st.sampled_from(["string", "integer", "number", "null", "array", "object", ["string", "null"]])
_PIECES = st.sampled_from(
    ["a", ".", r"\d", r"\.", "[a-z]", "[^a-z0-9_-]", r"[\w.]", "[z-a]", "(b)", "^", "$", "-", "{"]
)
_TIMES = st.sampled_from(["", "", "*", "+", "?", "{2}", "{2,}", "{1,3}", "{3,1}", "{}"])
_PATTERNS = st.lists(st.tuples(_PIECES, _TIMES).map("".join), max_size=4).map("".join)
_LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": _TYPES,
        "enum": st.lists(st.sampled_from(["a", 1, 1.5, None, True, [], {}]), min_size=1, max_size=2),
        "const": st.sampled_from(["a", 1, None, []]),
        "pattern": _PATTERNS,
        "minLength": _COUNTS,
        "maxLength": _COUNTS,
        "minItems": _COUNTS,
        "maxItems": _COUNTS,
        "minimum": _COUNTS,
        "maximum": _COUNTS,
        "exclusiveMaximum": st.just(0),
        "not": st.just({}),
        "items": st.booleans(),
    },
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(_LEAVES)
def test_certain_schemas_have_a_value(schema: dict[str, Any]) -> None:
    """Asked exactly, as part of a conjunction that the short cut does not know, a certain schema has a value."""
    if is_certain(schema):
        try:
            json_schema({"allOf": [schema, {"title": "asked exactly"}]}).build()
        except GuidanceError as error:  # a pattern that is none is refused, where it is not certain to be one
            raise AssertionError(schema) from error


@settings(max_examples=100, deadline=None, derandomize=True)
@given(_PATTERNS)
def test_patterns_called_certain_are_right_and_match(pattern: str) -> None:
    """What passes for a simple pattern is one, and some text matches it."""
    if is_certain({"type": "string", "pattern": pattern}):
        assert regex_dfa(pattern, "ecma", search=True).start != 0
