"""Read what the references of a document need, and refuse what JSON cannot say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry

from fsm import GuidanceError, Vocabulary
from fsm.matcher import Matcher
from grammars import json_schema
from grammars.json_schema.document import read_marks

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


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
    for inner in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from _objects(inner)


def _asks_for_more(document: dict[str, Any], here: dict[str, Any]) -> bool:
    reference = here.get("$ref", "#")
    named = [keyword for keyword in ("$id", "id", "$schema") if isinstance(here.get(keyword), str)]
    return (
        "$dynamicRef" in here
        or "$recursiveRef" in here
        or any(isinstance(here.get(keyword), str) for keyword in ("$anchor", "$dynamicAnchor"))
        or (isinstance(reference, str) and reference != "#" and not reference.startswith("#/"))
        or (here is not document and named != [])
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(_KEYS), _DOCUMENTS, max_size=4))
def test_marks_hold_whatever_looking_at_each_object_finds(document: dict[str, Any]) -> None:
    """A document that needs more than pointers is seen, wherever in it that stands."""
    marks = read_marks(document)
    assert marks.is_dynamic == any("$dynamicRef" in here or "$recursiveRef" in here for here in _objects(document))
    if any(_asks_for_more(document, here) for here in _objects(document)):
        assert marks.is_full


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
