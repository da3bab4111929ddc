"""Frozen tables do what the matcher does, in every state, for every token."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fsm import LimitError, TokenRejected, UnsupportedFeatureError, Vocabulary, allocate_token_bitmask
from fsm.freezing.frozen import freeze
from grammars import choice, json_schema, regex

PIECES = [
    "a", "b", "ab", "ba", "abc", "x", "yes", "no", "ye", "s", "1", "12", "2", "0", "-", ".", '"', '":', '{"', '"a"',
    "}", "[", "]", ",", " ", "  ", "\n", ": ", "true", "null", "tr", "ue", "é", "日本", "😀", "\\", "\\u00", "e9", "n",
    '{"a": ',
]  # fmt: skip
VOCABULARY = Vocabulary(
    [b"</s>", b"<pad>", b"", *(piece.encode() for piece in PIECES), b"\xc3", b"\xa9", b"\xf0\x9f", b"\x98\x80", b"a"],
    eos_token_ids=[0, 1],
    special_token_ids=[5],
)
GRAMMARS = [
    regex("ab*"),
    regex("(a|b)*a(a|b){2}"),
    regex("[^x]{0,3}"),
    regex(r".*é"),
    choice(["yes", "no", "yesno", "日本", ""]),
    json_schema({"type": "object", "properties": {"a": {"enum": [1, 12, "é"]}}, "additionalProperties": False}),
    json_schema({"type": "array", "items": {"type": "boolean"}, "maxItems": 2}, whitespace="compact"),
    json_schema({"type": "string", "maxLength": 2}, whitespace="compact"),
    json_schema({"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 0, "maximum": 20}]}, whitespace="compact"),
    "a" + json_schema({"type": "boolean"}, whitespace="any").repeat(1, 2),
    regex("[0-9]{2}") & json_schema({"type": "integer", "multipleOf": 3}),
]


def reachable(tables, matcher, most=400):
    """Yield (frozen state, matcher at it), each state once."""
    seen, waiting = {tables.start}, [(tables.start, matcher)]
    while waiting:
        state, here = waiting.pop(0)
        yield state, here
        for token in range(VOCABULARY.size):
            after = here.fork()
            if after.try_advance(token):
                target = tables.step(state, token)
                if target not in seen and len(seen) < most:
                    seen.add(target)
                    waiting.append((target, after))


@pytest.mark.parametrize("grammar", GRAMMARS, ids=str)
def test_tables_agree_with_the_matcher_everywhere(grammar):
    """Masks, moves and ends are equal in all reachable states for all tokens."""
    compiled = grammar.compile(VOCABULARY)
    tables = freeze(compiled)
    mask = allocate_token_bitmask(1, VOCABULARY.size)
    seen = 0
    for state, matcher in reachable(tables, compiled.matcher()):
        matcher.fill_next_token_bitmask(mask)
        assert (mask[0] == tables.masks[state]).all()
        assert matcher.is_accepting == tables.accepting[state] or matcher.is_terminated
        allowed = tables.next[state][tables.class_of] > 0
        bits = np.unpackbits(mask[0].view(np.uint8), bitorder="little")[: VOCABULARY.size]
        assert (allowed == bits).all()
        seen += 1
    assert seen == min(tables.num_states - 1, 400)


def test_states_that_accept_the_same_are_one():
    """The tables are as small as they can be: no two states have equal rows."""
    tables = freeze(regex("(a|b)*a(a|b){2}").compile(VOCABULARY))
    rows = {(row.tobytes(), end) for row, end in zip(tables.next, tables.accepting.tolist(), strict=True)}
    assert len(rows) == tables.num_states
    columns = {column.tobytes() for column in tables.next.T}
    assert len(columns) == tables.num_classes


def test_ended_texts_stay_ended():
    """The end token leads to a state that only it leaves, back to itself."""
    tables = freeze(regex("a?").compile(VOCABULARY))
    ended = tables.step(tables.start, 1)
    assert tables.step(ended, 0) == ended
    with pytest.raises(TokenRejected):
        tables.step(ended, 3)


def test_too_many_states_are_refused_by_number():
    """A grammar that does not fit says so, and how many states it was allowed."""
    with pytest.raises(LimitError, match="more than 8 states"):
        freeze(regex("a{100}").compile(VOCABULARY), max_states=8)
    nested = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}
    with pytest.raises(LimitError, match="states over bytes"):
        freeze(json_schema(nested).compile(VOCABULARY), max_states=8)
    with pytest.raises(UnsupportedFeatureError, match="remembers"):
        freeze(json_schema({"type": "array", "uniqueItems": True}).compile(VOCABULARY))


def test_many_small_patterns_freeze_right():
    """All patterns of two atoms over {a, b} accept the same texts frozen."""
    vocabulary = Vocabulary([b"</s>", b"a", b"b", b"ab"], eos_token_ids=[0])
    atoms = ["a", "b", "a*", "b?", "(a|b)"]
    for one, other in itertools.product(atoms, atoms):
        compiled = regex(one + other).compile(vocabulary)
        tables = freeze(compiled)
        for size in range(4):
            for text in itertools.product([1, 2, 3], repeat=size):
                matcher, state, fits = compiled.matcher(), tables.start, True
                for token in text:
                    fits = fits and matcher.try_advance(token)
                    state = tables.next[state, tables.class_of[token]]
                assert fits == (state > 0)
                assert not fits or matcher.is_accepting == tables.accepting[state]
