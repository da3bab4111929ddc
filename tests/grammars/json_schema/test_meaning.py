"""Subschemas that share their states accept the same values, and every keyword that matters is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fsm import Vocabulary
from fsm.matcher import Matcher
from grammars import json_schema
from grammars.json_schema.meaning import meaning_of
from grammars.json_schema.positive import _ITEM_KEYWORDS, _MEMBER_KEYWORDS, _OPENERS
from grammars.json_schema.references import References
from grammars.json_schema.shapes import KEYWORDS, SchemaLimits
from grammars.json_schema.unevaluated import UNEVALUATED

_BYTES = Vocabulary([bytes([byte]) for byte in range(256)] + [b""], eos_token_ids=[256])
_VALUES: list[Any] = ["", "a", "ab", 0, 1, 1.5, 2, True, False, None, [], [1], ["a"], ["a", "a"], {}, {"a": 1}]
_SCALARS = st.sampled_from([0, 1, 2, True, None, "a", 1.0])
_LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", ["integer", "array"]]),
        "enum": st.lists(_SCALARS, min_size=1, max_size=2),
        "const": _SCALARS,
        "minimum": st.sampled_from([1, 1.0]),
        "maxLength": st.integers(0, 1),
        "uniqueItems": st.booleans(),
        "title": st.sampled_from(["a", "b"]),
        "not": st.just({"const": "a"}),
    },
)
_SCHEMAS = _LEAVES | st.builds(lambda leaf, items: {**leaf, "items": items}, _LEAVES, _LEAVES)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(_SCHEMAS, min_size=2, max_size=8))
def test_schemas_of_one_meaning_accept_the_same_values(schemas: list[dict[str, Any]]) -> None:
    """As a validator judges them; what has no meaning told is never the same as anything."""
    accepted: dict[Any, list[bool]] = {}
    for schema in schemas:
        meaning = meaning_of(schema)
        if meaning is not None:
            validator = Draft202012Validator(schema)
            found = [validator.is_valid(value) for value in _VALUES]
            assert accepted.setdefault(meaning, found) == found


def test_every_keyword_that_is_opened_may_change_a_meaning() -> None:
    """No keyword that restricts values counts as an annotation."""
    assert _OPENERS.keys() | _MEMBER_KEYWORDS | _ITEM_KEYWORDS | UNEVALUATED <= KEYWORDS


def _references(schema: dict[str, Any]) -> References:
    return References(schema, draft=None, registry=None, limits=SchemaLimits())


def test_places_with_one_meaning_are_one_subschema() -> None:
    """Plain subschemas and those that only refer to one are the same; what differs in one keyword is not."""
    references = _references(
        {
            "properties": {
                "a": {"type": "string", "title": "A"},
                "b": {"$ref": "#/$defs/c", "description": "refers"},
                "c": {"type": "string", "minLength": 1},
                "d": {"description": "anything"},
                "e": {"$ref": "#/$defs/c", "minLength": 0},
            },
            "$defs": {"c": {"$ref": "#/$defs/d"}, "d": {"type": "string"}},
        }
    )
    nodes = {name: references.child(references.root, "properties", name) for name in "abcde"}
    assert nodes["a"] is nodes["b"]
    assert nodes["c"] is not nodes["a"]
    assert nodes["d"] is references.true
    assert nodes["e"] is not nodes["a"]


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}]
)
def test_circles_of_references_end(schema: dict[str, Any]) -> None:
    """References that lead to each other are followed once around, to where they began; they ask nothing."""
    references = _references(schema)
    reached = references.resolve(references.root, "$ref")
    assert references.resolve(reached, "$ref") is reached
    assert _reads(json_schema(schema).compile(_BYTES).matcher(), "[1]")


def _reads(matcher: Matcher, text: str) -> bool:
    return all(matcher.try_advance(byte) for byte in text.encode()) and matcher.is_accepting


def test_draft_four_reads_what_newer_drafts_do_not() -> None:
    """The same keywords under two drafts are two meanings: ``const`` asks nothing in draft 4."""
    inner = {"$schema": "http://json-schema.org/draft-04/schema#", "const": 1}
    matcher = json_schema({"items": inner, "additionalProperties": {"const": 1}}).compile(_BYTES).matcher()
    assert _reads(matcher.fork(), "[2]")
    assert not _reads(matcher.fork(), '{"a":2}')
