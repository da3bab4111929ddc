"""Run several networks of one shape as one: every matrix carries a leading model axis.

A step of a small network is mostly dispatch, so two experts as one batched network cost little more than one. Rows of
the cache belong to networks in blocks: of R rows for each of M networks, row ``m * R + r`` is network m's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn import functional

from guidance.model import KvCache
from guidance.transformer.llama import LlamaCausalLM, LlamaKvCache
from guidance.transformer.llama_weights import LayerWeights
from guidance.transformer.threads import ThreadLimit

__all__ = ["StackedLlama", "can_stack", "stack_networks"]

_MOST_PARAMETERS = 1 << 27
"""Larger networks are bound by memory, where stacking gains nothing and its copy of the weights costs much."""


_MOST_FILLED = 0.85
"""Padding is left out of the matrices where it is more than this leaves, as in ``guidance.transformer.packing``."""

_Places = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]
"""Rotation, attention mask, and which of a block's R * P positions are real: int64[N], None where all are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _StackedLayer:
    """Hold one layer of M networks, matrices transposed and the norms' scales multiplied into them.

    qkv : float[M, H, O]   qkv_bias : float[M, 1, O] or None   qk_norm : float[M, 1, heads, 1, D] or None
    """

    qkv: torch.Tensor
    qkv_bias: torch.Tensor | None
    qk_norm: torch.Tensor | None
    out: torch.Tensor
    out_bias: torch.Tensor | None
    gate_up: torch.Tensor
    down: torch.Tensor


