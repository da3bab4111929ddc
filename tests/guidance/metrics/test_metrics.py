"""Check that figures reach a terminal, a pipe and a registry."""

from __future__ import annotations

import builtins
import io
import json

import pytest

import guidance
from guidance.engine import Engine
from guidance.errors import ExtraMissingError
from guidance.metrics import PrometheusObserver, describe, follow


class Terminal(io.StringIO):
    """Be a terminal."""

    def isatty(self):
        """Say so."""
        return True


def test_pipes_get_one_line_of_json(model, finite_grammar):
    """The figures of the whole generation, with percentiles of the gaps between tokens."""
    file = io.StringIO()
    events = list(follow(guidance.stream(model, "hello", finite_grammar(("abcab", "abxy"))), file=file))
    document = json.loads(file.getvalue())
    metrics = events[-1].result.metrics
    assert document["num_output_tokens"] == metrics.num_output_tokens
    assert document["forced_share"] == metrics.forced_share > 0
    assert document["inter_token_seconds_p50"] <= document["inter_token_seconds_p99"]
    assert document["peak_memory_bytes"] > 1 << 20
    assert len(file.getvalue().splitlines()) == 1


def test_terminals_get_a_live_line(model):
    """The last figures stay; the text itself is the caller's to show."""
    file = Terminal()
    events = list(follow(guidance.stream(model, "hello", max_tokens=9), file=file))
    assert describe(events[-1].result.metrics).split(",")[0] == "9 tokens"
    assert "9 tokens" in file.getvalue()
    assert all(event.metrics is not None for event in events)
    counts = [event.metrics.num_output_tokens for event in events]
    assert counts == sorted(counts)


def test_definitions_add_up(model):
    """Gaps, first token and total are of one clock."""
    metrics = guidance.generate(model, "hello", max_tokens=9).metrics
    assert len(metrics.inter_token_seconds) == 8
    assert metrics.time_to_first_token_seconds + sum(metrics.inter_token_seconds) <= metrics.total_seconds
    assert metrics.prefill_tokens_per_second > 0
    assert metrics.decode_tokens_per_second >= metrics.tokens_per_second


def test_registry_counts_an_engines_requests(model):
    """Under the names that serving dashboards know."""
    client = pytest.importorskip("prometheus_client", reason="the extra 'metrics' is not installed")
    registry = client.CollectorRegistry()
    observer = PrometheusObserver(registry)
    with Engine(model, observer=observer) as engine:
        tickets = [engine.submit_nowait(prompt, max_tokens=4) for prompt in ("hello", "x", "y")]
        for ticket in tickets:
            ticket.result(timeout=60)
        engine.submit_nowait("z", max_tokens=2).result(timeout=60)
    labels = {"model_name": "tiny"}
    assert registry.get_sample_value("guidance_generation_tokens_total", labels) >= 12
    assert registry.get_sample_value("guidance_time_to_first_token_seconds_count", labels) >= 3
    ended = labels | {"finished_reason": "length"}
    assert registry.get_sample_value("guidance_request_success_total", ended) >= 3
    assert b"guidance_inter_token_latency_seconds_bucket" in client.generate_latest(registry)


def test_missing_extra_is_named(monkeypatch):
    """The error says which extra brings the client."""
    inner = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "prometheus_client":
            raise ImportError(name)
        return inner(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ExtraMissingError, match=r"constrained-guidance\[metrics\]"):
        PrometheusObserver()
