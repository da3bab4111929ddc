"""Share what every way of marking does between tokens: it keeps the window that the next seeds come from."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from guidance.logits.base import Processor, Stage
from guidance.watermark.settings import Watermark
from guidance.watermark.windows import Window

__all__ = ["Marking"]


@dataclass(frozen=True, slots=True)
class Marking(Processor, ABC):
    """Mark the law at each position by the key and the tokens before it."""

    stage: ClassVar[Stage] = Stage.WATERMARK
    watermark: Watermark

    def start(self, prompt_ids: Sequence[int]) -> Window:
        """Return the window at the end of the prompt."""
        return Window.open(self.watermark, prompt_ids)

    def advance(self, state: Any, token_id: int, log_prob: float) -> Window:
        """Return the window after one token."""
        window: Window = state
        return window.advance(self.watermark, token_id)
