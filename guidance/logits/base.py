"""Define what a logits processor is: a pure function over P positions whose state is a value.

A processor never keeps the prefix inside itself. The loop holds one state per row, asks for the next one after each
token, and goes back by taking an older one: speculation, beams and batches need nothing else. (Processors that
remember the last call break there: transformers 5.23 changed 20 of 20 greedy texts under classifier-free guidance
with an assistant model.)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["PLAIN", "Companion", "Context", "Processor", "Stage", "States"]

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


class Companion(ABC):
    """Compute for B rows what a processor needs beside the model: an expert, a classifier, another prompt.

    It is to its processor what the KV cache is to the model. The loop keeps it in step: whatever the model reads,
    selects or forgets, the companion does too, so steering survives rollback, beams and rows that leave the batch.
    """

    @property
    @abstractmethod
    def num_bytes(self) -> int:
        """Return the memory its cache takes."""

    @abstractmethod
    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None = None, *, num_logits: int = 1) -> None:
        """Append P positions to every row; `Processor.process` is asked next about the last `num_logits` of them.

        token_ids : int64[B, P]   row b's tokens are the last ``lengths[b]``, as in ``CausalLM.decode_step``
        """

    @abstractmethod
    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may be named more than once."""

    @abstractmethod
    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""

    @abstractmethod
    def fork(self) -> Companion:
        """Return an independent copy."""


@dataclass(frozen=True, slots=True)
class Context:
    """Say what the logits given to a processor stand for.

    token_ids : int64[B, P, K]   which token each column is; None when column j is token j (K = V)
    mask      : int32[B * P, W]  the tokens the grammar allows; None allows every token
    companion : what the processor opened for these rows, having read all tokens up to here
    """

    token_ids: torch.Tensor | None = None
    mask: NDArray[np.int32] | None = None
    companion: Companion | None = None


PLAIN = Context()


class Processor(ABC):
    """Change logits as a function of them, of the tokens before, and of nothing else.

    Sub-classes are frozen values. One without memory overrides `process` only; its state is None.
    """

    stage: ClassVar[Stage]

    def bind(self, model: Any) -> Processor:
        """Return this processor for a `guidance.Model`, whose vocabulary and prompts it may need to know.

        What cannot steer the model is refused here, before the first token. A processor that needs to know nothing is
        its own answer.
        """
        del model
        return self

    def open(self, prompts: Sequence[Sequence[int]]) -> Companion | None:
        """Return a companion that has read these prompts, one per row; None when nothing is computed beside."""
        del prompts
        return None

    def start(self, prompt_ids: Sequence[int]) -> Any:
        """Return the state before the first token of one row."""
        del prompt_ids

    def advance(self, state: Any, token_id: int, log_prob: float) -> Any:
        """Return the state after a token drawn with this log-probability; the old state stays valid."""
        del token_id, log_prob
        return state

    @abstractmethod
    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the changed logits; the input is left as it is.

        logits : float32[B, P, K]
        """

    @property
    def is_stateful(self) -> bool:
        """Tell whether `advance` does anything."""
        return type(self).advance is not Processor.advance
