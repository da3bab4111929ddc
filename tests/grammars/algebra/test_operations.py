"""The algebra of grammars is the algebra of their sets of texts."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsm.errors import GrammarError, UnsatisfiableError, UnsupportedFeatureError
from grammars import choice, json_schema, regex
from grammars.algebra.probe import accepts, byte_vocabulary
from tests.reference.masks import allowed_by_trying

TEXTS = ["".join(letters) for size in range(6) for letters in itertools.product("ab", repeat=size)]
PATTERNS = ["a", "b*", "(ab|a)*", "a?b", "(a|b){2}", "a+b?", "", "(aa)*", "b{1,3}a"]


def texts_of(grammar):
    """Return the texts over {a, b} of at most five letters that fit."""
    return {text for text in TEXTS if grammar.dfa.accepts(text)}


def matching(pattern):
    """Return the texts that Python's own matcher accepts."""
    return {text for text in TEXTS if re.fullmatch(pattern, text)}


@pytest.mark.parametrize(("one", "other"), list(itertools.product(PATTERNS, PATTERNS)))
def test_regular_operations_agree_with_sets(one, other):
    """Union, intersection, difference, complement and concatenation mean what they say, for all short texts."""
    left, right, a, b = regex(one), regex(other), matching(one), matching(other)
    assert texts_of(left | right) == a | b
    assert texts_of(left & right) == a & b
    assert texts_of(left - right) == a - b
    assert texts_of(~left) == set(TEXTS) - a
    assert texts_of(left + right) == matching(f"(?:{one})(?:{other})")
    assert left.equals(right) == (a == b)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("least", "most"), [(0, 0), (0, 1), (1, 1), (2, 3), (0, None), (2, None)])
def test_repetition_agrees_with_re(pattern, least, most):
    """``repeat`` is the pattern's own repetition."""
    written = f"(?:{pattern}){{{least},{'' if most is None else most}}}"
    assert texts_of(regex(pattern).repeat(least, most)) == matching(written)


def test_strings_stand_for_themselves_on_either_side():
    """A string combines as the grammar of itself."""
    assert accepts("n: " + regex("[0-9]+") + ";", "n: 12;")
    assert accepts("never" | regex("[0-9]"), "never")
    assert not accepts(regex("[0-9]") - "7", "7")
    with pytest.raises(GrammarError, match="got a int, expected a grammar or a string"):
        regex("a") | 3


def test_complement_holds_texts_only():
    """What no encoding can write is not in the complement."""
    everything = regex("[\x00-\ud7ff\ue000-\U0010ffff]*")
    assert (~everything).is_empty()
    assert (~~regex("a")).equals(regex("a"))


INTEGER, STRING = json_schema({"type": "integer"}), json_schema({"type": "string"})


def test_json_follows_and_is_followed_by_what_could_be_part_of_it():
    """A number may stop where what follows begins with a digit; so may white space."""
    grammar = "n=" + INTEGER + "0"
    accepted = ["n=10", "n=00", "n=100", "n=1 0", "n=-10"]
    assert all(accepts(grammar, text) for text in accepted)
    assert not any(accepts(grammar, text) for text in ["n=0", "n=1", "n=1 00 "])
    assert accepts(INTEGER + regex(" x"), "1 x")
    assert [accepts(INTEGER.repeat(1, 2), text) for text in ("1", "12", "1 2", "1 2 3")] == [True, True, True, False]


def test_repetition_of_what_may_be_empty_ends():
    """Nothing is not read forever."""
    grammar = (STRING | regex("a*")).repeat(2, None)
    assert [accepts(grammar, text) for text in ("", "a", '"x"aa"y"', "b")] == [True, True, True, False]


