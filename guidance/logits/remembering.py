"""Share what processors do that remember every token of a row."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from guidance.logits.base import Processor, Stage
from guidance.logits.history import History

__all__ = ["Remembering"]


@dataclass(frozen=True, slots=True)
class Remembering(Processor, ABC):
    """Punish tokens by the prompt and output before them."""

    stage: ClassVar[Stage] = Stage.PENALTY

    def start(self, prompt_ids: Sequence[int]) -> History:
        """Return the prompt."""
        return History.of(prompt_ids)

    def advance(self, state: History, token_id: int, log_prob: float) -> History:
        """Append the token."""
        del log_prob
        return state.append(token_id)
