"""Say how the next token is drawn, and supply the one random number per row and step that it takes.

A row's text depends on its own ``(seed, row, step)`` only, never on the rows beside it: the uniform is a hash of the
three, so there is no generator whose state batch mates could advance.
"""

from __future__ import annotations

from dataclasses import dataclass

from guidance.errors import SamplingError
from guidance.penalties import Penalties

__all__ = ["GREEDY", "Sampling", "row_word", "uniform"]

_WORD = (1 << 64) - 1
_TRUNCATIONS = ("top_n_sigma", "top_k", "top_p", "min_p", "typical_p", "epsilon", "eta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Describe one law to draw tokens from.

    What truncates is applied in the order of the fields, each to what the one before has left.

    Parameters
    ----------
    temperature : divides the logits; 0 takes the most likely token (the first one on ties).
    seed : chooses the random numbers; the same seed gives the same text.
    n : outputs drawn for each prompt; the prompt is processed once.
    top_n_sigma : keep tokens whose logit is at most so many standard deviations below the largest.
    top_k : keep the k most likely tokens and those tied with the last of them.
    top_p : keep the smallest set of most likely tokens whose probability reaches p.
    min_p : drop tokens less likely than this share of the most likely one.
    typical_p : keep the smallest set of tokens of nearly average information whose probability reaches this.
    epsilon : drop tokens less likely than this.
    eta : drop tokens less likely than min(eta, sqrt(eta) * exp(-entropy)).
    xtc_probability : the chance that, of all tokens at least `xtc_threshold` likely, only the least likely stays.
    xtc_threshold : which tokens those are.
    mirostat : 1 or 2: choose how much to truncate so that the mean surprise tends to `mirostat_tau`.
    mirostat_tau : the surprise to reach, in bits; 3 for version 1, 5 for version 2 unless given.
    mirostat_rate : how fast; 1 for version 1, 0.1 for version 2 unless given.
    adaptive_temperature : sharpen laws of middling entropy by the published polynomial (Velickovic et al. 2024).
    temperature_last : truncate on the law at temperature 1, then apply the temperature.
    penalties : which tokens to use less, more, or not at all.

    Raises
    ------
    SamplingError : when a setting is out of range or contradicts another.

    Examples
    --------
    >>> Sampling(temperature=0.8, top_p=0.9, seed=7).is_greedy
    False
    """

    temperature: float = 1.0
    seed: int = 0
    n: int = 1
    top_n_sigma: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    epsilon: float | None = None
    eta: float | None = None
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat: int | None = None
    mirostat_tau: float | None = None
    mirostat_rate: float | None = None
    adaptive_temperature: bool = False
    temperature_last: bool = False
    penalties: Penalties | None = None

    def __post_init__(self) -> None:
        """Refuse settings no law belongs to."""
        _require(0.0 <= self.temperature < float("inf"), "temperature", self.temperature, "a number >= 0 (0 is greedy)")
        _require(self.n >= 1, "n", self.n, "at least 1")
        _require(self.top_k is None or self.top_k >= 1, "top_k", self.top_k, "at least 1, or None for no limit")
        for name in ("top_p", "typical_p"):
            value = getattr(self, name)
            _require(value is None or 0.0 < value <= 1.0, name, value, f"0 < {name} <= 1, or None")
        for name in ("min_p", "epsilon", "eta"):
            value = getattr(self, name)
            _require(value is None or 0.0 <= value <= 1.0, name, value, f"0 <= {name} <= 1, or None")
        for name in ("top_n_sigma", "mirostat_tau", "mirostat_rate"):
            value = getattr(self, name)
            _require(value is None or 0.0 < value < float("inf"), name, value, "a number > 0, or None")
        for name in ("xtc_probability", "xtc_threshold"):
            value = getattr(self, name)
            _require(0.0 <= value <= 1.0, name, value, f"0 <= {name} <= 1")
        _require(self.mirostat in {None, 1, 2}, "mirostat", self.mirostat, "1 or 2, or None")
        _require(
            self.penalties is None or isinstance(self.penalties, Penalties),
            "penalties",
            self.penalties,
            "guidance.Penalties(...), or None",
        )
        self._check_together()

    @property
    def is_greedy(self) -> bool:
        """Tell whether every step takes the most likely token."""
        return self.temperature == 0.0 or self.top_k == 1

    def _check_together(self) -> None:
        """Refuse settings of which one would make another one void."""
        if self.mirostat is None:
            for name in ("mirostat_tau", "mirostat_rate"):
                _forbid(getattr(self, name) is not None, f"{name} without mirostat", "give mirostat=2, or drop it")
        else:
            others = [name for name in _TRUNCATIONS if getattr(self, name) is not None]
            others += ["xtc_probability"] if self.xtc_probability else []
            cure = "mirostat chooses by itself how much to truncate; drop one of them"
            _forbid(bool(others), f"mirostat and {', '.join(others)}", cure)
        if self.temperature > 0:
            return
        moving = [name for name in ("typical_p", "mirostat") if getattr(self, name) is not None]
        moving += ["xtc_probability"] if self.xtc_probability else []
        cure = "these may drop the most likely token, which temperature 0 takes; drop one of them"
        _forbid(bool(moving), f"temperature=0 and {', '.join(moving)}", cure)


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
    mixed = _mix(row_word(seed, row) + step)
    if stream:
        mixed = _mix(mixed + stream)
    return (mixed >> 11) * 2.0**-53


def row_word(seed: int, row: int) -> int:
    """Return the 64 bits that all numbers of a row are mixed from; ``guidance.device.uniforms`` goes on from there."""
    return _mix(_mix(seed & _WORD) + row)


def _mix(word: int) -> int:
    word = (word + 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def _require(holds: bool, name: str, value: object, expected: str) -> None:  # noqa: FBT001 - a condition, not a mode
    if not holds:
        raise SamplingError(f"Sampling: got {name}={value!r}, expected {expected}; change {name}")


def _forbid(holds: bool, what: str, cure: str) -> None:  # noqa: FBT001 - a condition, not a mode
    if holds:
        raise SamplingError(f"Sampling: got {what}, expected at most one of them; {cure}")


GREEDY = Sampling(temperature=0.0)
