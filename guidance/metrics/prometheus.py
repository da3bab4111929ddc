"""Keep an engine's figures in a Prometheus registry, under the names that serving dashboards know.

Latencies carry the names of vLLM's metrics under another prefix, so that its dashboards need one edit; figures of
constraints and drafts, which nobody else exports, stand beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guidance.engine import Engine, Ticket
from guidance.errors import ExtraMissingError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["PrometheusObserver"]

_SECONDS = (
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
    20.0,
    40.0,
    80.0,
)

_HISTOGRAMS = {
    "time_to_first_token_seconds": "From the request to the first token the model chose, waiting included.",
    "inter_token_latency_seconds": "Each gap between two tokens the model chose.",
    "request_time_per_output_token_seconds": "Mean time of a request's output tokens, the first excluded.",
    "e2e_request_latency_seconds": "From the request to its last token.",
    "request_prefill_time_seconds": "From the request until its prompt was read.",
    "request_decode_time_seconds": "What followed.",
}
_COUNTERS = {
    "prompt_tokens": "Prompt tokens read, or found read.",
    "prefix_cache_hits": "Prompt tokens found read by an earlier request.",
    "generation_tokens": "Output tokens.",
    "forced_tokens": "Output tokens that a grammar forced.",
    "mask_seconds": "Time spent on grammars.",
    "spec_decode_num_draft_tokens": "Tokens drafted.",
    "spec_decode_num_accepted_tokens": "Drafts accepted.",
    "rescued_draws": "Draws where truncation left nothing.",
}
_GAUGES = {
    "num_requests_running": "Requests that hold a row.",
    "num_requests_waiting": "Requests that wait for one.",
    "kv_cache_bytes": "Keys and values of the running rows, at most so far.",
    "prefix_cache_bytes": "Keys and values of remembered prefixes.",
}


class PrometheusObserver:
    """Record every finished request of engines.

    Parameters
    ----------
    registry : where to register; the client library's default registry unless given.
    prefix : of every metric's name.

    Raises
    ------
    ExtraMissingError : when ``prometheus_client`` is not installed: the extra ``metrics``.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, prefix: str = "guidance") -> None:
        try:
            from prometheus_client import REGISTRY, Counter, Gauge, Histogram
        except ImportError as error:
            raise ExtraMissingError(
                "PrometheusObserver: got no prometheus_client, expected it; "
                "install the extra: pip install 'constrained-guidance[metrics]'"
            ) from error
        place: dict[str, Any] = {"registry": registry or REGISTRY, "labelnames": ("model_name",)}
        self._histograms = {
            name: Histogram(f"{prefix}_{name}", text, buckets=_SECONDS, **place) for name, text in _HISTOGRAMS.items()
        }
        self._counters = {name: Counter(f"{prefix}_{name}", text, **place) for name, text in _COUNTERS.items()}
        self._gauges = {name: Gauge(f"{prefix}_{name}", text, **place) for name, text in _GAUGES.items()}
        place["labelnames"] = ("model_name", "finished_reason")
        self._finished = Counter(f"{prefix}_request_success", "Finished requests, by why they ended.", **place)

    def observe(self, ticket: Ticket[Any], engine: Engine) -> None:
        """Record one request that is done."""
        name = engine.model.name
        metrics = ticket.row.metrics(ticket.clock)
        reason = ticket.row.stop_reason
        self._finished.labels(name, "error" if reason is None else reason.value).inc()
        seconds = {
            "time_to_first_token_seconds": metrics.time_to_first_token_seconds,
            "request_time_per_output_token_seconds": metrics.time_per_output_token_seconds,
            "e2e_request_latency_seconds": metrics.total_seconds,
            "request_prefill_time_seconds": metrics.prefill_seconds,
            "request_decode_time_seconds": metrics.decode_seconds,
        }
        for key, value in seconds.items():
            self._histograms[key].labels(name).observe(value)
        for gap in metrics.inter_token_seconds:
            self._histograms["inter_token_latency_seconds"].labels(name).observe(gap)
        counts = {
            "prompt_tokens": metrics.num_prompt_tokens,
            "prefix_cache_hits": metrics.num_cached_tokens,
            "generation_tokens": metrics.num_output_tokens,
            "forced_tokens": metrics.num_forced_tokens,
            "mask_seconds": metrics.mask_seconds,
            "spec_decode_num_draft_tokens": metrics.num_drafted_tokens,
            "spec_decode_num_accepted_tokens": metrics.num_accepted_tokens,
            "rescued_draws": metrics.num_rescued_draws,
        }
        for key, count in counts.items():
            self._counters[key].labels(name).inc(count)
        self._gauges["num_requests_running"].labels(name).set(engine.num_running)
        self._gauges["num_requests_waiting"].labels(name).set(engine.num_waiting)
        self._gauges["kv_cache_bytes"].labels(name).set(metrics.kv_cache_bytes)
        self._gauges["prefix_cache_bytes"].labels(name).set(engine.model.prefix_cache.num_bytes)
