"""Say how a text is watermarked: with which key, by which scheme, and how strongly.

Schemes (Kirchenbauer et al. 2023, arXiv 2301.10226 and 2306.04634; Aaronson 2022; Dathathri et al. 2024):

    scheme      the list of a token depends on                         tokens before it   law of one token
    lefthash    the tokens just before it                              1                  green + delta
    minhash     the one of them with the smallest hash                 4                  green + delta
    skipgram    the first of them                                      5                  green + delta
    selfhash    the one of them whose hash with the token is smallest  3                  green + delta
    gumbel      all of them                                            4                  unchanged on average
    synthid     all of them                                            4                  unchanged on average
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from guidance.errors import WatermarkError

if TYPE_CHECKING:
    from guidance.logits import Processor
    from guidance.sampling import Sampling

__all__ = ["DISTORTION_FREE", "MOST_DEPTH", "Scheme", "Watermark"]

Scheme = Literal["lefthash", "selfhash", "minhash", "skipgram", "gumbel", "synthid"]

DISTORTION_FREE = frozenset({"gumbel", "synthid"})
"""Schemes that leave the law unchanged on average over keys; they mark a text through its random choices."""

MOST_DEPTH = 32
"""Rounds of a tournament: one for each bit of a token's hash."""

_CONTEXT_SIZES: Mapping[str, int] = {
    "lefthash": 1,
    "selfhash": 3,
    "minhash": 4,
    "skipgram": 5,
    "gumbel": 4,
    "synthid": 4,
}


@dataclass(frozen=True, kw_only=True)
class Watermark:
    """Describe one watermark; who holds an equal one can detect it.

    Parameters
    ----------
    key : the secret, 1 byte or more; 16 random bytes are enough (``secrets.token_bytes(16)``).
    gamma : share of the vocabulary that is green, in (0, 1); for red and green lists.
    delta : what a green token's logit gains; ``math.inf`` forbids red tokens wherever a green one is left.
    scheme : how the list, or the choice, of a position follows from the tokens before it.
    context_size : how many tokens before a token its list depends on; None takes the scheme's own.
    depth : rounds of SynthID's tournament.

    Notes
    -----
    Longer contexts are harder to reverse and easier to break: an edit takes `context_size` + 1 tokens with it
    (`selfhash` and `minhash` lose fewer). The key goes through BLAKE2; the list of one context, once its seed is known,
    is no secret.

    Raises
    ------
    WatermarkError : when a setting is out of range.

    Examples
    --------
    >>> Watermark(key=b"secret", gamma=0.25, delta=2.0, scheme="selfhash").window_size
    3
    """

    key: bytes
    gamma: float = 0.25
    delta: float = 2.0
    scheme: Scheme = "selfhash"
    context_size: int | None = None
    depth: int = 30

    def __post_init__(self) -> None:
        """Refuse settings that mark nothing or that nothing could detect."""
        key: object = self.key
        is_key = isinstance(key, (bytes, bytearray)) and len(key) > 0
        _require(is_key, "key", type(self.key).__name__, "one byte or more; encode a text with .encode()")
        _require(self.scheme in get_args(Scheme), "scheme", self.scheme, f"one of {', '.join(get_args(Scheme))}")
        _require(0.0 < self.gamma < 1.0, "gamma", self.gamma, "a share between 0 and 1, such as 0.25")
        _require(self.delta >= 0.0, "delta", self.delta, "a number >= 0 (0 marks nothing), or math.inf for hard lists")
        size = self.context_size
        _require(size is None or 1 <= size <= 64, "context_size", size, "1 to 64 tokens, or None")
        _require(1 <= self.depth <= MOST_DEPTH, "depth", self.depth, f"1 to {MOST_DEPTH} rounds")
        object.__setattr__(self, "key", bytes(self.key))

    @property
    def window_size(self) -> int:
        """Return how many tokens before a token its list depends on."""
        return self.context_size or _CONTEXT_SIZES[self.scheme]

    @property
    def is_distortion_free(self) -> bool:
        """Tell whether the law of a text is unchanged on average over keys."""
        return self.scheme in DISTORTION_FREE

    @property
    def secret(self) -> bytes:
        """Return the key."""
        return self.key

    @cached_property
    def threshold(self) -> int:
        """Return how many of the 2**32 hashes are green."""
        return round(self.gamma * 2**32)

    @property
    def spike_modulus(self) -> float:
        """Return m in the spike entropy sum(p / (1 + m p)) that decides how many tokens turn green (2301.10226, 4.2).

        Examples
        --------
        >>> round(Watermark(key=b"k", gamma=0.5, delta=2.0).spike_modulus, 4)
        0.7616
        """
        if math.isinf(self.delta):
            return (1 - self.gamma) / self.gamma
        alpha = math.exp(self.delta)
        return (1 - self.gamma) * (alpha - 1) / (1 - self.gamma + alpha * self.gamma)

    def processor(self) -> Processor:
        """Return the logits processor that writes this watermark."""
        if self.scheme == "gumbel":
            from guidance.watermark.gumbel import GumbelRace

            return GumbelRace(self)
        if self.scheme == "synthid":
            from guidance.watermark.tournament import Tournament

            return Tournament(self)
        from guidance.watermark.green_lists import GreenLists

        return GreenLists(self)

    def check(self, sampling: Sampling, *, is_search: bool = False) -> None:
        """Refuse a law this watermark leaves no mark in.

        Raises
        ------
        WatermarkError : when a distortion-free scheme meets greedy choice or a search, which draw nothing that could
            carry it.
        """
        if self.is_distortion_free and (sampling.is_greedy or is_search):
            found = "a search" if is_search else "greedy choice"
            raise WatermarkError(
                f"watermark: got the scheme {self.scheme!r} with {found}, which draws nothing that could carry it, "
                "expected sampling at a temperature above 0; sample, or take the scheme 'selfhash'"
            )
        if self.scheme == "gumbel" and sampling.n > 1:
            raise WatermarkError(
                f"watermark: got the scheme 'gumbel' with n={sampling.n}, which would give one text {sampling.n} times "
                "(key and context leave it no chance), expected n=1; take the scheme 'synthid'"
            )

    def surviving_share(self, edited: float) -> float:
        """Return the share of marks that outlive edits: this share of the tokens replaced by others at random.

        A mark is a token and the context tokens that decide its list. Where the smallest of h hashes decides, the
        others may change as long as none gets below it: r new ones stay above with chance h / (h + r).

        Examples
        --------
        >>> round(Watermark(key=b"k", scheme="lefthash").surviving_share(0.2), 2)
        0.64
        """
        kept, size = 1.0 - edited, self.window_size
        if self.scheme == "skipgram":
            return kept**2
        if self.scheme not in {"selfhash", "minhash"}:
            return kept ** (size + 1)
        return kept**2 * sum(
            math.comb(size - 1, r) * edited**r * kept ** (size - 1 - r) * size / (size + r) for r in range(size)
        )

    def __repr__(self) -> str:
        """Name everything but the key."""
        return (
            f"Watermark(scheme={self.scheme!r}, gamma={self.gamma}, delta={self.delta}, "
            f"context_size={self.window_size}, key=...)"
        )


def _require(holds: bool, name: str, value: object, expected: str) -> None:  # noqa: FBT001 - a condition, not a mode
    if not holds:
        raise WatermarkError(f"Watermark: got {name}={value!r}, expected {expected}; change {name}")
