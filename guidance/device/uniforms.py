"""Make the random number of a row's step on the device: bit for bit the one of ``guidance.sampling.uniform``."""

from __future__ import annotations

from collections.abc import Sequence

import torch

__all__ = ["uniforms_at", "words_of"]


def words_of(words: Sequence[int], device: torch.device) -> torch.Tensor:
    """Return unsigned 64-bit words as int64[B], whose arithmetic wraps around as theirs does."""
    return torch.tensor([_signed(word) for word in words], dtype=torch.int64, device=device)


def uniforms_at(words: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Return each row's number in [0, 1) at its own step.

    words : int64[B]   from ``Request.word``
    steps : int64[B]

    Returns
    -------
    float64[B]

    Examples
    --------
    >>> from guidance.sampling import row_word, uniform
    >>> words = words_of([row_word(7, 0), row_word(7, 1)], torch.device("cpu"))
    >>> uniforms_at(words, torch.tensor([3, 3])).tolist() == [uniform(7, 0, 3), uniform(7, 1, 3)]
    True
    """
    word = words + steps + _signed(0x9E3779B97F4A7C15)
    word = (word ^ _shift(word, 30)) * _signed(0xBF58476D1CE4E5B9)
    word = (word ^ _shift(word, 27)) * _signed(0x94D049BB133111EB)
    word = word ^ _shift(word, 31)
    return _shift(word, 11).double() * 2.0**-53


def _shift(word: torch.Tensor, count: int) -> torch.Tensor:
    """Shift right, zeros coming in."""
    return (word >> count) & ((1 << (64 - count)) - 1)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >= 1 << 63 else word
