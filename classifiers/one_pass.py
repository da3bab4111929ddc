"""Steer by a head that scores the whole vocabulary in one pass: column v is the log-odds of the attribute once v comes.

The cost is one forward pass of a small model per step, whatever the vocabulary (low-rank RAD, arXiv 2407.04615).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from classifiers.attributes import find_attribute
from classifiers.discriminator import Discriminator, Reader
from classifiers.errors import ClassifierError
from classifiers.rescoring import Rescorer
from fsm import Vocabulary
from guidance.loading import as_model
from guidance.model import CausalLM, KvCache, Model

__all__ = ["OnePassHead"]


@dataclass(frozen=True, slots=True, eq=False)
class _Head:
    """Score every token with one forward pass."""

    network: CausalLM
    sign: float
    name: str

    @property
    def scores_all(self) -> bool:
        """Tell that one pass scores every token."""
        return True

    def open(self, prompts: Sequence[Sequence[int]]) -> _HeadReader:
        """Return a reader that has read these prompts."""
        return _HeadReader(self, *self.network.prefill(prompts), [len(prompt) for prompt in prompts])


class _HeadReader(Reader):
    """Follow rows with the head's network; owned by the group of rows it steers."""

    def __init__(self, head: _Head, cache: KvCache, logits: torch.Tensor, lengths: list[int]) -> None:
        self._head = head
        self._cache = cache
        self._logits = logits  # float[B, N, V]
        self._lengths = lengths

    @property
    def num_bytes(self) -> int:
        """Return the memory of the cache."""
        return self._cache.num_bytes

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None = None, *, num_logits: int = 1) -> None:
        """Append P positions to every row."""
        network = self._head.network
        added = [token_ids.shape[1]] * token_ids.shape[0] if lengths is None else lengths
        self._lengths = [old + new for old, new in zip(self._lengths, added, strict=True)]
        if max(self._lengths) > network.context_size:
            raise ClassifierError(
                f"{self._head.name}: got a text of {max(self._lengths)} tokens, expected at most its context of "
                f"{network.context_size}; lower max_tokens or shorten the prompt"
            )
        self._logits = network.decode_step(self._cache, token_ids.to(network.device), lengths, num_logits=num_logits)

    def prefix_scores(self) -> torch.Tensor:
        """Return zeros: every token has a score of its own."""
        return torch.zeros(self._logits.shape[:2], device=self._logits.device)

    def candidate_scores(self, token_ids: torch.Tensor | None) -> torch.Tensor:
        """Return log p(attribute | prefix, token)."""
        scores = functional.logsigmoid(self._head.sign * self._logits.float())
        return scores if token_ids is None else scores.gather(-1, token_ids.to(scores.device))

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        self._cache.select(rows)
        self._logits = self._logits[torch.tensor(rows, device=self._logits.device)]
        self._lengths = [self._lengths[row] for row in rows]

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        self._cache.drop(counts)
        self._lengths = [old - count for old, count in zip(self._lengths, counts, strict=True)]

    def fork(self) -> _HeadReader:
        """Return an independent copy."""
        return _HeadReader(self._head, self._cache.fork(), self._logits, list(self._lengths))


@dataclass(frozen=True, eq=False)
class OnePassHead(Rescorer):
    """Steer towards an attribute by a head that scores every token at once.

    Parameters
    ----------
    model : a causal model whose logit of a token is the log-odds of its second label once that token comes, such as
        ``guidance.load("embedded/sentiment_head")``, or its name.
    attribute : a label of it, or 0 or 1; 0 turns the log-odds round.
    plausible : columns of tokens that never came in training say little; 1e-3 keeps unlikely tokens out.

    Raises
    ------
    ClassifierError : when the model is a sequence classifier, or has no such label.

    Examples
    --------
    >>> OnePassHead("embedded/sentiment_head", attribute="positive", strength=2.0).plausible
    0.001
    """

    model: Model | str
    attribute: str | int = field(kw_only=True)
    top_k: int | None = field(default=None, kw_only=True)
    plausible: float = field(default=1e-3, kw_only=True)
    _head: _Head = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the label."""
        super().__post_init__()
        model = as_model(self.model)
        if model.is_classifier:
            raise ClassifierError(
                f"OnePassHead: got {model.name}, a sequence classifier, expected a model with one column per token; "
                "steer with Fudge"
            )
        attribute = find_attribute(self.attribute, model.labels, 2, "OnePassHead")
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "_head", _Head(model.language_model, 1.0 if attribute else -1.0, model.name))

    @property
    def discriminator(self) -> Discriminator:
        """Return the head."""
        return self._head

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the tokens it reads."""
        return as_model(self.model).vocabulary
