"""Re-score the legal tokens by an attribute: log p(token) + strength * log p(attribute | prefix, token).

At strength 1 and with every legal token a candidate this is Bayes' rule: the law given the attribute, exactly. Tokens
that are no candidates keep the prefix's score, so the support stays and more candidates only come closer to that law.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from classifiers.discriminator import Discriminator, Reader
from classifiers.errors import ClassifierError
from classifiers.vocabularies import check_vocabulary
from fsm import Vocabulary
from guidance.logits import PLAIN, Companion, Context, Processor, Stage
from guidance.logits.base import States

__all__ = ["ClassifierGuidance", "Rescorer"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rescorer(Processor):
    """Steer by a discriminator.

    Parameters
    ----------
    strength : power of p(attribute); 0 is the base, bit by bit, and negative steers away.
    top_k : how many of the most likely legal tokens are candidates; None takes all.
    plausible : candidates have at least this share of the most likely token's probability; 0 asks for nothing. Keeps
        tokens out that only a classifier which has never seen them there would favour.
    entropy_above : steer only where the entropy of the legal law exceeds this, in nats; 0 steers everywhere it can.
    period : steer only at every so many tokens.

    Raises
    ------
    ClassifierError : when a setting is out of range.
    """

    stage: ClassVar[Stage] = Stage.RESCORE
    strength: float = 1.0
    top_k: int | None = 100
    plausible: float = 0.0
    entropy_above: float = 0.0
    period: int = 1

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        name = type(self).__name__
        _require(abs(self.strength) < float("inf"), name, "strength", self.strength, "a finite number")
        _require(self.top_k is None or self.top_k >= 1, name, "top_k", self.top_k, "at least 1, or None for all")
        _require(0 <= self.plausible <= 1, name, "plausible", self.plausible, "a share between 0 and 1")
        _require(self.entropy_above >= 0, name, "entropy_above", self.entropy_above, "nats >= 0")
        _require(self.period >= 1, name, "period", self.period, "at least 1")

    @property
    @abstractmethod
    def discriminator(self) -> Discriminator:
        """Return what scores."""

    @property
    def vocabulary(self) -> Vocabulary | None:
        """Return the tokens the discriminator reads; None when any will do."""
        return None

    def bind(self, model: Any) -> Processor:
        """Check that the discriminator reads this model's tokens.

        Raises
        ------
        VocabularyError : when an id means different tokens; names the first of them.
        """
        if self.vocabulary is not None:
            check_vocabulary(model.vocabulary, self.vocabulary, type(self).__name__)
        return self

    def open(self, prompts: Sequence[Sequence[int]]) -> Companion | None:
        """Return a reader that has read the prompts; None where strength 0 asks for nothing."""
        return None if self.strength == 0 else self.discriminator.open(prompts)

    def start(self, prompt_ids: Sequence[int]) -> int:
        """Return the number of tokens so far: none."""
        return 0

    def advance(self, state: Any, token_id: int, log_prob: float) -> int:
        """Count one."""
        return int(state) + 1

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return the re-scored logits."""
        reader = context.companion
        if self.strength == 0 or not isinstance(reader, Reader):
            assert self.strength == 0, "the loop opens a companion for every processor that needs one"
            return logits
        is_open = self._gates(states, logits)
        if is_open is not None and not bool(is_open.any()):
            return logits
        if self.discriminator.scores_all:
            changed = logits + self.strength * self._gains_of_all(logits, context, reader)[0]
        else:
            columns, gains, _ = self._gains_of_few(logits, context, reader)
            changed = logits.scatter_add(-1, columns, gains.mul_(self.strength))
        return changed if is_open is None else torch.where(is_open[..., None], changed, logits)

    def score(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        """Return log p(attribute | prefix, token) for every column, up to one number per row: float32[B, P, K].

        What model arithmetic adds: ``BASE + 2.0 * Attribute(Fudge(...))``. Tokens that are no candidates have the score
        of the prefix.
        """
        reader = context.companion
        assert isinstance(reader, Reader)
        if self.discriminator.scores_all:
            gains, prefix = self._gains_of_all(logits, context, reader)
            return gains + prefix[..., None]
        columns, gains, prefix = self._gains_of_few(logits, context, reader)
        return torch.zeros_like(logits).scatter_(-1, columns, gains).add_(prefix[..., None])

    def _gains_of_all(
        self, logits: torch.Tensor, context: Context, reader: Reader
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what each token adds to the prefix's score, and that score: what its continuations come to on average.

        gains : float32[B, P, K]     prefix : float32[B, P]
        """
        scores = _columns(reader.candidate_scores(None), context.token_ids, logits)
        prefix = torch.logsumexp(torch.log_softmax(logits, dim=-1) + scores, dim=-1)
        least = self._least(logits.amax(dim=-1, keepdim=True))
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            least = torch.maximum(least, logits.topk(self.top_k, dim=-1).values[..., -1:])
        return (scores - prefix[..., None]).masked_fill_(logits < least, 0.0), prefix

    def _gains_of_few(
        self, logits: torch.Tensor, context: Context, reader: Reader
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the candidates' columns, what each adds to the prefix's score, and that score.

        columns : int64[B, P, k]     gains : float32[B, P, k]     prefix : float32[B, P]
        """
        size = logits.shape[-1]
        best = logits.topk(size if self.top_k is None else min(self.top_k, size), dim=-1)
        is_one = best.values >= self._least(best.values[..., :1])
        count = max(1, int(is_one.sum(dim=-1).max()))  # the rest would be read for nothing
        columns, is_one = best.indices[..., :count], is_one[..., :count]
        token_ids = columns if context.token_ids is None else context.token_ids.gather(-1, columns)
        token_ids = token_ids.masked_fill(~is_one, -1)
        scores = reader.candidate_scores(token_ids).to(logits.device)
        prefix = reader.prefix_scores().to(logits.device)
        return columns, (scores - prefix[..., None]).masked_fill_(~is_one, 0.0), prefix

    def _least(self, best: torch.Tensor) -> torch.Tensor:
        """Return what a candidate's logit must reach: it is legal, and plausible beside the best one."""
        lowest = torch.finfo(best.dtype).min
        return (best + math.log(self.plausible)).clamp_(min=lowest) if self.plausible else torch.full_like(best, lowest)

    def _gates(self, states: States, logits: torch.Tensor) -> torch.Tensor | None:
        """Return bool[B, P]: where to steer; None for everywhere."""
        is_open: torch.Tensor | None = None
        if self.period > 1:
            counts = torch.tensor([list(row) for row in states], device=logits.device)
            is_open = counts % self.period == 0
        if self.entropy_above > 0:
            law = torch.softmax(logits, dim=-1)
            entropy = torch.special.entr(law).sum(dim=-1)
            is_open = entropy > self.entropy_above if is_open is None else is_open & (entropy > self.entropy_above)
        return is_open


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassifierGuidance(Rescorer):
    """Steer by a discriminator of your own.

    Parameters
    ----------
    scorer : what scores; see `Discriminator`.
    tokens : the vocabulary it reads, to be checked against the model's; None when any will do.
    """

    scorer: Discriminator
    tokens: Vocabulary | None = None

    @property
    def discriminator(self) -> Discriminator:
        """Return what scores."""
        return self.scorer

    @property
    def vocabulary(self) -> Vocabulary | None:
        """Return the tokens it reads."""
        return self.tokens


def _columns(scores: torch.Tensor, token_ids: torch.Tensor | None, logits: torch.Tensor) -> torch.Tensor:
    """Return the scores in the columns of the logits; ids that only the steered model has are padding and score 0."""
    scores = scores.to(logits.device)
    if token_ids is None:
        missing = logits.shape[-1] - scores.shape[-1]
        return torch.nn.functional.pad(scores, (0, missing)) if missing > 0 else scores[..., : logits.shape[-1]]
    found = scores.gather(-1, token_ids.clamp(max=scores.shape[-1] - 1))
    return found.masked_fill(token_ids >= scores.shape[-1], 0.0)


def _require(holds: bool, owner: str, name: str, value: object, expected: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise ClassifierError(f"{owner}: got {name}={value!r}, expected {expected}; change {name}")
