"""Drop unlikely tokens: top-n-sigma, top-k, top-p, min-p, typical, epsilon, eta.

Each is exact on any subset of columns, so the pipeline may run it on the few legal tokens alone, and each keeps the
most likely token, typical excepted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from guidance.logits._draw_kernels import fill_weights_kernel, truncate_kernel
from guidance.logits._kernels import keep_nearest_kernel
from guidance.logits.base import PLAIN, Context, Processor, Stage, States

__all__ = ["Epsilon", "Eta", "MinP", "TopK", "TopNSigma", "TopP", "Typical"]

_NEVER = float("-inf")
# Nearly all of a model's probability stands in its first thousand tokens; only a flatter law needs the full sort.
_FIRST_SORT = 1024


@dataclass(frozen=True, slots=True)
class TopNSigma(Processor):
    """Keep tokens whose logit is at most n standard deviations below the largest (Tang et al. 2024, 2411.07641).

    The deviation is that of the finite logits: what a mask has forbidden does not count. The set does not depend on
    the temperature.
    """

    stage: ClassVar[Stage] = Stage.TRUNCATION
    num_deviations: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        counts = ~torch.isneginf(logits)
        finite = logits.masked_fill(~counts, 0.0)
        number = counts.sum(dim=-1, keepdim=True).clamp(min=1)
        mean = finite.sum(dim=-1, keepdim=True) / number
        squares = ((finite - mean) ** 2).masked_fill(~counts, 0.0)
        deviation = (squares.sum(dim=-1, keepdim=True) / number).sqrt()
        least = logits.amax(dim=-1, keepdim=True) - self.num_deviations * deviation
        return logits.masked_fill(logits < least, _NEVER)


@dataclass(frozen=True, slots=True)
class TopK(Processor):
    """Keep the k largest logits and those tied with the last of them."""

    stage: ClassVar[Stage] = Stage.TRUNCATION
    k: int

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        if self.k >= logits.shape[-1]:
            return logits
        smallest = logits.topk(self.k, dim=-1).values[..., -1:]
        return logits.masked_fill(logits < smallest, _NEVER)


@dataclass(frozen=True, slots=True)
class TopP(Processor):
    """Keep the smallest set of most likely tokens whose probability reaches p (Holtzman et al. 2020).

    On the CPU the least probability kept is found by bisection, without sorting.
    """

    stage: ClassVar[Stage] = Stage.TRUNCATION
    p: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        if self.p >= 1:
            return logits
        if logits.device.type == "cpu" and logits.dtype == torch.float32:
            return _bisect_nucleus(logits, self.p)
        probabilities = torch.softmax(logits, dim=-1)
        size = logits.shape[-1]
        ordered = probabilities.topk(min(_FIRST_SORT, size), dim=-1).values
        if ordered.shape[-1] < size and bool((ordered.sum(dim=-1) < self.p).any()):
            ordered = probabilities.sort(dim=-1, descending=True).values
        before = ordered.cumsum(dim=-1) - ordered
        least = ordered.masked_fill(before >= self.p, 2.0).amin(dim=-1, keepdim=True)
        above = probabilities.masked_fill(probabilities <= least, 0.0).sum(dim=-1, keepdim=True)
        tied = probabilities == least  # of those, the first stay, as many as it takes
        is_spare = tied & (above + (tied.cumsum(dim=-1) - 1) * least >= self.p)
        return logits.masked_fill((probabilities < least) | is_spare, _NEVER)


@dataclass(frozen=True, slots=True)
class MinP(Processor):
    """Drop tokens less likely than a share of the most likely one (Nguyen et al. 2024)."""

    stage: ClassVar[Stage] = Stage.TRUNCATION
    share: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        if self.share <= 0:
            return logits
        floor = logits.amax(dim=-1, keepdim=True) + math.log(self.share)
        return logits.masked_fill(logits < floor, _NEVER)


@dataclass(frozen=True, slots=True)
class Typical(Processor):
    """Keep the smallest set of tokens whose information is nearest the entropy and whose probability reaches p.

    Meister et al. 2023 (2202.00666), "Locally typical sampling". The most likely token may be dropped.
    """

    stage: ClassVar[Stage] = Stage.TRUNCATION
    p: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        if self.p >= 1:
            return logits
        log_law = torch.log_softmax(logits, dim=-1)
        distance = (-log_law - _entropy(log_law)).abs()
        if logits.device.type == "cpu" and logits.dtype == torch.float32:
            return logits.masked_fill(~_bisect_nearest(distance, log_law, self.p), _NEVER)
        _, columns = distance.sort(dim=-1, stable=True)
        ordered = log_law.gather(-1, columns).exp()
        before = ordered.cumsum(dim=-1) - ordered
        is_kept = torch.zeros_like(before, dtype=torch.bool).scatter_(-1, columns, before < self.p)
        return logits.masked_fill(~is_kept & ~torch.isnan(log_law), _NEVER)


@dataclass(frozen=True, slots=True)
class Epsilon(Processor):
    """Drop tokens less likely than epsilon, except the most likely one (Hewitt et al. 2022, 2210.15191)."""

    stage: ClassVar[Stage] = Stage.TRUNCATION
    epsilon: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        law = torch.softmax(logits, dim=-1)
        return logits.masked_fill((law < self.epsilon) & (logits < logits.amax(dim=-1, keepdim=True)), _NEVER)


@dataclass(frozen=True, slots=True)
class Eta(Processor):
    """Drop tokens less likely than min(eta, sqrt(eta) * exp(-entropy)), except the most likely (Hewitt et al. 2022)."""

    stage: ClassVar[Stage] = Stage.TRUNCATION
    eta: float

    def process(self, states: States, logits: torch.Tensor, context: Context = PLAIN) -> torch.Tensor:
        """Return logits with the rest at minus infinity."""
        del states, context
        log_law = torch.log_softmax(logits, dim=-1)
        least = (math.sqrt(self.eta) * torch.exp(-_entropy(log_law))).clamp(max=self.eta)
        return logits.masked_fill((log_law.exp() < least) & (logits < logits.amax(dim=-1, keepdim=True)), _NEVER)


def _entropy(log_law: torch.Tensor) -> torch.Tensor:
    """Return the entropy in nats, float[B, P, 1]; what has no probability adds nothing."""
    terms = log_law.exp() * log_law
    return -terms.masked_fill(torch.isneginf(log_law), 0.0).sum(dim=-1, keepdim=True)


def _bisect_nearest(distance: torch.Tensor, log_law: torch.Tensor, p: float) -> torch.Tensor:
    """Return bool[B, P, K]: the smallest set of least distances whose probability reaches p; broken rows whole."""
    size = distance.shape[-1]
    keys = np.ascontiguousarray(distance.detach().numpy()).reshape(-1, size)
    weights = np.ascontiguousarray(log_law.exp().detach().numpy()).reshape(-1, size)
    is_kept = np.ones(keys.shape, dtype=np.bool_)
    bits = np.empty(1, dtype=np.int32)
    for row, line in enumerate(weights):
        if not np.isnan(line[0]):
            keep_nearest_kernel(keys[row], line, p * float(line.sum()), bits, bits.view(np.float32), is_kept[row])
    return torch.from_numpy(is_kept).view(distance.shape)


def _bisect_nucleus(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Return float32[B, P, K] with what lies outside the nucleus at minus infinity."""
    size = logits.shape[-1]
    rows = np.ascontiguousarray(logits.detach().numpy()).reshape(-1, size)
    changed = np.full_like(rows, _NEVER)
    weights, scratch = np.empty((2, size), dtype=np.float32)
    for row, line in enumerate(rows):
        best = line.max()
        if not np.isfinite(best):
            changed[row] = line
            continue
        total = fill_weights_kernel(line, best, np.float32(1), weights)
        truncate_kernel(weights, total, size, p, 0.0, scratch)
        np.copyto(changed[row], line, where=weights > 0)
    return torch.from_numpy(changed).view(logits.shape)
