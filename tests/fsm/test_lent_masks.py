"""Masks lent are those that are written, whatever matchers did before, and nobody's mask changes under his eyes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from grammars import choice, json_schema, lark, regex

LETTERS = [bytes([byte]) for byte in range(256)]
WORDS = [f"w{number}".encode() for number in range(3000)]
VOCABULARY = Vocabulary([b"</s>", b"</t>", *LETTERS, *WORDS, b"ab", b'{"', b'":', b'"}'], eos_token_ids=[0, 1])
GRAMMARS = {
    "dense and sparse": regex("(a[a-h]*w[0-9]+|bc)*"),
    "choices": choice([f"w{number}" for number in range(40)] + ["ab", "abc", "b"]),
    "schema": json_schema({"properties": {"a": {"type": "string"}, "b": {"maximum": 10, "type": "integer"}}}),
    "rules": lark('start: "a" start "b" | "c" | WORD\nWORD: /w[0-9]+/'),
}


def check(matcher) -> np.ndarray:
    """Return the mask lent, which is the one written."""
    mask = allocate_token_bitmask(1, VOCABULARY.size)
    matcher.fill_next_token_bitmask(mask)
    lent = matcher.next_token_bitmask()
    assert np.array_equal(lent, mask[0])
    assert not lent.flags.writeable
    return lent


def advance(matcher, chance: random.Random) -> None:
    """Read one of the tokens allowed."""
    if not matcher.is_terminated:
        matcher.advance(int(chance.choice(allowed_token_ids(matcher.next_token_bitmask()))))


def step(matchers, chance: random.Random) -> None:
    """Do something to one of some matchers."""
    place = chance.randrange(len(matchers))
    matcher, deed = matchers[place], chance.random()
    if deed < 0.6:
        advance(matcher, chance)
    elif deed < 0.8:
        matcher.rollback(chance.randint(0, matcher.num_tokens))
    elif deed < 0.9:
        matchers.append(matcher.fork())
    elif len(matchers) > 1:
        matchers.pop(place)
    else:
        matcher.reset()


@pytest.mark.parametrize("name", GRAMMARS)
@pytest.mark.parametrize("seed", range(8))
def test_masks_lent_are_those_written(name, seed):
    """Over random walks of a few matchers that fork, go back, end and die."""
    chance, compiled = random.Random(seed), GRAMMARS[name].compile(VOCABULARY)
    matchers = [compiled.matcher()]
    for _ in range(150):
        step(matchers, chance)
        if chance.random() < 0.2:
            matchers.append(compiled.matcher())
        rows = [check(matcher) for matcher in matchers]
        for matcher, row in zip(matchers, rows, strict=True):  # all of them at once
            mask = allocate_token_bitmask(1, VOCABULARY.size)
            matcher.fill_next_token_bitmask(mask)
            assert np.array_equal(row, mask[0])


@pytest.mark.parametrize("name", GRAMMARS)
def test_a_mask_held_outlives_its_matcher(name):
    """Rows are handed on to the next matcher only when nobody looks at them."""
    compiled = GRAMMARS[name].compile(VOCABULARY)
    held = []
    for seed in range(12):
        chance, matcher = random.Random(seed), compiled.matcher()
        for _ in range(seed % 5):
            advance(matcher, chance)
        row = matcher.next_token_bitmask()
        held.append((row[None] if seed % 2 else row, row.copy()))
        del matcher, row
    for row, copy in held:
        assert np.array_equal(np.ravel(row), copy)


def test_the_row_of_a_matcher_is_used_again():
    """A text takes no room of its own where the one before it has gone."""
    compiled = regex("(ab){3}").compile(VOCABULARY)
    seen = set()
    for _ in range(5):
        matcher = compiled.matcher()
        matcher.next_token_bitmask()
        seen.add(matcher.next_token_bitmask().ctypes.data)
        del matcher
    assert len(seen) == 1


def test_an_interrupted_mask_is_written_anew():
    """What was cut short between undoing the old words and writing the new ones shows in no later mask."""
    compiled = regex("abcd").compile(VOCABULARY)
    matcher = compiled.matcher()
    check(matcher)
    matcher._lent.words = None  # as an interruption leaves it
    matcher._lent.row[:] = -1
    matcher.advance(VOCABULARY.token_bytes.index(b"a"))
    check(matcher)
