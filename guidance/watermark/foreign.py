"""Read texts that the transformers library watermarked (``WatermarkingConfig`` of ``generate``).

Its lists are permutations of torch's generator, so they depend on the device they were drawn on; texts watermarked on
a CPU are read here. Its default hashing key is public: whoever knows the settings can forge and find the mark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from guidance.errors import WatermarkError
from guidance.watermark.scoring import Scores

__all__ = ["TransformersWatermark", "score_foreign"]

_TABLE_SIZE = 1_000_003
_MOST_SEED = 2**64 - 1


@dataclass(frozen=True, kw_only=True)
class TransformersWatermark:
    """Hold the settings of a transformers watermark; it can be detected, not written.

    Parameters
    ----------
    vocabulary_size : the width of the logits it was written with (``model.config.vocab_size``).
    gamma, delta, hashing_key, scheme, context_width : ``greenlist_ratio``, ``bias``, ``hashing_key``,
        ``seeding_scheme`` and ``context_width`` of the configuration.

    Examples
    --------
    >>> TransformersWatermark(vocabulary_size=1000).num_green
    250
    """

    vocabulary_size: int
    gamma: float = 0.25
    delta: float = 2.0
    hashing_key: int = 15_485_863
    scheme: Literal["lefthash", "selfhash"] = "lefthash"
    context_width: int = 1

    def __post_init__(self) -> None:
        """Refuse settings that library has no lists for.

        Raises
        ------
        WatermarkError : with the setting.
        """
        if self.scheme not in {"lefthash", "selfhash"}:
            raise WatermarkError(
                f"watermark: got seeding_scheme={self.scheme!r}, expected 'lefthash' or 'selfhash'; check the settings"
            )
        if not 0.0 < self.gamma < 1.0 or self.context_width < 1 or self.vocabulary_size < 1:
            raise WatermarkError(
                f"watermark: got greenlist_ratio={self.gamma}, context_width={self.context_width} and "
                f"vocabulary_size={self.vocabulary_size}, expected a share between 0 and 1, and at least 1 of the "
                "others; check the settings"
            )

    @classmethod
    def from_config(cls, config: Any, vocabulary_size: int) -> TransformersWatermark:
        """Return the settings of a ``WatermarkingConfig``.

        Raises
        ------
        WatermarkError : for another kind of configuration, such as SynthID's, whose lists are not read here.
        """
        names = ("greenlist_ratio", "bias", "hashing_key", "seeding_scheme", "context_width")
        if not all(hasattr(config, name) for name in names):
            raise WatermarkError(
                f"watermark: got a {type(config).__name__}, expected transformers' WatermarkingConfig; "
                "other watermarks of that library are not read here"
            )
        return cls(
            vocabulary_size=vocabulary_size,
            gamma=config.greenlist_ratio,
            delta=config.bias,
            hashing_key=config.hashing_key,
            scheme=config.seeding_scheme,
            context_width=config.context_width,
        )

    @property
    def is_distortion_free(self) -> bool:
        """Tell that green tokens are favoured."""
        return False

    @property
    def window_size(self) -> int:
        """Return how many tokens before a token its list depends on; with selfhash the token itself is one of them."""
        return self.context_width - 1 if self.scheme == "selfhash" else self.context_width

    @property
    def num_green(self) -> int:
        """Return how many tokens a list favours."""
        return int(self.vocabulary_size * self.gamma)

    @property
    def secret(self) -> bytes:
        """Return the key as bytes."""
        return str(self.hashing_key).encode()

    @property
    def spike_modulus(self) -> float:
        """Return m of the spike entropy."""
        alpha = math.exp(self.delta)
        return (1 - self.gamma) * (alpha - 1) / (1 - self.gamma + alpha * self.gamma)

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """Return the permutation that spreads token ids: int64[1000003]."""
        import torch

        generator = torch.Generator().manual_seed(self.hashing_key)
        found: NDArray[np.int64] = torch.randperm(_TABLE_SIZE, generator=generator).numpy()
        return found

    def seed(self, tokens: Sequence[int]) -> int:
        """Return the generator's seed at a token: ``tokens`` ends with it for selfhash, just before it for lefthash."""
        if self.scheme == "lefthash":
            return (self.hashing_key * tokens[-1]) % _MOST_SEED
        hashed = self.table[np.array(tokens) % _TABLE_SIZE] + 1
        with np.errstate(over="ignore"):
            products = np.int64(self.hashing_key) * hashed * hashed[-1]
        return int(products.min()) % _MOST_SEED


def score_foreign(
    watermark: TransformersWatermark,
    token_ids: Sequence[int],
    *,
    start: int,
    forced: NDArray[np.bool_] | None = None,
) -> Scores:
    """Score the tokens from `start` on, each pair of list and token once.

    Cost: one permutation of the vocabulary for each pair.
    """
    size = watermark.window_size
    num_tokens = len(token_ids) - start
    values, scored = np.zeros(num_tokens), np.zeros(num_tokens, dtype=np.bool_)
    seen: set[tuple[int, int]] = set()
    num_repeated = 0
    for place in range(max(start, size), len(token_ids)):
        end = place + 1 if watermark.scheme == "selfhash" else place
        seed = watermark.seed(token_ids[max(0, end - watermark.context_width) : end])
        if forced is not None and forced[place - start]:
            continue
        if (seed, token_ids[place]) in seen:
            num_repeated += 1
            continue
        seen.add((seed, token_ids[place]))
        scored[place - start] = True
        values[place - start] = _is_green(watermark, seed, token_ids[place])
    return Scores(values=values, scored=scored, num_repeated=num_repeated)


@lru_cache(maxsize=4096)
def _is_green(watermark: TransformersWatermark, seed: int, token_id: int) -> bool:
    import torch

    permutation = torch.randperm(watermark.vocabulary_size, generator=torch.Generator().manual_seed(seed))
    return bool((permutation[: watermark.num_green] == token_id).any())
