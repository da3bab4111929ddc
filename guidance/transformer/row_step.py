"""Read a few tokens of every row on the CPU: what stands between the matrices is compiled loops, four a layer.

A step of a small model is mostly calls, not arithmetic: this path makes 8 calls a layer where torch alone takes 20.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from guidance.transformer._kernels import add_norm_kernel, attend_rows_kernel, gate_up_kernel
from guidance.transformer.llama_weights import LlamaShape, LlamaWeights

__all__ = ["RowStep", "RowsAt", "make_row_step"]

_NO_MASK = np.zeros((0, 0), dtype=np.bool_)


class RowsAt(Protocol):
    """List what a step asks of a cache in which each row has just got its slots; both caches have it."""

    keys: torch.Tensor
    values: torch.Tensor

    @property
    def positions(self) -> list[int]:
        """Return how many tokens each row holds, the new ones among them."""

    def last_slots(self) -> tuple[list[int], torch.Tensor | None]:
        """Return the slot of each row's last token, and which slots are live: bool[B, S], or None for all up to it."""


def make_row_step(
    shape: LlamaShape, weights: LlamaWeights, linear: Callable[..., torch.Tensor], rotations: torch.Tensor
) -> RowStep | None:
    """Return what reads a few tokens of every row; None where the loops do not do all that the network does."""
    is_plain = (
        weights.norm.device.type == "cpu"
        and weights.norm.dtype == torch.float32
        and all(layer.qk_norm is None and layer.scales is None for layer in weights.layers)
    )
    return RowStep(shape, weights, linear, rotations) if is_plain else None


class RowStep:
    """Run the layers for a few tokens of every row, as many of each.

    Owned by one `LlamaCausalLM`, which prepares the cache.
    """

    __slots__ = ("_linear", "_norms", "_rotations", "_shape", "_weights")

    def __init__(
        self, shape: LlamaShape, weights: LlamaWeights, linear: Callable[..., torch.Tensor], rotations: torch.Tensor
    ) -> None:
        self._shape = shape
        self._weights = weights
        self._linear = linear
        self._rotations = torch.view_as_real(rotations).numpy()
        self._norms = [(_array(layer.input_norm), _array(layer.middle_norm)) for layer in weights.layers]

    def read(self, cache: RowsAt, token_ids: torch.Tensor) -> torch.Tensor:
        """Return the hidden states after the last layer: float32[B, P, H].

        token_ids : int64[B, P]   they stand in the last P slots of their rows
        """
        linear, epsilon = self._linear, np.float32(self._shape.norm_epsilon)
        hidden = functional.embedding(token_ids.flatten(), self._weights.embedding)
        rows = hidden.numpy()
        num_rows, size = rows.shape
        inner = self._weights.layers[0].down.shape[1] if self._weights.layers else 0
        normed, attended, product = (
            torch.empty(num_rows, width) for width in (size, self._shape.num_heads * self._shape.head_size, inner)
        )
        normed_rows, attended_rows, product_rows = normed.numpy(), attended.numpy(), product.numpy()
        attention = _Attention(cache, self._rotations, token_ids.shape[1])
        powers = np.empty(inner, dtype=np.int32)
        factors = powers.view(np.float32)
        change = rows
        for index, layer in enumerate(self._weights.layers):
            first, second = self._norms[index]
            add_norm_kernel(rows, change, index > 0, first, epsilon, normed_rows)
            attention.fill(index, linear(normed, layer.qkv, layer.qkv_bias).numpy(), attended_rows)
            change = linear(attended, layer.out, layer.out_bias).numpy()
            add_norm_kernel(rows, change, True, second, epsilon, normed_rows)  # noqa: FBT003 - Numba takes no keywords
            gate_up_kernel(linear(normed, layer.gate_up, None).numpy(), powers, factors, product_rows)
            change = linear(product, layer.down, None).numpy()
        if self._weights.layers:
            rows += change
        return hidden.view(*token_ids.shape, size)


class _Attention:
    """Hold what attention takes in every layer of one step."""

    __slots__ = ("_buffers", "_has_live", "_keys", "_live", "_owners", "_positions", "_rotations", "_slots", "_values")

    def __init__(self, cache: RowsAt, rotations: NDArray[np.float32], num_new: int) -> None:
        slots, live = cache.last_slots()
        back = np.arange(1 - num_new, 1)
        self._rotations = rotations
        self._positions = (np.array(cache.positions, dtype=np.int64)[:, None] - 1 + back).ravel()
        self._slots = (np.array(slots, dtype=np.int64)[:, None] + back).ravel()
        self._owners = np.repeat(np.arange(len(slots)), num_new)
        self._has_live = live is not None
        self._live = _NO_MASK if live is None else live.numpy()
        self._keys, self._values = cache.keys.numpy(), cache.values.numpy()
        longest = int(self._slots.max()) + 1
        powers = np.empty(longest, dtype=np.int32)
        query = np.empty(cache.keys.shape[-1], dtype=np.float32)
        self._buffers = (query, powers, powers.view(np.float32), *np.empty((2, longest), dtype=np.float32))

    def fill(self, layer: int, qkv: NDArray[np.float32], attended: NDArray[np.float32]) -> None:
        """Write what a layer's attention gives."""
        attend_rows_kernel(
            qkv,
            self._rotations,
            self._positions,
            self._owners,
            self._slots,
            self._live,
            self._has_live,
            self._keys[layer],
            self._values[layer],
            *self._buffers,
            attended,
        )


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().numpy()
    return array
