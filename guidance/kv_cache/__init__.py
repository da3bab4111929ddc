"""Read prompts, and keep what was read.

prefill.py        prompts in chunks, and once what they share
prefix_cache.py   prefixes of earlier calls, bounded in bytes

The caches themselves belong to the networks: ``guidance.transformer``.
"""

from __future__ import annotations

from guidance.kv_cache.prefill import CHUNK_SIZE, Prefill
from guidance.kv_cache.prefix_cache import PrefixCache, PrefixHit

__all__ = ["CHUNK_SIZE", "Prefill", "PrefixCache", "PrefixHit"]
