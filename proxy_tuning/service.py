"""Stand in for a model of which only a service's answers are known: the log-probabilities of its likeliest tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from guidance.model import KvCache
from proxy_tuning.errors import SteeringError

__all__ = ["Ask", "Service", "ServiceCache"]

Ask = Callable[[list[list[int]]], Sequence[Mapping[int, float]]]
"""From texts as token ids to what is known of the next token after each: {token id: log-probability}."""

UNKNOWN = -1e4
"""The logit of a token the service did not name. Finite, so that steering may still tell such tokens apart where a
grammar allows no other (the published code has -50,000)."""


class ServiceCache:
    """Hold the texts of B rows; the service itself keeps nothing.

    texts : padding is marked by -1, so that slots line up as in other caches
    """

    def __init__(self, texts: list[list[int]]) -> None:
        self.texts = texts

    @property
    def num_rows(self) -> int:
        """Return B."""
        return len(self.texts)

    @property
    def num_slots(self) -> int:
        """Return how many positions every row occupies, padding included."""
        return max(map(len, self.texts))

    @property
    def num_bytes(self) -> int:
        """Return the memory the texts take, at 8 bytes a token."""
        return 8 * sum(map(len, self.texts))

    def fork(self) -> ServiceCache:
        """Return an independent copy."""
        return ServiceCache([list(text) for text in self.texts])

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        self.texts = [list(self.texts[row]) for row in rows]

    def crop(self, num_slots: int) -> None:
        """Forget every slot from `num_slots` on."""
        self.texts = [text[:num_slots] for text in self.texts]

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last ``counts[b]`` tokens of row b."""
        for text, count in zip(self.texts, counts, strict=True):
            live = [place for place, token in enumerate(text) if token >= 0]
            for place in live[len(live) - count :]:
                text[place] = -1

    def join(self, other: KvCache) -> None:
        """Add the rows of another cache behind these."""
        assert isinstance(other, ServiceCache)
        longest = max(self.num_slots, other.num_slots)
        self.texts = [[-1] * (longest - len(text)) + text for text in (*self.texts, *other.texts)]


class Service:
    """Put a service behind the protocol of a model, so that proxy-tuning and grammars work on it.

    Each step asks once, for all rows. ``guidance.Model(Service(ask, logits_size=...), tokenizer)`` is then steered with
    `ProxyTuning`: the correction applies to the tokens the service names.

    Parameters
    ----------
    ask : tells the log-probabilities of the likeliest next tokens of several texts.
    logits_size : V.
    context_size : the most tokens of a text.

    Examples
    --------
    >>> import guidance
    >>> service = Service(lambda texts: [{1: -0.1, 2: -2.4} for _ in texts], logits_size=3)
    >>> model = guidance.Model(service, [b"a", b"b", b"c"], name="service")
    >>> guidance.generate(model, "a", max_tokens=4).text
    'bbbb'
    """

    def __init__(self, ask: Ask, *, logits_size: int, context_size: int = 4096) -> None:
        self._ask = ask
        self._logits_size = logits_size
        self._context_size = context_size

    @property
    def logits_size(self) -> int:
        """Return V."""
        return self._logits_size

    @property
    def context_size(self) -> int:
        """Return the most tokens of a text."""
        return self._context_size

    @property
    def device(self) -> torch.device:
        """Return the CPU."""
        return torch.device("cpu")

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[KvCache, torch.Tensor]:
        """Ask about the prompts."""
        longest = max(map(len, prompts))
        cache = ServiceCache([[-1] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
        return cache, self._logits(cache, 1)

    def decode_step(
        self,
        cache: KvCache,
        token_ids: torch.Tensor,
        lengths: Sequence[int] | None = None,
        *,
        num_logits: int = 1,
    ) -> torch.Tensor:
        """Append tokens and ask about the last `num_logits` positions of every row, in one call."""
        assert isinstance(cache, ServiceCache)
        num_new = token_ids.shape[1]
        added = [num_new] * cache.num_rows if lengths is None else lengths
        for text, new, length in zip(cache.texts, token_ids.tolist(), added, strict=True):
            text.extend([-1] * (num_new - length) + new[num_new - length :])
        return self._logits(cache, num_logits)

    def _logits(self, cache: ServiceCache, num_positions: int) -> torch.Tensor:
        """Return float32[B, N, V]: what the service says, and `UNKNOWN` elsewhere."""
        texts = [
            [token for token in text[: len(text) - back] if token >= 0]
            for text in cache.texts
            for back in reversed(range(num_positions))
        ]
        answers = self._ask(texts)
        if len(answers) != len(texts):
            raise SteeringError(
                f"service: got {len(answers)} answers for {len(texts)} texts, expected one each; correct the function"
            )
        logits = torch.full((len(texts), self._logits_size), UNKNOWN)
        for row, answer in zip(logits, answers, strict=True):
            if not answer or min(answer) < 0 or max(answer) >= self._logits_size:
                raise SteeringError(
                    f"service: got the tokens {sorted(answer)[:3]}, expected at least one, and ids below "
                    f"{self._logits_size}; correct the function, or logits_size"
                )
            row[torch.tensor(list(answer))] = torch.tensor(list(answer.values()), dtype=torch.float32)
        return logits.view(cache.num_rows, num_positions, -1)
