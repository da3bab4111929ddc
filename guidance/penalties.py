"""Say which tokens a text should use less, more, or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from guidance.errors import SamplingError

__all__ = ["Dry", "Penalties"]

TokenLike = int | str | tuple[int, ...]
"""A token id, a sequence of them, or a text that the model's tokenizer turns into one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dry:
    """Lower the tokens that would go on repeating what was said before: *don't repeat yourself*.

    A token that extends a suffix seen before, m tokens long, loses ``multiplier * base ** (m - allowed_length)`` where
    m reaches `allowed_length` (text-generation-webui, 2024).

    Parameters
    ----------
    multiplier : strength, in nats.
    base : growth per repeated token.
    allowed_length : repeats shorter than this cost nothing.
    breakers : a token that holds one of these strings ends a repeat.
    window : how many of the last tokens are looked at; None for all, the prompt included.

    Raises
    ------
    SamplingError : when a setting is out of range.

    Examples
    --------
    >>> Dry(multiplier=0.8).allowed_length
    2
    """

    multiplier: float = 0.8
    base: float = 1.75
    allowed_length: int = 2
    breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    window: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings without a meaning."""
        object.__setattr__(self, "breakers", tuple(self.breakers))
        _require("Dry", "multiplier", self.multiplier, "a number > 0", holds=0 < self.multiplier < math.inf)
        _require("Dry", "base", self.base, "a number >= 1", holds=1 <= self.base < math.inf)
        _require("Dry", "allowed_length", self.allowed_length, "at least 1", holds=self.allowed_length >= 1)
        _require("Dry", "breakers", self.breakers, "strings that are not empty", holds=all(self.breakers))
        _require("Dry", "window", self.window, "at least 2, or None", holds=self.window is None or self.window >= 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalties:
    """Describe what changes raw logits before the grammar's mask; every default changes nothing, bit for bit.

    Applied in the order of the fields. What a grammar forces is written all the same: where these leave none of the
    tokens it allows, the most likely of them stays, and ``result.metrics.num_rescued_draws`` counts it.

    Parameters
    ----------
    repetition : divides positive and multiplies negative logits of tokens in prompt and output (Keskar et al. 2019).
    frequency : subtracted once for every time a token occurs in the output.
    presence : subtracted once from every token in the output.
    dry : penalises long repeats.
    logit_bias : added to a token's logit; for a sequence of tokens, or a text that is one, added to its last token
        where the others have just been written.
    no_repeat_ngram : no sequence of so many tokens occurs twice in prompt and output; 0 for no limit.
    bad_words : strings the output never contains, however its tokens are cut.
    suppress_tokens : token ids that are never drawn.
    min_tokens : no end token is drawn before so many tokens are written. A grammar whose text is complete ends it.

    Raises
    ------
    SamplingError : when a setting is out of range or contradicts another.

    Examples
    --------
    >>> Penalties(repetition=1.2, bad_words=["teh"]).bad_words
    ('teh',)
    """

    repetition: float = 1.0
    frequency: float = 0.0
    presence: float = 0.0
    dry: Dry | None = None
    logit_bias: Mapping[TokenLike, float] = field(default_factory=dict)
    no_repeat_ngram: int = 0
    bad_words: Iterable[str] = ()
    suppress_tokens: Iterable[int] = ()
    min_tokens: int = 0

    def __post_init__(self) -> None:
        """Refuse settings no law belongs to."""
        for name in ("bad_words", "suppress_tokens"):
            value = getattr(self, name)
            _require("Penalties", name, value, "a list", holds=not isinstance(value, str | bytes | int))
            object.__setattr__(self, name, tuple(value))
        _require("Penalties", "repetition", self.repetition, "a number > 0", holds=0 < self.repetition < math.inf)
        for name in ("frequency", "presence"):
            _require("Penalties", name, getattr(self, name), "a number", holds=math.isfinite(getattr(self, name)))
        for name in ("no_repeat_ngram", "min_tokens"):
            _require("Penalties", name, getattr(self, name), "at least 0", holds=getattr(self, name) >= 0)
        is_text = all(type(word) is str and word for word in self.bad_words)
        _require("Penalties", "bad_words", self.bad_words, "strings that are not empty", holds=is_text)
        is_ids = all(type(token) is int and token >= 0 for token in self.suppress_tokens)
        _require("Penalties", "suppress_tokens", self.suppress_tokens, "token ids >= 0", holds=is_ids)
        self._check_bias()

    def _check_bias(self) -> None:
        for key, bias in self.logit_bias.items():
            if not math.isfinite(bias):
                raise SamplingError(
                    f"Penalties: got logit_bias={{{key!r}: {bias}}}, expected finite numbers; "
                    "forbid tokens with suppress_tokens or bad_words"
                )
            if key in {(), ""}:
                raise SamplingError(
                    f"Penalties: got a bias of {bias} for {key!r}, expected at least one token; drop it"
                )
        both = sorted(set(self.suppress_tokens) & {key for key in self.logit_bias if isinstance(key, int)})
        if both:
            raise SamplingError(
                f"Penalties: got tokens {both} both in logit_bias and in suppress_tokens, expected each in one; "
                "drop the bias of tokens that are never drawn"
            )


def _require(owner: str, name: str, value: object, expected: str, *, holds: bool) -> None:
    if not holds:
        raise SamplingError(f"{owner}: got {name}={value!r}, expected {expected}; change {name}")
