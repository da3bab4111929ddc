"""Read a network's last hidden states beside its logits.

The states are those that the output layer reads, after the last norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional

from guidance.errors import ModelError
from guidance.model import KvCache, Model
from guidance.transformer import HuggingFaceCausalLM, LlamaCausalLM

__all__ = ["HiddenReader", "Reading", "make_hidden_reader"]


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold what a network says about the last N positions of B rows.

    hidden : float[B, N, D]
    logits : float[B, N, V]
    """

    hidden: torch.Tensor
    logits: torch.Tensor


class HiddenReader:
    """Read through a plain decoder whose output layer is the identity, so that its logits are the hidden states."""

    def __init__(self, model: LlamaCausalLM) -> None:
        head = model.weights.head
        identity = torch.eye(head.shape[1], dtype=head.dtype, device=head.device)
        self._head = head
        self._inner: Any = LlamaCausalLM(model.shape, replace(model.weights, head=identity))

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[KvCache, Reading]:
        """Return a cache that holds the prompts' first tokens, and what was read at them."""
        cache, hidden = self._inner.prefill([prompt[:1] for prompt in prompts])
        return cache, Reading(hidden, functional.linear(hidden, self._head))

    def read(
        self, cache: KvCache, token_ids: torch.Tensor, lengths: Sequence[int] | None, *, num_logits: int
    ) -> Reading:
        """Append positions to every row, as ``CausalLM.decode_step`` does."""
        hidden = self._inner.decode_step(cache, token_ids, lengths, num_logits=num_logits)
        return Reading(hidden, functional.linear(hidden, self._head))


class HuggingFaceHiddenReader(HiddenReader):
    """Read through a transformers network and note what its output layer is given."""

    def __init__(self, model: HuggingFaceCausalLM) -> None:
        self._inner = model
        self._layer = model.network.get_output_embeddings()

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[KvCache, Reading]:
        """Return a cache that holds the prompts' first tokens, and what was read at them."""
        seen: list[torch.Tensor] = []
        with _Noting(self._layer, seen):
            cache, logits = self._inner.prefill([prompt[:1] for prompt in prompts])
        return cache, Reading(seen[-1][:, -1:], logits)

    def read(
        self, cache: KvCache, token_ids: torch.Tensor, lengths: Sequence[int] | None, *, num_logits: int
    ) -> Reading:
        """Append positions to every row, as ``CausalLM.decode_step`` does."""
        seen: list[torch.Tensor] = []
        with _Noting(self._layer, seen):
            logits = self._inner.decode_step(cache, token_ids, lengths, num_logits=num_logits)
        return Reading(seen[-1][:, -num_logits:], logits)


class _Noting:
    """Note a layer's inputs inside a ``with`` block."""

    def __init__(self, layer: torch.nn.Module, seen: list[torch.Tensor]) -> None:
        self._layer, self._seen = layer, seen

    def __enter__(self) -> None:
        self._handle = self._layer.register_forward_pre_hook(self._note)

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def _note(self, _: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._seen.append(inputs[0])


def make_hidden_reader(model: Model) -> HiddenReader:
    """Return what reads a model's hidden states.

    Raises
    ------
    ModelError : when the network does not show them.
    """
    network = model.language_model
    if isinstance(network, LlamaCausalLM):
        return HiddenReader(network)
    if isinstance(network, HuggingFaceCausalLM):
        return HuggingFaceHiddenReader(network)
    raise ModelError(
        f"{model.name}: got a {type(network).__name__}, which shows no hidden states, expected a transformers or a "
        "Llama-like model; search with guidance.Beams instead"
    )
