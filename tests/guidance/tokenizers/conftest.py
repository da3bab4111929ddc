"""Train the small tokenizers that the conversion tests read."""

# ruff: noqa: S106 -- tokens of a vocabulary, not passwords

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tests.strategies.texts import random_texts

MARK = "▁"


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    """Return lines to train on."""
    return [
        *["the quick brown fox jumps over the lazy dog", "Ada Lovelace, 36, lives in London since 1843."] * 40,
        *random_texts(400, seed=1),
    ]


@pytest.fixture(scope="session")
def byte_level(corpus: list[str]) -> Tokenizer:
    """Train byte-level BPE as GPT-2 has it, with a special, an added, and an added Latin-1 token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|end|>", "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_tokens([AddedToken("<think>", normalized=False), AddedToken("  deux é", normalized=False)])
    tokenizer.add_special_tokens([AddedToken("<|tool|>", normalized=False)])
    return tokenizer


@pytest.fixture(scope="session")
def split_byte_level(corpus: list[str]) -> Tokenizer:
    """Train byte-level BPE as Llama 3 has it: a split pattern first, then the byte alphabet."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(r" ?\w+|\s+|[^\s\w]+", "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


@pytest.fixture(scope="session")
def byte_fallback(corpus: list[str]) -> Tokenizer:
    """Train BPE with byte fallback as Llama 2 has it: the mark is put ahead of the text and for spaces."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
        limit_alphabet=120,
    )
    # Look-alikes of control and byte pieces must not be merged into these.
    tokenizer.train_from_iterator([line.replace("<", "") for line in corpus], trainer)
    return _only_special(tokenizer, {"<unk>", "<s>", "</s>"})


@pytest.fixture(scope="session")
def metaspace(byte_fallback: Tokenizer) -> Tokenizer:
    """Give the same pieces a metaspace pre-tokeniser and decoder that put nothing ahead of the text."""
    tokenizer = Tokenizer.from_str(byte_fallback.to_str())
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never", split=False)]
    )
    return tokenizer


@pytest.fixture(scope="session", params=["bpe", "unigram"])
def piece_file(request: pytest.FixtureRequest, corpus: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a SentencePiece model with byte fallback and a user-defined piece."""
    sentencepiece = pytest.importorskip("sentencepiece")
    prefix = tmp_path_factory.mktemp("pieces") / request.param
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(line.replace("\n", " ") for line in corpus),
        model_prefix=str(prefix),
        model_type=request.param,
        vocab_size=1500,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=["<think>"],
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return prefix.with_suffix(".model")


def _only_special(tokenizer: Tokenizer, names: set[str]) -> Tokenizer:
    """Keep byte pieces in the model only: as special tokens they would be found in raw text."""
    import json

    document = json.loads(tokenizer.to_str())
    document["added_tokens"] = [token for token in document["added_tokens"] if token["content"] in names]
    return Tokenizer.from_str(json.dumps(document))
