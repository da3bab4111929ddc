"""A lenient grammar leaves unchecked what a strict one refuses, says so with pointers, and rejects nothing for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fsm.errors import GrammarError, UnsatisfiableError, UnsupportedFeatureError
from grammars import json_schema
from tests.conformance.acceptors import RefusedError, byte_vocabulary, feed
from tests.strategies.schemas import Schema

TWICE = "^(a|b)\\1$"

CASES: list[tuple[Schema, str, Any, Any]] = [
    # schema, pointer, a value accepted without the check, a value rejected all the same
    ({"pattern": TWICE, "maxLength": 3}, "#/pattern", "ab", "abcd"),
    ({"not": {"pattern": TWICE}}, "#/not/pattern", "aa", 1),
    (
        {"properties": {"a/b": {"type": "string", "pattern": TWICE}}},
        "#/properties/a~1b/pattern",
        {"a/b": "ab"},
        {"a/b": 1},
    ),
    ({"patternProperties": {TWICE: False}, "type": "object"}, f"#/patternProperties/{TWICE}", {"aa": 1}, 1),
    (
        {"patternProperties": {TWICE: {}}, "additionalProperties": False, "maxProperties": 1},
        f"#/patternProperties/{TWICE}",
        {"ab": 1},
        {"ab": 1, "ba": 2},
    ),
    (
        {"patternProperties": {TWICE: {}}, "unevaluatedProperties": False, "required": ["c"]},
        f"#/patternProperties/{TWICE}",
        {"c": 1},
        {"ab": 1},
    ),
    (
        {"not": {"patternProperties": {TWICE: {"type": "null"}}}, "type": "object"},
        f"#/not/patternProperties/{TWICE}",
        {"zz": 1},
        {},
    ),
    ({"not": {"uniqueItems": True}}, "#/not/uniqueItems", [1, 2], 3),
    ({"oneOf": [{"uniqueItems": True}, {"type": "array"}]}, "#/oneOf/0/uniqueItems", [1, 2], 0.5j),
    ({"$defs": {"d": {"pattern": TWICE}}, "items": {"$ref": "#/$defs/d"}}, "#/$defs/d/pattern", ["ab"], 0.5j),
    ({"enum": ["ab", "cd", 1], "pattern": TWICE}, "#/pattern", "ab", "aa"),
]


def accepts(schema: Schema, value: Any, **options: Any) -> bool:
    """Tell whether the grammar accepts a value."""
    compiled = json_schema(schema, key_order="any", **options).compile(byte_vocabulary())
    return feed(compiled, list(json.dumps(value).encode()))


@pytest.mark.parametrize(("schema", "where", "valid", "invalid"), CASES)
def test_lenient_grammars_leave_unchecked_what_is_not_supported(
    schema: Schema, where: str, valid: Any, invalid: Any
) -> None:
    """The value that only the unsupported keyword rejects is accepted, others are not; the warning has its place."""
    assert accepts(schema, valid, lenient=True)
    if invalid != 0.5j:
        assert not accepts(schema, invalid, lenient=True)
    compiled = json_schema(schema, lenient=True).compile(byte_vocabulary())
    assert feed(compiled, list(json.dumps(valid).encode()))
    assert [line.split(": ")[0] for line in compiled.warnings] == [f"json schema at {where}"]
    assert type(compiled.warnings) is tuple
    assert "\n" not in compiled.warnings[0]


@pytest.mark.parametrize(("schema", "valid"), [(case[0], case[2]) for case in CASES])
def test_strict_grammars_refuse_them(schema: Schema, valid: Any) -> None:
    """Without ``lenient`` nothing is ignored in silence."""
    with pytest.raises((UnsupportedFeatureError, RefusedError), match=r"not (supported|compiled)"):
        accepts(schema, valid)


@pytest.mark.parametrize("where", ["#/pattern", "#/properties/a/pattern"])
def test_warnings_are_there_before_the_first_mask(where: str) -> None:
    """What stands in the document is listed as soon as the grammar is compiled."""
    schema: Schema = {"pattern": TWICE} if where == "#/pattern" else {"properties": {"a": {"pattern": TWICE}}}
    (warning,) = json_schema(schema, lenient=True).compile(byte_vocabulary()).warnings
    assert warning.startswith(f"json schema at {where}: not enforced: the back-reference")


@pytest.mark.parametrize(
    ("schema", "error"),
    [
        ({"type": "string", "minLength": 2, "maxLength": 1}, UnsatisfiableError),
        (False, UnsatisfiableError),
        ({"pattern": "a("}, GrammarError),
        ({"type": "text"}, GrammarError),
        ({"$ref": "#/nowhere"}, GrammarError),
    ],
)
def test_lenient_grammars_still_refuse_what_is_wrong(schema: Schema, error: type[Exception]) -> None:
    """Leniency is for what is not supported, never for what is malformed or has no value."""
    with pytest.raises(error):
        accepts(schema, "", lenient=True)


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [{"pattern": TWICE}]},
        {"properties": {"pattern": {"const": "x"}}},
        {"not": {"not": {"uniqueItems": True}}},
    ],
)
def test_nothing_is_warned_of_without_need(schema: Schema) -> None:
    """Values, names that look like keywords, and what is supported after all cause no warning."""
    compiled = json_schema(schema, lenient=True).compile(byte_vocabulary())
    assert feed(compiled, list(b'{"pattern":"x"}')) or feed(compiled, list(json.dumps({"pattern": TWICE}).encode()))
    assert compiled.warnings == ()
