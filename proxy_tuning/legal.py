"""Restrict logits to what the grammar allows, for methods that choose a set of tokens before the mask is applied."""

from __future__ import annotations

import torch

from guidance.logits import Context, apply_token_bitmask_inplace

__all__ = ["legal_logits"]


def legal_logits(logits: torch.Tensor, context: Context) -> torch.Tensor:
    """Return float32[B, P, V]: minus infinity where the grammar allows no token; the input is left as it is."""
    if context.mask is None:
        return logits
    legal = logits.reshape(-1, logits.shape[-1]).clone()
    apply_token_bitmask_inplace(legal, context.mask)
    return legal.view_as(logits)
