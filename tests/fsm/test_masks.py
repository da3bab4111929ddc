"""Masks equal what trying every token says, at every place of a text, for every kind of state."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from grammars import choice, json_schema, regex
from tests.reference.masks import allowed_by_trying

PIECES = [
    *(
        '"',
        '",',
        '":',
        '": ',
        '": "',
        '","',
        '"}',
        '"]',
        '{"',
        '[{"',
        ' "',
        '  "',
        '\n"',
        "{}",
        "[]",
        '""',
        '"",',
        ' {"',
    ),
    *(
        " ",
        "  ",
        "\n",
        "\n  ",
        "\t",
        " " * 64,
        " " * 65,
        " a",
        " name",
        ' "name',
        '"name',
        '"na',
        "name",
        "na",
        "me",
        "n",
    ),
    *(
        "\\",
        "\\n",
        "\\u",
        "\\u00",
        "\\u0061",
        "\\ud83d",
        "\\ude00",
        '\\"',
        "\\\\",
        'a"',
        'b":',
        'x","',
        'ab", "',
        "abc",
    ),
    *("true", "false", "null", "1", "12", "123", "1.5", ".5", "e", "E+", "-", "-1", "0", "1,", "1]", "2}", ", ", ",\n"),
    *(
        "é",
        "éa",
        'é"',
        "😀",
        "日",
        "日本",
        "tr",
        "ue",
        "}",
        "}}",
        "]",
        "],",
        "},",
        '"},',
        '"]}',
        ":",
        ",",
        '"x":1,"',
        '"a":',
    ),
]
TOKENS = [
    b"</s>",
    *dict.fromkeys([*(bytes([i]) for i in range(256)), *(p.encode() for p in PIECES)]),
    b"\xc3",
    b"\xe6\x97",
]
VOCABULARY = Vocabulary([*TOKENS, b""], eos_token_ids=[0], special_token_ids=[5])

# Where no token mixes digits with anything else, tokens of numbers are looked up; here some follow white space.
NUMBERS = [
    b"7",
    b"42",
    b"123",
    b" 7",
    b" 42",
    b"\n9",
    b"  0",
    b" -",
    b"-8",
    b"00",
    b"e5",
    b'":',
    b',"na',
    b'","na',
    b'{"name":"',
]
MIXED = frozenset(p.encode() for p in PIECES if p[0] in "-0123456789" and len(p) > 1)
NUMBER_TOKENS = [*dict.fromkeys([*(token for token in TOKENS if token not in MIXED), *NUMBERS])]
VOCABULARIES = {
    "mixed": VOCABULARY,
    "numbers apart": Vocabulary([*NUMBER_TOKENS, b""], eos_token_ids=[0], special_token_ids=[5]),
}
MANY = {f"k{i}": {"type": "integer"} for i in range(70)}

SCHEMAS = [
    ({}, {"name": ["x", 1.5, None, {"é": "😀"}], "na": "\n"}),
    (
        {"properties": {"name": {"type": "string"}, "na": {"type": "integer"}}, "required": ["na"]},
        {"na": 12, "zz": "a"},
    ),
    ({"properties": {"name": {"maxLength": 3}}, "additionalProperties": False}, {"name": "é😀a"}),
    ({"properties": {"name": {"minLength": 2, "pattern": "^[a-zé]+$"}}}, {"name": "abé"}),
    (
        {"type": "array", "items": {"enum": ["a", "ab", 1, None, True, [1], {"a": "b"}]}, "uniqueItems": True},
        ["a", 1, [1]],
    ),
    (
        {"patternProperties": {"^n": {"type": "number"}}, "additionalProperties": {"type": "string"}},
        {"na": 1, "b": "x"},
    ),
    ({"anyOf": [{"type": "string", "maxLength": 2}, {"type": "array"}, {"const": "name"}]}, "name"),
    ({"type": "string", "format": "date-time"}, "2024-02-29T12:00:00Z"),
    ({"type": "array", "items": {"type": ["number", "object"]}}, [12, -3.5e7, {"a": 100}, 0]),
    (
        {
            "properties": {"n": {}, "na": {"type": "integer"}, "name": {"type": "integer"}},
            "required": ["n", "name"],
            "additionalProperties": False,
        },
        {"name": 123, "na": 42, "n": [7]},
    ),
    (
        {"properties": MANY, "required": ["k69"], "additionalProperties": False},
        {"k3": 1, "k64": 2, "k69": 42, "k65": 7},
    ),
    ({"properties": MANY, "required": ["k69"]}, {"k3": 1, "k64": 2, "name": 3, "k69": 42, "na": 0}),
]


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=list(VOCABULARIES))
@pytest.mark.parametrize("whitespace", ["flexible", "compact", "any", (", ", ": ")])
@pytest.mark.parametrize(("schema", "value"), SCHEMAS, ids=[json.dumps(schema)[:40] for schema, _ in SCHEMAS])
def test_mask_equals_trying_every_token(
    schema: dict[str, object], value: object, whitespace: str | tuple[str, str], vocabulary: Vocabulary
) -> None:
    """At every place of a text, split at random, the mask holds the tokens that can be advanced over."""
    drawn = random.Random(json.dumps(schema))
    separators = (",", ":") if whitespace == "compact" else (", ", ": ")
    text = json.dumps(value, ensure_ascii=drawn.random() < 0.5, separators=separators).encode()
    matcher = json_schema(schema, whitespace=whitespace, key_order="any").compile(vocabulary).matcher()
    mask = allocate_token_bitmask(1, vocabulary.size)
    known, place = {vocabulary.token_bytes[i]: i for i in vocabulary.text_token_ids}, 0
    while place < len(text):
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher), matcher.text()
        sizes = [size for size in range(1, 12) if text[place : place + size] in known]
        size = drawn.choice(sizes)
        matcher.advance(known[text[place : place + size]])
        place += size
    assert matcher.is_accepting


AFTER_NUMBERS = Vocabulary(
    [*(bytes([byte]) for byte in range(256)), b',"x":', b', "x":', b',"xy":', b' ,"x":', b',"y":', b',"', b""],
    eos_token_ids=[262],
)


@pytest.mark.parametrize("whitespace", ["flexible", "compact", "any"])
@pytest.mark.parametrize("more", [True, {"type": "integer"}])
def test_keys_after_a_number_are_not_cleared_by_what_may_follow_white_space(more: object, whitespace: str) -> None:
    """A number may end, or white space follow it: what is walked twice keeps the names that the first walk found."""
    schema = {"properties": {"x": {"type": "string"}}, "additionalProperties": more}
    matcher = json_schema(schema, whitespace=whitespace, key_order="any").compile(AFTER_NUMBERS).matcher()
    mask = allocate_token_bitmask(1, AFTER_NUMBERS.size)
    for byte in b'{"b":1,"c":2' + (b' ,"x": "a"}' if whitespace != "compact" else b',"x":"a"}'):
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher), matcher.text()
        matcher.advance(byte)


ITEMS = [
    b'","',
    b'",',
    b',"',
    b'","a',
    b'","ab"',
    b",-",
    b",1",
    b",12",
    b", 1",
    b'1,"',
    b',"a"',
    b"e0,",
    b'b","',
    b"1]",
    b'"]',
]
BETWEEN_ITEMS = Vocabulary(
    [*(bytes([byte]) for byte in range(256)), *ITEMS, b"true", b"null,", b""], eos_token_ids=[273]
)
DIFFERING = [
    ({"enum": ["a", "ab", "b", ""]}, ["ab", "", "a", "b"]),
    ({"enum": [0, 1, 12, -1]}, [12, 0, -1, 1]),
    ({"enum": ["a", 1, None, True, [1], {"a": 1}]}, [1, [1], "a", {"a": 1}, None]),
    ({"type": "boolean"}, [True, False]),
    ({"type": "integer", "minimum": 0, "maximum": 2}, [1, 0, 2]),
    ({"type": ["null", "boolean"]}, [None, True]),
    ({"enum": list(range(40))}, [12, 1, 3]),
]


@pytest.mark.parametrize("whitespace", ["flexible", "compact"])
@pytest.mark.parametrize("least", [0, 2])
@pytest.mark.parametrize(("items", "value"), DIFFERING, ids=[json.dumps(items)[:30] for items, _ in DIFFERING])
def test_items_that_must_differ_are_not_offered_twice(
    items: dict[str, object], value: list[object], least: int, whitespace: str
) -> None:
    """Where the next item must be one of few values, no token begins one that came, however far the token reaches."""
    schema = {"type": "array", "items": items, "uniqueItems": True, "minItems": least}
    matcher = json_schema(schema, whitespace=whitespace).compile(BETWEEN_ITEMS).matcher()
    mask = allocate_token_bitmask(1, BETWEEN_ITEMS.size)
    for byte in json.dumps(value, separators=(",", ":")).encode():
        matcher.fill_next_token_bitmask(mask)
        allowed = set(allowed_token_ids(mask[0]).tolist())
        if len(items.get("enum", ())) < 40:
            assert allowed == allowed_by_trying(matcher), matcher.text()
        assert byte in allowed
        matcher.advance(byte)
    assert matcher.is_accepting
    assert not any(matcher.fork().try_advance(byte) for byte in b",0")


QUOTES = [b'""', b'a"', b'"a', b'"a"', b'""a', b'a""b', b'a""', b'""a"', b"ab", b'"a""b"', b'1"', b"12", b'"1', b'0"a']
SPACED = [b'"12"3', b'a"12', b'a"1', b'""1', b'""12', b' "a', b'" "', b'a" "b', b'a"  "b"', b'" 1', b'a" 12', b'" 12']
CLOSE_BY = Vocabulary([*(bytes([byte]) for byte in range(256)), *QUOTES, *SPACED, b""], eos_token_ids=[282])
VALUES_SIDE_BY_SIDE = [
    ("string", "string", b'"ab""cd"'),
    ("string", "integer", b'"ab"12'),
    ("integer", "string", b'12 "ab"'),
    ("any", "any", b'{"a":"b"}"c"'),
    ("any", "any", b'["a"] 12'),
    ("pattern", "string", b'"ab" "x"'),
    ("enum", "enum", b'"ab""b"'),
]


@pytest.mark.parametrize(("first", "second", "text"), VALUES_SIDE_BY_SIDE)
def test_mask_is_right_where_one_value_closes_and_the_next_opens(first: str, second: str, text: bytes) -> None:
    """Tokens that close a string and open the next, or begin a number, are walked like any others."""
    kinds: dict[str, dict[str, object]] = {
        "string": {"type": "string"},
        "integer": {"type": "integer"},
        "any": {},
        "pattern": {"type": "string", "pattern": "^[a-z]*$"},
        "enum": {"enum": ["a", "ab", "b"]},
    }
    matcher = (json_schema(kinds[first]) + json_schema(kinds[second])).compile(CLOSE_BY).matcher()
    mask = allocate_token_bitmask(1, CLOSE_BY.size)
    for byte in text:
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher), matcher.text()
        matcher.advance(byte)
    assert matcher.is_accepting


@pytest.mark.parametrize(
    "pattern", ["[a-z]+", "n(a|é|日)*e?", r"\d{2,5}(\.\d+)?", "(ab|abc)*", ".{0,300}x", "tr|true|trué"]
)
def test_mask_of_a_pattern_equals_trying_every_token(pattern: str) -> None:
    """The same holds for plain text, where a pattern may end and go on."""
    matcher = regex(pattern).compile(VOCABULARY).matcher()
    drawn, mask = random.Random(pattern), allocate_token_bitmask(1, VOCABULARY.size)
    for _ in range(6):
        matcher.fill_next_token_bitmask(mask)
        allowed = set(allowed_token_ids(mask[0]).tolist())
        assert allowed == allowed_by_trying(matcher), matcher.text()
        rest = sorted(allowed - {0})
        if not rest:
            break
        matcher.advance(drawn.choice(rest))


def test_mask_of_a_choice_has_no_other_token() -> None:
    """A choice allows exactly the tokens that begin one of its texts."""
    matcher = choice(["name", "nae", "日本"]).compile(VOCABULARY).matcher()
    mask = allocate_token_bitmask(3, VOCABULARY.size)
    matcher.fill_next_token_bitmask(mask, index=1)
    spelled = {TOKENS[i] for i in allowed_token_ids(mask[1]).tolist()}
    assert spelled == {b"n", b"na", b"name", "日".encode(), "日本".encode(), b"\xe6", b"\xe6\x97"}
    assert not mask[[0, 2]].any()


def test_masks_are_the_same_without_the_compiler() -> None:
    """Run as plain Python, the kernels fill the same masks (coverage; integers do not overflow there)."""
    program = (
        "from tests.fsm.test_masks import VOCABULARY, json_schema, allocate_token_bitmask\n"
        "matcher = json_schema({'properties': {'name': {'maxLength': 3}}}).compile(VOCABULARY).matcher()\n"
        "mask = allocate_token_bitmask(1, VOCABULARY.size)\n"
        "for token in (b'{\"', b'na', b'me', b'\": \"', b'\\\\u00'):\n"
        "    matcher.advance(VOCABULARY.token_bytes.index(token)); matcher.fill_next_token_bitmask(mask)\n"
        "    print(mask.tobytes().hex())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "NUMBA_DISABLE_JIT": flag},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for flag in ("0", "1")
    }
    assert len(outputs) == 1
    assert np.frombuffer(bytes.fromhex(outputs.pop().split()[-1]), np.int32).any()
