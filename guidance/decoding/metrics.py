"""Report what a generation took.

Definitions follow common serving benchmarks: time to first token runs from the call to the first token the model chose
(what the grammar forces before it is there at once); time per output token is (total - first) / (tokens - 1); an
inter-token latency is each gap between two tokens the model chose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

__all__ = ["Clock", "Metrics", "SpeculationFigures", "percentile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeculationFigures:
    """Hold what speculation was expected to bring, and what it brought, over one batch.

    Parameters
    ----------
    acceptance : share of examined drafts that were accepted, of a tree one at each place; the alpha of Leviathan et al.
        2023.
    cost_ratio : cost of one more drafted token, of a tree one more level, over that of a step without drafts; their c.
    num_tokens : mean number of tokens drafted for each step that had drafts, of a tree its levels; their gamma.
    predicted_speedup : the formula, (1 - alpha^(gamma + 1)) / ((1 - alpha) (gamma c + 1)), with each step's own gamma:
        tokens to be expected over what the steps cost. Where a text ends, no more are expected than it had left.
    actual_speedup : tokens drawn per second over those that steps without drafts would have drawn.
    """

    acceptance: float
    cost_ratio: float
    num_tokens: float
    predicted_speedup: float
    actual_speedup: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Hold one row's counts and times; times are of the batch the row ran in.

    Parameters
    ----------
    num_prompt_tokens : tokens read before the first drawn one, forced ones excluded.
    num_output_tokens : tokens of the output, end token excluded.
    num_forced_tokens : those the grammar left no choice about; they took no draw and no model call of their own.
    num_model_calls : forward passes, the prefill included, drafts excluded.
    num_rescued_draws : draws where truncation left nothing and the most likely legal token was kept.
    num_cached_tokens : prompt tokens of the batch whose keys and values an earlier call had left behind.
    time_to_first_token_seconds : from the call to the first token the model chose for this row.
    inter_token_seconds : gaps between the tokens the model chose.
    prefill_seconds : the forward pass over the prompt.
    decode_seconds : everything after it.
    mask_seconds : filling masks for this row and advancing its matcher.
    kv_cache_bytes : the most that the batch's keys and values took.
    peak_memory_bytes : the most the process held: on a GPU allocated there, else its resident set.
    num_drafted_tokens : tokens proposed for this row, forced ones excluded.
    num_accepted_tokens, num_rejected_tokens : what became of those that were examined; of a tree, of each place's.
    speculation : what drafting was expected to bring and brought; None where nothing was drafted.
    """

    num_prompt_tokens: int = 0
    num_output_tokens: int = 0
    num_forced_tokens: int = 0
    num_model_calls: int = 0
    num_rescued_draws: int = 0
    num_cached_tokens: int = 0
    time_to_first_token_seconds: float = 0.0
    inter_token_seconds: tuple[float, ...] = ()
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    mask_seconds: float = 0.0
    kv_cache_bytes: int = 0
    peak_memory_bytes: int = 0
    num_drafted_tokens: int = 0
    num_accepted_tokens: int = 0
    num_rejected_tokens: int = 0
    speculation: SpeculationFigures | None = None

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
    def prefill_tokens_per_second(self) -> float:
        """Return prompt tokens over the time it took to read them."""
        return self.num_prompt_tokens / self.prefill_seconds if self.prefill_seconds else 0.0

    @property
    def decode_tokens_per_second(self) -> float:
        """Return output tokens over the time after the prefill."""
        return self.num_output_tokens / self.decode_seconds if self.decode_seconds else 0.0

    @property
    def forced_share(self) -> float:
        """Return the share of output tokens the grammar forced."""
        return self.num_forced_tokens / self.num_output_tokens if self.num_output_tokens else 0.0

    @property
    def acceptance_rate(self) -> float:
        """Return the share of this row's examined drafts that were accepted."""
        examined = self.num_accepted_tokens + self.num_rejected_tokens
        return self.num_accepted_tokens / examined if examined else 0.0

    @property
    def mask_microseconds_per_token(self) -> float:
        """Return the cost of the grammar for each output token."""
        return 1e6 * self.mask_seconds / self.num_output_tokens if self.num_output_tokens else 0.0

    @property
    def end_to_end_seconds(self) -> float:
        """Return the time from the call to the last token."""
        return self.total_seconds

    def to_json(self) -> dict[str, object]:
        """Return counts, times and the figures derived from them, ready for ``json.dumps``."""
        document: dict[str, object] = asdict(self)
        gaps = document.pop("inter_token_seconds")
        assert isinstance(gaps, tuple)
        document |= {name: getattr(self, name) for name in _DERIVED}
        for share in (50, 90, 99):
            document[f"inter_token_seconds_p{share}"] = percentile(gaps, share)
        return document


_DERIVED = (
    "total_seconds",
    "time_per_output_token_seconds",
    "tokens_per_second",
    "prefill_tokens_per_second",
    "decode_tokens_per_second",
    "forced_share",
    "acceptance_rate",
    "mask_microseconds_per_token",
)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` percent of the values do not exceed; 0 for no values.

    Examples
    --------
    >>> percentile([4.0, 1.0, 3.0, 2.0], 50)
    2.0
    """
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * share // 100) - 1)]


@dataclass(slots=True)
class Clock:
    """Collect the times of one batch; owned by the decoder."""

    started: float
    prefilled: float = 0.0
    num_model_calls: int = 0
    num_cached_tokens: int = 0
    ended: float = 0.0
    kv_cache_bytes: int = 0
    peak_memory_bytes: int = 0
    speculation: SpeculationFigures | None = None
