"""Say what one row is asked to produce."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from guidance.logits.pipeline import Pipeline
from guidance.sampling import row_word, uniform

__all__ = ["CompiledLike", "MatcherLike", "Request"]


class MatcherLike(Protocol):
    """List what the loop asks of a matcher; `fsm.Matcher` is one."""

    @property
    def is_accepting(self) -> bool:
        """Tell whether the text so far is a whole output."""

    @property
    def is_complete(self) -> bool:
        """Tell whether it is one that nothing may extend."""

    def fill_next_token_bitmask(self, mask: NDArray[np.int32], index: int = 0) -> None:
        """Write the tokens allowed next into row `index`."""

    def advance(self, token_id: int) -> None:
        """Move past one token, or raise TokenRejected."""

    def rollback(self, num_tokens: int) -> None:
        """Forget the last tokens."""

    def forced_bytes(self) -> bytes:
        """Return the bytes that must come next, as far as there is no choice."""

    def forced_tokens(self) -> Sequence[int]:
        """Return the tokens that must come next, as far as there is no choice."""

    def shortest_completion(self) -> int:
        """Return the fewest bytes to a whole output."""


class CompiledLike(Protocol):
    """List what the loop asks of a compiled grammar."""

    def matcher(self) -> Any:
        """Return a matcher at the start of the grammar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Describe one output.

    Parameters
    ----------
    prompt_ids : what the model reads first.
    pipeline : the law to draw from.
    max_tokens : most tokens to produce.
    compiled : the grammar, compiled for the model's vocabulary; None for free text.
    row : which output of its prompt this is; with the seed and the prompt it decides the random numbers.
    stops : byte strings that end the text where they begin.
    seed : chooses the random numbers; None takes the pipeline's.
    head : first bytes of the output that the prompt's last token holds (`guidance.decoding.healing`).
    key : hash of the prompt, made from it.
    """

    prompt_ids: tuple[int, ...]
    pipeline: Pipeline
    max_tokens: int
    compiled: CompiledLike | None = None
    row: int = 0
    stops: tuple[bytes, ...] = ()
    seed: int | None = None
    head: bytes = b""
    key: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Hash the prompt once, for the random numbers of every step."""
        object.__setattr__(self, "key", zlib.crc32(array("q", self.prompt_ids).tobytes()))

    def uniform(self, step: int, *, attempt: int = 0) -> float:
        """Return the random number of one step: a function of seed, prompt, row and step, not of the batch.

        The prompt takes part so that different prompts of one call do not draw the same numbers; `attempt` counts the
        draws of one step.
        """
        return uniform(self._seed, self.row, step, stream=attempt)

    @property
    def word(self) -> int:
        """Return the 64 bits that the numbers of every step are mixed from."""
        return row_word(self._seed, self.row)

    @property
    def _seed(self) -> int:
        seed = self.pipeline.sampling.seed if self.seed is None else self.seed
        return seed ^ (self.key << 32)
