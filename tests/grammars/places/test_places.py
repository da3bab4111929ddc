"""Explanations name the column, the keyword or the choice that governs the place."""

from __future__ import annotations

import pytest

from fsm import Vocabulary
from grammars import choice, json_schema, lark, regex
from grammars.places import describe_choices, describe_pattern, describe_schema
from grammars.places.json_path import find_place

VOCABULARY = Vocabulary([bytes([byte]) for byte in range(256)] + [b"</s>"], eos_token_ids=[256])


def explain(grammar, text, token):
    """Return the explanation of a token after a text."""
    matcher = grammar.compile(VOCABULARY).matcher()
    for byte in text.encode():
        matcher.advance(byte)
    return matcher.explain(token)


@pytest.mark.parametrize(
    ("pattern", "read", "expected"),
    [
        (r"\d{4}-\d\d", "", r"'\\d{4}' at columns 1 to 5 comes next"),
        (r"\d{4}-\d\d", "20", r"'\\d{4}' at columns 1 to 5 is not complete"),
        (r"\d{4}-\d\d", "2024", "'-' at column 6 comes next"),
        (r"\d{4}-\d\d", "2024-01", "is complete"),
        (r"(a|bc)d", "b", "'c' at column 5 comes next"),
        (r"(a|bc)d", "bc", "'d' at column 7 comes next"),
        (r"x[ab)]y", "xa", "'y' at column 7 comes next"),
        (r"a\)b", "a", r"'\\)' at columns 2 to 3 comes next"),
    ],
)
def test_pattern_places_are_columns(pattern, read, expected):
    """The place is where the shortest beginning of the pattern that the text fits ends."""
    assert expected in describe_pattern(pattern, "python", read)


def test_long_patterns_are_not_cut_up():
    """No place is better than a slow one."""
    assert describe_pattern("a" * 1000, "python", "a") == ""


@pytest.mark.parametrize(
    ("text", "path", "kind"),
    [
        ("", (), "value"),
        ("{", (), "name"),
        ('{"a', (), "name"),
        ('{"a"', (), "colon"),
        ('{"a": ', ("a",), "value"),
        ('{"a": 1', ("a",), "scalar"),
        ('{"a": 1 ', (), "after"),
        ('{"a": {"b": [true, "x\\', ("a", "b", 1), "string"),
        ('{"a": 1, "', (), "name"),
        ("[[], ", (1,), "value"),
        ("[1, 2]", (), "after"),
        ('{"a,]": ["', ("a,]", 0), "string"),
    ],
)
def test_json_places_are_followed(text, path, kind):
    """The path leads to the value that the text breaks off in."""
    place = find_place(text)
    assert (place.path, place.kind) == (path, kind)


SCHEMA = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "minimum": 5},
        "code": {"type": "string", "pattern": "^[a-z]{2}-[0-9]$"},
        "list": {"type": "array", "items": {"$ref": "#/$defs/flag"}},
        "kind": {"anyOf": [{"const": "x"}, {"type": "null"}]},
    },
    "required": ["age"],
    "additionalProperties": False,
    "$defs": {"flag": {"type": "boolean"}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "#: properties 'age', 'code', 'list', 'kind', required 'age', additionalProperties false"),
        ('{"c', "#: properties 'code', required 'age', additionalProperties false"),
        ('{"age": ', "#/properties/age: type 'integer', minimum 5"),
        ('{"age": 7, "code": "ab', "#/properties/code/pattern: in the pattern '[a-z]{2}-[0-9]$', '-' at column 9"),
        ('{"list": [', "#/$defs/flag: type 'boolean'"),
        ('{"kind": ', "#/properties/kind/anyOf/0: const 'x'; #/properties/kind/anyOf/1: type 'null'"),
    ],
)
def test_schema_places_are_pointers(text, expected):
    """What governs a place is named with its pointer and its keywords."""
    assert expected in describe_schema(SCHEMA, text)


def test_explanations_carry_the_place():
    """A matcher's explanation says what is expected and who says so."""
    why = explain(json_schema(SCHEMA), '{"age":', ord("x"))
    assert not why.is_allowed
    assert why.where == "json schema at #/properties/age: type 'integer', minimum 5"
    assert why.where in why.reason
    assert explain(regex("a{2}b"), "aa", ord("a")).where == "in the pattern 'a{2}b', 'b' at column 5 comes next"
    assert "of the choices 'no', 'none' are left" in str(explain(choice(["yes", "no", "none"]), "n", ord("x")))
    assert "is not complete" in explain(regex("a{2}b"), "a", 256).where
    assert explain(regex("a{2}b"), "a", ord("a")).where == ""


def test_many_choices_are_cut_short():
    """A few choices are shown, the others counted."""
    assert describe_choices([f"a{i}" for i in range(9)], "a").endswith("'a4' and 4 more are left")


def test_rules_name_the_tokens_that_are_read_and_expected():
    """An explanation says which terminal is being read, and which the rules allow after it."""
    sums = lark('start: NUMBER (SIGN NUMBER)* "."\nNUMBER: /[0-9]+/\nSIGN: "+" | "-"')
    assert explain(sums, "", ord("x")).where == "by the rules, NUMBER may come"
    where = explain(sums, "12", ord("x")).where
    assert "NUMBER is being read" in where
    assert "SIGN" in where
    assert "NUMBER may come" in explain(sums, "1+", ord("+")).where
    assert "is not complete" in explain(sums, "1", 256).reason