class StackedLlama(LlamaCausalLM):
    """Compute M networks of one shape on M blocks of rows.

    Parameters
    ----------
    networks : M networks for which `can_stack` holds. Their weights are copied.
    """

    def __init__(self, networks: Sequence[LlamaCausalLM]) -> None:
        first = networks[0]
        super().__init__(first.shape, first.weights)
        self.num_networks = len(networks)
        self._num_parameters *= self.num_networks
        self._embedding = torch.cat([network.weights.embedding for network in networks])
        self._firsts = torch.arange(self.num_networks, device=self.device)[:, None] * first.weights.embedding.shape[0]
        self._stacked = [
            _stack_layer([network.weights.layers[i] for network in networks]) for i in range(first.shape.num_layers)
        ]
        # PERF: a wide matrix is read faster row by row from 3 rows on (H = 128, V = 1024: 57 against 92 us for 8 rows).
        self._head = torch.stack([network.weights.head * network.weights.norm for network in networks])

    @torch.inference_mode()
    def decode_step(
        self,
        cache: KvCache,
        token_ids: torch.Tensor,
        lengths: Sequence[int] | None = None,
        *,
        num_logits: int = 1,
    ) -> torch.Tensor:
        """Append P positions to every row and return the logits of the last `num_logits` of them.

        token_ids : int64[M * R, P]
        logits    : float[M * R, N, V]
        """
        assert isinstance(cache, LlamaKvCache)
        num_rows, num_new = token_ids.shape
        with ThreadLimit(token_ids.numel() * self._num_parameters // self.num_networks, self.device):
            cache.make_room(num_new)
            positions = cache.slots.append(num_new, lengths, token_ids.device)
            rotation, mask = self._rotation(cache, positions, num_new), self._mask(cache, positions, num_new)
            blocks = token_ids.view(self.num_networks, -1)
            packing = _make_packing(lengths, num_new, self.num_networks, self.device)
            blocks = blocks if packing is None else blocks.index_select(1, packing)
            hidden = functional.embedding(blocks + self._firsts, self._embedding)
            hidden = self._run_layers(cache, hidden, (rotation, mask, packing))
            hidden = hidden if packing is None else _spread(hidden, packing, num_rows * num_new // self.num_networks)
            hidden = hidden.view(num_rows, num_new, -1)[:, -num_logits:].reshape(self.num_networks, -1, hidden.shape[2])
            return torch.bmm(self._normed(hidden), self._head.transpose(1, 2)).view(num_rows, -1, self.logits_size)

    def _run_layers(self, cache: LlamaKvCache, hidden: torch.Tensor, places: _Places) -> torch.Tensor:
        """Return the hidden states after the last layer.

        hidden : float[M, R * P, H]; packed, without padding: float[M, N, H]
        """
        for index, layer in enumerate(self._stacked):
            attended = self._attend(cache, index, self._normed(hidden), places)
            hidden = torch.baddbmm(hidden, attended, layer.out)
            if layer.out_bias is not None:
                hidden = hidden + layer.out_bias
            gate, up = torch.bmm(self._normed(hidden), layer.gate_up).chunk(2, dim=-1)
            hidden = torch.baddbmm(hidden, functional.silu(gate).mul_(up), layer.down)
        return hidden

    def _attend(self, cache: LlamaKvCache, index: int, normed: torch.Tensor, places: _Places) -> torch.Tensor:
        """Write one layer's keys and values and return what its heads attend to: float[M, R * P, heads * D]."""
        layer, shape, num_rows, end = self._stacked[index], self.shape, cache.num_rows, cache.num_slots
        rotation, mask, packing = places
        qkv = torch.bmm(normed, layer.qkv)
        if layer.qkv_bias is not None:
            qkv = qkv + layer.qkv_bias
        if packing is not None:
            num_places = num_rows // self.num_networks * rotation.shape[-2]
            qkv = _spread(qkv, packing, num_places)
        heads = qkv.view(num_rows, -1, qkv.shape[2] // shape.head_size, shape.head_size).transpose(1, 2)
        rotated = self._rotate_blocks(heads[:, : shape.num_heads + shape.num_kv_heads], layer.qk_norm, rotation)
        num_new = heads.shape[2]
        keys, values = cache.keys[index], cache.values[index]
        keys[:, :, end - num_new : end] = rotated[:, shape.num_heads :]
        values[:, :, end - num_new : end] = heads[:, shape.num_heads + shape.num_kv_heads :]
        # The query heads of a group read the same keys, so they may stand as positions of one head.
        attended = functional.scaled_dot_product_attention(
            rotated[:, : shape.num_heads].reshape(num_rows, shape.num_kv_heads, -1, shape.head_size),
            keys[:, :, :end],
            values[:, :, :end],
            attn_mask=mask,
        )
        attended = attended.view(num_rows, shape.num_heads, num_new, shape.head_size).transpose(1, 2)
        attended = attended.reshape(self.num_networks, -1, shape.num_heads * shape.head_size)
        return attended if packing is None else attended.index_select(1, packing)

    def _rotate_blocks(self, heads: torch.Tensor, scale: torch.Tensor | None, rotation: torch.Tensor) -> torch.Tensor:
        """Return the heads turned by their positions, scaled first where each network has a scale of its own."""
        if scale is not None:
            blocks = heads.reshape(self.num_networks, -1, *heads.shape[1:])
            scaled = functional.rms_norm(blocks, (self.shape.head_size,), None, self.shape.norm_epsilon) * scale
            heads = scaled.flatten(0, 1)
        return self._rotate(heads, None, rotation)

    def _normed(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(hidden, (hidden.shape[-1],), None, self.shape.norm_epsilon)


def can_stack(networks: Sequence[object]) -> bool:
    """Tell whether networks have one shape, dtype and device, and are small enough to gain from it."""
    plain = [network for network in networks if type(network) is LlamaCausalLM]
    if len(plain) != len(networks) or len(plain) < 2:
        return False
    first = plain[0]
    if any(
        network.weights.layers[0].scales is not None for network in plain
    ):  # eight bits are not multiplied in stacks
        return False
    if sum(tensor.numel() for tensor in _tensors(first)) > _MOST_PARAMETERS:
        return False
    return all(network.shape == first.shape and _kinds(network) == _kinds(first) for network in plain[1:])


@lru_cache(maxsize=4)
def stack_networks(networks: tuple[LlamaCausalLM, ...]) -> StackedLlama:
    """Return the networks as one; the last few stacks are kept, as their weights are copies."""
    return StackedLlama(networks)


def _make_packing(
    lengths: Sequence[int] | None, num_new: int, num_blocks: int, device: torch.device
) -> torch.Tensor | None:
    """Return the real positions of a block, where all blocks have the same and they are few enough."""
    if lengths is None or not any(lengths) or sum(lengths) > _MOST_FILLED * len(lengths) * num_new:
        return None
    own = list(lengths[: len(lengths) // num_blocks])
    if list(lengths) != own * num_blocks:
        return None
    is_real = torch.arange(num_new)[None, :] >= num_new - torch.tensor(own)[:, None]
    return is_real.flatten().nonzero()[:, 0].to(device)


def _spread(packed: torch.Tensor, places: torch.Tensor, num_places: int) -> torch.Tensor:
    """Return [M, R * P, X] of [M, N, X], zeros in padding."""
    padded = packed.new_zeros(packed.shape[0], num_places, packed.shape[2])
    return padded.index_copy_(1, places, packed)


def _tensors(network: LlamaCausalLM) -> list[torch.Tensor]:
    weights = network.weights
    layers = [tensor for layer in weights.layers for tensor in (layer.qkv, layer.out, layer.gate_up, layer.down)]
    return [weights.embedding, weights.head, *layers]


def _kinds(network: LlamaCausalLM) -> list[object]:
    layer = network.weights.layers[0]
    extras = [tensor is None for tensor in (layer.qkv_bias, layer.qk_norm, layer.out_bias)]
    return [*extras, *((tensor.shape, tensor.dtype, tensor.device) for tensor in _tensors(network))]


def _stack_layer(layers: Sequence[LayerWeights]) -> _StackedLayer:
    return _StackedLayer(
        qkv=_stack_matrices([layer.qkv for layer in layers], [layer.input_norm for layer in layers]),
        qkv_bias=_stack_vectors([layer.qkv_bias for layer in layers]),
        qk_norm=_stack_vectors([layer.qk_norm for layer in layers]),
        out=_stack_matrices([layer.out for layer in layers]),
        out_bias=_stack_vectors([layer.out_bias for layer in layers]),
        gate_up=_stack_matrices([layer.gate_up for layer in layers], [layer.middle_norm for layer in layers]),
        down=_stack_matrices([layer.down for layer in layers]),
    )


def _stack_matrices(matrices: Sequence[torch.Tensor], scales: Sequence[torch.Tensor] | None = None) -> torch.Tensor:
    """Return float[M, I, O] of float[O, I] matrices, each input scaled."""
    scaled = matrices if scales is None else [matrix * scale for matrix, scale in zip(matrices, scales, strict=True)]
    return torch.stack([matrix.t() for matrix in scaled]).contiguous()


def _stack_vectors(vectors: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
    present = [vector for vector in vectors if vector is not None]
    return torch.stack(present)[:, None] if present else None
