"""What sets of bytes do to tokens agrees with reading every token byte by byte."""

from __future__ import annotations

import pytest

from fsm import allowed_token_ids
from fsm.patterns._byte_kernels import WIDE
from fsm.tokens.tables import vocabulary_tables
from fsm.tokens.token_lengths import token_lengths_of
from fsm.tokens.token_loops import ROOT, token_loops_of
from fsm.tokens.token_parts import token_parts_of
from fsm.tokens.token_rests import join_rests
from fsm.tokens.trie import BYTE, DEPTH, SKIP
from tests.fsm.patterns.test_regular_compiled import random_vocabulary
from tests.reference.byte_sets import count_characters, is_beginning_of_text, rest_of_token

SETS = {
    "letters": (set(b"abcdefghijklmnopqrstuvwxyz"), False),
    "words": (set(b"abcdefghij0123456789_ABCDEFKLMN"), True),
    "not quotes": (set(range(32, 128)) - set(b'"\\'), True),
    "all": (set(range(128)), True),
    "ascii": (set(range(128)), False),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("part", ["short", "long", "whole"])
@pytest.mark.parametrize("seed", [1, 2])
def test_loops_agree_with_reading_every_token(name, part, seed):
    """A row holds the tokens that stay, and the others leave at one of the exits, or are no text."""
    vocabulary = random_vocabulary(seed, 1500)
    tables = vocabulary_tables(vocabulary)
    allowed, is_wide = SETS[name]
    tokens = getattr(token_parts_of(tables), part)
    loops = token_loops_of(tables, tokens)
    bits = sum(1 << byte for byte in allowed)
    inside = set(allowed_token_ids(tokens.every).tolist())
    for root in [ROOT, *loops.children(ROOT)[40:60].tolist()]:
        loop = loops.get(bits & (1 << 64) - 1, bits >> 64, WIDE if is_wide else 0, root)
        begin = b"" if root == ROOT else bytes([int(tokens.nodes[root, BYTE])])
        if begin and begin[0] >= 0x80:
            continue
        texts = {t: vocabulary.token_bytes[t][len(begin) :] for t in inside}
        texts = {t: text for t, text in texts.items() if text and vocabulary.token_bytes[t].startswith(begin)}
        rests = {t: rest_of_token(text, allowed, is_wide=is_wide) for t, text in texts.items()}
        assert set(allowed_token_ids(loop.row).tolist()) == {t for t, rest in rests.items() if rest == b""}
        leaving = {texts[t][: len(texts[t]) - len(rest) + 1] for t, rest in rests.items() if rest}
        assert {_spelled(tokens, loop, int(node), begin) for node in loop.exits} == leaving
        assert [int(tokens.nodes[node, BYTE]) for node in loop.exits] == sorted(
            int(tokens.nodes[node, BYTE]) for node in loop.exits
        )


def _spelled(tokens, loop, node, begin):
    """Return the bytes on the way to a node, without those before the loop."""
    path = {int(tokens.nodes[node, DEPTH]): int(tokens.nodes[node, BYTE])}
    depth, here = int(tokens.nodes[node, DEPTH]), node
    while depth > 1:
        here -= 1
        if tokens.nodes[here, DEPTH] == depth - 1:
            depth -= 1
            path[depth] = int(tokens.nodes[here, BYTE])
    return bytes(path[d] for d in sorted(path))[len(begin) :]


def test_lengths_agree_with_decoding_every_token():
    """Tokens are ordered by their characters, and nodes know how many are whole before them."""
    vocabulary = random_vocabulary(5, 800)
    tables = vocabulary_tables(vocabulary)
    lengths = token_lengths_of(tables)
    texts = {t: vocabulary.token_bytes[t] for t in vocabulary.text_token_ids}
    counts = {t: count_characters(text) for t, text in texts.items() if is_beginning_of_text(text)}
    assert set(lengths.by_length.tolist()) == set(counts)
    found = [counts[t] for t in lengths.by_length.tolist()]
    assert found == sorted(found, reverse=True)
    for limit, longer in enumerate(lengths.longer.tolist()):
        assert longer == sum(count > limit for count in found)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("seed", [1, 2])
def test_rests_are_what_tokens_end_with_after_they_left(name, seed):
    """The joined trie spells every rest once, in order, with the tokens that have it, and those alone."""
    vocabulary = random_vocabulary(seed, 1500)
    tables = vocabulary_tables(vocabulary)
    allowed, is_wide = SETS[name]
    part = token_parts_of(tables).whole
    bits = sum(1 << byte for byte in allowed)
    loop = token_loops_of(tables, part).get(bits & (1 << 64) - 1, bits >> 64, WIDE if is_wide else 0)
    inner = loop.exits[part.nodes[loop.exits, DEPTH] > 1]
    rests = join_rests(part, token_parts_of(tables).texts, inner, tables.trie.max_depth)
    expected = {}
    for node in inner.tolist():
        before = int(part.nodes[node, DEPTH]) - 1
        for token in part.ordered[part.places[node] : part.places[part.nodes[node, SKIP]]].tolist():
            expected.setdefault(vocabulary.token_bytes[token][before:], []).append(token)
    found, path = {}, []
    for node in range(len(rests.nodes)):
        path[int(rests.nodes[node, DEPTH]) - 1 :] = [int(rests.nodes[node, BYTE])]
        below = rests.nodes[node + 1 : rests.nodes[node, SKIP], DEPTH]
        assert (below > rests.nodes[node, DEPTH]).all()
        tokens = rests.ordered[rests.places[node] : rests.places[node + 1]].tolist()
        if tokens:
            found[bytes(path)] = tokens
    assert list(found) == sorted(expected)
    assert {rest: sorted(tokens) for rest, tokens in found.items()} == {r: sorted(t) for r, t in expected.items()}


def test_rests_are_made_for_loops_that_are_asked_for_often():
    """A loop of many exits is worth it, one of few is not."""
    vocabulary = random_vocabulary(3, 3000)
    tables = vocabulary_tables(vocabulary)
    loops = token_loops_of(tables, token_parts_of(tables).whole)
    letters = sum(1 << byte for byte in b"abcdefghijklmnopqrstuvwxyz")
    many = loops.get(letters & (1 << 64) - 1, letters >> 64, 0)
    few = loops.get(letters & (1 << 64) - 1, letters >> 64, 0, int(loops.children(ROOT)[40]))
    asked = [(loops.ask_rests(many), loops.ask_rests(few)) for _ in range(40)]
    assert asked[0] == (False, False)
    assert asked[-1] == (True, False)
    assert (
        len(few.exits)
        < len(many.exits)
        == len(many.firsts.exits) + sum(int(tables.trie.nodes[node, DEPTH]) > 1 for node in many.exits)
    )


def test_tokens_that_stay_end_between_characters():
    """A token that ends inside a character goes on by the loop's bytes, and yet does not lead back to it."""
    vocabulary = random_vocabulary(4, 1500)
    tables = vocabulary_tables(vocabulary)
    every = (1 << 64) - 1
    loops = token_loops_of(tables, token_parts_of(tables).whole)
    loop = loops.get(every, every, WIDE)
    inside = allowed_token_ids(loop.row).tolist()
    whole = [
        t for t in inside if vocabulary.token_bytes[t].decode(errors="ignore").encode() == vocabulary.token_bytes[t]
    ]
    assert allowed_token_ids(loops.staying(loop)).tolist() == whole
    assert 0 < len(whole) < len(inside)
