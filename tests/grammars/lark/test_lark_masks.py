"""Masks equal what trying every token says, and recursion keeps to one configuration where the text decides."""

from __future__ import annotations

import random

import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from grammars import lark
from tests.grammars.lark.earley import BYTES, DATA
from tests.grammars.lark.test_data_grammars import TEXTS
from tests.reference.masks import allowed_by_trying


@pytest.mark.parametrize("name", TEXTS)
def test_masks_equal_trying_every_token(name):
    """At every byte of a text, on tokens cut from the grammar's own texts."""
    random_ = random.Random(name)
    whole = " ".join(TEXTS[name]["accepted"] + TEXTS[name]["rejected"]).encode()
    cuts = [random_.randrange(len(whole)) for _ in range(120)]
    tokens = [
        b"</s>",
        *dict.fromkeys([bytes([byte]) for byte in range(256)] + [whole[a : a + 2 + a % 6] for a in cuts]),
    ]
    vocabulary = Vocabulary(tokens, eos_token_ids=[0])
    compiled = lark(DATA / f"{name}.lark").compile(vocabulary)
    mask = allocate_token_bitmask(1, vocabulary.size)
    text = min([one for one in TEXTS[name]["accepted"] if len(one) > 6], key=len)
    matcher = compiled.matcher()
    for byte in text.encode():
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0])) == allowed_by_trying(matcher)
        matcher.advance(byte + 1)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ('start: start "+" start | "n"', "n" + "+n" * 400),
        ('start: "a" start | "a"', "a" * 800),
        ('start: a\na: b "x" | "y"\nb: a "z" | c\nc: c? "w" a | "v"', "y" + "zx" * 300),
        ('start: "if" start ("else" start)? | "x"', "if" * 100 + "x"),
    ],
)
def test_recursion_stays_one_configuration(text, accepted):
    """Ambiguous operators, tail calls, indirect left recursion and dangling elses neither branch nor slow down."""
    matcher = lark(text).compile(BYTES).matcher()
    for byte in accepted.encode():
        matcher.advance(byte + 1)
        assert len(matcher._position.configurations) == 1
    assert matcher.is_accepting
