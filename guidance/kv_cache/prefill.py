"""Read prompts: what is remembered is not read again, what all share is read once, what is long is read in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from guidance.kv_cache.prefix_cache import PrefixCache
from guidance.model import CausalLM, KvCache

__all__ = ["CHUNK_SIZE", "Prefill"]

CHUNK_SIZE = 512
"""Positions read at once: the memory of a pass over a prompt is bounded, and rows that decode need not wait long."""


class Prefill:
    """Read distinct prompts as one batch, a chunk at a time.

    Parameters
    ----------
    network : what reads.
    prompts : token ids, one line for each row.
    prefixes : what earlier prompts left behind; None remembers nothing.
    chunk_size : most positions to read at once.

    After the last chunk, `cache` has read everything and `logits` are those after each prompt: float[B, 1, V].
    """

    def __init__(
        self,
        network: CausalLM,
        prompts: Sequence[Sequence[int]],
        *,
        prefixes: PrefixCache | None = None,
        chunk_size: int = CHUNK_SIZE,
    ) -> None:
        self.cache: KvCache | None = None
        self.logits: torch.Tensor | None = None
        self.num_cached = 0
        self.num_calls = 0
        self._network = network
        self._prompts = [list(prompt) for prompt in prompts]
        self._prefixes = prefixes
        self._chunk_size = chunk_size
        self._chunks = self._run()
        self.is_done = False

    def advance(self) -> bool:
        """Read one chunk; return whether it was the last."""
        if next(self._chunks, None) is None:
            self.is_done = True
        return self.is_done

    def finish(self) -> None:
        """Read all that is left."""
        while not self.advance():
            pass

    def _run(self) -> Iterator[int]:
        """Yield after each chunk but the last."""
        num_shared = self._share()
        if self._shares_much(num_shared):
            yield from self._read([self._prompts[0][self.num_cached : num_shared]])
            yield num_shared
            assert self.cache is not None
            if self._prefixes is not None:
                self._prefixes.remember(self._prompts[0][:num_shared], self.cache)
        else:
            num_shared = self.num_cached
        if self.cache is not None and len(self._prompts) > 1:
            self.cache.select([0] * len(self._prompts))
        yield from self._read([prompt[num_shared:] for prompt in self._prompts])
        if self._prefixes is not None and len(self._prompts) == 1:
            assert self.cache is not None
            self._prefixes.remember(self._prompts[0], self.cache)

    def _share(self) -> int:
        """Take over what is remembered of the prompts' common beginning; return how many tokens that beginning has.

        The last token of every prompt is read anew, for the logits after it.
        """
        most = min(len(prompt) for prompt in self._prompts) - 1
        common = _common_beginning(self._prompts)
        num_shared = min(len(common), most)
        hit = None if self._prefixes is None else self._prefixes.find(common, most=num_shared)
        if hit is not None:
            self.cache, self.num_cached = hit.cache, hit.num_tokens
        return num_shared

    def _shares_much(self, num_shared: int) -> bool:
        fewest = self._prefixes.fewest_tokens if self._prefixes is not None else self._chunk_size
        return len(self._prompts) > 1 and num_shared - self.num_cached >= fewest

    def _read(self, lines: Sequence[Sequence[int]]) -> Iterator[int]:
        """Read the lines, aligned on the right; yield after each chunk but the last."""
        longest = max(len(line) for line in lines)
        for end in range(longest % self._chunk_size or self._chunk_size, longest + 1, self._chunk_size):
            start = max(0, end - self._chunk_size)
            parts = [
                list(line[max(0, len(line) - longest + start) : max(0, len(line) - longest + end)]) for line in lines
            ]
            self._read_chunk(parts, end - start)
            if end < longest:
                yield end

    def _read_chunk(self, parts: Sequence[list[int]], size: int) -> None:
        self.num_calls += 1
        if self.cache is None:
            self.cache, self.logits = self._network.prefill(parts)
            return
        lengths = [len(part) for part in parts]
        padded = torch.tensor([[0] * (size - len(part)) + part for part in parts], device=self._network.device)
        self.logits = self._network.decode_step(self.cache, padded, None if min(lengths) == size else lengths)


def _common_beginning(lines: Sequence[list[int]]) -> list[int]:
    first, size = lines[0], min(len(line) for line in lines)
    for line in lines[1:]:
        if line[:size] != first[:size]:
            size = next(i for i in range(size) if line[i] != first[i])
    return first[:size]
