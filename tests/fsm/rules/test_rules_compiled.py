"""Masks inside strings, names and comments agree with walking the whole trie."""

from __future__ import annotations

import random

import pytest

from fsm import Vocabulary, allocate_token_bitmask, allowed_token_ids
from fsm.compiled import Compiled
from fsm.network import Network
from fsm.rules.set_masks import SetMasks
from grammars import lark
from tests.reference.masks import allowed_by_trying

GRAMMARS = {
    "json": r"""
        start: value
        value: "{" (pair ("," pair)*)? "}" | "[" (value ("," value)*)? "]" | STRING | NUMBER | "true"
        pair: STRING ":" value
        STRING: /"([^"\\\x00-\x1f]|\\["\\nu])*"/
        NUMBER: /-?[0-9]+(\.[0-9]+)?/
        WS: /[ \n]+/
        %ignore WS
    """,
    "program": r"""
        start: (statement ";")*
        statement: NAME "=" sum | "if" sum "{" start "}"
        sum: atom (("+" | "-") atom)*
        atom: NAME | NUMBER | "(" sum ")" | COMMENT atom
        NAME: /[A-Za-z_][A-Za-z_0-9]*/
        NUMBER: /[0-9]+/
        COMMENT: /#[^\n]*\n/
        WS: /[ \n]+/
        %ignore WS
    """,
}
CHARACTERS = [*'abcxyzABC_09"\\{}[]:,;=+-()# \n.', "é", "日", "😀", "if", "true", '":', '",', '"}', "nu"]


def random_vocabulary(seed, size):
    """Return tokens out of the grammars' characters, some cut inside one."""
    chance = random.Random(seed)
    tokens = {bytes([byte]) for byte in range(256)}
    while len(tokens) < size:
        text = "".join(chance.choices(CHARACTERS, k=chance.choice([1, 2, 3, 4, 6]))).encode()
        tokens.add(text[chance.choice([0, 0, 0, 1]) :] or b"x")
    return Vocabulary([b"</s>", *sorted(tokens)], eos_token_ids=[0])


def test_masks_look_behind_calls_at_the_beginning_of_a_text():
    """A rule called where nothing is on the stack yet returns to what called it, also within one token."""
    vocabulary = Vocabulary([b"</s>", b"a", b"=", b"a=", b" a", b"a b", b";"], eos_token_ids=[0])
    grammar = lark('start: NAME "=" NAME\nNAME: /[a-z]+/\nWS: / +/\n%ignore WS')
    network = Network()
    for compiled in (grammar.compile(vocabulary), Compiled(network, grammar.lay(network), vocabulary)):
        mask = allocate_token_bitmask(1, vocabulary.size)
        compiled.matcher().fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(compiled.matcher())


@pytest.mark.parametrize("name", GRAMMARS)
def test_masks_agree_with_walking_the_trie(name):
    """Along random texts both ways allow the same tokens, and those are the ones that can be read."""
    vocabulary = random_vocabulary(3, 1500)
    grammar = lark(GRAMMARS[name])
    network = Network()
    fast, slow = grammar.compile(vocabulary), Compiled(network, grammar.lay(network), vocabulary)
    masks = allocate_token_bitmask(2, vocabulary.size)
    for seed in range(6):
        one, other, chance = fast.matcher(), slow.matcher(), random.Random(seed)
        for step in range(14):
            one.fill_next_token_bitmask(masks, 0)
            other.fill_next_token_bitmask(masks, 1)
            assert (masks[0] == masks[1]).all(), one.text()
            if step % 5 == 4:
                assert set(allowed_token_ids(masks[0]).tolist()) == allowed_by_trying(one), one.text()
            allowed = [token for token in allowed_token_ids(masks[0]).tolist() if token]
            if not allowed:
                break
            token = chance.choice(allowed)
            assert one.try_advance(token)
            assert other.try_advance(token)


def test_shared_masks_equal_trying_every_token(monkeypatch):
    """Places share masks across stacks only where what may follow is the same, however deep the brackets are."""
    hits = []
    find = SetMasks.find

    def counted(self, configurations):
        row = find(self, configurations)
        hits.append(row is not None)
        return row

    monkeypatch.setattr(SetMasks, "find", counted)
    grammar = lark("""
        start: item
        item: "(" item ("," item)* ")" | "[" item "]" | "<" NAME ">" | NAME
        NAME: /[a-z]+/
        WS: / +/
        %ignore WS
    """)
    vocabulary = random_vocabulary(7, 400)
    vocabulary = Vocabulary(
        [*vocabulary.token_bytes, b")]", b"a)", b"))", b"],", b"a>", b"b>)", b")])", b"a, b"], eos_token_ids=[0]
    )
    compiled = grammar.compile(vocabulary)
    known = {vocabulary.token_bytes[t]: t for t in vocabulary.text_token_ids}
    mask = allocate_token_bitmask(1, vocabulary.size)
    for text in ["((ab, c), [d])", "[[<a>]]", "([a], <b>, ([[cd]]))", "[(a, [b], <c>)]", "<ab>", "((((a))))"]:
        matcher = compiled.matcher()
        for byte in text.encode():
            matcher.fill_next_token_bitmask(mask)
            assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher), matcher.text()
            matcher.advance(known[bytes([byte])])
    assert any(hits)
    assert not all(hits)


def test_tables_that_grow_too_large_begin_anew():
    """A small limit forgets sets and masks again and again, and every mask stays right."""
    vocabulary = random_vocabulary(5, 500)
    compiled = lark(GRAMMARS["json"]).compile(vocabulary)
    compiled.max_bytes = 20_000
    compiled._sets._max_sets = 1
    known = {vocabulary.token_bytes[t]: t for t in vocabulary.text_token_ids}
    mask = allocate_token_bitmask(1, vocabulary.size)
    matcher = compiled.matcher()
    for byte in b'[{"ab": [1, {"c": "d"}]}, "e", 2.5]':
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher), matcher.text()
        matcher.advance(known[bytes([byte])])
    assert matcher.is_accepting


def test_large_subtrees_are_walked_while_a_walk_of_all_tokens_waits():
    """What is filled below a large subtree leaves the walk that stopped there as it was, also with rests joined."""
    chance = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz01"
    tokens = {bytes([byte]) for byte in range(256)} | {b"xb", b"xb1", b"xb1;", b"xbz", b"xaq;"}
    while len(tokens) < 9000:
        tokens.add(b"xa" + "".join(chance.choices(letters, k=chance.choice([2, 3, 4, 5]))).encode())
    vocabulary = Vocabulary([b"</s>", *sorted(tokens)], eos_token_ids=[0])
    grammar = lark('start: (ITEM ";")*\nITEM: /x(a[a-z]*[01]|b1)/')
    mask = allocate_token_bitmask(1, vocabulary.size)
    expected = allowed_by_trying(grammar.compile(vocabulary).matcher())
    for _ in range(40):  # after 32 times rests are joined
        grammar.compile(vocabulary).matcher().fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == expected
