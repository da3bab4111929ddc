"""The shipped tokenizer: exact round trips, and a name is the same tokens wherever it stands."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from guidance.embedded import embedded_path
from guidance.embedded.batches import _scored_tokens, draw_batches
from guidance.embedded.corpora import corpus_tokenizer
from guidance.embedded.names import held_out_names, training_names
from guidance.embedded.prompts import Example, make_training_example
from guidance.embedded.recipes import Corpus
from guidance.embedded.records import draw_facts
from guidance.embedded.tokenizer import EOS_TOKEN, PAD_TOKEN


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Return the base model's tokenizer."""
    return Tokenizer.from_file(str(embedded_path() / "tokenizer.json"))


@pytest.mark.parametrize(
    "text", ["", "Ada, 36", "  two  spaces\n\ttab", "Zoë’s 🦊 naïve café", '{"a": [1.5, null]}', "日本語"]
)
def test_round_trip_is_exact(tokenizer: Tokenizer, text: str):
    """Decoding gives the text back, whatever it holds."""
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_spaces_digits_and_punctuation_are_tokens_of_their_own(tokenizer: Tokenizer):
    """No token joins a space, a digit or a mark with anything else."""
    text = 'At 42, "Ada-Mae O\'Hara" paid $19.99 (EUR 5)  in\n\nRome.'
    for start, end in tokenizer.encode(text).offsets:
        piece = text[start:end]
        assert piece.isalpha() or len(piece) == 1, piece


def test_names_are_the_same_tokens_in_sentence_and_json(tokenizer: Tokenizer):
    """Copying a name is copying its tokens."""
    rng = random.Random(1)
    for pool in (training_names(), held_out_names()):
        for _ in range(100):
            name = pool.person(rng)
            alone = tokenizer.encode(name).ids
            for before, after in (("Meet ", ", 36"), ('{"name": "', '"}'), ("(", ")")):
                around = tokenizer.encode(before).ids, tokenizer.encode(after).ids
                assert tokenizer.encode(before + name + after).ids == [*around[0], *alone, *around[1]]


def test_size_and_special_tokens(tokenizer: Tokenizer):
    """About a thousand tokens, and special tokens that are not text's own."""
    assert tokenizer.get_vocab_size() == 1024
    assert (tokenizer.token_to_id(EOS_TOKEN), tokenizer.token_to_id(PAD_TOKEN)) == (0, 1)


def test_all_models_share_the_tokenizer():
    """A draft proposes tokens of its target."""
    base, draft = ((embedded_path(name) / "tokenizer.json").read_bytes() for name in ("base", "draft"))
    assert base == draft


def test_batches_repeat_and_score_answers_only(tokenizer: Tokenizer):
    """The same seed gives the same batches; targets are the next tokens of answers, up to the end token."""
    first = next(draw_batches(tokenizer, make_training_example, batch_size=8, seed=3))
    again = next(draw_batches(tokenizer, make_training_example, batch_size=8, seed=3))
    assert np.array_equal(first.token_ids, again.token_ids)
    assert np.array_equal(first.targets, again.targets)
    scored = first.targets >= 0
    assert (scored.sum(axis=1) > 1).all()
    assert ((first.targets == 0).sum(axis=1) == 1).all()
    inner = scored[:, :-1] & (first.targets[:, :-1] > 0)
    assert (first.targets[:, :-1][inner] == first.token_ids[:, 1:][inner]).all()


def test_a_token_that_reaches_out_of_a_span_is_not_scored(tokenizer: Tokenizer):
    """Where an answer leaves the standard form inside a token, that whole token does not count."""
    answer = '{"title": "X", "day": "2025-03-12"}'
    leaves = answer.index("day") + 2  # "da" also begins the standard key
    facts = draw_facts("event", training_names(), random.Random(0))
    example = Example(facts=facts, prompt="", answer=answer, scored=((0, leaves), (leaves + 1, len(answer))))
    encoding = tokenizer.encode(answer)
    scored = _scored_tokens(encoding, example)
    for (start, end), is_scored in zip(encoding.offsets, scored, strict=True):
        assert is_scored == (not start <= leaves < end)


@pytest.mark.parametrize(("corpus", "name"), [("records", "base"), ("messages", "writer")])
def test_tokenizer_is_that_of_the_shipped_models(corpus: Corpus, name: str, tmp_path: Path):
    """The script and its seed give the shipped tokenizer, byte for byte."""
    path = tmp_path / "tokenizer.json"
    corpus_tokenizer(corpus).save(str(path))
    assert path.read_bytes() == (embedded_path(name) / "tokenizer.json").read_bytes()
