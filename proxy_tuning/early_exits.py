"""Read what a network would say if it ended after fewer layers: several exits in one pass, kept in step with rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn import functional

from guidance.logits import Companion
from guidance.model import KvCache
from guidance.transformer.llama import LlamaCausalLM, LlamaKvCache

__all__ = ["EarlyExits", "ExitReader"]


class EarlyExits(LlamaCausalLM):
    """Compute the first layers of a network, with its norm and head after some of them; weights are shared.

    Logits have one more axis than other networks': float[B, N, J, V] for J exits.

    Parameters
    ----------
    network : whose layers to take.
    exits : after how many layers to read, ascending.
    """

    def __init__(self, network: LlamaCausalLM, exits: Sequence[int]) -> None:
        shape, weights = network.shape, network.weights
        last = exits[-1]
        super().__init__(replace(shape, num_layers=last), replace(weights, layers=weights.layers[:last]))
        self._spans = list(zip((0, *exits[:-1]), exits, strict=True))
        self._segments = [
            LlamaCausalLM(replace(shape, num_layers=end - start), replace(weights, layers=weights.layers[start:end]))
            for start, end in self._spans
        ]

    @torch.inference_mode()
    def decode_step(
        self,
        cache: KvCache,
        token_ids: torch.Tensor,
        lengths: Sequence[int] | None = None,
        *,
        num_logits: int = 1,
    ) -> torch.Tensor:
        """Append P positions to every row and return the logits of the last `num_logits` of them, at every exit.

        Layers between two exits run once: each segment writes into its own layers of one cache.
        """
        assert isinstance(cache, LlamaKvCache)
        num_new = token_ids.shape[1]
        cache.make_room(num_new)
        positions = cache.slots.append(num_new, lengths, token_ids.device)
        rotation, mask = self._rotation(cache, positions, num_new), self._mask(cache, positions, num_new)
        hidden = functional.embedding(token_ids, self.weights.embedding)
        found = []
        for (start, end), segment in zip(self._spans, self._segments, strict=True):
            own = LlamaKvCache(cache.keys[start:end], cache.values[start:end], cache.slots)
            hidden = segment._layers(own, hidden, rotation, mask)  # noqa: SLF001 - the same network, other layers
            found.append(hidden[:, -num_logits:])
        shape = (self.shape.hidden_size,)
        normed = functional.rms_norm(torch.stack(found, dim=2), shape, self.weights.norm, self.shape.norm_epsilon)
        return functional.linear(normed, self.weights.head)


class ExitReader(Companion):
    """Keep the early exits of B rows in step; owned by the group of rows it was opened for.

    logits : float[B, N, J, V]   of the positions read last
    """

    def __init__(self, exits: EarlyExits, cache: KvCache, logits: torch.Tensor) -> None:
        self._exits = exits
        self._cache = cache
        self.logits = logits

    @property
    def num_bytes(self) -> int:
        """Return the memory of the cache."""
        return self._cache.num_bytes

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None = None, *, num_logits: int = 1) -> None:
        """Append P positions to every row."""
        self.logits = self._exits.decode_step(self._cache, token_ids, lengths, num_logits=num_logits)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        self._cache.select(rows)
        self.logits = self.logits[list(rows)]

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        self._cache.drop(counts)

    def fork(self) -> ExitReader:
        """Return an independent copy."""
        return ExitReader(self._exits, self._cache.fork(), self.logits)
