"""Keep the KV caches of a plan's networks in step with the rows they steer."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from guidance.errors import PromptError
from guidance.logits import Companion
from guidance.model import KvCache
from proxy_tuning.errors import SteeringError
from proxy_tuning.plan import Forward, Plan, Reader

__all__ = ["Ensemble"]


class Ensemble(Companion):
    """Hold every forward pass of a plan, and the companions of its classifiers.

    Owned by the group of rows it was opened for.
    """

    def __init__(self, runners: Sequence[_Runner], scorers: Sequence[Companion | None]) -> None:
        self._runners = list(runners)
        self.scorers = list(scorers)
        self._blocks = {
            reader: (runner, block) for runner in self._runners for block, reader in enumerate(runner.forward.readers)
        }

    @classmethod
    def open(cls, plan: Plan, prompts: Sequence[Sequence[int]]) -> Ensemble:
        """Read the prompts, each distinct one once per network."""
        runners = [_Runner.open(forward, plan.readers, prompts) for forward in plan.forwards]
        return cls(runners, [scorer.open(prompts) for scorer in plan.scorers])

    def logits(self, reader: int) -> torch.Tensor:
        """Return a reader's logits in the steered model's columns: float32[B, P, V]."""
        runner, block = self._blocks[reader]
        return runner.block_logits(block)

    @property
    def num_bytes(self) -> int:
        """Return the memory of all caches."""
        others = sum(companion.num_bytes for companion in self.scorers if companion is not None)
        return others + sum(runner.cache.num_bytes for runner in self._runners)

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None = None, *, num_logits: int = 1) -> None:
        """Append P positions to every row of every network."""
        for runner in self._runners:
            runner.read(token_ids, lengths, num_logits)
        for companion in self.scorers:
            if companion is not None:
                companion.read(token_ids, lengths, num_logits=num_logits)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        for runner in self._runners:
            runner.select(rows)
        for companion in self.scorers:
            if companion is not None:
                companion.select(rows)

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        for runner in self._runners:
            runner.drop(counts)
        for companion in self.scorers:
            if companion is not None:
                companion.drop(counts)

    def fork(self) -> Ensemble:
        """Return an independent copy."""
        others = [None if companion is None else companion.fork() for companion in self.scorers]
        return Ensemble([runner.fork() for runner in self._runners], others)


class _Runner:
    """Run one forward pass of a plan: K blocks of B rows.

    logits : float[K * B, N, V']   of the positions read last
    """

    def __init__(
        self, forward: Forward, readers: Sequence[Reader], cache: KvCache, logits: torch.Tensor, lengths: list[int]
    ) -> None:
        self.forward = forward
        self.cache = cache
        self._readers = readers
        self._logits = logits
        self._lengths = lengths
        self._translations = _translations(forward, readers)

    @classmethod
    def open(cls, forward: Forward, readers: Sequence[Reader], prompts: Sequence[Sequence[int]]) -> _Runner:
        """Prefill; rows of a stack that read the same in every network share the work."""
        num_variants = len(forward.readers) // forward.num_networks
        blocks = [[readers[reader].prompt_of(prompt) for prompt in prompts] for reader in forward.readers]
        columns = [
            [tuple(prompt) for block in blocks[m * num_variants : (m + 1) * num_variants] for prompt in block]
            for m in range(forward.num_networks)
        ]
        places: dict[tuple[tuple[int, ...], ...], int] = {}
        origin = [places.setdefault(texts, len(places)) for texts in zip(*columns, strict=True)]
        distinct = [texts[m] for m in range(forward.num_networks) for texts in places]
        _check_lengths(forward, [len(text) for text in distinct])
        cache, logits = forward.network.prefill(distinct)
        lengths = [len(text) for column in columns for text in column]
        runner = cls(forward, readers, cache, logits, lengths)
        if len(places) < len(origin):
            runner.cut([m * len(places) + place for m in range(forward.num_networks) for place in origin])
        return runner

    @property
    def num_blocks(self) -> int:
        """Return K."""
        return len(self.forward.readers)

    def block_logits(self, block: int) -> torch.Tensor:
        """Return one block's logits in the steered model's columns."""
        num_rows = len(self._lengths) // self.num_blocks
        own = self._logits[block * num_rows : (block + 1) * num_rows]
        return self._readers[self.forward.readers[block]].alignment.gather(own)

    def read(self, token_ids: torch.Tensor, lengths: Sequence[int] | None, num_logits: int) -> None:
        """Append P positions to the rows of every block."""
        token_ids = token_ids.to(self.forward.network.device)
        added = [token_ids.shape[1]] * token_ids.shape[0] if lengths is None else list(lengths)
        self._lengths = [old + new for old, new in zip(self._lengths, added * self.num_blocks, strict=True)]
        _check_lengths(self.forward, self._lengths)
        everywhere = torch.cat([token_ids if ids is None else ids[token_ids] for ids in self._translations])
        self._logits = self.forward.network.decode_step(
            self.cache, everywhere, None if lengths is None else added * self.num_blocks, num_logits=num_logits
        )

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows in every block."""
        num_rows = len(self._lengths) // self.num_blocks
        chosen = [block * num_rows + row for block in range(self.num_blocks) for row in rows]
        self._lengths = [self._lengths[row] for row in chosen]
        self.cut(chosen)

    def cut(self, rows: Sequence[int]) -> None:
        """Keep these of the K * B rows in the cache and the logits."""
        self.cache.select(rows)
        self._logits = self._logits[list(rows)]

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b in every block."""
        if not getattr(self.forward.network, "can_drop", True):
            raise SteeringError(
                f"{self._readers[self.forward.readers[0]].model.name}: got drafts taken back, expected an expert whose "
                "cache can forget tokens, which recurrent layers cannot; leave speculate out"
            )
        everywhere = list(counts) * self.num_blocks
        self._lengths = [length - count for length, count in zip(self._lengths, everywhere, strict=True)]
        self.cache.drop(everywhere)

    def fork(self) -> _Runner:
        """Return an independent copy."""
        return _Runner(self.forward, self._readers, self.cache.fork(), self._logits, list(self._lengths))


def _translations(forward: Forward, readers: Sequence[Reader]) -> list[torch.Tensor | None]:
    """Return each block's ids for the steered model's, or None where they are the same; padding reads id 0."""
    alignments = [readers[reader].alignment for reader in forward.readers]
    device = forward.network.device
    return [
        None if alignment.is_identity else torch.from_numpy(alignment.ids.clip(min=0)).to(device)
        for alignment in alignments
    ]


def _check_lengths(forward: Forward, lengths: Sequence[int]) -> None:
    longest, most = max(lengths), forward.network.context_size
    if longest > most:
        raise PromptError(
            f"expert: got a text of {longest} tokens, expected at most the expert's context of {most}; "
            "shorten the prompt, lower max_tokens, or load an expert with a longer context"
        )
