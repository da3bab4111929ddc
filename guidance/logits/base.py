"""Define what a logits processor is: a pure function over P positions whose state is a value.

A processor never keeps the prefix inside itself. The loop holds one state per row, asks for the next one after each
token, and goes back by taking an older one: speculation, beams and batches need nothing else. (Processors that
remember the last call break there: transformers 5.23 changed 20 of 20 greedy texts under classifier-free guidance
with an assistant model.)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, ClassVar

import torch

__all__ = ["Processor", "Stage", "States"]

States = Sequence[Sequence[Any]]
"""The states of one processor: ``states[b][p]`` belongs to position p of row b."""


class Stage(IntEnum):
    """Name the places in the pipeline a processor may stand at; the order is written in ``pipeline.py``."""

    COMBINE = 0
    PENALTY = 1
    MASK = 2
    RESCORE = 3
    TEMPERATURE = 4
    TRUNCATION = 5
    WATERMARK = 6


class Processor(ABC):
    """Change logits as a function of them, of the tokens before, and of nothing else.

    Sub-classes are frozen values. One without memory overrides `process` only; its state is None.
    """

    stage: ClassVar[Stage]

    def start(self, prompt_ids: Sequence[int]) -> Any:
        """Return the state before the first token of one row."""
        del prompt_ids

    def advance(self, state: Any, token_id: int, log_prob: float) -> Any:
        """Return the state after a token drawn with this log-probability; the old state stays valid."""
        del token_id, log_prob
        return state

    @abstractmethod
    def process(self, states: States, logits: torch.Tensor, token_ids: torch.Tensor | None = None) -> torch.Tensor:
        """Return the changed logits; the input is left as it is.

        logits    : float32[B, P, K]
        token_ids : int64[B, P, K] which token each column is; None when column j is token j (K = V)
        """

    @property
    def is_stateful(self) -> bool:
        """Tell whether `advance` does anything."""
        return type(self).advance is not Processor.advance
