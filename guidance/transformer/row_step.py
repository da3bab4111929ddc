"""Read tokens of every row on the CPU in one call: all layers are compiled, and so is the output layer.

A step of a small model is mostly calls and waiting for memory, not arithmetic: torch makes 20 calls a layer, and reads
matrices badly for few rows. Here a step is one call, and one pass over the matrices, however many tokens it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.transformer._kernels import read_rows_kernel
from guidance.transformer.llama_weights import LayerWeights, LlamaShape, LlamaWeights
from guidance.transformer.panels import Panels, has_wide_registers, pack_panels

__all__ = ["RowStep", "RowsAt", "make_row_step"]

_NO_MASK, _NO_SIGHT = np.zeros((1, 0), dtype=np.bool_), np.zeros((1, 0, 0), dtype=np.bool_)

_MOST_BYTES = 1 << 30
"""Matrices of more bytes are not copied into panels: what the copy takes would be missed more than it gains."""


class RowsAt(Protocol):
    """List what a step asks of a cache in which each row has just got its slots; both caches have it."""

    keys: torch.Tensor
    values: torch.Tensor

    @property
    def positions(self) -> list[int]:
        """Return how many tokens each row holds, the new ones among them."""

    def last_slots(self) -> tuple[list[int], torch.Tensor | None]:
        """Return the slot of each row's last token, and which slots are live: bool[B, S], or None for all up to it."""


def make_row_step(shape: LlamaShape, weights: LlamaWeights, rotations: torch.Tensor) -> RowStep | None:
    """Return what reads tokens of every row; None where the loops do not do all that the network does."""
    is_plain = (
        weights.norm.device.type == "cpu"
        and weights.norm.dtype == torch.float32
        and all(layer.qk_norm is None and layer.scales is None for layer in weights.layers)
        and sum(matrix.nbytes for matrix in _matrices(weights)) <= _MOST_BYTES
    )
    return RowStep(shape, weights, rotations) if is_plain else None


class RowStep:
    """Run a network for a few tokens of every row.

    Owned by one `LlamaCausalLM`, which prepares the cache. The matrices are copied at the first step, which takes as
    much memory again.
    """

    __slots__ = (
        "_biases",
        "_embedding",
        "_epsilon",
        "_is_wide",
        "_norms",
        "_num_qkv",
        "_panels",
        "_rotations",
        "_weights",
    )

    def __init__(self, shape: LlamaShape, weights: LlamaWeights, rotations: torch.Tensor) -> None:
        self._weights = weights
        self._epsilon = np.float32(shape.norm_epsilon)
        self._rotations = torch.view_as_real(rotations).numpy()
        self._num_qkv = (shape.num_heads + 2 * shape.num_kv_heads) * shape.head_size
        self._embedding = _array(weights.embedding)
        norms = [norm for layer in weights.layers for norm in (layer.input_norm, layer.middle_norm)]
        self._norms = np.stack([_array(norm) for norm in (*norms, weights.norm)])
        self._biases = _stack_biases(weights.layers, self._num_qkv, shape.hidden_size)
        self._is_wide = has_wide_registers()
        self._panels: Panels | None = None

    def read(
        self, cache: RowsAt, token_ids: torch.Tensor, lengths: Sequence[int] | None, *, num_logits: int
    ) -> torch.Tensor:
        """Return the logits of each row's last tokens: float32[B, Q, V]; where a row has fewer they mean nothing.

        token_ids : int64[B, P]   aligned on the right; they stand in the last slots of their rows
        lengths   : how many of them are real in each row; None for all
        """
        num_rows, num_new = token_ids.shape
        counts = [num_new] * num_rows if lengths is None else lengths
        # SAFE: the kernel looks up rotations by position.
        assert max(cache.positions) <= len(self._rotations), "rows fit into the context"
        positions = [np.arange(end - count, end) for end, count in zip(cache.positions, counts, strict=True)]
        slots, live = cache.last_slots()
        looks = (_NO_MASK if live is None else live.contiguous().numpy(), live is not None, _NO_SIGHT, False)
        where = (positions[0] if num_rows == 1 else np.concatenate(positions), np.array(slots, dtype=np.int64))
        return self._run(cache, token_ids, counts, where, looks, num_logits=num_logits)

    def read_branches(
        self, cache: RowsAt, token_ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Return the logits of tokens that need not follow one another, in the last P slots: float32[B, P, V].

        token_ids : int64[B, P]
        positions : int64[B, P]   of each in its own text, from 0 on
        mask      : bool[B, P, S]   the slots each looks at
        """
        num_rows, num_new = token_ids.shape
        assert int(positions.max()) < len(self._rotations), "rows fit into the context"
        looks = (_NO_MASK, False, mask.contiguous().numpy(), True)
        where = (positions.flatten().numpy(), np.full(num_rows, mask.shape[2] - 1))
        return self._run(cache, token_ids, [num_new] * num_rows, where, looks, num_logits=num_new)

    def _run(
        self,
        cache: RowsAt,
        token_ids: torch.Tensor,
        counts: Sequence[int],
        where: tuple[NDArray[np.int64], NDArray[np.int64]],
        looks: tuple[NDArray[np.bool_], bool, NDArray[np.bool_], bool],
        *,
        num_logits: int,
    ) -> torch.Tensor:
        """Call the kernel.

        counts : how many tokens each row has
        where  : the tokens' positions, and the rows' last slots
        looks  : the slots that are live and whether that is asked, and the same for what each token sees
        """
        panels = self._panels
        if panels is None:
            panels = self._panels = pack_panels(_matrices(self._weights))
        num_rows = token_ids.shape[0]
        starts = np.zeros(num_rows + 1, dtype=np.int64)
        np.cumsum(counts, out=starts[1:])
        positions, last_slots = where
        logits = torch.empty(num_rows * num_logits, panels.width(-1))
        keys, values = cache.keys.numpy(), cache.values.numpy()
        assert keys.flags.c_contiguous, "offsets into keys count from the first number"
        assert values.flags.c_contiguous, "the same"
        read_rows_kernel(
            token_ids.contiguous().numpy(),
            self._embedding,
            self._norms,
            self._epsilon,
            panels.numbers,
            panels.places,
            self._biases,
            self._biases.shape[0] > 0,
            self._num_qkv,
            self._rotations,
            starts,
            positions,
            last_slots,
            *looks,
            keys,
            values,
            self._is_wide,
            logits.numpy(),
        )
        return logits.view(num_rows, num_logits, -1)[..., : self._weights.head.shape[0]]


def _matrices(weights: LlamaWeights) -> list[torch.Tensor]:
    """Return all matrices in the order in which a step reads them."""
    layers = [matrix for layer in weights.layers for matrix in (layer.qkv, layer.out, layer.gate_up, layer.down)]
    return [*layers, weights.head]


def _stack_biases(layers: tuple[LayerWeights, ...], num_qkv: int, size: int) -> NDArray[np.float32]:
    """Return the biases of every layer, float32[L, num_qkv + H], zeros where it has none; [0, num_qkv + H] for none."""
    if all(layer.qkv_bias is None and layer.out_bias is None for layer in layers):
        return np.zeros((0, num_qkv + size), dtype=np.float32)
    biases = np.zeros((len(layers), num_qkv + size), dtype=np.float32)
    for line, layer in zip(biases, layers, strict=True):
        if layer.qkv_bias is not None:
            line[:num_qkv] = _array(layer.qkv_bias)
        if layer.out_bias is not None:
            line[num_qkv:] = _array(layer.out_bias)
    return biases


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().contiguous().numpy()
    return array
