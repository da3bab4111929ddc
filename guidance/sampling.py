"""Say how the next token is drawn, and supply the one random number per row and step that it takes.

A row's text depends on its own ``(seed, row, step)`` only, never on the rows beside it: the uniform is a hash of the
three, so there is no generator whose state batch mates could advance.
"""

from __future__ import annotations

from dataclasses import dataclass

from guidance.errors import SamplingError

__all__ = ["GREEDY", "Sampling", "uniform"]

_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Describe one law to draw tokens from.

    Parameters
    ----------
    temperature : divides the logits; 0 takes the most likely token (the first one on ties).
    seed : chooses the random numbers; the same seed gives the same text.
    n : outputs drawn for each prompt; the prompt is processed once.
    top_k : keep the k most likely tokens and those tied with the last of them.
    top_p : keep the smallest set of most likely tokens whose probability reaches p.
    min_p : drop tokens less likely than this share of the most likely one.
    temperature_last : truncate on the law at temperature 1, then apply the temperature.

    Raises
    ------
    SamplingError : when a setting is out of range.

    Examples
    --------
    >>> Sampling(temperature=0.8, top_p=0.9, seed=7).is_greedy
    False
    """

    temperature: float = 1.0
    seed: int = 0
    n: int = 1
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    temperature_last: bool = False

    def __post_init__(self) -> None:
        """Refuse settings no law belongs to."""
        _require(0.0 <= self.temperature < float("inf"), "temperature", self.temperature, "a number >= 0 (0 is greedy)")
        _require(self.n >= 1, "n", self.n, "at least 1")
        _require(self.top_k is None or self.top_k >= 1, "top_k", self.top_k, "at least 1, or None for no limit")
        _require(self.top_p is None or 0.0 < self.top_p <= 1.0, "top_p", self.top_p, "0 < top_p <= 1, or None")
        _require(self.min_p is None or 0.0 <= self.min_p <= 1.0, "min_p", self.min_p, "0 <= min_p <= 1, or None")

    @property
    def is_greedy(self) -> bool:
        """Tell whether every step takes the most likely token."""
        return self.temperature == 0.0 or self.top_k == 1


def uniform(seed: int, row: int, step: int, *, stream: int = 0) -> float:
    """Return a number in [0, 1) that is a function of its arguments only.

    Three rounds of the SplitMix64 finaliser (Steele, Lea and Flood 2014) over a running sum; `stream` separates
    draws made at the same step for different purposes.

    Examples
    --------
    >>> uniform(7, 0, 3) == uniform(7, 0, 3)
    True
    >>> uniform(7, 0, 3) == uniform(7, 1, 3)
    False
    """
    mixed = _mix(_mix(_mix(seed & _WORD) + row) + step)
    if stream:
        mixed = _mix(mixed + stream)
    return (mixed >> 11) * 2.0**-53


def _mix(word: int) -> int:
    word = (word + 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def _require(holds: bool, name: str, value: object, expected: str) -> None:  # noqa: FBT001 - a condition, not a mode
    if not holds:
        raise SamplingError(f"Sampling: got {name}={value!r}, expected {expected}; change {name}")


GREEDY = Sampling(temperature=0.0)
