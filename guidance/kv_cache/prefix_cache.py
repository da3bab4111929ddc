"""Keep the keys and values of prompts that were read, so that a later prompt with the same beginning reads less.

Bounded in bytes; the prefix that was used longest ago goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guidance.model import KvCache

__all__ = ["PrefixCache", "PrefixHit"]

FEWEST_TOKENS = 64
"""Shorter prefixes are read faster than they are copied."""


@dataclass(frozen=True, slots=True)
class PrefixHit:
    """Hold a cache of one row that has read the first `num_tokens` of a prompt; it is the caller's own."""

    cache: KvCache
    num_tokens: int


@dataclass(slots=True)
class _Entry:
    token_ids: NDArray[np.int64]
    cache: KvCache


class PrefixCache:
    """Remember read prefixes of one model.

    Parameters
    ----------
    max_bytes : the most that all remembered keys and values take together; 0 remembers nothing.
    fewest_tokens : shorter prefixes are not remembered.
    can_drop : whether the model's caches can forget tokens; if not, only whole prefixes are found.

    Owned by one `guidance.Model`. Cost: a comparison of the prompt with each remembered prefix.
    """

    def __init__(self, max_bytes: int, *, fewest_tokens: int = FEWEST_TOKENS, can_drop: bool = True) -> None:
        self.max_bytes = max_bytes
        self.fewest_tokens = fewest_tokens
        self.num_queries = 0
        self.num_hits = 0
        self.num_evicted = 0
        self._can_drop = can_drop
        self._entries: list[_Entry] = []

    @property
    def num_bytes(self) -> int:
        """Return the memory the remembered keys and values take."""
        return sum(entry.cache.num_bytes for entry in self._entries)

    @property
    def num_prefixes(self) -> int:
        """Return how many prefixes are remembered."""
        return len(self._entries)

    def find(self, token_ids: Sequence[int], *, most: int) -> PrefixHit | None:
        """Return the longest remembered beginning of a prompt, of at most `most` tokens, in a copy of its cache."""
        if most < self.fewest_tokens or not self._entries:
            return None
        self.num_queries += 1
        prompt = np.asarray(token_ids, dtype=np.int64)
        shared = [min(_num_shared(entry.token_ids, prompt), most) for entry in self._entries]
        if not self._can_drop:
            shared = [n if n == len(e.token_ids) else 0 for n, e in zip(shared, self._entries, strict=True)]
        best = max(range(len(shared)), key=shared.__getitem__)
        if shared[best] < self.fewest_tokens:
            return None
        self.num_hits += 1
        entry = self._entries.pop(best)
        self._entries.append(entry)
        cache = entry.cache.fork()
        surplus = len(entry.token_ids) - shared[best]
        if surplus:
            cache.drop([surplus])
        return PrefixHit(cache, shared[best])

    def remember(self, token_ids: Sequence[int], cache: KvCache) -> None:
        """Keep a copy of a cache of one row that has read exactly these tokens."""
        if len(token_ids) < self.fewest_tokens or cache.num_bytes > self.max_bytes:
            return
        prefix = np.asarray(token_ids, dtype=np.int64)
        for entry in self._entries:
            if len(entry.token_ids) >= len(prefix) and _num_shared(entry.token_ids, prefix) == len(prefix):
                return
        self._entries = [e for e in self._entries if _num_shared(e.token_ids, prefix) < len(e.token_ids)]
        self._entries.append(_Entry(prefix, cache.fork()))
        while self.num_bytes > self.max_bytes:
            del self._entries[0]
            self.num_evicted += 1

    def clear(self) -> None:
        """Forget everything."""
        self._entries = []


def _num_shared(one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    size = min(len(one), len(other))
    differs = one[:size] != other[:size]
    return int(differs.argmax()) if differs.any() else size
