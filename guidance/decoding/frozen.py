"""Mask, sample and advance on the device: a frozen grammar's tables as tensors, and no word to the host.

The host's twin is the matcher's loop: fill a mask, draw a token, advance. Here a row's place in the grammar is one
number on the device; what it allows and where a drawn token leads are two look-ups. Shapes never change and nothing is
read back, so a step can be captured in a CUDA graph together with the model's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from fsm.errors import MaskError
from fsm.freezing.frozen import FrozenTables

__all__ = ["FrozenGrammar"]


class FrozenGrammar:
    """Hold one grammar's tables on a device.

    allowed  : bool[S, C]    whether a class of tokens may come next; logits wider than the vocabulary meet a last class
    next     : int64[S * C]  next state by state and class
    class_of : int64[V]      the class of each token

    Parameters
    ----------
    tables : the frozen grammar (``fsm.freezing.frozen.freeze``).
    device : where they go.
    logits_size : columns of the logits, where they are padded; the vocabulary's size by default.

    Raises
    ------
    MaskError : the logits are narrower than the vocabulary.
    """

    def __init__(
        self, tables: FrozenTables, device: torch.device | str = "cpu", *, logits_size: int | None = None
    ) -> None:
        size, num_classes = len(tables.class_of), tables.num_classes
        wide = size if logits_size is None else logits_size
        if wide < size:
            raise MaskError(f"frozen grammar: got logits of {wide} columns, expected at least {size}, one per token")
        following = torch.zeros(tables.num_states, num_classes + 1, dtype=torch.int64)
        following[:, :num_classes] = torch.from_numpy(tables.next)
        class_of = torch.full((wide,), num_classes, dtype=torch.int64)
        class_of[:size] = torch.from_numpy(tables.class_of)
        self.tables = tables
        self.class_of = class_of.to(device)
        self.next = following.flatten().to(device)
        self.allowed = (following > 0).to(device)
        self._width = num_classes + 1

    def start(self, batch_size: int) -> torch.Tensor:
        """Return the states of texts that begin: int64[B]."""
        return torch.full((batch_size,), self.tables.start, dtype=torch.int64, device=self.next.device)

    def mask(self, states: torch.Tensor) -> torch.Tensor:
        """Return which tokens may come next: bool[B, V]."""
        return self.allowed.index_select(0, states).index_select(1, self.class_of)

    def advance(self, states: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        """Return the states after one token each: int64[B]; 0 where the token is not allowed."""
        return self.next.index_select(0, states * self._width + self.class_of.index_select(0, token_ids))

    def is_ended(self, states: torch.Tensor) -> torch.Tensor:
        """Return which texts have ended: bool[B]; an ended row draws end tokens from then on."""
        return states <= 1

    def draw(
        self, states: torch.Tensor, logits: torch.Tensor, *, scales: torch.Tensor, uniforms: torch.Tensor
    ) -> torch.Tensor:
        """Draw one token per row among those allowed, as ``guidance.logits.sampler`` does on the host.

        logits   : float[B, V]
        scales   : float32[B]   1 / temperature; 0 takes the most likely token
        uniforms : float64[B]   in [0, 1)

        Returns
        -------
        token_ids : int64[B]
        """
        legal = logits.float().masked_fill(~self.mask(states), float("-inf"))
        best, greedy = legal.max(dim=-1, keepdim=True)
        scale = torch.where(scales > 0, scales, torch.ones_like(scales))[:, None]
        running = ((legal - best) * scale).exp().cumsum(dim=-1, dtype=torch.float64)
        whole = running[:, -1:].contiguous()
        found = torch.searchsorted(running, uniforms[:, None] * whole, right=True)
        # Rounding may point past the last token that has any weight.
        last = torch.searchsorted(running, whole)
        sampled = torch.minimum(found, last).squeeze(1)
        return torch.where(scales > 0, sampled, greedy.squeeze(1))

    def run(
        self,
        next_logits: Callable[[torch.Tensor], torch.Tensor],
        logits: torch.Tensor,
        *,
        scales: torch.Tensor,
        uniforms: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode as many steps as there are uniforms; what to do with the tokens is asked on the device only.

        next_logits : from int64[B] tokens to float[B, V] logits; logits : those after the prompt.
        uniforms    : float64[T, B]

        Returns
        -------
        token_ids : int64[B, T]   end tokens where a row had ended
        states    : int64[B]      where each row stands
        """
        states = self.start(logits.shape[0])
        drawn = torch.empty(logits.shape[0], uniforms.shape[0], dtype=torch.int64, device=logits.device)
        for step in range(uniforms.shape[0]):
            tokens = self.draw(states, logits, scales=scales, uniforms=uniforms[step])
            states = self.advance(states, tokens)
            drawn[:, step] = tokens
            logits = next_logits(tokens)
        return drawn, states
