"""Supply tiny random models over one toy vocabulary."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import guidance
from guidance.transformer import LlamaCausalLM
from guidance.transformer.llama_weights import LayerWeights, LlamaShape, LlamaWeights

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,:{}[]\"'"
TOKENS = (b"", *(letter.encode() for letter in LETTERS), b"th", b"in", b"er", b"an")
"""Token 0 ends a text."""

WIDTH = len(TOKENS)


def make_network(seed, *, num_layers=2, hidden_size=16, width=WIDTH, extras=False, context_size=256):
    """Return a random network with sharp choices."""
    generator = torch.Generator().manual_seed(seed)
    num_heads, num_kv_heads, head_size = 4, 2, 4

    def draw(*sizes, scale=0.4):
        return torch.randn(sizes, generator=generator) * scale

    def layer():
        rows = (num_heads + 2 * num_kv_heads) * head_size
        return LayerWeights(
            input_norm=1 + draw(hidden_size),
            qkv=draw(rows, hidden_size),
            qkv_bias=draw(rows) if extras else None,
            qk_norm=1 + draw(num_heads + num_kv_heads, 1, head_size) if extras else None,
            out=draw(hidden_size, num_heads * head_size),
            out_bias=draw(hidden_size) if extras else None,
            middle_norm=1 + draw(hidden_size),
            gate_up=draw(48, hidden_size),
            down=draw(hidden_size, 24),
        )

    weights = LlamaWeights(
        embedding=draw(width, hidden_size, scale=1.0),
        layers=tuple(layer() for _ in range(num_layers)),
        norm=1 + draw(hidden_size),
        head=draw(width, hidden_size, scale=0.7),
    )
    shape = LlamaShape(
        num_layers=num_layers,
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        head_size=head_size,
        hidden_size=hidden_size,
        context_size=context_size,
        norm_epsilon=1e-6,
        rope_theta=10_000.0,
    )
    return LlamaCausalLM(shape, weights)


def make_model(seed, *, tokens=TOKENS, name=None, **sizes):
    """Return a random model."""
    network = make_network(seed, width=max(len(tokens), sizes.pop("width", 0)), **sizes)
    end = SimpleNamespace(eos_token_id=tokens.index(b""))
    return guidance.Model(network, list(tokens), name=name or f"model {seed}", generation_config=end)


@pytest.fixture(scope="session")
def base():
    """Return the model that is steered; larger than the others."""
    return make_model(1, num_layers=3, hidden_size=24, name="base")


@pytest.fixture(scope="session")
def experts():
    """Return four small models of one shape."""
    return [make_model(seed, name=f"expert {seed}") for seed in (2, 3, 4, 5)]


@pytest.fixture(scope="session")
def models():
    """Return the function that makes models."""
    return make_model


@pytest.fixture(scope="session")
def networks():
    """Return the function that makes networks."""
    return make_network
