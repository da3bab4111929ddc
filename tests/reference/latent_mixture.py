"""Build a world in which every law of steering is known exactly.

A text has a hidden attribute, + or -, as likely as not. Each of its tokens is neutral with probability .7, else polar,
and a polar token agrees with the attribute with probability .65. So the base's next-token law, both experts', and what
a perfect classifier says after any prefix are closed forms, and steering can be checked to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

import guidance
from guidance.logits import Context

__all__ = ["PROMPT", "Mixture", "MixtureLM", "PerfectClassifier", "figures_of"]

NUM_NEUTRAL, NUM_POLAR = 40, 10
SIZE = NUM_NEUTRAL + 2 * NUM_POLAR
PROMPT = "A"  # a neutral token: it says nothing of the attribute


@dataclass(frozen=True)
class Mixture:
    """Hold the world's laws.

    agreement : how often a polar token agrees with the attribute
    """

    agreement: float = 0.65
    neutral_share: float = 0.7

    @property
    def laws(self) -> np.ndarray:
        """Return float64[2, V]: p(token | +) and p(token | -)."""
        polar = (1 - self.neutral_share) * zipf(NUM_POLAR)
        neutral = self.neutral_share * zipf(NUM_NEUTRAL)
        agree, differ = polar * self.agreement, polar * (1 - self.agreement)
        return np.stack([np.concatenate([neutral, agree, differ]), np.concatenate([neutral, differ, agree])])

    @property
    def evidence(self) -> np.ndarray:
        """Return float64[V]: how much a token raises the log-odds of +."""
        return np.log(self.laws[0]) - np.log(self.laws[1])

    def base_law(self, odds: np.ndarray) -> np.ndarray:
        """Return the next-token law after prefixes with these log-odds of +: float64[..., V]."""
        plus = 1 / (1 + np.exp(-odds))[..., None]
        return plus * self.laws[0] + (1 - plus) * self.laws[1]

    def experts_law(self, odds: np.ndarray, alpha: float) -> np.ndarray:
        """Return what DExperts draws from, without a nucleus."""
        return normalise(self.base_law(odds) * np.exp(alpha * self.evidence))

    def classifier_law(self, odds: np.ndarray, strength: float) -> np.ndarray:
        """Return what a perfect classifier on every token makes of the base."""
        plus = 1 / (1 + np.exp(-(odds[..., None] + self.evidence)))
        return normalise(self.base_law(odds) * plus**strength)

    def model(self, kind: str) -> guidance.Model:
        """Return the base, or the expert "+" or "-", as a model."""
        tokens = [bytes([65 + i]) for i in range(SIZE)]
        return guidance.Model(MixtureLM(self, kind), tokens, name=f"mixture {kind}")


def zipf(size: int) -> np.ndarray:
    """Return a law that falls with the rank."""
    return normalise(1 / np.arange(1, size + 1))


def normalise(weights: np.ndarray) -> np.ndarray:
    """Return weights that sum to one."""
    return weights / weights.sum(axis=-1, keepdims=True)


class MixtureCache:
    """Hold the tokens of B rows: int64[B, T], -1 in padding."""

    def __init__(self, tokens: torch.Tensor) -> None:
        self.tokens = tokens

    num_rows = property(lambda self: self.tokens.shape[0])
    num_slots = property(lambda self: self.tokens.shape[1])
    num_bytes = property(lambda self: self.tokens.nbytes)

    def fork(self) -> MixtureCache:
        """Return a copy."""
        return MixtureCache(self.tokens.clone())

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows."""
        self.tokens = self.tokens[list(rows)]

    def crop(self, num_slots: int) -> None:
        """Forget the last slots."""
        self.tokens = self.tokens[:, :num_slots]

    def drop(self, counts: Sequence[int]) -> None:
        """Forget the last tokens of each row."""
        for row, count in zip(self.tokens, counts, strict=True):
            live = (row >= 0).nonzero().flatten()
            row[live[len(live) - count :]] = -1

    def join(self, other: MixtureCache) -> None:
        """Add the rows of another cache."""
        longest = max(self.num_slots, other.num_slots)
        padded = [torch.nn.functional.pad(c.tokens, (longest - c.num_slots, 0), value=-1) for c in (self, other)]
        self.tokens = torch.cat(padded)

    def append(self, token_ids: torch.Tensor, lengths: Sequence[int] | None) -> None:
        """Append tokens aligned on the right."""
        if lengths is not None:
            num_new = token_ids.shape[1]
            padding = torch.arange(num_new)[None, :] < num_new - torch.tensor(lengths)[:, None]
            token_ids = token_ids.masked_fill(padding, -1)
        self.tokens = torch.cat([self.tokens, token_ids], dim=1)

    def odds(self, world: Mixture, num_positions: int) -> np.ndarray:
        """Return the log-odds of + after each of the last positions: float64[B, P]."""
        evidence = np.append(world.evidence, 0.0)  # -1 is the last entry: no evidence
        return evidence[self.tokens.numpy()].cumsum(axis=1)[:, -num_positions:]


