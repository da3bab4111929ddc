"""Steer with other language models: combine logits of a base, experts and anti-experts.

Nothing is exported yet.
"""

from __future__ import annotations

__all__: list[str] = []
