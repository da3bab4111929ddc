"""Weigh tokens by how much choice a model saw: certain tokens say nothing about the key (arXiv 2403.13485, EWD)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fsm import allocate_token_bitmask
from guidance.logits.mask import apply_token_bitmask_inplace
from guidance.model import Model

__all__ = ["entropy_weights", "spike_entropies"]


def spike_entropies(laws: torch.Tensor, modulus: float) -> torch.Tensor:
    """Return sum(p / (1 + m p)) of each law: 1 / (1 + m) where one token is certain, near 1 where many are likely.

    laws : float[T, V]

    Examples
    --------
    >>> spike_entropies(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), 1.0).tolist()
    [0.5, 0.6666...]
    """
    return (laws / (1.0 + modulus * laws)).sum(dim=-1)


def entropy_weights(
    model: Model, prompt_ids: Sequence[int], token_ids: Sequence[int], *, modulus: float, output: Any = None
) -> NDArray[np.float64]:
    """Return float64[T]: each token's spike entropy above the least possible one, under the model and the output type.

    The first token gets no weight when nothing stands before it. Cost: one forward pass over the text.
    """
    whole = [*prompt_ids, *token_ids]
    weights = np.zeros(len(token_ids))
    start = max(len(prompt_ids), 1)
    num_laws = len(whole) - start
    if num_laws <= 0:
        return weights
    laws = _read_laws(model, whole, num_laws)
    if output is not None:
        apply_token_bitmask_inplace(laws, _masks(model, token_ids, output)[-num_laws:])
    entropies = spike_entropies(torch.softmax(laws, dim=-1), modulus).double().numpy()
    weights[-num_laws:] = np.maximum(entropies - 1.0 / (1.0 + modulus), 0.0)
    return weights


def _read_laws(model: Model, token_ids: Sequence[int], num_laws: int) -> torch.Tensor:
    """Return float32[num_laws, V]: the logits before each of the last tokens."""
    network = model.language_model
    cache, logits = network.prefill([list(token_ids[:1])])
    rest = list(token_ids[1:-1])
    if rest:
        step = network.decode_step(cache, torch.tensor([rest], device=network.device), num_logits=len(rest))
        logits = torch.cat([logits, step], dim=1)
    return logits[0, -num_laws:, : model.vocabulary.size].float().cpu().clone()


def _masks(model: Model, token_ids: Sequence[int], output: Any) -> NDArray[np.int32]:
    masks = allocate_token_bitmask(len(token_ids), model.vocabulary.size)
    compiled = model.compile(output).compiled
    if compiled is None:
        return masks
    matcher = compiled.matcher()
    for place, token_id in enumerate(token_ids):
        matcher.fill_next_token_bitmask(masks, place)
        if not matcher.try_advance(token_id):
            break
    return masks
