"""Decode with Llama-like networks in plain torch: few, fused calls per layer.

A step of a small model is mostly dispatch, not arithmetic: this decoder makes about 16 calls per layer where the
transformers module makes about 60, so a step takes a third of the time; logits agree to 1e-4 in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from guidance.errors import ModelError
from guidance.model import KvCache
from guidance.transformer.branches import attend_siblings
from guidance.transformer.growing_cache import FIRST_CAPACITY, LlamaKvCache
from guidance.transformer.int8_matrices import Int8Matrices
from guidance.transformer.llama_weights import LlamaShape, LlamaWeights
from guidance.transformer.packed_matrices import Linear, make_linear
from guidance.transformer.packing import Packing, make_packing, pack_some
from guidance.transformer.row_step import make_row_step
from guidance.transformer.slots import RowSlots
from guidance.transformer.static_cache import StaticKvCache
from guidance.transformer.threads import ThreadLimit

__all__ = ["LlamaCausalLM", "LlamaKvCache"]


class LlamaCausalLM:
    """Compute a Llama-like network.

    Parameters
    ----------
    shape : its sizes.
    weights : its tensors, on one device, of one dtype.
    static_cache : the slots that every row's keys and values have from the start, and the most tokens it may then hold;
        None lets them grow with the texts.

    Raises
    ------
    ModelError : when a static cache has fewer than one slot, or more than the network has positions.
    """

    def __init__(self, shape: LlamaShape, weights: LlamaWeights, *, static_cache: int | None = None) -> None:
        if static_cache is not None and not 1 <= static_cache <= shape.context_size:
            raise ModelError(
                f"static_cache: got {static_cache}, expected 1 to {shape.context_size}, the positions of the network; "
                "change static_cache"
            )
        self.shape = shape
        self.weights = weights
        self.static_cache = static_cache
        self._rotations = _rotations(shape, weights.norm.device)
        matrices = [m for layer in weights.layers for m in (layer.qkv, layer.out, layer.gate_up, layer.down)]
        self._num_parameters = sum(matrix.numel() for matrix in matrices)
        scales = {
            id(getattr(layer, name)): getattr(layer.scales, name)
            for layer in weights.layers
            if layer.scales is not None
            for name in ("qkv", "out", "gate_up", "down")
        }
        self._linear: Linear = Int8Matrices(scales) if scales else make_linear([*matrices, weights.head])

        self._row_step = make_row_step(shape, weights, self._rotations)

    @property
    def logits_size(self) -> int:
        """Return the width of the output layer."""
        return self.weights.head.shape[0]

    @property
    def context_size(self) -> int:
        """Return the most positions a row may hold."""
        return self.static_cache or self.shape.context_size

    @property
    def can_branch(self) -> bool:
        """Tell whether tokens that do not follow one another can be read: in a static cache a slot is a position."""
        return self.static_cache is None

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return self.weights.norm.device

    @property
    def num_parameters(self) -> int:
        """Return how many parameters the layers' matrices have: what a token takes in multiply-adds."""
        return self._num_parameters

    @property
    def linear(self) -> Linear:
        """Return what multiplies by the weights, in whatever form they are kept."""
        return self._linear

    @property
    def rotations(self) -> torch.Tensor:
        """Return exp(i * position * frequency): complex64[context, D / 2]."""
        return self._rotations

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[KvCache, torch.Tensor]:
        """Read the prompts as one left-padded batch."""
        lengths = [len(prompt) for prompt in prompts]
        longest = max(lengths)
        padded = [[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        cache: KvCache
        if self.static_cache is None:
            cache = self._allocate_cache(len(prompts), longest + FIRST_CAPACITY)
        else:
            cache = self.allocate_static_cache(len(prompts), self.static_cache)
        return cache, self.decode_step(cache, torch.tensor(padded, device=self.device), lengths)

    @torch.inference_mode()
    def decode_step(
        self,
        cache: KvCache,
        token_ids: torch.Tensor,
        lengths: Sequence[int] | None = None,
        *,
        num_logits: int = 1,
    ) -> torch.Tensor:
        """Append P positions to every row and return the logits of the last `num_logits` of them."""
        assert isinstance(cache, LlamaKvCache | StaticKvCache)
        num_new = token_ids.shape[1]
        num_tokens = token_ids.numel() if lengths is None else sum(lengths)
        limit = ThreadLimit(num_tokens * self._num_parameters, self.device)
        if limit.is_small and self._row_step is not None:
            cache.add_slots(num_new, lengths)
            return self._row_step.read(cache, token_ids, lengths, num_logits=min(num_logits, num_new))
        with limit:
            if isinstance(cache, StaticKvCache):
                places = cache.append(num_new, lengths)
                rotation = self._rotations[places.clamp(max=self.shape.context_size - 1)][:, None]
                mask = self._group_mask(cache.attention_mask(places))
            else:
                cache.make_room(num_new)
                positions = cache.slots.append(num_new, lengths, token_ids.device)
                rotation = self._rotation(cache, positions, num_new)
                mask = self._mask(cache, positions, num_new)
            packing = make_packing(lengths, num_new, token_ids.device)
            tokens = token_ids if packing is None else packing.pack(token_ids)
            hidden = self._layers(cache, functional.embedding(tokens, self.weights.embedding), rotation, mask, packing)
            return self._logits((hidden if packing is None else packing.spread(hidden))[:, -num_logits:])

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        hidden = functional.rms_norm(hidden, (self.shape.hidden_size,), self.weights.norm, self.shape.norm_epsilon)
        return self._linear(hidden, self.weights.head, None)

    @torch.inference_mode()
    def decode_branches(
        self, cache: LlamaKvCache, token_ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Compute P tokens that need not follow one another, such as siblings of one prefix; return all their logits.

        They stand in the last P slots of the cache, which the caller has made room for and accounted for, and crops.

        token_ids : int64[B, P]
        positions : int64[B, P]        where each stands in its own text; negative in padding
        mask      : bool[B, 1, P, S]   the slots each looks at, its own among them
        """
        limit = ThreadLimit(token_ids.numel() * self._num_parameters, self.device)
        if limit.is_small and self._row_step is not None:
            return self._row_step.read_branches(cache, token_ids, positions.clamp(min=0), mask[:, 0])
        with limit:
            rotation = self._rotations[positions.clamp(min=0)][:, None]
            num_groups = self.shape.num_heads // self.shape.num_kv_heads
            # PERF: attention would turn a Boolean mask into numbers in every layer, for 0.1 ms each at 100 tokens.
            weights = torch.zeros(mask.shape, dtype=self.weights.norm.dtype, device=mask.device)
            weights.masked_fill_(~mask, float("-inf"))
            grouped = weights.repeat(1, 1, num_groups, 1) if num_groups > 1 else weights
            hidden = functional.embedding(token_ids, self.weights.embedding)
            hidden = self._layers(cache, hidden, rotation, grouped)
            hidden = functional.rms_norm(hidden, (self.shape.hidden_size,), self.weights.norm, self.shape.norm_epsilon)
            return self._linear(hidden, self.weights.head, None)

    @torch.inference_mode()
    def decode_siblings(
        self, cache: LlamaKvCache, token_ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Compute K candidates of one position for every row, as `decode_branches` does, for less; return their logits.

        token_ids : int64[B, K]        negative where there is none: its logits mean nothing
        positions : int64[B, K]        the same number in each row
        mask      : bool[B, 1, 1, S]   the slots before the candidates that each row looks at; None for all
        """
        with ThreadLimit(token_ids.numel() * self._num_parameters, self.device):
            weights = None
            if mask is not None:
                weights = torch.zeros(mask.shape, dtype=self.weights.norm.dtype, device=mask.device)
                weights.masked_fill_(~mask, float("-inf"))
            rotation = self._rotations[positions][:, None]
            packing = pack_some(token_ids >= 0)
            tokens = token_ids.clamp(min=0) if packing is None else packing.pack(token_ids)
            hidden = functional.embedding(tokens, self.weights.embedding)
            hidden = self._layers(cache, hidden, rotation, weights, packing, num_siblings=token_ids.shape[1])
            hidden = hidden if packing is None else packing.spread(hidden)
            hidden = functional.rms_norm(hidden, (self.shape.hidden_size,), self.weights.norm, self.shape.norm_epsilon)
            return self._linear(hidden, self.weights.head, None)

    def _layers(
        self,
        cache: LlamaKvCache | StaticKvCache,
        hidden: torch.Tensor,
        rotation: torch.Tensor,
        mask: torch.Tensor | None,
        packing: Packing | None = None,
        *,
        num_siblings: int = 0,
    ) -> torch.Tensor:
        """Return the hidden states after the last layer: float[B, P, H], or float[1, N, H] where they are packed."""
        shape = self.shape
        num_rows, size = cache.num_rows, hidden.shape[-1]
        num_rotated = shape.num_heads + shape.num_kv_heads
        grouped = (num_rows, shape.num_kv_heads, -1, shape.head_size)
        for index, layer in enumerate(self.weights.layers):
            normed = functional.rms_norm(hidden, (size,), layer.input_norm, shape.norm_epsilon)
            qkv = self._linear(normed, layer.qkv, layer.qkv_bias)
            qkv = qkv if packing is None else packing.spread(qkv)
            num_new = qkv.shape[1]
            qkv = qkv.view(num_rows, num_new, -1, shape.head_size).transpose(1, 2)
            rotated = self._rotate(qkv[:, :num_rotated], layer.qk_norm, rotation)
            keys, values = cache.write(index, rotated[:, shape.num_heads :], qkv[:, num_rotated:])
            # The query heads of a group read the same keys, so they may stand as positions of one head.
            queries = rotated[:, : shape.num_heads].reshape(grouped)
            if num_siblings:
                attended = attend_siblings(queries, keys, values, mask, num_siblings)
            else:
                attended = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
            attended = attended.view(num_rows, shape.num_heads, num_new, shape.head_size)
            attended = attended.transpose(1, 2).reshape(num_rows, num_new, -1)
            attended = attended if packing is None else packing.pack(attended)
            hidden = hidden + self._linear(attended, layer.out, layer.out_bias)
            normed = functional.rms_norm(hidden, (size,), layer.middle_norm, shape.norm_epsilon)
            gate, up = self._linear(normed, layer.gate_up, None).chunk(2, dim=-1)
            hidden = hidden + self._linear(functional.silu(gate).mul_(up), layer.down, None)
        return hidden

    def _rotate(self, heads: torch.Tensor, scale: torch.Tensor | None, rotation: torch.Tensor) -> torch.Tensor:
        """Return the heads turned by their positions.

        heads    : float[B, H + K, P, D]
        rotation : complex64[P, D / 2] or [B, 1, P, D / 2]
        """
        if scale is not None:
            heads = functional.rms_norm(heads, (self.shape.head_size,), None, self.shape.norm_epsilon) * scale
        pairs = torch.view_as_complex(heads.float().view(*heads.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * rotation).flatten(-2).to(heads.dtype)

    def _rotation(self, cache: LlamaKvCache, positions: torch.Tensor | None, num_new: int) -> torch.Tensor:
        if positions is None:
            end = cache.slots.positions[0]
            return self._rotations[end - num_new : end]
        return self._rotations[positions.clamp(min=0)][:, None]

    def _mask(self, cache: LlamaKvCache, positions: torch.Tensor | None, num_new: int) -> torch.Tensor | None:
        """Return bool[B or 1, 1, G * P, S] for the G query heads of a group; None when all may be looked at."""
        if positions is not None:
            mask = cache.slots.attention_mask(positions)
        elif num_new > 1:
            end = cache.num_slots
            mask = torch.ones(1, 1, num_new, end, dtype=torch.bool, device=self.device).tril_(end - num_new)
        else:
            return None
        return self._group_mask(mask)

    def _group_mask(self, mask: torch.Tensor | None) -> torch.Tensor | None:
        """Return a mask for the G query heads of a group, which stand as positions of one head."""
        num_groups = self.shape.num_heads // self.shape.num_kv_heads
        return mask.repeat(1, 1, num_groups, 1) if mask is not None and num_groups > 1 else mask

    def allocate_static_cache(self, num_rows: int, size: int) -> StaticKvCache:
        """Return an empty cache of `size` slots for each row."""
        keys = self._allocate(num_rows, size + 1)
        return StaticKvCache(keys, torch.zeros_like(keys), size=size, positions=[0] * num_rows)

    def _allocate_cache(self, num_rows: int, capacity: int) -> LlamaKvCache:
        keys = self._allocate(num_rows, min(capacity, self.shape.context_size))
        return LlamaKvCache(keys, torch.zeros_like(keys), RowSlots(num_rows))

    @torch.inference_mode()
    def _allocate(self, num_rows: int, capacity: int) -> torch.Tensor:
        shape = self.shape
        sizes = (shape.num_layers, num_rows, shape.num_kv_heads, capacity, shape.head_size)
        return torch.zeros(sizes, dtype=self.weights.norm.dtype, device=self.device)


def _rotations(shape: LlamaShape, device: torch.device) -> torch.Tensor:
    """Return exp(i * position * frequency): complex64[context, D / 2]."""
    exponents = torch.arange(0, shape.head_size, 2, dtype=torch.float32) / shape.head_size
    angles = torch.outer(torch.arange(shape.context_size, dtype=torch.float32), shape.rope_theta**-exponents)
    return torch.polar(torch.ones_like(angles), angles).to(device)
