"""Masks of plain text inside larger grammars equal those of walking the whole trie, and of trying every token."""

from __future__ import annotations

import random

import numpy as np
import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.parts import text_compiled
from fsm.parts.text_compiled import TextCompiled
from grammars import Tag, capture, free_text, patterns, regex, special, tags, template
from tests.reference.masks import allowed_by_trying

PIECES = [
    "<t>",
    "</t",
    "</t>x",
    "t>1",
    "é",
    "日本",
    "ab",
    "b1.",
    "1.c",
    " x",
    "\n\n",
    "@a",
    "a@b.c",
    ".",
    "co",
    "  ",
    "[S]",
]
VOCABULARY = Vocabulary(
    [b"</s>", *(bytes([i]) for i in range(256)), *(piece.encode() for piece in PIECES), b"\xc3", b"\xe6\x97", b"\xa9b"],
    [0],
    [256 + len(PIECES)],
)
GRAMMARS = [
    tags([Tag(begin="<t>", content=regex("[1x]+"), end="</t>"), Tag(begin="ab", content="1")], at_least=1),
    tags([Tag(begin=special("[S]"), content="1"), Tag(begin="<", end=">")], at_most=2),
    "<" + capture("x", free_text(until=["</t>", "\n\n"])) + "1",
    template("{a:str}. {b:/[ab1é]*/}.{c:email} {d:/.*/}"),
    template("{a:int}{b}\n{c:str}", b=regex("(ab|日|b1)*")),
    capture("mail", patterns.EMAIL),
    capture("all", free_text()) + "x",
]


@pytest.mark.parametrize("grammar", GRAMMARS, ids=lambda grammar: repr(grammar)[:40])
def test_masks_equal_those_of_the_walk_and_of_trying(grammar, monkeypatch) -> None:
    """At random places, also inside characters, three ways to fill a mask agree."""
    source = random.Random(repr(grammar))
    shared = [allocate_token_bitmask(1, VOCABULARY.size) for _ in range(2)]
    for _ in range(6):
        fast, slow = grammar.compile(VOCABULARY), grammar.compile(VOCABULARY)
        assert isinstance(fast, TextCompiled)
        matchers = [fast.matcher(), slow.matcher()]
        for step in range(10):
            for matcher, mask, most in zip(matchers, shared, (text_compiled.MOST_TRIED, -1), strict=True):
                monkeypatch.setattr(text_compiled, "MOST_TRIED", most)
                matcher.fill_next_token_bitmask(mask)
                monkeypatch.undo()
            assert np.array_equal(*shared), matchers[0].text()
            allowed = allowed_token_ids(shared[0][0]).tolist()
            if step % 3 == 0:
                assert set(allowed) == allowed_by_trying(matchers[0]), matchers[0].text()
            rest = [token for token in allowed if token]
            if not rest:
                break
            token = source.choice(rest)
            for matcher in matchers:
                matcher.advance(token)


def test_a_large_vocabulary_takes_both_ways(monkeypatch) -> None:
    """Where more tokens would have to be tried than is worth it, the trie is walked."""
    calls = []
    monkeypatch.setattr(text_compiled, "MOST_TRIED", 3)
    compiled = template("{a:/[ab]*/}b1").compile(VOCABULARY)
    walk = TextCompiled._mask_of
    monkeypatch.setattr(TextCompiled, "_mask_of", lambda self, ways: calls.append(ways) or walk(self, ways))
    matcher = compiled.matcher()
    mask = allocate_token_bitmask(1, VOCABULARY.size)
    matcher.fill_next_token_bitmask(mask)
    assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher)
    assert calls
