"""Compute a model's law of what follows some bytes the slow way: add up every way to spell them, token by token."""

from __future__ import annotations

import torch

import guidance

__all__ = ["probability_of_bytes", "weigh_covers"]


def weigh_covers(
    model: guidance.Model, kept: tuple[int, ...], text: bytes, *, temperature: float = 1.0
) -> dict[tuple[int, ...], float]:
    """Return every sequence of text tokens after ``kept`` whose last token is the first to reach the end of ``text``.

    The value is the product of its tokens' probabilities.
    """
    silent = {*model.vocabulary.special_token_ids, *model.vocabulary.eos_token_ids}
    found: dict[tuple[int, ...], float] = {}

    def follow(tokens: tuple[int, ...], rest: bytes, weight: float) -> None:
        _, logits = model.language_model.prefill([[*kept, *tokens]])
        law = torch.softmax(logits[0, -1, : model.vocabulary.size].double() / temperature, dim=-1)
        for token, piece in enumerate(model.vocabulary.token_bytes):
            if token in silent or not piece:
                continue
            if piece.startswith(rest):
                found[*tokens, token] = weight * float(law[token])
            elif rest.startswith(piece):
                follow((*tokens, token), rest[len(piece) :], weight * float(law[token]))

    follow((), text, 1.0)
    return found


def probability_of_bytes(model: guidance.Model, kept: tuple[int, ...], text: bytes) -> float:
    """Return the probability that what the model writes after ``kept`` begins with these bytes."""
    return sum(weigh_covers(model, kept, text).values())
