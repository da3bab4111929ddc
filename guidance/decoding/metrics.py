"""Report what a generation took.

Definitions follow common serving benchmarks: time to first token runs from the call to the first token the model chose
(what the grammar forces before it is there at once); time per output token is (total - first) / (tokens - 1).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

__all__ = ["Clock", "Metrics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Hold one row's counts and times; times are of the batch the row ran in.

    Parameters
    ----------
    num_prompt_tokens : tokens read before the first drawn one, forced ones excluded.
    num_output_tokens : tokens of the output, end token excluded.
    num_forced_tokens : those the grammar left no choice about; they took no draw and no model call of their own.
    num_model_calls : forward passes, the prefill included.
    num_rescued_draws : draws where truncation left nothing and the most likely legal token was kept.
    time_to_first_token_seconds : from the call to the first token the model chose for this row.
    prefill_seconds : the forward pass over the prompt.
    decode_seconds : everything after it.
    mask_seconds : filling masks for this row and advancing its matcher.
    kv_cache_bytes : the batch's keys and values at the end.
    """

    num_prompt_tokens: int = 0
    num_output_tokens: int = 0
    num_forced_tokens: int = 0
    num_model_calls: int = 0
    num_rescued_draws: int = 0
    time_to_first_token_seconds: float = 0.0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    mask_seconds: float = 0.0
    kv_cache_bytes: int = 0

    @property
    def total_seconds(self) -> float:
        """Return prefill and decoding together."""
        return self.prefill_seconds + self.decode_seconds

    @property
    def time_per_output_token_seconds(self) -> float:
        """Return the mean time between output tokens, the first excluded."""
        return (self.total_seconds - self.time_to_first_token_seconds) / max(self.num_output_tokens - 1, 1)

    @property
    def tokens_per_second(self) -> float:
        """Return output tokens over total time."""
        return self.num_output_tokens / self.total_seconds if self.total_seconds else 0.0

    @property
    def forced_share(self) -> float:
        """Return the share of output tokens the grammar forced."""
        return self.num_forced_tokens / self.num_output_tokens if self.num_output_tokens else 0.0

    @property
    def mask_microseconds_per_token(self) -> float:
        """Return the cost of the grammar for each output token."""
        return 1e6 * self.mask_seconds / self.num_output_tokens if self.num_output_tokens else 0.0

    def to_json(self) -> dict[str, float]:
        """Return counts, times and the figures derived from them, ready for ``json.dumps``."""
        derived = ("total_seconds", "time_per_output_token_seconds", "tokens_per_second", "forced_share")
        return {
            **asdict(self),
            **{name: getattr(self, name) for name in derived},
            "mask_microseconds_per_token": self.mask_microseconds_per_token,
        }


@dataclass(slots=True)
class Clock:
    """Collect the times of one batch; owned by the decoder."""

    started: float
    prefilled: float = 0.0
    num_model_calls: int = 0
    ended: float = 0.0
    kv_cache_bytes: int = 0
    marks: list[float] = field(default_factory=list)
