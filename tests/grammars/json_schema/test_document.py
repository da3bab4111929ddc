"""Read what the references of a document need, and refuse what JSON cannot say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry

from fsm import GuidanceError, Vocabulary
from fsm.matcher import Matcher
from grammars import json_schema
from grammars.json_schema.document import read_marks, read_written_marks

_BYTES = Vocabulary([bytes([byte]) for byte in range(256)] + [b""], eos_token_ids=[256])
_KEYS = ["$ref", "$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$schema", "properties", "a"]
_DOCUMENTS = st.recursive(
    st.sampled_from(["#", "#/a", "#a", "a", "http://e.org/", 1, None, True]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3),
)
_CIRCLE: dict[str, Any] = {"type": "object"}
_CIRCLE["default"] = _CIRCLE

_OWN = [
    {"$id": "http://e.org/a", "properties": {"id": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "null"}}},
    {"properties": {"$id": {"type": "null"}, "id": {"items": {"$ref": "#"}}}},
    {"id": "http://e.org/a", "$schema": "http://json-schema.org/draft-04/schema#", "items": {"$ref": "#"}},
]


def _reads(matcher: Matcher, text: str) -> bool:
    return all(matcher.try_advance(byte) for byte in text.encode()) and matcher.is_accepting


@given(_DOCUMENTS)
def test_marks_are_among_those_of_the_written_text(document: Any) -> None:
    """Searching the text finds whatever looking through the objects finds."""
    marks, written = read_marks(document), read_written_marks(document)
    assert marks.is_full <= written.is_full
    assert marks.is_dynamic <= written.is_dynamic


@pytest.mark.parametrize("schema", _OWN)
def test_own_names_ask_for_no_more_than_pointers(schema: dict[str, Any]) -> None:
    """Properties called like keywords, and the name of the document itself, change nothing for pointers into it."""
    assert not read_marks(schema).is_full
    ours = json_schema(schema).compile(_BYTES).matcher()
    full = json_schema(schema, registry=Registry()).compile(_BYTES).matcher()
    for text in ['{"id":null}', '{"id":[{"id":[1]}]}', '{"$id":null}', '{"$id":1}', "[[1]]", "[{}]", '{"id":1}']:
        assert _reads(ours.fork(), text) == _reads(full.fork(), text), text


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://e.org/a"},
        {"$ref": "#name", "$defs": {"x": {"$anchor": "name"}}},
        {"$ref": "#/$defs/x", "$defs": {"x": {"$id": "y"}}},
        {"items": {"$dynamicRef": "#a"}},
        {"$ref": "#", "items": {"$schema": "http://json-schema.org/draft-07/schema#"}},
    ],
)
def test_names_and_foreign_references_ask_for_more(schema: dict[str, Any]) -> None:
    """What pointers into one document of one draft cannot say is seen."""
    assert read_marks(schema).is_full


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [{1, 2}]},
        {"const": {"a": object()}},
        {"default": {1}},
        {"properties": {1: {}}},
        {"$ref": "#/$defs/x", "$defs": {"x": {}, "y": {"default": b""}}},
        {"$ref": "#/default", "default": {(1, 2): {}}},
        _CIRCLE,
    ],
)
def test_what_json_cannot_say_is_refused(schema: Any) -> None:
    """Sets, bytes, keys that are no strings, and circles are no part of a schema."""
    with pytest.raises(GuidanceError, match="json schema at #"):
        json_schema(schema).compile(_BYTES)
