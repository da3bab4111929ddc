"""Supply a tiny random model, its byte-level tokenizer, and a grammar that is a list of texts."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import guidance


def make_tokenizer() -> Tokenizer:
    """Return a byte-level tokenizer with a few merges and one end token."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("i", "n"), ("a", "n"), ("e", "r"), ("t", "r"), ("tr", "u"), ("tru", "e")]
    vocabulary = {letter: i for i, letter in enumerate([*letters, *(a + b for a, b in merges)])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["</s>"])
    return tokenizer


def make_network(*, num_layers: int = 2, width: int = 280) -> torch.nn.Module:
    """Return a random Llama whose logits are wider than the tokenizer's 265 tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=width,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=num_layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=264,
        pad_token_id=None,
    )
    torch.manual_seed(3)
    network = LlamaForCausalLM(config)
    with torch.no_grad():
        network.lm_head.weight.mul_(12)  # sharper choices, as a trained model has
    return network


@pytest.fixture(scope="session")
def model() -> guidance.Model:
    """Return the tiny model."""
    return guidance.Model(make_network(), make_tokenizer(), name="tiny")


@dataclass(frozen=True)
class FiniteGrammar:
    """Accept exactly these texts."""

    texts: tuple[str, ...]

    def compile(self, vocabulary):
        """Return a matcher factory for the vocabulary."""
        return FiniteCompiled(tuple(text.encode() for text in self.texts), vocabulary)


@dataclass(frozen=True)
class FiniteCompiled:
    """Hold the texts and the vocabulary."""

    texts: tuple[bytes, ...]
    vocabulary: object

    def matcher(self):
        """Return a matcher at the start."""
        return FiniteMatcher(self)


class FiniteMatcher:
    """Follow a finite grammar by comparing prefixes: slow and obvious."""

    def __init__(self, compiled):
        self.compiled = compiled
        self.tokens = []

    @property
    def prefix(self):
        """Return the bytes so far."""
        return b"".join(self.compiled.vocabulary.token_bytes[token] for token in self.tokens)

    @property
    def is_accepting(self):
        """Tell whether the prefix is a text."""
        return self.prefix in self.compiled.texts

    @property
    def is_complete(self):
        """Tell whether it is a text no other one extends."""
        return self.is_accepting and not any(len(t) > len(self.prefix) for t in self._open())

    def _open(self):
        return [text for text in self.compiled.texts if text.startswith(self.prefix)]

    def _allowed(self):
        prefix, vocabulary = self.prefix, self.compiled.vocabulary
        allowed = [
            token
            for token, piece in enumerate(vocabulary.token_bytes)
            if piece
            and token not in vocabulary.special_token_ids
            and any(text.startswith(prefix + piece) for text in self.compiled.texts)
        ]
        return allowed + (list(vocabulary.eos_token_ids) if self.is_accepting else [])

    def fill_next_token_bitmask(self, mask, index=0):
        """Write the allowed tokens."""
        from fsm.mask import pack_token_ids

        mask[index] = pack_token_ids(self._allowed(), self.compiled.vocabulary.size)

    def advance(self, token_id):
        """Move past one token."""
        from fsm.errors import TokenRejected

        if token_id not in self._allowed():
            raise TokenRejected(f"token {token_id} is not allowed", token_id=token_id)
        self.tokens.append(token_id)

    def rollback(self, num_tokens):
        """Forget the last tokens."""
        del self.tokens[len(self.tokens) - num_tokens :]

    def forced_bytes(self):
        """Return the bytes all open texts share."""
        texts = self._open()
        prefix = self.prefix
        if prefix in texts or not texts:
            return b""
        shared = texts[0]
        for text in texts[1:]:
            shared = shared[
                : next((i for i, (a, b) in enumerate(zip(shared, text, strict=False)) if a != b), len(shared))
            ]
        return shared[len(prefix) :]

    def forced_tokens(self):
        """Return the same, one byte per token."""
        table = self.compiled.vocabulary.token_bytes
        return [table.index(bytes([byte])) for byte in self.forced_bytes()]

    def shortest_completion(self):
        """Return the bytes missing from the shortest open text."""
        return min((len(text) for text in self._open()), default=10**9) - len(self.prefix)


@pytest.fixture(scope="session")
def finite_grammar() -> type[FiniteGrammar]:
    """Return the class of grammars that accept a list of texts."""
    return FiniteGrammar
