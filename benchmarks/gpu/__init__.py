"""Measure decode steps on a GPU; run it with ``python -m benchmarks.gpu``.

network.py   a random network of a published shape, made on the device     bandwidth.py   what its memory gives
steps.py     steps of fixed shape, free and under a frozen schema
"""

from __future__ import annotations

__all__: list[str] = []
