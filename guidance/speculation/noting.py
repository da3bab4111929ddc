"""Read with a plain decoder and note its last hidden states, for heads that guess from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn import functional

from guidance.model import KvCache
from guidance.transformer.llama import LlamaCausalLM, LlamaKvCache

__all__ = ["NotingCausalLM", "hide_output_layer"]


def hide_output_layer(network: LlamaCausalLM) -> LlamaCausalLM:
    """Return a network of the same weights that gives its last hidden states in place of logits."""
    head = network.weights.head
    identity = torch.eye(head.shape[1], dtype=head.dtype, device=head.device)
    weights = replace(network.weights, head=identity)
    return LlamaCausalLM(network.shape, weights, static_cache=network.static_cache)


class NotingCausalLM:
    """Be a network that notes the hidden states, after the last norm, of its last forward pass.

    Parameters
    ----------
    network : what to be.
    headless : the same from `hide_output_layer`.

    hidden : float[B, P, H]   of the positions whose logits were returned; None before the first pass
    """

    def __init__(self, network: LlamaCausalLM, headless: LlamaCausalLM) -> None:
        self.hidden: torch.Tensor | None = None
        self._head = network.weights.head
        self._headless = headless

    @property
    def logits_size(self) -> int:
        """Return the width of the output layer."""
        return self._head.shape[0]

    @property
    def context_size(self) -> int:
        """Return the most positions a row may hold."""
        return self._headless.context_size

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return self._headless.device

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[KvCache, torch.Tensor]:
        """Read the prompts as one left-padded batch."""
        cache, self.hidden = self._headless.prefill(prompts)
        return cache, self._logits(self.hidden)

    def decode_step(
        self, cache: KvCache, token_ids: torch.Tensor, lengths: Sequence[int] | None = None, *, num_logits: int = 1
    ) -> torch.Tensor:
        """Append P positions to every row and return the logits of the last `num_logits` of them."""
        self.hidden = self._headless.decode_step(cache, token_ids, lengths, num_logits=num_logits)
        return self._logits(self.hidden)

    def decode_branches(
        self, cache: LlamaKvCache, token_ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Compute P tokens that need not follow one another; return all their logits."""
        self.hidden = self._headless.decode_branches(cache, token_ids, positions, mask)
        return self._logits(self.hidden)

    @torch.inference_mode()
    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.linear(hidden, self._head)