class MixtureLM:
    """Compute the world's laws behind the `CausalLM` protocol."""

    logits_size = SIZE
    context_size = 1024
    device = torch.device("cpu")

    def __init__(self, world: Mixture, kind: str) -> None:
        self.world, self.kind = world, kind

    def prefill(self, prompts: Sequence[Sequence[int]]) -> tuple[MixtureCache, torch.Tensor]:
        """Read the prompts."""
        cache = read_prompts(prompts)
        return cache, self.logits(cache, 1)

    def decode_step(self, cache, token_ids, lengths=None, *, num_logits=1) -> torch.Tensor:
        """Append tokens; return the log of the law after each of the last positions."""
        cache.append(token_ids, lengths)
        return self.logits(cache, num_logits)

    def logits(self, cache: MixtureCache, num_positions: int) -> torch.Tensor:
        """Return float64[B, P, V]."""
        odds = cache.odds(self.world, num_positions)
        if self.kind == "base":
            return torch.from_numpy(np.log(self.world.base_law(odds)))
        law = self.world.laws[0 if self.kind == "+" else 1]
        return torch.from_numpy(np.log(law)).expand(*odds.shape, -1)


def read_prompts(prompts: Sequence[Sequence[int]]) -> MixtureCache:
    """Return a cache that holds prompts."""
    longest = max(map(len, prompts))
    padded = torch.tensor([[-1] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
    return MixtureCache(padded)


class PerfectClassifier:
    """Say log p(+ | prefix, token) for every token, exactly: a scorer for formulas."""

    def __init__(self, world: Mixture) -> None:
        self.world = world

    def open(self, prompts: Sequence[Sequence[int]]):
        """Follow the prefixes with a cache of the base."""
        follower = Follower(self.world, torch.empty(len(prompts), 0, dtype=torch.long))
        follower.read(read_prompts(prompts).tokens)
        return follower

    def score(self, logits: torch.Tensor, context: Context) -> torch.Tensor:
        """Return float64[B, P, V]."""
        odds = context.companion.last[:, :, None] + self.world.evidence
        return torch.from_numpy(-np.log1p(np.exp(-odds)))


class Follower(MixtureCache):
    """Keep each row's prefix, and the log-odds of + after the positions read last."""

    def __init__(self, world: Mixture, tokens: torch.Tensor) -> None:
        super().__init__(tokens)
        self.world = world

    def read(self, token_ids: torch.Tensor, lengths=None, *, num_logits=1) -> None:
        """Append tokens."""
        self.append(token_ids, lengths)
        self.last = self.odds(self.world, num_logits)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows."""
        super().select(rows)
        self.last = self.last[list(rows)]


def figures_of(world: Mixture, token_ids: np.ndarray, steered_law) -> dict[str, float]:
    """Return what the table of the world shows of a method's texts.

    token_ids   : int64[N, T]
    steered_law : the method's law as a function of the log-odds before each token

    plus       : share of texts with more + than - tokens, ties counting half
    perplexity : under the base
    acceptance : mean of 1 - TV between the steered law and the base, which a draft by the base would have
    """
    plus = (token_ids >= NUM_NEUTRAL) & (token_ids < NUM_NEUTRAL + NUM_POLAR)
    minus = token_ids >= NUM_NEUTRAL + NUM_POLAR
    balance = plus.sum(axis=1) - minus.sum(axis=1)
    after = world.evidence[token_ids].cumsum(axis=1)
    odds = np.concatenate([np.zeros((len(token_ids), 1)), after[:, :-1]], axis=1)
    base = world.base_law(odds)
    surprise = -np.log(np.take_along_axis(base, token_ids[..., None], axis=2))
    return {
        "plus": float((balance > 0).mean() + 0.5 * (balance == 0).mean()),
        "perplexity": float(np.exp(surprise.mean())),
        "acceptance": float(np.minimum(base, steered_law(odds)).sum(axis=-1).mean()),
    }
