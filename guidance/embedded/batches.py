"""Encode generated examples into padded batches of similar lengths."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from guidance.embedded.tokenizer import EOS_TOKEN, PAD_TOKEN

__all__ = ["Batch", "TrainingText", "draw_batches"]

POOL_BATCHES = 16  # sorted by length together, so that padding is small
_NOT_SCORED = -1


class TrainingText(Protocol):
    """List what training asks of a text: a prompt, its answer, and which of it to learn."""

    @property
    def prompt(self) -> str:
        """What the model is given."""

    @property
    def answer(self) -> str:
        """What follows at once."""

    @property
    def scored(self) -> tuple[tuple[int, int], ...]:
        """Half-open spans of the answer whose tokens count in the loss; the end always does."""

    @property
    def label(self) -> int:
        """What a classifier should say, 0 or 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Hold one training batch, padded at the end.

    token_ids : int64[B, T]
    targets   : int64[B, T]   the next token, or -1 where it does not count in the loss
    labels    : int64[B]      what a classifier should say
    """

    token_ids: NDArray[np.int64]
    targets: NDArray[np.int64]
    labels: NDArray[np.int64]


def draw_batches(
    tokenizer: Tokenizer, draw_text: Callable[[random.Random], TrainingText], *, batch_size: int, seed: int
) -> Iterator[Batch]:
    """Yield batches without end; the same seed gives the same batches."""
    rng = random.Random(seed)
    while True:
        examples = [draw_text(rng) for _ in range(batch_size * POOL_BATCHES)]
        encodings = tokenizer.encode_batch([example.prompt + example.answer for example in examples])
        order = sorted(range(len(examples)), key=lambda place: len(encodings[place].ids))
        starts = list(range(0, len(order), batch_size))
        rng.shuffle(starts)
        for start in starts:
            chosen = order[start : start + batch_size]
            yield _pad([encodings[i] for i in chosen], [examples[i] for i in chosen], tokenizer)


def _pad(encodings: Sequence[Encoding], examples: Sequence[TrainingText], tokenizer: Tokenizer) -> Batch:
    eos, pad = _special_id(tokenizer, EOS_TOKEN), _special_id(tokenizer, PAD_TOKEN)
    length = max(len(encoding.ids) for encoding in encodings)
    token_ids = np.full((len(encodings), length), pad, dtype=np.int64)
    targets = np.full((len(encodings), length), _NOT_SCORED, dtype=np.int64)
    for row, (encoding, example) in enumerate(zip(encodings, examples, strict=True)):
        ids = np.array(encoding.ids)
        scored = _scored_tokens(encoding, example)
        token_ids[row, : len(ids)] = ids
        targets[row, : len(ids) - 1] = np.where(scored, ids, _NOT_SCORED)[1:]
        targets[row, len(ids) - 1] = eos
    labels = np.array([example.label for example in examples])
    return Batch(token_ids=token_ids, targets=targets, labels=labels)


def _special_id(tokenizer: Tokenizer, token: str) -> int:
    found = tokenizer.token_to_id(token)
    assert found is not None, "train_tokenizer adds every special token"
    return found


def _scored_tokens(encoding: Encoding, example: TrainingText) -> NDArray[np.bool_]:
    edges = np.array(encoding.offsets).reshape(-1, 2) - len(example.prompt)
    scored = np.zeros(len(edges), dtype=np.bool_)
    for first, last in example.scored:
        scored |= (edges[:, 0] >= first) & (edges[:, 1] <= last)  # a token that reaches out of the span is left out
    return scored
