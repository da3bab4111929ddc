"""Compute the loss of a batch for each goal a recipe can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from guidance.embedded.batches import Batch
from guidance.embedded.recipes import Goal

__all__ = ["LOSSES"]

NUM_OTHER_TOKENS = 4  # per position, drawn at random for the one-pass head
OTHER_WEIGHT = 0.1


def _text_loss(model: Any, batch: Batch, device: str) -> torch.Tensor:
    hidden, targets, _ = _read(model, batch, device)
    with torch.autocast(device, dtype=torch.bfloat16):
        logits = model.lm_head(hidden)
    return nn.functional.cross_entropy(logits.float(), targets)


def _attribute_loss(model: Any, batch: Batch, device: str) -> torch.Tensor:
    """Ask for the label after every token of the answer, so that every prefix has a score."""
    hidden, _, labels = _read(model, batch, device)
    with torch.autocast(device, dtype=torch.bfloat16):
        logits = model.score(hidden)
    return nn.functional.cross_entropy(logits.float(), labels)


def _next_attribute_loss(model: Any, batch: Batch, device: str) -> torch.Tensor:
    """Ask for the label in the column of the token that came next.

    Tokens drawn at random are asked for too, with a small weight: a column the text never shows then says what the
    prefix alone says.
    """
    hidden, targets, labels = _read(model, batch, device)
    with torch.autocast(device, dtype=torch.bfloat16):
        logits = model.lm_head(hidden)
    logits, wanted = logits.float(), labels.float()
    shown = logits.gather(1, targets[:, None])[:, 0]
    drawn = torch.randint(logits.shape[1], (len(targets), NUM_OTHER_TOKENS), device=logits.device)
    others = logits.gather(1, drawn)
    loss = nn.functional.binary_cross_entropy_with_logits
    return loss(shown, wanted) + OTHER_WEIGHT * loss(others, wanted[:, None].expand_as(others))


def _read(model: Any, batch: Batch, device: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the last layer at the N scored positions, what comes next there, and the text's label there.

    hidden : float[N, H * D]   next tokens and labels : int64[N]
    """
    token_ids, targets, labels = (
        torch.from_numpy(array).to(device) for array in (batch.token_ids, batch.targets, batch.labels)
    )
    with torch.autocast(device, dtype=torch.bfloat16):
        # Padding is at the end, so the causal mask alone keeps it out of sight.
        hidden = model.model(token_ids, use_cache=False).last_hidden_state
    scored = targets >= 0
    return hidden[scored], targets[scored], labels[:, None].expand_as(targets)[scored]


LOSSES: Mapping[Goal, Callable[[Any, Batch, str], torch.Tensor]] = {
    "text": _text_loss,
    "attribute": _attribute_loss,
    "next_attribute": _next_attribute_loss,
}
