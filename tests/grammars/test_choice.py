"""Check choices between texts: exactly the texts given, at once for many of them."""

from __future__ import annotations

import random
import time

import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.errors import GrammarError
from grammars import choice, regex
from tests.reference.walks import BYTES, walk


def test_walks_write_one_of_the_texts() -> None:
    """Random walks end in a listed text, also where one begins another, and reach all of them."""
    texts = ["a", "ab", "abc", "", "日本", "日", "the end", "tool_call", "é"]
    compiled = choice(texts).compile(BYTES)
    source = random.Random(0)
    assert {walk(compiled.matcher(), source) for _ in range(150)} == set(texts)


@pytest.mark.parametrize("num_texts", [3, 60, 900])
def test_lists_agree_with_the_same_list_as_a_pattern(num_texts: int) -> None:
    """Whatever was made ahead: masks, ends, moves and refusals, along random ways, prefixes of one another included."""
    chance = random.Random(num_texts)
    texts = {"".join(chance.choices("abé", k=chance.randint(1, 9))) for _ in range(num_texts)}
    parts = {"".join(chance.choices("abé", k=chance.randint(1, 4))).encode() for _ in range(60)}
    pieces = [b"</s>", b"", *[bytes([byte]) for byte in "abé".encode()], *sorted(parts), b"a", b"\xc3a"]
    vocabulary = Vocabulary(pieces, eos_token_ids=[0])
    listed = choice(sorted(texts)).compile(vocabulary)
    pattern = regex("(" + "|".join(sorted(texts)) + ")()").compile(vocabulary)
    assert type(listed) is not type(pattern)
    masks = allocate_token_bitmask(2, vocabulary.size)
    for _ in range(40):
        one, other = listed.matcher(), pattern.matcher()
        while True:
            one.fill_next_token_bitmask(masks, 0)
            other.fill_next_token_bitmask(masks, 1)
            assert (masks[0] == masks[1]).all(), one.text()
            assert one.is_accepting == other.is_accepting
            left = [len(text.encode()) - len(one.text()) for text in texts if text.encode().startswith(one.text())]
            assert one.shortest_completion() == min(left)
            allowed = allowed_token_ids(masks[0]).tolist()
            refused = [token for token in range(1, vocabulary.size) if token not in allowed]
            assert not one.try_advance(chance.choice(refused))
            if not [token for token in allowed if token]:
                break
            token = chance.choice([token for token in allowed if token])
            one.advance(token)
            other.advance(token)


def test_ten_thousand_texts_compile_at_once() -> None:
    """Making and compiling 10,000 texts takes well under 50 ms (3 ms measured), the first mask included."""
    source = random.Random(0)
    texts = ["".join(source.choices("abcdefgh ", k=source.randint(3, 30))) for _ in range(10_000)]
    mask = allocate_token_bitmask(1, BYTES.size)
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        matcher = choice(texts).compile(BYTES).matcher()
        seconds.append(time.perf_counter() - begun)
        matcher.fill_next_token_bitmask(mask)
    assert min(seconds) < 0.05
    assert walk(matcher, source) in set(texts)


def test_texts_that_cannot_be_written_are_refused() -> None:
    """Nothing to choose from, no string, a lone surrogate: each is named."""
    with pytest.raises(GrammarError, match="at least one string"):
        choice([])
    with pytest.raises(GrammarError, match="at least one string"):
        choice(["a", 1])
    with pytest.raises(GrammarError, match=r"character 1 of .* is a lone surrogate"):
        choice(["ok", "a\ud800"])
