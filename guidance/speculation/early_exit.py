"""Draft with the first layers of the model itself (self-speculation by early exit; Elhoushi et al. 2024)."""

from __future__ import annotations

from dataclasses import replace

from guidance.errors import ModelError
from guidance.model import Model
from guidance.transformer.llama import LlamaCausalLM

__all__ = ["exit_early"]


def exit_early(model: Model, num_layers: int | None) -> LlamaCausalLM:
    """Return the model's network with its first layers only, under the same norm and head; weights are shared.

    Parameters
    ----------
    model : whose layers to take.
    num_layers : how many; None takes a quarter of them, at least one.

    Raises
    ------
    ModelError : when the network is not the plain decoder's, or has too few layers.
    """
    network = model.language_model
    if not isinstance(network, LlamaCausalLM):
        raise ModelError(
            f"{model.name}: got draft='early-exit' for a {type(network).__name__}, expected a Llama-like network that "
            "guidance.load reads itself; draft with a smaller model or with 'prompt-lookup'"
        )
    whole = network.shape.num_layers
    chosen = max(1, whole // 4) if num_layers is None else num_layers
    if not 1 <= chosen < whole:
        raise ModelError(f"{model.name}: got exit_layer={chosen}, expected 1 to {whole - 1}; change exit_layer")
    shape = replace(network.shape, num_layers=chosen)
    return LlamaCausalLM(shape, replace(network.weights, layers=network.weights.layers[:chosen]))
