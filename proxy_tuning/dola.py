"""Prefer what a model's last layers add to its early ones (Chuang et al. 2024, "DoLa")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import torch

from guidance.logits import PLAIN, Companion, Context, MinP, Processor, Stage
from guidance.logits.base import States
from guidance.model import Model
from guidance.transformer.llama import LlamaCausalLM
from proxy_tuning.early_exits import EarlyExits, ExitReader
from proxy_tuning.errors import SteeringError
from proxy_tuning.legal import legal_logits

__all__ = ["DoLa"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoLa(Processor):
    """Score ``log p - log p_early`` over the plausible tokens, where the early layer is the one that differs most.

    Each row and position chooses its own layer, by the Jensen-Shannon divergence between the legal tokens' laws; the
    published code averages it over the batch, so that a row's text depends on its neighbours. The early layers run
    beside the model, which costs their share of a forward pass.

    Parameters
    ----------
    layers : after how many layers to read early laws: numbers, or the lower or the upper half of the model (the paper
        takes the lower one for long answers, the upper one for short facts).
    plausibility : keep tokens at least this share as likely as the most likely one.

    Raises
    ------
    SteeringError : when a setting is out of range, or the model's layers cannot be read.
    """

    stage: ClassVar[Stage] = Stage.COMBINE
    layers: Literal["low", "high"] | tuple[int, ...] = "low"
    plausibility: float = 0.1
    exits: EarlyExits | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        if not 0 < self.plausibility <= 1:
            raise SteeringError(
                f"DoLa: got plausibility={self.plausibility!r}, expected 0 < plausibility <= 1; change plausibility"
            )

    def bind(self, model: Model) -> Self:
        """Return this processor with the model's early layers.

        Raises
        ------
        SteeringError : when the model is not the plain decoder's, or has no such layers.
        """
        network = model.language_model
        if type(network) is not LlamaCausalLM:
            raise SteeringError(
                f"DoLa: got {model.name}, a {type(network).__name__}, expected a Llama-like network that guidance.load "
                "reads itself, as only its layers can be read one by one; steer with ContrastiveDecoding instead"
            )
        return replace(self, exits=EarlyExits(network, self._chosen(network.shape.num_layers)))

    def open(self, prompts: Sequence[Sequence[int]]) -> Companion | None:
        """Return the early layers, having read the prompts."""
        if self.exits is None:
            raise SteeringError("DoLa: got no model to steer, expected one; pass it to guidance.generate, or bind it")
        return ExitReader(self.exits, *self.exits.prefill(prompts))

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the contrast."""
        del states
        reader = context.companion
        assert isinstance(reader, ExitReader), "the pipeline opens a companion for each processor"
        early = reader.logits[..., : logits.shape[-1]].float().to(logits.device)
        legal = legal_logits(logits, context)
        is_out = torch.isneginf(legal)
        mature = torch.log_softmax(legal, dim=-1)
        premature = torch.log_softmax(early.masked_fill(is_out[:, :, None], float("-inf")), dim=-1)
        chosen = _divergence(mature[:, :, None], premature).argmax(dim=-1)
        index = chosen[..., None, None].expand(-1, -1, 1, logits.shape[-1])
        contrast = mature - premature.gather(2, index).squeeze(2)
        return contrast.masked_fill(is_out | torch.isneginf(MinP(self.plausibility).process((), legal)), float("-inf"))

    def _chosen(self, num_layers: int) -> tuple[int, ...]:
        half = max(1, num_layers // 2)
        if self.layers == "low":
            chosen: tuple[int, ...] = tuple(range(1, half + 1))
        elif self.layers == "high":
            chosen = tuple(range(half, num_layers))
        else:
            chosen = tuple(sorted(set(self.layers)))
        if not chosen or chosen[0] < 1 or chosen[-1] >= num_layers:
            raise SteeringError(
                f"DoLa: got layers={self.layers!r} for a model of {num_layers}, expected 'low', 'high' or numbers from "
                f"1 to {num_layers - 1}; change layers"
            )
        return chosen


def _divergence(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the Jensen-Shannon divergence of laws given as log-probabilities, of which some may be minus infinity."""
    middle = torch.logaddexp(left, right) - torch.log(torch.tensor(2.0))
    return 0.5 * (_relative_entropy(left, middle) + _relative_entropy(right, middle))


def _relative_entropy(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    terms = left.exp() * (left - right)
    return torch.where(torch.isneginf(left), 0.0, terms).sum(dim=-1)
