"""Turn labelled texts into padded batches, as the model will meet them: the prompt's tokens, then the text's."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from classifiers.errors import TrainingError
from classifiers.training.texts import LabelledText
from guidance.encoding import TextEncoder

__all__ = ["Batch", "TokenText", "draw_batches", "encode_texts", "pad_texts"]

POOL_BATCHES = 16  # sorted by length together, so that padding is small
NOT_SCORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenText:
    """Hold a text's tokens; those from `start` on are the text, those before it the prompt."""

    token_ids: tuple[int, ...]
    start: int
    label: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Hold one batch, padded at the end.

    token_ids : int64[B, T]
    is_text   : bool[B, T]    True at the text's tokens: neither prompt nor padding
    labels    : int64[B]
    """

    token_ids: torch.Tensor
    is_text: torch.Tensor
    labels: torch.Tensor

    @property
    def attention_mask(self) -> torch.Tensor:
        """Return int64[B, T]: 1 up to each text's end."""
        ends = self.is_text.flip(1).cumsum(dim=1).flip(1)
        return (ends > 0).long()

    def to(self, device: str) -> Batch:
        """Return the batch on another device."""
        return Batch(
            token_ids=self.token_ids.to(device), is_text=self.is_text.to(device), labels=self.labels.to(device)
        )


def encode_texts(
    texts: Sequence[LabelledText],
    encoder: TextEncoder,
    labels: Sequence[str],
    *,
    max_length: int,
    end: int | None = None,
) -> list[TokenText]:
    """Return the texts' tokens, cut at `max_length`, with an end token where one is given.

    Raises
    ------
    TrainingError : when a text is no token at all, or a prompt leaves no room for its text.
    """
    found = []
    for text in texts:
        before = encoder.encode_prompt(text.prompt) if text.prompt else []
        after = encoder.encode_text(text.text) + ([] if end is None else [end])
        token_ids = tuple([*before, *after][:max_length])
        if len(token_ids) <= len(before):
            raise TrainingError(
                f"text {text.text[:40]!r}: got a prompt of {len(before)} tokens, expected room for the text in "
                f"{max_length}; shorten the prompt or raise max_length"
            )
        found.append(TokenText(token_ids=token_ids, start=len(before), label=labels.index(text.label)))
    return found


def draw_batches(texts: Sequence[TokenText], batch_size: int, *, seed: int) -> Iterator[Batch]:
    """Yield shuffled batches of similar lengths without end; the same seed gives the same batches."""
    rng = random.Random(seed)  # noqa: S311 - an order is no secret
    while True:
        order = list(texts)
        rng.shuffle(order)
        for start in range(0, len(order), batch_size * POOL_BATCHES):
            pool = sorted(order[start : start + batch_size * POOL_BATCHES], key=lambda text: len(text.token_ids))
            places = list(range(0, len(pool), batch_size))
            rng.shuffle(places)
            for place in places:
                yield pad_texts(pool[place : place + batch_size])


def pad_texts(texts: Sequence[TokenText]) -> Batch:
    """Return the texts as one batch."""
    longest = max(len(text.token_ids) for text in texts)
    token_ids = torch.zeros(len(texts), longest, dtype=torch.long)
    is_text = torch.zeros(len(texts), longest, dtype=torch.bool)
    for row, text in enumerate(texts):
        token_ids[row, : len(text.token_ids)] = torch.tensor(text.token_ids)
        is_text[row, text.start : len(text.token_ids)] = True
    return Batch(token_ids=token_ids, is_text=is_text, labels=torch.tensor([text.label for text in texts]))
