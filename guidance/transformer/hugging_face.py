"""Run any causal model of the transformers library through its DynamicCache.

Rows of a batch may differ in length: padded slots stay in the cache, hidden by a mask of our own, and positions are
passed explicitly. Layers with a window keep their whole past, which also lets every cache be cropped.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

from guidance.errors import ModelError
from guidance.model import KvCache
from guidance.transformer.slots import RowSlots
from guidance.transformer.threads import ThreadLimit

__all__ = ["HuggingFaceCausalLM", "HuggingFaceKvCache"]


class HuggingFaceKvCache:
    """Hold a DynamicCache and the account of its slots."""

    __slots__ = ("cache", "slots")

    def __init__(self, cache: Any, slots: RowSlots) -> None:
        self.cache = cache
        self.slots = slots

    @property
    def num_rows(self) -> int:
        """Return B."""
        return self.slots.num_rows

    @property
    def num_slots(self) -> int:
        """Return how many positions every row occupies, padding included."""
        return self.slots.num_slots

    @property
    def num_bytes(self) -> int:
        """Return the memory the keys and values take."""
        layers = (layer for layer in self.cache.layers if getattr(layer, "keys", None) is not None)
        return sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)

    def fork(self) -> HuggingFaceKvCache:
        """Return an independent copy."""
        return HuggingFaceKvCache(copy.deepcopy(self.cache), self.slots.fork())

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may be named more than once."""
        self.cache.batch_select_indices(torch.tensor(rows, dtype=torch.long))
        self.slots.select(rows)

    def crop(self, num_slots: int) -> None:
        """Forget every slot from `num_slots` on, in all rows."""
        removed = self.num_slots - num_slots
        if removed > 0:
            self.cache.crop(-removed)
            self.slots.crop(num_slots)

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        before = self.num_slots
        removed = before - self.slots.drop(counts, self.cache.layers[0].keys.device)
        if removed > 0:
            self.cache.crop(-removed)
        self._close_holes()

    def keep(self, kept: Sequence[Sequence[int]], num_new: int) -> None:
        """Of the last `num_new` slots, forget in row b all but ``kept[b]``; rows beyond those forget none."""
        start = self.num_slots - num_new
        order = self.slots.keep(kept, num_new, self.cache.layers[0].keys.device)
        if order is not None:
            for layer in self.cache.layers:
                for tensor in (layer.keys, layer.values):
                    moved = tensor[:, :, start:].gather(2, _spread(order, tensor))
                    tensor[:, :, start : self.num_slots] = moved
        removed = start + num_new - self.num_slots
        if removed > 0:
            self.cache.crop(-removed)
        self._close_holes()

    def make_room(self, num_new: int) -> None:
        """Do nothing: the layers grow by themselves."""

    def _close_holes(self) -> None:
        kept = self.slots.compact()
        if kept is not None:
            self._change(lambda tensor: tensor.gather(2, _spread(kept, tensor)))

    def join(self, other: KvCache) -> None:
        """Add the rows of another cache of the same model behind these; the other one must not be used again."""
        assert isinstance(other, HuggingFaceKvCache)
        device = self.cache.layers[0].keys.device
        padding = self.slots.join(other.slots, device)
        for layer, added in zip(self.cache.layers, other.cache.layers, strict=True):
            for name in ("keys", "values"):
                sides = (getattr(layer, name), getattr(added, name))
                padded = [functional.pad(t, (0, 0, pad, 0)) for t, pad in zip(sides, padding, strict=True)]
                setattr(layer, name, torch.cat(padded))

    def _change(self, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        for layer in self.cache.layers:
            layer.keys, layer.values = change(layer.keys), change(layer.values)


class HuggingFaceCausalLM:
    """Adapt one transformers causal language model to `CausalLM`.

    Parameters
    ----------
    network : a ``PreTrainedModel`` with a language-model head.
    name : how messages call it.

    Raises
    ------
    ModelError : when the network is an encoder, an encoder-decoder, or has no output embedding.
    """

    def __init__(self, network: Any, *, name: str = "model") -> None:
        _check_causal(network, name)
        self.name = name
        self.network = network.eval()
        self.config = network.config.get_text_config()
        parameters = inspect.signature(network.forward).parameters
        self._takes_positions = "position_ids" in parameters
        self._takes_logits_to_keep = "logits_to_keep" in parameters
        self._num_parameters = int(network.num_parameters())
        self._windows = _windows(self.config)
        self._logits_size = int(network.get_output_embeddings().weight.shape[0])

    @property
    def logits_size(self) -> int:
        """Return the width of the output layer."""
        return self._logits_size

    @property
    def can_drop(self) -> bool:
        """Tell whether rows can forget tokens: recurrent layers cannot."""
        return self._windows is not None

    @property
    def context_size(self) -> int:
        """Return the most positions a row may hold."""
        for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
            size = getattr(self.config, name, None)
            if size:
                return int(size)
        return 1 << 30  # no positional limit (ALiBi, recurrent)

    @property
    def device(self) -> torch.device:
        """Return the device of the network's first parameter."""
        device: torch.device = self.network.device
        return device

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[KvCache, torch.Tensor]:
        """Read the prompts as one left-padded batch."""
        from transformers import DynamicCache

        lengths = [len(prompt) for prompt in prompts]
        longest = max(lengths)
        padded = [[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
        inner = DynamicCache() if self._windows is not None else DynamicCache(config=self.config)
        cache = HuggingFaceKvCache(inner, RowSlots(len(prompts)))
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
        assert isinstance(cache, HuggingFaceKvCache)
        positions = cache.slots.append(token_ids.shape[1], lengths, token_ids.device)
        arguments: dict[str, Any] = {}
        if positions is not None:
            arguments["attention_mask"] = self._mask(cache.slots, positions)
            if self._takes_positions:
                arguments["position_ids"] = positions.clamp(min=0)
        if self._takes_logits_to_keep:
            arguments["logits_to_keep"] = num_logits
        with ThreadLimit(token_ids.numel() * self._num_parameters, token_ids.device):
            output = self.network(
                input_ids=token_ids, past_key_values=cache.cache, use_cache=True, return_dict=True, **arguments
            )
        logits: torch.Tensor = output.logits
        return logits[:, -num_logits:]

    @property
    def can_branch(self) -> bool:
        """Tell whether tokens may be read that do not follow one another: it takes masks and positions of their own."""
        return self.can_drop and self._takes_positions and self._attention in {"sdpa", "eager"}

    @torch.inference_mode()
    def decode_branches(
        self, cache: HuggingFaceKvCache, token_ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Compute P tokens that need not follow one another; return all their logits.

        They stand in the last P slots of the cache, which the caller has accounted for.

        token_ids : int64[B, P]
        positions : int64[B, P]        where each stands in its own text
        mask      : bool[B, 1, P, S]   the slots each looks at, its own among them, in the order of its text
        """
        assert self._windows is not None
        places = mask.cumsum(dim=-1) - 1  # in the text of the token that looks
        masks = {
            kind: mask if window is None else mask & (places > positions[:, None, :, None] - window)
            for kind, window in self._windows.items()
        }
        with ThreadLimit(token_ids.numel() * self._num_parameters, token_ids.device):
            output = self.network(
                input_ids=token_ids,
                past_key_values=cache.cache,
                attention_mask=self._as_expected(masks),
                position_ids=positions,
                use_cache=True,
                return_dict=True,
            )
        logits: torch.Tensor = output.logits
        return logits

    def _mask(self, slots: RowSlots, positions: torch.Tensor) -> Any:
        """Return what transformers expects: one mask, or one for each kind of layer."""
        if self._windows is None:
            raise ModelError(
                f"{self.name}: got rows of different lengths, expected equal ones: this model's layers are "
                "recurrent and cannot skip padding; run one prompt at a time"
            )
        if self._attention not in {"sdpa", "eager"}:
            assert slots.live is not None
            return slots.live.long()
        return self._as_expected(
            {kind: slots.attention_mask(positions, window) for kind, window in self._windows.items()}
        )

    @property
    def _attention(self) -> str:
        found: str = self.config._attn_implementation  # noqa: SLF001 - it has no public name
        return found

    def _as_expected(self, masks: dict[str, torch.Tensor]) -> Any:
        """Return the masks of every kind of layer in the form that its attention takes."""
        if self._attention == "eager":
            masks = {kind: _additive(mask, self.network.dtype) for kind, mask in masks.items()}
        return masks if len(masks) > 1 else next(iter(masks.values()))


def _spread(slots: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    return slots[:, None, :, None].expand(-1, tensor.shape[1], -1, tensor.shape[3])


def _additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, torch.finfo(dtype).min)


def _windows(config: Any) -> dict[str, int | None] | None:
    """Return the window of each kind of attention layer, None for no window; None when a layer is not attention."""
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    kinds = set(getattr(config, "layer_types", None) or ())
    if not kinds:
        kinds = {"full_attention"} if window is None else {"sliding_attention"}
    if not kinds <= {"full_attention", "sliding_attention"}:
        return None
    return {kind: window if kind == "sliding_attention" else None for kind in sorted(kinds)}


def _check_causal(network: Any, name: str) -> None:
    config = network.config
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(
            f"{name}: got the encoder-decoder {type(network).__name__}, expected a decoder-only model; "
            "load a causal language model such as a Llama, Qwen or GPT-2 checkpoint"
        )
    if not hasattr(network, "get_output_embeddings") or network.get_output_embeddings() is None:
        raise ModelError(
            f"{name}: got {type(network).__name__}, which has no language-model head; load it with AutoModelForCausalLM"
        )
