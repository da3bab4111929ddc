"""Define what a discriminator is: from a prefix and candidate tokens to log p(attribute | prefix, candidate).

Two kinds. One that scores the whole vocabulary in one pass (`scores_all`) is asked for every column; one that has to
read each candidate is asked for a few, and for the prefix itself, whose score all other tokens keep.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import torch

from guidance.logits import Companion

__all__ = ["Discriminator", "Reader"]


class Reader(Companion, ABC):
    """Follow B rows and score what may come next; what `Companion` says of rows holds here.

    Positions are those of the last `read`: N = its `num_logits`.
    """

    @abstractmethod
    def prefix_scores(self) -> torch.Tensor:
        """Return log p(attribute | prefix) at every position: float32[B, N]."""

    @abstractmethod
    def candidate_scores(self, token_ids: torch.Tensor | None) -> torch.Tensor:
        """Return log p(attribute | prefix, candidate).

        token_ids : int64[B, N, K]   negative where there is no candidate: any score will do; None asks for the whole
                                     vocabulary, of readers that score it
        scores    : float32[B, N, K]
        """


class Discriminator(Protocol):
    """List what steering asks of a classifier."""

    @property
    def scores_all(self) -> bool:
        """Tell whether one pass scores the whole vocabulary."""

    def open(self, prompts: Sequence[Sequence[int]]) -> Reader:
        """Return a reader that has read these prompts, one per row."""
