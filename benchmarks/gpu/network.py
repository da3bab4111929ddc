"""Make random networks of published shapes on a device, and a vocabulary of their size."""

from __future__ import annotations

import random

import torch

from fsm import Vocabulary
from guidance.transformer import LlamaCausalLM
from guidance.transformer.llama_weights import LayerWeights, LlamaShape, LlamaWeights

__all__ = ["SHAPES", "bytes_read", "make_network", "make_vocabulary"]

SHAPES: dict[str, tuple[LlamaShape, int, int]] = {
    "8b": (
        LlamaShape(
            num_layers=32,
            num_heads=32,
            num_kv_heads=8,
            head_size=128,
            hidden_size=4096,
            context_size=8192,
            norm_epsilon=1e-5,
            rope_theta=500_000.0,
        ),
        14_336,
        128_256,
    ),
    "tiny": (
        LlamaShape(
            num_layers=2,
            num_heads=4,
            num_kv_heads=2,
            head_size=16,
            hidden_size=64,
            context_size=1024,
            norm_epsilon=1e-5,
            rope_theta=10_000.0,
        ),
        96,
        1000,
    ),
}
"""By name: the sizes, the inner size of the feed-forward part, and the vocabulary's. ``8b`` is that of Llama 3 8B."""


def make_network(name: str, *, device: torch.device, dtype: torch.dtype) -> LlamaCausalLM:
    """Return a network with random weights."""
    shape, inner, vocabulary_size = SHAPES[name]
    random_numbers = torch.Generator(device).manual_seed(0)

    def matrix(rows: int, columns: int) -> torch.Tensor:
        made = torch.empty(rows, columns, device=device, dtype=dtype)
        return made.normal_(0, columns**-0.5, generator=random_numbers)

    def layer() -> LayerWeights:
        heads, kv_heads = shape.num_heads * shape.head_size, shape.num_kv_heads * shape.head_size
        return LayerWeights(
            input_norm=torch.ones(shape.hidden_size, device=device, dtype=dtype),
            qkv=matrix(heads + 2 * kv_heads, shape.hidden_size),
            qkv_bias=None,
            qk_norm=None,
            out=matrix(shape.hidden_size, heads),
            out_bias=None,
            middle_norm=torch.ones(shape.hidden_size, device=device, dtype=dtype),
            gate_up=matrix(2 * inner, shape.hidden_size),
            down=matrix(shape.hidden_size, inner),
        )

    weights = LlamaWeights(
        embedding=matrix(vocabulary_size, shape.hidden_size),
        layers=tuple(layer() for _ in range(shape.num_layers)),
        norm=torch.ones(shape.hidden_size, device=device, dtype=dtype),
        head=matrix(vocabulary_size, shape.hidden_size),
    )
    return LlamaCausalLM(shape, weights)


def make_vocabulary(name: str) -> Vocabulary:
    """Return as many tokens as the network has: every byte, then random words."""
    size = SHAPES[name][2]
    choose = random.Random(0)
    letters = ' abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789",:{}'
    words = {bytes([byte]): None for byte in range(256)}
    while len(words) < size - 1:
        words["".join(choose.choices(letters, k=choose.randint(2, 7))).encode()] = None
    return Vocabulary([*words, b"</s>"], eos_token_ids=[size - 1])


def bytes_read(network: LlamaCausalLM, *, num_rows: int, num_tokens: int) -> int:
    """Return the bytes that a step of one token for each row cannot do without: weights, and the rows' keys and values.

    num_tokens : what each row holds at the least
    """
    weights, shape = network.weights, network.shape
    matrices = [weights.head, weights.norm]
    for layer in weights.layers:
        matrices += [layer.input_norm, layer.qkv, layer.out, layer.middle_norm, layer.gate_up, layer.down]
    cache = 2 * shape.num_layers * num_rows * shape.num_kv_heads * num_tokens * shape.head_size
    return sum(matrix.nbytes for matrix in matrices) + cache * weights.norm.element_size()
