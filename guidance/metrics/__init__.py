"""Show what generations take: a line in a terminal, JSON elsewhere, a Prometheus registry for services.

line.py         the live line, and its JSON                  prometheus.py   a registry, by the extra ``metrics``

The figures themselves, and their definitions, stand in ``guidance.decoding.metrics``.
"""

from __future__ import annotations

from guidance.decoding.metrics import Metrics, SpeculationFigures
from guidance.metrics.line import describe, follow
from guidance.metrics.prometheus import PrometheusObserver

__all__ = ["Metrics", "PrometheusObserver", "SpeculationFigures", "describe", "follow"]
