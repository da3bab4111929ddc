"""Check that a row's place is a function of its token ids, in whatever order and however little is remembered."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import grammars
from guidance.adapters.transformers import GrammarLogitsProcessor
from guidance.adapters.transformers.places import Places, Standing
from tests.reference.row_places import allowed_after

OUTPUTS = {
    "regex": grammars.regex(r"a[0-9]{3}-|b[a-f]{2,6}|c-[0-9]{2}z"),
    "schema": {
        "type": "object",
        "properties": {"kind": {"enum": ["then", "there", "true"]}, "size": {"type": "integer"}},
        "required": ["kind", "size"],
        "additionalProperties": False,
    },
    "recursive": grammars.lark('start: "(" start* ")" | "the" | "true"'),
    "choice": grammars.choice(["the", "then", "there", "in", "inner"]),
}


def walk(model, compiled, rng, *, wrong_at=-1):
    """Return one output's tokens, drawn evenly from what may follow; one of them may be one that may not."""
    line = []
    for place in range(14):
        allowed = allowed_after(model, compiled, line)
        if place == wrong_at:
            allowed = set(range(280)) - allowed - {264}
        line.append(rng.choice(sorted(allowed or {0})))
    return line


@pytest.mark.parametrize("max_bytes", [1 << 25, 6000, 0])
@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_masks_equal_the_slow_reference_in_any_order(model, name, max_bytes):
    """Rows grow, jump back, repeat, fork and go wrong; every mask is that of a matcher that read the row alone."""
    rng = random.Random(f"{name} {max_bytes}")
    compiled = model.compile(OUTPUTS[name]).compiled
    lines = [walk(model, compiled, rng, wrong_at=place) for place in (-1, -1, -1, -1, 0, 1)]
    prefixes = [line[:size] for line in lines for size in range(len(line) + 1)]
    rng.shuffle(prefixes)
    prompt = [5, 6, 7]
    processor = GrammarLogitsProcessor(model, OUTPUTS[name], prompt_length=3, max_bytes=max_bytes)
    num_open = num_lost = 0
    for size in rng.choices(range(15), k=40):
        batch = [prefix for prefix in prefixes if len(prefix) == size]
        batch = rng.choices(batch, k=4)
        found = processor(torch.tensor([prompt + row for row in batch]), torch.zeros(4, 280))
        for row, scores in zip(batch, found, strict=True):
            expected = allowed_after(model, compiled, row)
            if expected is None:
                assert scores.isfinite().tolist() == [True] * 265 + [False] * 15
                num_lost += 1
                continue
            assert set(torch.isfinite(scores).nonzero()[:, 0].tolist()) == expected
            num_open += 1
    assert num_open > 20
    assert num_lost > 0
    assert processor.memory_bytes <= max_bytes


def test_places_forget_the_oldest_and_stay_right(model):
    """Memory is bounded in bytes; what was forgotten is found again."""
    compiled = model.compile(grammars.regex("[a-z]+")).compiled
    places = Places(model, compiled, max_bytes=20_000)
    letters = model.encode_text("abcdefghijklmnopqrstuvwxyz" * 20)
    for size in range(len(letters)):
        assert places.at(np.array(letters[:size], dtype=np.int64)).matcher.num_tokens == size
    assert 0 < places.memory_bytes <= 20_000
    assert places.at(np.array(letters[:7])).matcher.num_tokens == 7


def test_places_are_never_changed_by_what_follows_them(model):
    """A row that goes on leaves its beginning where it was, for the rows that share it."""
    places = Places(model, model.compile(grammars.regex("[ab]{4}")).compiled)
    a, b = model.encode_text("a")[0], model.encode_text("b")[0]
    before = places.at(np.array([a, b]))
    for line in ([a, b, a], [a, b, b], [a, b, a, a]):
        places.at(np.array(line))
    assert before.matcher.num_tokens == 2
    assert places.at(np.array([a, b])) is before


def test_another_spelling_of_what_is_forced_is_no_beginning(model):
    """The loop writes forced text in the tokenizer's own tokens; a draft in others has probability 0 there."""
    places = Places(model, model.compile(grammars.regex("the inner[0-9]")).compiled)
    start = places.at(np.array([], dtype=np.int64))
    assert start.standing is Standing.FORCED
    own = list(start.forced)
    for size in range(len(own)):
        assert places.at(np.array(own[:size], dtype=np.int64)).forced == tuple(own[size:])
    assert places.at(np.array(own)).standing is Standing.OPEN
    letters = [model.encode_text(letter)[0] for letter in "the"]
    assert letters[0] != own[0]
    assert places.at(np.array(letters)).standing is Standing.ILLEGAL
    assert places.at(np.array(letters[:1])).standing is Standing.ILLEGAL
