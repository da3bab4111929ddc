"""Check that a healed prompt goes on as the model's law of bytes says, against adding up every way to spell it."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import guidance
from fsm import Vocabulary
from fsm.errors import GrammarError
from fsm.parts.continued import Continued
from fsm.parts.extensions import iterate_beginnings, list_extensions
from grammars import choice, regex
from guidance.decoding.healing import find_healing
from guidance.errors import PromptError, SamplingError
from guidance.logits import Pipeline
from tests.guidance.conftest import make_network
from tests.reference.healing import probability_of_bytes, weigh_covers


@pytest.fixture(scope="module")
def model() -> guidance.Model:
    """Return a random model whose tokens overlap in many ways."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("a", "a"), ("a", "b"), ("aa", "b"), ("b", "a"), ("ab", "ba"), ("aab", "a"), ("b", "b"), ("aab", "bb")]
    vocabulary = {letter: i for i, letter in enumerate([*letters, *(a + b for a, b in merges)])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["</s>"])
    return guidance.Model(make_network(), tokenizer, name="overlapping")


def healing_of(model, prompt, grammar=None, *, temperature=1.0):
    """Find the ways to spell a prompt's end."""
    compiled = None if grammar is None else grammar.compile(model.vocabulary)
    pipeline = Pipeline(guidance.Sampling(temperature=temperature), model=model)
    return find_healing(model, model.encode(prompt), compiled, pipeline)


def taken_of(model, prompt, healing):
    """Return the bytes that were taken back."""
    return model.decode_bytes(model.encode(prompt)[len(healing.kept) :])


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("prompt", ["x a", "x ab", "x aab", "xyaa", "x ba"])
def test_every_way_has_its_share(model, prompt, temperature):
    """The ways are all covers of the bytes taken back, each with its product of probabilities over their sum."""
    healing = healing_of(model, prompt, temperature=temperature)
    expected = weigh_covers(model, healing.kept, taken_of(model, prompt, healing), temperature=temperature)
    total = sum(expected.values())
    found = {tokens: math.exp(weight) for (tokens, _), weight in zip(healing.ways, healing.log_probs, strict=True)}
    likely = {tokens: weight / total for tokens, weight in expected.items() if weight / total > 1e-7}
    assert set(likely) <= set(found)
    for tokens, weight in likely.items():
        assert found[tokens] == pytest.approx(weight, rel=1e-4), tokens


@pytest.mark.parametrize("prompt", ["x a", "x aab"])
def test_the_next_byte_has_the_law_of_bytes(model, prompt):
    """The law of the byte after the prompt is P(bytes and it) / P(bytes), whatever tokens spell them."""
    healing = healing_of(model, prompt)
    taken = taken_of(model, prompt, healing)
    whole = probability_of_bytes(model, healing.kept, taken)
    for byte in b"ab":
        expected = probability_of_bytes(model, healing.kept, taken + bytes([byte])) / whole
        found = 0.0
        for (tokens, head), weight in zip(healing.ways, healing.log_probs, strict=True):
            if head:
                found += math.exp(weight) * (head[0] == byte)
            else:
                found += math.exp(weight) * probability_of_bytes(model, healing.kept + tokens, bytes([byte]))
        assert found == pytest.approx(expected, rel=1e-3)


def test_no_token_from_the_kept_part_on_reaches_beyond(model):
    """What is kept ends where no token that starts before could reach beyond the prompt."""
    pieces = [piece for piece in model.vocabulary.token_bytes if piece]
    for symbols in itertools.product("abx", repeat=4):
        prompt = "x " + "".join(symbols)
        healing = healing_of(model, prompt)
        text = prompt.encode()
        reaching = [size for size in range(1, 6) if any(len(p) > size and p.startswith(text[-size:]) for p in pieces)]
        assert (healing is None) == (not reaching), prompt
        if healing is not None:
            taken = taken_of(model, prompt, healing)
            assert len(taken) >= max(reaching)
            assert all(len(model.vocabulary.token_bytes[t]) > 0 for t in healing.kept)


def test_what_a_grammar_forbids_has_no_share(model):
    """Only what may begin the output is reached; where nothing may, nothing is taken back."""
    heads = {head for _, head in healing_of(model, "x aa", regex("b+")).ways}
    assert heads == {b"", b"b", b"bbb"}
    assert {head for _, head in healing_of(model, "x aa", choice(["b"])).ways} == {b"", b"b"}
    assert healing_of(model, "x aa", regex("c")) is None


