"""Measure decoding beside transformers' own loop; run it with ``python -m benchmarks.decoding``.

models.py       the networks                                  loops.py         ours, theirs, theirs with peers' masks
clock.py        processor time, in turns                      speculation.py   what drafts bring, and should
"""

from __future__ import annotations

__all__: list[str] = []
