"""Read tokens into a static cache with shapes that do not depend on the texts, so that a CUDA graph can hold it.

Between the matrices a layer makes five calls (`guidance.transformer.fused`): on CUDA each is one kernel or two, where
the usual path makes about fourteen.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from guidance.transformer.fused import add_and_norm, attend_slots, gate_up_product, rotate_and_write
from guidance.transformer.llama import LlamaCausalLM
from guidance.transformer.static_cache import StaticKvCache

__all__ = ["read_fixed"]


@torch.inference_mode()
def read_fixed(
    network: LlamaCausalLM, cache: StaticKvCache, token_ids: torch.Tensor, places: torch.Tensor
) -> torch.Tensor:
    """Read P tokens of every row into the slots that the device says; return the logits of the last: float[B, V].

    token_ids : int64[B, P]
    places    : int64[B, P]   each token's slot, which is its position; the slot after the last one for padding

    The cache's account of its rows stays as it is: set ``positions`` when the host is told what was read.
    """
    shape, weights, linear = network.shape, network.weights, network.linear
    hidden = functional.embedding(token_ids, weights.embedding)
    change: torch.Tensor | None = None
    for index, layer in enumerate(weights.layers):
        hidden, normed = add_and_norm(hidden, change, layer.input_norm, epsilon=shape.norm_epsilon)
        qkv = linear(normed, layer.qkv, layer.qkv_bias)
        queries = rotate_and_write(
            qkv,
            network.rotations,
            places,
            cache.keys[index],
            cache.values[index],
            qk_norm=layer.qk_norm,
            epsilon=shape.norm_epsilon,
        )
        attended = attend_slots(queries, cache.keys[index], cache.values[index], places)
        change = linear(attended, layer.out, layer.out_bias)
        hidden, normed = add_and_norm(hidden, change, layer.middle_norm, epsilon=shape.norm_epsilon)
        change = linear(gate_up_product(linear(normed, layer.gate_up, None)), layer.down, None)
    last = None if change is None else change[:, -1:]
    _, normed = add_and_norm(hidden[:, -1:], last, weights.norm, epsilon=shape.norm_epsilon)
    return linear(normed, weights.head, None)[:, -1]
