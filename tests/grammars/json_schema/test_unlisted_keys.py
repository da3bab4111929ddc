"""Keys that are not declared come once each, however tokens spell them and whatever other texts were read before."""

from __future__ import annotations

import json
import random

import pytest

from fsm import Compiled, Vocabulary, allocate_token_bitmask, allowed_token_ids
from grammars import json_schema
from tests.reference.masks import allowed_by_trying

NAMES = ["", "a", "b", "ab", "abc", "n", ":", ",", "y", "é", *(f"x{number}" for number in range(12))]
ROUND_KEYS = b'":1,"   1,"a   ":{}   {"":   ":{"   "},"   ","",""   ":"   "a":{"a"   "a":1,"b   12   }}'.split()
SCHEMAS = {
    "anything": {},
    "integers": {"type": "object", "additionalProperties": {"type": "integer"}},
    "some-declared": {"type": "object", "properties": {"a": {"type": "integer"}, "ab": {}, "y": {}}, "required": ["a"]},
    "some-forbidden": {"type": "object", "properties": {"a": {"type": "integer"}, "b": False, "x1": False, "n": {}}},
    "nested": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "object"}}},
    "many-declared": {"type": "object", "properties": {f"k{number}": {} for number in range(58)}},
    "too-many-declared": {"type": "object", "properties": {f"k{number}": {} for number in range(64)}},
}  # fmt: skip


def vocabulary(chance: random.Random) -> Vocabulary:
    """Return all bytes, and tokens that read whole keys, several at once, and what is around them."""
    tokens = [bytes([byte]) for byte in range(256)] + ROUND_KEYS
    for name in NAMES:
        key = json.dumps(name, ensure_ascii=chance.random() < 0.5).encode()
        shapes = [b"%s", b"%s:", b",%s", b",%s:", b"{%s:", b",%s:1", b'",%s', b'%s:1,"']
        tokens += [shape % key for shape in chance.sample(shapes, 3)]
    return Vocabulary([*dict.fromkeys(tokens), b"</s>"], eos_token_ids=[len(dict.fromkeys(tokens))])


def walk(compiled: Compiled, fresh: Compiled, chance: random.Random) -> None:
    """Read one random text; masks are what trying every token says, and what a fresh grammar does."""
    texts, mask = compiled.vocabulary.token_bytes, allocate_token_bitmask(1, compiled.vocabulary.size)
    matcher, other = compiled.matcher(), fresh.matcher()
    for _ in range(25):
        matcher.fill_next_token_bitmask(mask)
        allowed = allowed_token_ids(mask[0]).tolist()
        if chance.random() < 0.3:
            assert set(allowed) == allowed_by_trying(matcher), matcher.text()
            other.fill_next_token_bitmask(mask)
            assert allowed == allowed_token_ids(mask[0]).tolist(), matcher.text()
        plain = [token for token in allowed if texts[token].isascii() and b"\\" not in texts[token]]
        telling = [token for token in plain if len(texts[token]) > 1 or texts[token] in b'"{},:']
        choices = telling if telling and chance.random() < 0.8 else plain
        if not choices or matcher.is_terminated:
            return
        token = chance.choice(choices)
        matcher.advance(token)
        other.advance(token)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@pytest.mark.parametrize("seed", range(3))
def test_masks_forget_no_key_and_forbid_no_other(schema, seed):
    """More keys are met than have bits, in text after text of one grammar."""
    chance = random.Random(seed)
    grammar, tokens = json_schema(schema, key_order="any"), vocabulary(chance)
    compiled = grammar.compile(tokens)
    for _ in range(8):
        walk(compiled, grammar.compile(tokens), chance)


@pytest.mark.parametrize("whitespace", ["compact", "flexible"])
@pytest.mark.parametrize(
    "token",
    ['"a":1,"b', '"a":1,"b"', '"a":1,"c"', '"a":1,"a"', '"z":1,"c"', '"z":1,"b":2,"c"', '"c"', '"ca"', '"a":{"c"'],
)
def test_a_token_of_several_keys_leaves_the_others_as_they_are(token, whitespace):
    """Whatever token spells on after a first key, those that are spelled beside it are judged as ever."""
    texts = [bytes([byte]) for byte in range(256)] + [token.encode(), b'"c":', b'"d":', b'"b"', b"</s>"]
    tokens = Vocabulary(list(dict.fromkeys(texts)), eos_token_ids=[len(dict.fromkeys(texts)) - 1])
    schema = {"properties": {"a": {}, "b": {}, "c": False}}
    matcher = json_schema(schema, key_order="any", whitespace=whitespace).compile(tokens).matcher()
    for text in (b"{", b'"', b"d", b'"', b":", b"1", b","):
        mask = allocate_token_bitmask(1, tokens.size)
        matcher.fill_next_token_bitmask(mask)
        assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher)
        matcher.advance(tokens.token_bytes.index(text))
    matcher.fill_next_token_bitmask(mask)
    assert set(allowed_token_ids(mask[0]).tolist()) == allowed_by_trying(matcher)


def test_first_keys_share_what_comes_after_them():
    """A key that is not declared adds its name where a key begins, and nothing behind it."""
    tokens = Vocabulary([*(bytes([byte]) for byte in range(256)), b""], eos_token_ids=[256])
    compiled = json_schema({"additionalProperties": {"type": "string"}}, key_order="any").compile(tokens)
    returns = set()
    for count in range(1, 17):
        matcher = compiled.matcher()
        for byte in json.dumps({f"k{number:02}": "v" for number in range(count)})[:-2].encode():
            matcher.advance(byte)
        ((_, stack, *_),) = matcher._position.configurations.tolist()
        returns.add(compiled.network.stacks.item(stack, 0))
    assert len(returns) == 1
