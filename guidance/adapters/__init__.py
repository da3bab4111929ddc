"""Bring grammars and the pipeline into loops of other libraries; nothing of the root packages imports an adapter.

transformers/    processors for its ``generate``, and our loop behind it
"""

from __future__ import annotations

__all__: list[str] = []
