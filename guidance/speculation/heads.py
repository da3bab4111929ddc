"""Hold block-wise draft heads: small layers that guess tokens further ahead from the model's own last hidden state.

Stern et al. 2018 (arXiv:1811.03115) and Medusa (Cai et al. 2024, arXiv:2401.10774) guess every token from the hidden
state alone; here each head also sees the token just before the one it guesses, as in Hydra (Ankner et al. 2024,
arXiv:2402.05109). The output layer is the model's own.

The heads of a model in FOLDER are in ``FOLDER/heads/heads.safetensors``; `guidance.embedded.train_heads` trains them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from guidance.errors import ModelError
from guidance.loading import find_source
from guidance.model import Model
from guidance.transformer.llama import LlamaCausalLM

__all__ = ["DraftHeads", "heads_path", "load_heads"]

_PARTS = ("hidden", "token", "bias", "out")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DraftHeads:
    """Hold K heads of W inner units over hidden states of size H.

    Head j, counted from 1, guesses the token j places after the one that the hidden state itself predicts::

        state + out @ silu(hidden @ state + token @ embedding(token before) + bias)

    hidden, token : float[K, W, H]
    bias          : float[K, W]
    out           : float[K, H, W]
    """

    hidden: torch.Tensor
    token: torch.Tensor
    bias: torch.Tensor
    out: torch.Tensor

    @property
    def num_heads(self) -> int:
        """Return K."""
        return self.hidden.shape[0]

    @property
    def hidden_size(self) -> int:
        """Return H."""
        return self.hidden.shape[2]

    def apply(self, head: int, states: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Return what the output layer is to read for the guesses of one head: float[n, H].

        states : float[n, H]   hidden states after the last norm
        before : float[n, H]   embeddings of the tokens just before the guessed ones
        """
        k = head - 1
        inner = functional.linear(states, self.hidden[k], self.bias[k]) + functional.linear(before, self.token[k])
        return states + functional.linear(functional.silu(inner), self.out[k])


def heads_path(model: Model) -> Path | None:
    """Return where the heads of a model are; None where it comes from no folder, or has none there."""
    try:
        path = Path(find_source(model.name)) / "heads" / "heads.safetensors"
    except ModelError:  # its name is its owner's, and no place
        return None
    return path if path.is_file() else None


def load_heads(model: Model) -> DraftHeads:
    """Read the heads of a model.

    Raises
    ------
    ModelError : when it has none, or they are those of another network.
    """
    network, path = model.language_model, heads_path(model)
    if path is None or not isinstance(network, LlamaCausalLM):
        raise ModelError(
            f"{model.name}: got draft='heads', but no heads/heads.safetensors stands beside its weights, expected a "
            "Llama-like model with heads of its own, such as 'embedded'; draft with a smaller model, 'early-exit' or "
            "'prompt-lookup'"
        )
    from safetensors.torch import load_file

    weights = network.weights.norm
    tensors = {name: tensor.to(weights) for name, tensor in load_file(path).items()}
    if set(tensors) != set(_PARTS) or tensors["hidden"].shape[2] != network.shape.hidden_size:
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        raise ModelError(
            f"{path}: got {shapes}, expected {', '.join(_PARTS)} over hidden states of size "
            f"{network.shape.hidden_size}; train them anew for {model.name}"
        )
    return DraftHeads(**tensors)
