"""Read the prompts that ``generate`` hands to a custom loop, and refuse what else it would have fed to the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from guidance.errors import PromptError

__all__ = ["prompts_of"]

_OURS = frozenset({"attention_mask", "encoder_outputs", "use_cache", "logits_to_keep", "cache_position"})
"""What generate makes by itself; our loop has its own."""


def prompts_of(
    input_ids: torch.Tensor, model_kwargs: Mapping[str, Any], *, inputs: torch.Tensor | None, start: int | None
) -> list[tuple[int, ...]]:
    """Return the prompts without their padding.

    Parameters
    ----------
    input_ids : int64[B, T]   what the decoder begins with
    model_kwargs : what the network would be given beside them, a row for each of `input_ids`.
    inputs : int64[B, S]   what the encoder reads; None for a decoder-only network
    start : the token the decoder of an encoder-decoder begins with.

    Raises
    ------
    PromptError : for what our loop does not read: embeddings, pictures, a cache, positions of the caller's own.
    """
    if start is not None and (input_ids != start).any():
        raise PromptError(
            f"generate: got decoder_input_ids {input_ids[0].tolist()}, expected the start token {start} alone; "
            "leave decoder_input_ids out"
        )
    token_ids = input_ids if inputs is None else inputs
    mask = model_kwargs.get("attention_mask")
    mask = torch.ones_like(token_ids) if mask is None else mask
    _check_ids(token_ids, mask)
    _check_others(model_kwargs, mask)
    return [tuple(line[kept].tolist()) for line, kept in zip(token_ids, mask.to(token_ids.device).bool(), strict=True)]


def _check_ids(token_ids: torch.Tensor, mask: torch.Tensor) -> None:
    if token_ids.dim() != 2 or token_ids.is_floating_point() or not token_ids.shape[1]:
        raise PromptError(
            f"generate: got inputs of shape {tuple(token_ids.shape)} and {token_ids.dtype}, expected token ids "
            "int64[B, T]; give input_ids"
        )
    if mask.shape != token_ids.shape:
        raise PromptError(
            f"generate: got an attention_mask of shape {tuple(mask.shape)}, expected {tuple(token_ids.shape)}, as many "
            "as there are token ids; leave it out where there is no padding"
        )


def _check_others(model_kwargs: Mapping[str, Any], mask: torch.Tensor) -> None:
    for name, value in model_kwargs.items():
        if value is None or name in _OURS:
            continue
        if name == "past_key_values" and not value.get_seq_length():
            continue
        if name == "position_ids" and _counts(value, mask):
            continue
        raise PromptError(
            f"generate: got {name}, which our loop does not read, expected token ids and their attention_mask; "
            "leave it out, or leave custom_generate out"
        )


def _counts(positions: torch.Tensor, mask: torch.Tensor) -> bool:
    """Tell whether positions are those of the tokens that are no padding."""
    live = mask.bool()
    expected = live.long().cumsum(dim=-1) - 1
    given = positions.to(mask.device).expand_as(mask)
    return torch.equal(given[live], expected[live])