def test_draws_follow_the_ways(model):
    """Draws by a uniform random number have the ways' shares; greedy takes the most probable."""
    healing = healing_of(model, "x ab")
    count = 20_000
    seen = Counter(healing.draw((i + 0.5) / count).prompt_ids for i in range(count))
    for (tokens, _), weight in zip(healing.ways, healing.log_probs, strict=True):
        assert abs(seen[healing.kept + tokens] / count - math.exp(weight)) < 1e-3
    best = healing.draw(0.3, is_greedy=True)
    assert best.log_prob == pytest.approx(float(np.max(healing.log_probs)))


def test_generate_goes_on_from_inside_a_token(model):
    """The output begins with what the healed token adds; grammars, captures, stops and streams see all of it."""
    form = guidance.template("{letters:/b{1,3}a/}!")
    for seed in range(6):
        sampling = guidance.Sampling(seed=seed)
        result = guidance.generate(model, "x aa", form, heal=True, sampling=sampling, max_tokens=20)
        assert result.text[-1] == "!"
        assert result.value == {"letters": result.text[:-1]}
        *_, last = guidance.stream(model, "x aa", form, heal=True, sampling=sampling, max_tokens=20)
        assert last.result.text == result.text
    stopped = [
        guidance.generate(model, "x aa", stop="b", heal=True, sampling=guidance.Sampling(seed=seed), max_tokens=4)
        for seed in range(12)
    ]
    assert all("b" not in result.text for result in stopped)
    assert any(result.stop_reason == "stop" and not result.token_ids for result in stopped)


def test_a_prompt_that_cannot_run_on_stays(model):
    """Where no token reaches beyond the prompt, healing changes nothing."""
    plain = guidance.generate(model, "x!", max_tokens=5)
    assert guidance.generate(model, "x!", max_tokens=5, heal=True).token_ids == plain.token_ids


def test_rows_of_a_batch_heal_each_for_itself(model):
    """A row's text is what it is alone."""
    sampling = guidance.Sampling(seed=3, n=3)
    together = guidance.generate(model, ["x aa", "x b"], heal=True, sampling=sampling, max_tokens=6)
    alone = [guidance.generate(model, prompt, heal=True, sampling=sampling, max_tokens=6) for prompt in ("x aa", "x b")]
    assert [[row.text for row in rows] for rows in together] == [[row.text for row in rows] for rows in alone]


def test_healing_and_search_are_not_combined(model):
    """A search draws nothing that could be healed."""

    class Search:
        def decoder(self, model, requests, *, wants_base):
            raise AssertionError

    with pytest.raises(SamplingError, match="both search and heal"):
        guidance.generate(model, "x aa", heal=True, search=Search())


def test_a_grammar_that_knows_no_bytes_is_refused(model):
    """Healing asks a grammar byte by byte; one of another kind is named."""

    class Own:
        def compile(self, vocabulary):
            return self

        def matcher(self):
            raise AssertionError

    with pytest.raises(PromptError, match="got a Own as the compiled grammar"):
        guidance.generate(model, "x aa", Own(), heal=True)


TOY = Vocabulary([b"</s>", b"a", b"ab", b"abc", b"b", b"bc", b"ab", b"c", b"ac"], [0])


def test_beginnings_and_extensions_are_those_of_comparing_all_tokens():
    """The trie finds what comparing every token with the text finds."""
    pieces = list(enumerate(TOY.token_bytes))[1:]
    compiled = regex("c|cb").compile(TOY)
    for size in range(1, 4):
        for symbols in itertools.product("abc", repeat=size):
            text = "".join(symbols).encode()
            expected = sorted((len(p), t) for t, p in pieces if text.startswith(p))
            assert sorted((n, t) for t, n in iterate_beginnings(TOY, text)) == expected
            longer = [t for t, p in pieces if p.startswith(text) and len(p) > len(text)]
            assert list_extensions(TOY, text) == longer
            fitting = [t for t in longer if TOY.token_bytes[t][len(text) :] in (b"c", b"cb")]
            assert list_extensions(TOY, text, compiled) == fitting


def test_a_continued_matcher_is_one_that_read_the_head():
    """It accepts what remains, goes back to the end of the head, and knows the whole text."""
    continued = Continued(regex("ab*c").compile(TOY), b"a")
    matcher = continued.matcher()
    assert matcher.try_advance(4)
    assert matcher.text() == b"ab"
    twin = matcher.fork()
    assert twin.try_advance(7)
    assert twin.is_accepting
    assert not matcher.is_accepting
    twin.reset()
    assert twin.text() == b"a"
    assert not twin.try_advance(1)
    with pytest.raises(GrammarError, match="begins with b'c'"):
        Continued(regex("ab*c").compile(TOY), b"c")
