"""Steer by any sequence classifier on the most likely candidates (CAIF: Sitdikov et al. 2022, arXiv 2205.07276).

A classifier that looks both ways has no prefix to keep: each candidate is one whole text. Two gates save most of that:
steering only where the model is unsure, or only every so many tokens. The classifier must read the model's own tokens;
decoding and encoding every candidate is what made the published code slow, and wrong where tokens join up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from classifiers.attributes import attribute_log_probs, find_attribute
from classifiers.discriminator import Discriminator, Reader
from classifiers.errors import ClassifierError
from classifiers.fudge import silent_tokens
from classifiers.rescoring import Rescorer
from fsm import Vocabulary
from guidance.tokenizers import vocabulary_from

__all__ = ["Caif"]

_MOST_TOKENS = 16_384  # in one forward pass


@dataclass(frozen=True, slots=True, eq=False)
class _TextClassifier:
    """Score whole texts.

    network : from token ids to ``.logits``
    silent  : bool[V]   tokens that keep the prefix's score
    """

    network: Any
    attribute: int
    silent: torch.Tensor

    @property
    def scores_all(self) -> bool:
        """Tell that every candidate must be read."""
        return False

    def open(self, prompts: Sequence[Sequence[int]]) -> _TextReader:
        """Return a reader of these prompts."""
        return _TextReader(self, [list(prompt) for prompt in prompts], 1)

    @torch.inference_mode()
    def score(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Return log p(attribute | text) of texts of one length.

        token_ids : int64[R, T]     result : float32[R]
        """
        size = max(1, _MOST_TOKENS // token_ids.shape[1])
        ids = token_ids.to(self.network.device)
        parts = [
            self.network(input_ids=part, attention_mask=torch.ones_like(part), return_dict=True).logits
            for part in torch.split(ids, size)
        ]
        return attribute_log_probs(torch.cat(parts), self.attribute)


class _TextReader(Reader):
    """Keep the tokens of each row; owned by the group of rows it steers."""

    def __init__(self, classifier: _TextClassifier, texts: list[list[int]], num_logits: int) -> None:
        self._classifier = classifier
        self._texts = texts
        self._num_logits = num_logits

    @property
    def num_bytes(self) -> int:
        """Return the memory of the tokens."""
        return 8 * sum(map(len, self._texts))

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None = None, *, num_logits: int = 1) -> None:
        """Append P positions to every row."""
        width = token_ids.shape[1]
        for row, line in enumerate(token_ids.tolist()):
            self._texts[row] += line if lengths is None else line[width - lengths[row] :]
        self._num_logits = num_logits

    def _prefixes(self) -> list[list[list[int]]]:
        """Return each row's text at each position; positions before a row's tokens hold its first token alone."""
        number = self._num_logits
        return [[text[: max(1, len(text) - number + 1 + place)] for place in range(number)] for text in self._texts]

    def prefix_scores(self) -> torch.Tensor:
        """Return log p(attribute | prefix): float32[B, N]."""
        scores = [[self._classifier.score(torch.tensor([text]))[0] for text in line] for line in self._prefixes()]
        return torch.stack([torch.stack(line) for line in scores])

    def candidate_scores(self, token_ids: torch.Tensor | None) -> torch.Tensor:
        """Return log p(attribute | prefix, candidate): one whole text each."""
        assert token_ids is not None, "a text classifier reads each candidate"
        prefix = self.prefix_scores()
        rows = [
            torch.stack([self._continued(text, token_ids[b, p]) for p, text in enumerate(line)])
            for b, line in enumerate(self._prefixes())
        ]
        silent = self._classifier.silent[token_ids.cpu()].to(prefix.device)
        return torch.where(silent, prefix[..., None], torch.stack(rows))

    def _continued(self, text: list[int], candidates: torch.Tensor) -> torch.Tensor:
        """Return the scores of one row's candidates; where there is none, 0."""
        chosen = candidates >= 0
        before = torch.tensor(text, device=candidates.device).expand(int(chosen.sum()), -1)
        found = self._classifier.score(torch.cat([before, candidates[chosen][:, None]], dim=1))
        return torch.zeros(len(candidates), device=found.device).masked_scatter_(chosen.to(found.device), found)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        self._texts = [list(self._texts[row]) for row in rows]

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        for text, count in zip(self._texts, counts, strict=True):
            del text[len(text) - count :]

    def fork(self) -> _TextReader:
        """Return an independent copy."""
        return _TextReader(self._classifier, [list(text) for text in self._texts], self._num_logits)


@dataclass(frozen=True, eq=False)
class Caif(Rescorer):
    """Steer towards an attribute by any sequence classifier of the transformers library.

    Parameters
    ----------
    network : the classifier, such as an ``AutoModelForSequenceClassification``.
    tokenizer : its tokenizer; it must have the tokens of the model it steers.
    attribute : a label of it, or the number of one.
    plausible : as for `Fudge`: every candidate is a whole text to read.
    entropy_above, period : the gates; where they are closed the law is the base's.

    Raises
    ------
    ClassifierError : when the network is no classifier or has no such label.

    Examples
    --------
    >>> from transformers import AutoModelForSequenceClassification, AutoTokenizer
    >>> from guidance.embedded import embedded_path
    >>> folder = embedded_path("sentiment")
    >>> judge = AutoModelForSequenceClassification.from_pretrained(folder)
    >>> steer = Caif(judge, AutoTokenizer.from_pretrained(folder), attribute="positive", entropy_above=1.0)
    >>> steer.strength
    5.0
    """

    network: Any
    tokenizer: Any
    attribute: str | int = field(kw_only=True)
    strength: float = field(default=5.0, kw_only=True)
    plausible: float = field(default=1e-3, kw_only=True)
    _classifier: _TextClassifier = field(init=False, repr=False)
    _vocabulary: Vocabulary = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the label."""
        super().__post_init__()
        config: Any = getattr(self.network, "config", None)
        if not hasattr(config, "num_labels") or "SequenceClassification" not in type(self.network).__name__:
            raise ClassifierError(
                f"Caif: got a {type(self.network).__name__}, expected a transformers sequence classifier; "
                "load one with AutoModelForSequenceClassification"
            )
        names = config.id2label
        labels = [str(names[place]) for place in sorted(names)]
        vocabulary = vocabulary_from(self.tokenizer)
        attribute = find_attribute(self.attribute, labels, config.num_labels, "Caif")
        silent = silent_tokens(vocabulary, max(vocabulary.size, config.vocab_size))
        object.__setattr__(self, "_classifier", _TextClassifier(self.network.eval(), attribute, silent))
        object.__setattr__(self, "_vocabulary", vocabulary)

    @property
    def discriminator(self) -> Discriminator:
        """Return the classifier."""
        return self._classifier

    @property
    def vocabulary(self) -> Vocabulary:
        """Return the tokens it reads."""
        return self._vocabulary
