"""Check that text becomes token ids through every kind of tokenizer."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from guidance.encoding import TextEncoder
from guidance.errors import ModelError
from guidance.tokenizers import vocabulary_from
from tests.guidance.conftest import make_tokenizer

TEXT = "the true answer"


def encoder_of(tokenizer, **options):
    """Return the encoder and the vocabulary of a tokenizer."""
    vocabulary = vocabulary_from(tokenizer, **options)
    return TextEncoder(tokenizer, vocabulary), vocabulary


def joined(vocabulary, token_ids):
    """Return the bytes of some tokens."""
    return b"".join(vocabulary.token_bytes[token_id] for token_id in token_ids)


def with_template():
    """Return a tokenizer that puts a start token before and an end token after."""
    tokenizer = Tokenizer(models.BPE(vocab={"<s>": 0, "</s>": 1, "a": 2, "b": 3}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


def test_start_tokens_stay_and_end_tokens_go():
    """A prompt that ends with an end token would be over."""
    encoder, _ = encoder_of(with_template(), eos_token_ids=[1])
    assert encoder.encode_prompt("ab") == [0, 2, 3]
    assert encoder.encode_text("ab") == [2, 3]
    assert encoder.encode_prompt("") == [0]


def test_end_token_that_the_prompt_spells_stays():
    """What the caller wrote is kept."""
    encoder, _ = encoder_of(make_tokenizer(), eos_token_ids=[264])
    assert encoder.encode_prompt("a</s>")[-1] == 264


def test_list_of_bytes_takes_the_longest_token():
    """The first of equal tokens, never a special one."""
    encoder, vocabulary = encoder_of([b"</s>", b"t", b"th", b"the", b" ", b"e", b"the", b"h"], eos_token_ids=[0])
    assert encoder.encode_prompt("the th e") == [3, 4, 2, 4, 5]
    assert joined(vocabulary, encoder.encode_text("het")) == b"het"
    with pytest.raises(ModelError, match="no token starts with"):
        encoder.encode_text("x")


def test_transformers_tokenizer_encodes():
    """Fast tokenizers wrap the same ones."""
    from transformers import PreTrainedTokenizerFast

    encoder, vocabulary = encoder_of(PreTrainedTokenizerFast(tokenizer_object=make_tokenizer()))
    assert joined(vocabulary, encoder.encode_prompt(TEXT)) == TEXT.encode()


def test_tiktoken_encodes_special_names_as_text():
    """A prompt may contain what looks like a control token."""
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding("bytes", pat_str=r".|\n", mergeable_ranks=ranks, special_tokens={"<|end|>": 256})
    encoder, vocabulary = encoder_of(encoding, eos_token_ids=[256])
    assert joined(vocabulary, encoder.encode_prompt("a<|end|>")) == b"a<|end|>"


def test_mistral_tokenizer_encodes():
    """mistral-common's layers are looked through; prompts start with its start token."""
    pytest.importorskip("mistral_common")
    from importlib.resources import files

    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    file = next((f for f in (files("mistral_common") / "data").iterdir() if f.name.startswith("tekken")), None)
    if file is None:
        pytest.skip("this mistral-common carries no Tekken file")
    encoder, vocabulary = encoder_of(MistralTokenizer.from_file(str(file)))
    assert joined(vocabulary, encoder.encode_text(TEXT)) == TEXT.encode()
    assert encoder.encode_prompt(TEXT)[1:] == encoder.encode_text(TEXT)


def test_object_without_encode_is_refused():
    """The message says what is missing."""
    vocabulary = vocabulary_from([b"a"])
    with pytest.raises(ModelError, match="no encode"):
        TextEncoder(object(), vocabulary)
