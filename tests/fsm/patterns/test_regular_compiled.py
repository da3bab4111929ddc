"""The masks and moves of regular grammars agree with trying every token, wherever counters stand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.compiled import Compiled
from fsm.network import Network
from fsm.utf8 import partial_range, read_byte, read_bytes
from grammars import choice, regex
from tests.reference.masks import allowed_by_trying

CHARACTERS = ["é", "日", "😀", "߿", "ࠀ", "\uffff", "\U00010000", "\U0010ffff"]
PIECES = [
    *"abcx0129.-<> \n", "ab", "abc", "aa", "aaaa", "a" * 15, "a" * 16, "a" * 17, "a" * 40, "ab" * 20, "é" * 9, "12",
    "2024", "-0", ". ", "é", "éa", "aé", "日本", "a日", "😀", "😀😀",
]  # fmt: skip
VOCABULARY = Vocabulary(
    [
        b"</s>", *(piece.encode() for piece in PIECES), b"\xc3", b"\xa9", b"a\xc3", b"\xa9a", b"\xe6", b"\x97", b"\xa5",
        b"\xe6\x97", b"\xf0", b"\x9f", b"\x98\x80", b"a" * 20 + b"\xf0\x9f", b"\xff", b"ab",
    ],
    eos_token_ids=[0],
)  # fmt: skip
PATTERNS = [
    r"a{0,50}", r".{0,10000}", r".{3,30}x", r"(ab){2,40}", r"[^<]*<[^>]{0,20}>", r"\d{4}-\d\d", r"(é|日){0,20}a?",
    r"[^\n]{17}", r"(a|aa){0,12}.", r"(?!ab)[abx]{1,20}", r"(?s).*", r"[\ud000-\uefff]{0,3}", r"a{15}b|a{16}c|a{17}x?",
]  # fmt: skip


def walk(matcher, chance, steps):
    """Yield the matcher at every place of a random text."""
    mask = allocate_token_bitmask(1, VOCABULARY.size)
    for _ in range(steps):
        yield matcher, mask
        allowed = sorted(set(allowed_token_ids(mask[0]).tolist()) - {0})
        if not allowed:
            return
        matcher.advance(chance.choice(allowed))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_masks_agree_with_trying_every_token(pattern):
    """At every place of random texts the mask holds exactly the tokens that can be read."""
    compiled = regex(pattern).compile(VOCABULARY)
    for seed in range(6):
        for matcher, mask in walk(compiled.matcher(), random.Random(seed), 12):
            matcher.fill_next_token_bitmask(mask)
            assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher), matcher.text()


@pytest.mark.parametrize(
    "grammar",
    [*map(regex, PATTERNS), choice(["ab", "abc", "日本", "a" * 40]), choice(["", "é", "éa"]), choice([""])],
    ids=str,
)
def test_tables_agree_with_the_kernels(grammar):
    """The general machinery allows the same tokens, accepts the same texts and measures the same way to the end."""
    fast = grammar.compile(VOCABULARY)
    network = Network()
    slow = Compiled(network, grammar.add_to(network), VOCABULARY)
    other = allocate_token_bitmask(1, VOCABULARY.size)
    for seed in range(3):
        reference = slow.matcher()
        for matcher, mask in walk(fast.matcher(), random.Random(seed), 10):
            for token in matcher._tokens[reference.num_tokens :]:
                reference.advance(token)
            matcher.fill_next_token_bitmask(mask)
            reference.fill_next_token_bitmask(other)
            assert (mask == other).all(), matcher.text()
            assert matcher.is_accepting == reference.is_accepting
            assert matcher.shortest_completion() == reference.shortest_completion()
            assert matcher.forced_bytes() == reference.forced_bytes()


def test_counters_far_from_their_end_share_masks():
    """A long counted repetition has as few masks as an endless one."""
    compiled = regex(".{0,10000}").compile(VOCABULARY)
    matcher, mask = compiled.matcher(), allocate_token_bitmask(1, VOCABULARY.size)
    rows = set()
    for _ in range(200):
        matcher.fill_next_token_bitmask(mask)
        rows.add(id(matcher._position.base))
        matcher.advance(1)
    assert len(rows) == 1


def test_what_was_forgotten_is_made_anew():
    """Positions and masks beyond the limit are dropped, and matchers go on."""
    compiled = regex("[ab]{0,300}").compile(VOCABULARY)
    compiled.max_bytes = 30_000
    matcher, mask = compiled.matcher(), allocate_token_bitmask(1, VOCABULARY.size)
    for _ in range(100):
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher)
        matcher.advance(1)
    matcher.rollback(100)
    assert matcher.text() == b""


@pytest.mark.parametrize("character", CHARACTERS)
def test_bytes_of_partial_characters_are_known(character):
    """What was read of a character is found again from its number, and the character lies in its range."""
    data, partial = character.encode(), 0
    for size in range(1, len(data)):
        partial = read_byte(partial, data[size - 1])
        assert read_bytes(partial) == data[:size]
        first, last = partial_range(partial)
        assert first <= ord(character) <= last
    assert read_byte(partial, data[-1]) == -2 - ord(character)


@pytest.mark.parametrize("data", [b"\xc0\x80", b"\xe0\x9f", b"\xed\xa0", b"\xf0\x8f", b"\xf4\x90", b"\xf5", b"\xc3a"])
def test_what_is_no_utf8_is_known_at_once(data):
    """Overlong forms, surrogates and numbers past the last character end at the first byte that decides."""
    partial = 0
    for byte in data[:-1]:
        partial = read_byte(partial, byte)
        if partial == -1:
            return
    assert read_byte(partial, data[-1]) == -1


def test_shared_rows_are_not_changed_by_the_end_token():
    """Places that may end and places that may not do not share a row."""
    compiled = regex("a*|ab").compile(VOCABULARY)
    matcher, mask = compiled.matcher(), allocate_token_bitmask(1, VOCABULARY.size)
    matcher.fill_next_token_bitmask(mask)
    before = mask.copy()
    matcher.advance(VOCABULARY.token_bytes.index(b"ab"))
    matcher.fill_next_token_bitmask(mask)
    assert np.array_equal(allowed_token_ids(mask[0]), [0])
    matcher.reset()
    matcher.fill_next_token_bitmask(mask)
    assert (mask == before).all()


def random_vocabulary(seed, size):
    """Return tokens of characters, of their parts, and of bytes that no text has."""
    chance = random.Random(seed)
    alphabet = [*"abcdefghij KLMNOPQRST0123456789.,;:!?<>()[]{}/'\"-_\n\t", *CHARACTERS]
    tokens = {bytes([byte]) for byte in range(256)}
    while len(tokens) < size:
        text = "".join(chance.choices(alphabet, k=chance.choice([1, 2, 3, 4, 6, 9, 14, 18, 25]))).encode()
        tokens.add(text[chance.choice([0, 0, 0, 1]) : len(text) - chance.choice([0, 0, 0, 1, 2])] or b"x")
    return Vocabulary([b"</s>", *sorted(tokens)], eos_token_ids=[0])


@pytest.mark.parametrize(
    "pattern",
    [r"[^<]*<b>[^<]*", r".{3,30}", r"(?s).{5}[^é]*", r"[^x\uffff]{0,40}!", r"([^,]{1,9},){2}.*", r"[\0-\uffff]*"],
)
def test_free_text_masks_agree_with_the_kernels_over_many_tokens(pattern):
    """Where nearly every token fits, those that are left out are the right ones."""
    vocabulary = random_vocabulary(len(pattern), 3000)
    grammar = regex(pattern)
    network = Network()
    fast, slow = grammar.compile(vocabulary), Compiled(network, grammar.add_to(network), vocabulary)
    masks = allocate_token_bitmask(2, vocabulary.size)
    for seed in range(4):
        one, other, chance = fast.matcher(), slow.matcher(), random.Random(seed)
        for _ in range(8):
            one.fill_next_token_bitmask(masks, 0)
            other.fill_next_token_bitmask(masks, 1)
            assert (masks[0] == masks[1]).all(), one.text()
            allowed = [token for token in allowed_token_ids(masks[0]).tolist() if token]
            if not allowed:
                break
            token = chance.choice(allowed)
            assert one.try_advance(token)
            assert other.try_advance(token)
