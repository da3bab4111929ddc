"""Check that what the grammar forces is written in the tokenizer's tokens, up to where one could reach beyond."""

from __future__ import annotations

import itertools

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import guidance
from grammars import regex, special
from guidance.decoding.forcing import Forcing
from tests.guidance.conftest import make_network, make_tokenizer


@pytest.fixture(scope="module")
def overlapping() -> guidance.Model:
    """Return a random model whose tokens overlap in many ways."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("a", "a"), ("a", "b"), ("aa", "b"), ("b", "a"), ("ab", "ba"), ("aab", "a"), ("b", "b"), ("aab", "bb")]
    vocabulary = {letter: i for i, letter in enumerate([*letters, *(a + b for a, b in merges)])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["</s>"])
    return guidance.Model(make_network(), tokenizer, name="overlapping")


@pytest.mark.parametrize("after", ["[ab]{2}", "b+", "x|y", "a?"])
def test_no_forced_token_could_have_been_part_of_a_longer_one(overlapping, after):
    """Forced tokens are the tokenizer's own, none in which one that reaches beyond could begin; none is missing."""
    pieces = [piece for piece in overlapping.vocabulary.token_bytes if piece]
    for symbols in itertools.product("abx", repeat=4):
        text = "".join(symbols)
        matcher = (regex(text + f"(?:{after})")).compile(overlapping.vocabulary).matcher()
        run = matcher.forced_bytes()
        forced = Forcing(overlapping).tokens(matcher)
        spelled = overlapping.decode_bytes(forced)
        canonical = overlapping.encode_text(run.decode())
        assert canonical[: len(forced)] == forced
        follow = matcher.bytes_after(run)
        reaching = [
            size
            for size in range(1, len(run) + 1)
            if any(p.startswith(run[-size:]) and len(p) > size and p[size] in follow for p in pieces)
        ]
        assert len(spelled) <= len(run) - max(reaching, default=0)
        if len(forced) < len(canonical):
            one_more = len(overlapping.decode_bytes(canonical[: len(forced) + 1]))
            assert one_more > len(run) - max(reaching)


def test_special_tokens_are_forced_as_themselves():
    """Text before, between and after special tokens is the tokenizer's own."""
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens(["[CALL]", "[ARGS]"])
    model = guidance.Model(make_network(), tokenizer, name="chat")
    grammar = "the" + special("[CALL]") + "then" + special("[ARGS]") + regex("[0-9]")
    call, arguments = (model.vocabulary.token_bytes.index(name) for name in (b"[CALL]", b"[ARGS]"))
    forced = Forcing(model).tokens(grammar.compile(model.vocabulary).matcher())
    assert forced == [*model.encode_text("the"), call, *model.encode_text("then"), arguments]
    result = guidance.generate(model, "x", grammar, max_tokens=40)
    assert result.token_ids[:-1] == tuple(forced)
    assert result.metrics.num_forced_tokens == len(forced)