VALUES = [None, True, 0, 1, 5, 7.5, "", "ab", [], [1], {}, {"a": 1}, {"a": 9, "b": "x"}, {"b": 1}]
SCHEMAS = [
    {"type": "integer", "minimum": 1},
    {"type": ["object", "array"]},
    {"properties": {"a": {"maximum": 5}}, "required": ["a"]},
    {"type": "string", "minLength": 1},
    {"$ref": "#/$defs/n", "$defs": {"n": {"type": ["number", "string"]}}},
    {"$id": "https://example.com/x", "$ref": "#/definitions/y", "definitions": {"y": {"maxProperties": 1}}},
]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(range(len(SCHEMAS)), 2)))
def test_schemas_combine_as_sets_of_values(one, other):
    """``&``, ``|`` and ``-`` of JSON Schemas hold the values that they should."""
    left, right = json_schema(SCHEMAS[one]), json_schema(SCHEMAS[other])
    for value in VALUES:
        text = json.dumps(value)
        a, b = accepts(left, text), accepts(right, text)
        assert accepts(left & right, text) == (a and b), text
        assert accepts(left | right, text) == (a or b), text
        assert accepts(left - right, text) == (a and not b), text


def test_schemas_that_write_differently_are_refused():
    """Two ways of writing are no one way."""
    with pytest.raises(UnsupportedFeatureError, match="write values differently"):
        json_schema({}) & json_schema({}, whitespace="compact")


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([r"\{.*\}", r".{0,12}", r"[^1]*", r'.*"b": ?"x.*', r"(?s).{4,}[}\]0-9]"]), st.data())
def test_products_agree_with_their_parts(pattern, data):
    """A text is in the product exactly where both sides accept it, and no way in the product is dead."""
    schema = json_schema(data.draw(st.sampled_from(FINITE)))
    grammar = schema & regex(pattern)
    for text in TEXTS_OF_FINITE:
        assert accepts(grammar, text) == (accepts(schema, text) and re.fullmatch(pattern, text) is not None), text


FINITE = [
    {"type": "object", "properties": {"a": {"enum": [1, 12]}, "b": {"enum": ["x", "é"]}},
     "additionalProperties": False},
    {"type": "array", "items": {"type": "string", "maxLength": 2}},
    {"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"a": {"$ref": "#/$defs/n"}}, "additionalProperties": False,
                                         "type": "object"}}},
]  # fmt: skip
TEXTS_OF_FINITE = [
    '{"a": 1}',
    '{"a":12,"b":"x"}',
    '{ "b": "x"}',
    "{}",
    "[]",
    '["x","yz"]',
    '["\\u0031"]',
    '{"a":{"a":{}}}',
    "1",
]


def test_products_have_no_dead_ends():
    """Every byte that a product allows can be followed to an end, at every place within reach."""
    grammar = json_schema(FINITE[2], whitespace="compact") & regex("(.{8}){2,3}")
    matcher = grammar.compile(byte_vocabulary()).matcher()
    waiting, ended = [matcher], 0
    while waiting:
        here = waiting.pop()
        allowed = allowed_by_trying(here)
        assert allowed, here.text()
        ended += here.is_accepting
        for token in allowed - {256}:
            after = here.fork()
            after.advance(token)
            if after.num_tokens < 26:
                waiting.append(after)
    assert ended == grammar.count(26) > 0


def test_product_of_disjoint_grammars_is_empty():
    """What nothing fits is refused by name."""
    grammar = json_schema({"type": "object"}) & regex("[0-9]+")
    assert grammar.is_empty()
    with pytest.raises(UnsatisfiableError, match="matches no text"):
        grammar.compile(byte_vocabulary())


def test_unions_and_products_distribute():
    """Unions pass intersections and differences on to their parts."""
    grammar = (INTEGER | regex("x+")) & regex(".{2}")
    assert [accepts(grammar, text) for text in ("12", "xx", "x", "123")] == [True, True, False, False]
    grammar = (INTEGER | STRING) - (json_schema({"minimum": 5}) | regex('"a.*"'))
    assert [accepts(grammar, text) for text in ("4", "5", '"b"')] == [True, False, False]
    few = choice(["1", "x", "2.5"]) - INTEGER
    assert [accepts(few, text) for text in ("1", "x", "2.5")] == [False, True, True]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ~INTEGER,
        lambda: regex(".*") - INTEGER,
        lambda: (INTEGER + "x") & (STRING + "x"),
        lambda: (INTEGER + "x") - INTEGER,
    ],
)
def test_what_has_no_exact_construction_is_refused(make):
    """Nothing is approximated."""
    with pytest.raises(UnsupportedFeatureError):
        make().compile(byte_vocabulary())
