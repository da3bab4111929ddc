"""A matcher advances, rolls back, forks, ends and refuses as its contract says."""

from __future__ import annotations

import numpy as np
import pytest

from fsm import MaskError, TokenRejected, Vocabulary, VocabularyError, allocate_token_bitmask, allowed_token_ids
from grammars import json_schema, regex

VOCABULARY = Vocabulary([b"</s>", b"a", b"b", b"ab", b"<pad>", b""], eos_token_ids=[0], special_token_ids=[4])
BYTES = Vocabulary([*(bytes([i]) for i in range(256)), b""], eos_token_ids=[256])


def test_matcher_accepts_exactly_the_language() -> None:
    """Tokens that fit advance; others change nothing."""
    matcher = regex("(ab)+").compile(VOCABULARY).matcher()
    assert [matcher.try_advance(token) for token in (2, 1, 1, 2, 3)] == [False, True, False, True, True]
    assert matcher.is_accepting
    assert matcher.text() == b"abab"


def test_special_and_empty_tokens_never_match_as_text() -> None:
    """A control symbol and padding are refused even where any text fits."""
    matcher = regex(".*").compile(VOCABULARY).matcher()
    assert not matcher.try_advance(4)
    assert not matcher.try_advance(5)


def test_end_token_terminates_only_where_the_text_may_end() -> None:
    """The end is refused inside, accepted at the end, and nothing but the end follows it."""
    matcher = regex("ab").compile(VOCABULARY).matcher()
    assert not matcher.try_advance(0)
    matcher.advance(3)
    assert matcher.is_complete
    matcher.advance(0)
    assert matcher.is_terminated
    assert not matcher.try_advance(1)
    mask = allocate_token_bitmask(1, VOCABULARY.size)
    matcher.fill_next_token_bitmask(mask)
    assert allowed_token_ids(mask[0]).tolist() == [0]


def test_rollback_takes_back_tokens_and_the_end() -> None:
    """After a rollback the matcher stands where it stood."""
    matcher = regex("(ab)*").compile(VOCABULARY).matcher()
    for token in (3, 1, 2, 0):
        matcher.advance(token)
    matcher.rollback(3)
    assert matcher.text() == b"ab"
    assert not matcher.is_terminated
    matcher.advance(3)
    with pytest.raises(ValueError, match="expected 0 to 2"):
        matcher.rollback(3)


def test_fork_is_independent() -> None:
    """What a fork reads its origin does not see."""
    matcher = regex("a[ab]").compile(VOCABULARY).matcher()
    matcher.advance(1)
    twin = matcher.fork()
    twin.advance(1)
    assert (matcher.text(), twin.text()) == (b"a", b"aa")
    matcher.reset()
    assert (matcher.text(), twin.text()) == (b"", b"aa")


def test_unique_items_survive_rollback_and_fork() -> None:
    """What was noted belongs to the text, not to the matcher."""
    matcher = json_schema({"type": "array", "uniqueItems": True}, whitespace="compact").compile(BYTES).matcher()
    for byte in b"[1,2,":
        matcher.advance(byte)
    twin = matcher.fork()
    assert not all(twin.try_advance(byte) for byte in b"1]")
    matcher.rollback(2)
    for byte in b"3,2]":
        matcher.advance(byte)
    assert matcher.is_accepting


def test_rejected_token_names_itself() -> None:
    """The error says which token, where, and how to ask why."""
    matcher = regex("ab").compile(VOCABULARY).matcher()
    with pytest.raises(TokenRejected, match=r"token 2 \(b'b'\) is not allowed after 0 tokens") as caught:
        matcher.advance(2)
    assert caught.value.token_id == 2
    assert "expected one of 'a'" in str(matcher.explain(2))
    assert matcher.explain(3).is_allowed


@pytest.mark.parametrize("token", [-1, 6, 10**9])
def test_token_outside_the_vocabulary_is_refused(token: int) -> None:
    """An id that no token has is an error, not a rejection."""
    matcher = regex("ab").compile(VOCABULARY).matcher()
    with pytest.raises(VocabularyError, match="outside the vocabulary"):
        matcher.try_advance(token)


def test_masks_go_to_the_row_and_the_array_asked_for() -> None:
    """Whatever was filled before: other rows, other arrays, wider ones, rows that are not contiguous, after the end."""
    vocabulary = Vocabulary([b"</s>", *[bytes([byte]) for byte in b"ab"], *[b"c"] * 40], eos_token_ids=[0])
    compiled = regex("a(bc)?").compile(vocabulary)
    matcher, ended = compiled.matcher(), compiled.matcher()
    for token in (1, 0):
        ended.advance(token)
    expected = {0: {1}, 1: {0, 2}, 2: set(range(3, 43)), 3: {0}}
    masks = [allocate_token_bitmask(3, vocabulary.size) for _ in range(2)]
    masks += [allocate_token_bitmask(3, vocabulary.size + 64), np.asfortranarray(masks[0])]
    for num_read, token in enumerate([1, 2, 3, None]):
        for index in (0, 2, 2, 1, -1):
            for mask in masks:
                mask[:] = -1
                matcher.fill_next_token_bitmask(mask, index)
                assert set(allowed_token_ids(np.ascontiguousarray(mask[index])).tolist()) == expected[num_read]
                assert (np.delete(mask, index, axis=0) == -1).all()
                ended.fill_next_token_bitmask(mask, index)
                assert set(allowed_token_ids(np.ascontiguousarray(mask[index])).tolist()) == {0}
        fork = matcher.fork()
        if token is not None:
            matcher.advance(token)
            fork.fill_next_token_bitmask(masks[0], 0)
            assert set(allowed_token_ids(masks[0][0]).tolist()) == expected[num_read]
    ended.rollback(1)
    ended.fill_next_token_bitmask(masks[0], 1)
    assert set(allowed_token_ids(masks[0][1]).tolist()) == expected[1]


def test_small_mask_is_refused() -> None:
    """A mask without room for the vocabulary, or without the row, is refused before anything is written."""
    matcher = regex("ab").compile(BYTES).matcher()
    with pytest.raises(MaskError, match="expected int32"):
        matcher.fill_next_token_bitmask(allocate_token_bitmask(1, 32))
    with pytest.raises(MaskError, match="row 1 does not exist"):
        matcher.fill_next_token_bitmask(allocate_token_bitmask(1, BYTES.size), index=1)


def test_shortest_completion_counts_down_along_a_shortest_text() -> None:
    """It is never more than what is left of a text, and equal along the shortest one."""
    properties = {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 10}}
    schema = {"type": "object", "properties": properties, "required": ["name", "age"]}
    matcher = json_schema(schema, whitespace="compact").compile(BYTES).matcher()
    text = b'{"name":"ab","age":10}'
    bounds = []
    for place, byte in enumerate(text):
        bounds.append(matcher.shortest_completion())
        assert bounds[-1] == len(text) - place
        matcher.advance(byte)
    assert matcher.shortest_completion() == 0


def test_forced_bytes_are_the_only_way_on() -> None:
    """Forced text is the whole run up to the first choice; other spellings of a character are one choice."""
    properties = {"name": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["name"], "additionalProperties": False}
    matcher = json_schema(schema, whitespace=(", ", ": ")).compile(BYTES).matcher()
    assert matcher.forced_bytes() == b'{"name": "'
    assert bytes(matcher.forced_tokens()) == b'{"name": "'
