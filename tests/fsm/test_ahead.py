"""Masks filled ahead are those that a text asks for, and asking early changes none of them."""

from __future__ import annotations

import math
from time import perf_counter

import pytest

from fsm import GuidanceError, Vocabulary, allocate_token_bitmask
from fsm.ahead import fill_ahead
from fsm.errors import LimitError
from grammars import choice, json_schema, lark, regex

TOKENS = [b"</s>", *(bytes([byte]) for byte in range(256)), b'{"', b'":', b'": ', b', "', b"ab", b"12", b'"}', b"tr"]
VOCABULARY = Vocabulary(TOKENS, eos_token_ids=[0])
SCHEMA = {
    "properties": {"ab": {"type": "string"}, "n": {"type": "integer", "maximum": 99}, "d": {"format": "date"}},
    "required": ["ab"],
    "additionalProperties": False,
}
GRAMMARS = [
    (json_schema(SCHEMA), '{"ab": "x", "n": 12, "d": "2020-02-29"}'),
    (json_schema({}), '[1, {"ab": null}]'),
    (regex("(ab|12)+x?"), "ab12abx"),
    (choice(["ab", "abc", "true"]), "abc"),
    (lark('start: "ab" start | "x"'), "ababx"),
]


def masks_along(compiled, text: str) -> list[bytes]:
    """Return the mask before each byte of a text, and after the last."""
    matcher, mask = compiled.matcher(), allocate_token_bitmask(1, VOCABULARY.size)
    found = []
    for byte in (*text.encode(), None):
        matcher.fill_next_token_bitmask(mask)
        found.append(mask.tobytes())
        if byte is not None:
            matcher.advance(byte + 1)
    return found


@pytest.mark.parametrize(("grammar", "text"), GRAMMARS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("samples", [(), ("{", "ab"), ('{"ab": "ab", "n": 1',)], ids=len)
def test_masks_are_the_same_whether_they_were_made_ahead(grammar, text, samples):
    """Whatever was walked before, and however little of it fits."""
    plain = masks_along(grammar.compile(VOCABULARY), text)
    assert masks_along(grammar.compile_ahead(VOCABULARY, seconds=math.inf, samples=samples), text) == plain


@pytest.mark.parametrize(("grammar", "text"), GRAMMARS, ids=lambda value: repr(value)[:20])
def test_a_text_walked_ahead_finds_every_mask_made(grammar, text, monkeypatch):
    """Reading the sample again fills nothing."""
    compiled = grammar.compile_ahead(VOCABULARY, seconds=math.inf, samples=[text])
    made = []
    fill = type(compiled).fill
    monkeypatch.setattr(type(compiled), "fill", lambda self, position: made.append(1) or fill(self, position))
    count = fill_ahead(compiled, text.encode(), until=math.inf)
    assert (count > 0, made) == (True, [])


def test_no_mask_is_made_after_the_time_is_over():
    """One mask is what tells that it is."""
    compiled = json_schema(SCHEMA).compile(VOCABULARY)
    assert fill_ahead(compiled, b'{"ab": "x"}', until=perf_counter() - 1) == 0


def test_a_limit_met_ahead_is_left_to_who_gets_there(monkeypatch):
    """Compiling ahead never refuses what compiling takes."""
    grammar = regex("a(b|c){3}")
    compiled = grammar.compile(VOCABULARY)

    def refuse(position, token_id, text):
        raise LimitError("too much")

    monkeypatch.setattr(compiled, "advance", refuse)
    assert fill_ahead(compiled, b"abcb", until=math.inf) == 0
    with pytest.raises(GuidanceError):
        compiled.matcher().advance(TOKENS.index(b"a"))


@pytest.mark.parametrize("seconds", [-1, math.nan])
def test_no_time_at_all_is_refused(seconds):
    """The message says what was given and what was expected."""
    with pytest.raises(ValueError, match=r"seconds=.*expected 0 or more"):
        regex("a").compile_ahead(VOCABULARY, seconds=seconds)


def test_tokens_are_the_longest_ones():
    """The tokens walked are those that spell the text with the fewest steps."""
    compiled = regex("ab12").compile(VOCABULARY)
    assert fill_ahead(compiled, b"ab12", until=math.inf) == 2
    assert compiled.start.base is not None
