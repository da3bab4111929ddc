"""Run processors in the one fixed order and draw from the law that results.

    combine ─► penalties ─► grammar mask ─► re-scoring ─► temperature ─► truncation ─► watermark ─► draw

Why this order: a mask commutes with everything elementwise, but not with anything that selects a set, so it comes
before the first of those (truncating first left no legal token in 66 % of toy steps at top-k 40); penalties depend on
the sign of raw logits, so nothing may normalise before them; a watermark's strength must not depend on the
temperature, so it follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.logits.base import Companion, Context, Processor, Stage
from guidance.logits.mask import apply_token_bitmask_inplace
from guidance.logits.sampler import Draws, draw_tokens
from guidance.logits.truncation import MinP, Temperature, TopK, TopP
from guidance.sampling import Sampling

__all__ = ["ORDER", "ORDER_TEMPERATURE_LAST", "Companions", "Law", "Pipeline"]

Companions = tuple[Companion | None, ...]

ORDER = (
    Stage.COMBINE,
    Stage.PENALTY,
    Stage.MASK,
    Stage.RESCORE,
    Stage.TEMPERATURE,
    Stage.TRUNCATION,
    Stage.WATERMARK,
)

ORDER_TEMPERATURE_LAST = (
    Stage.COMBINE,
    Stage.PENALTY,
    Stage.MASK,
    Stage.RESCORE,
    Stage.TRUNCATION,
    Stage.TEMPERATURE,
    Stage.WATERMARK,
)


@dataclass(frozen=True, slots=True)
class Law:
    """Hold the processed logits of B rows and P positions; their softmax is what tokens are drawn from.

    logits    : float32[B, P, K]
    token_ids : int64[B, P, K]    None when column j is token j (K = V); ascending within a row
    rescued   : bool[B, P]        True where truncation left nothing and the best legal token stays; None for nowhere
    """

    logits: torch.Tensor
    token_ids: torch.Tensor | None = None
    rescued: torch.Tensor | None = None


class Pipeline:
    """Order the processors of one request and apply them.

    Parameters
    ----------
    sampling : temperature and truncation.
    processors : everything else, in any order; those of one stage keep the order given.
    """

    def __init__(self, sampling: Sampling, processors: Sequence[Processor] = ()) -> None:
        order = ORDER_TEMPERATURE_LAST if sampling.temperature_last else ORDER
        every = (*processors, *_processors_of(sampling))
        self.sampling = sampling
        self.processors = tuple(sorted(every, key=lambda processor: order.index(processor.stage)))
        at_mask = order.index(Stage.MASK)
        self._before = [i for i, p in enumerate(self.processors) if order.index(p.stage) < at_mask]
        self._after = [i for i, p in enumerate(self.processors) if order.index(p.stage) > at_mask]
        self._stateful = [i for i, p in enumerate(self.processors) if p.is_stateful]
        self._scale = 0.0 if sampling.is_greedy else 1.0 / sampling.temperature
        self._is_plain = all(isinstance(processor, Temperature) for processor in self.processors)

    def start(self, prompt_ids: Sequence[int]) -> tuple[Any, ...]:
        """Return every processor's state before the first token of one row."""
        return tuple(processor.start(prompt_ids) for processor in self.processors)

    def advance(self, states: tuple[Any, ...], token_id: int, log_prob: float) -> tuple[Any, ...]:
        """Return the states after one token; the old ones stay valid, which is what rolling back takes."""
        if not self._stateful:
            return states
        changed = list(states)
        for i in self._stateful:
            changed[i] = self.processors[i].advance(states[i], token_id, log_prob)
        return tuple(changed)

    def open(self, prompts: Sequence[Sequence[int]]) -> Companions:
        """Return each processor's companion, having read these prompts; None for those that need none."""
        return tuple(processor.open(prompts) for processor in self.processors)

    def process(
        self,
        states: Sequence[Sequence[tuple[Any, ...]]],
        logits: torch.Tensor,
        mask: NDArray[np.int32] | None,
        companions: Companions = (),
    ) -> Law:
        """Return the law at every position.

        states     : one tuple of states for each row and position
        logits     : float[B, P, V]     left as it is
        mask       : int32[B * P, W]    None allows every token
        companions : from `open`, in step with the rows; () where no processor has one
        """
        companions = companions or (None,) * len(self.processors)
        law = Law(logits.float())
        law = self._apply(self._before, states, law, mask, companions)
        if mask is not None:
            law = _keep_legal(law.logits, mask)
        legal = law.logits
        law = self._apply(self._after, states, law, mask, companions)
        return _keep_one(legal, law) if self._after else law

    def draw(
        self,
        states: Sequence[tuple[Any, ...]],
        logits: torch.Tensor,
        mask: NDArray[np.int32] | None,
        *,
        uniforms: Sequence[float],
        wants_base: bool = False,
        companions: Companions = (),
    ) -> Draws:
        """Draw one token per row from the law at the last position.

        logits : float[B, V]
        mask   : int32[B, W]    None allows every token
        """
        if self._is_plain:
            scales = [self._scale] * len(states)
            return draw_tokens(logits, mask, scales=scales, uniforms=uniforms, wants_base=wants_base)
        law = self.process([[row] for row in states], logits[:, None], mask, companions)
        scale = 0.0 if self.sampling.is_greedy else 1.0
        draws = draw_tokens(law.logits[:, 0], None, scales=[scale] * len(states), uniforms=uniforms)
        tokens = draws.token_ids if law.token_ids is None else _look_up(law.token_ids[:, 0], draws.token_ids)
        base = _base_log_probs(logits, tokens) if wants_base else []
        rescued = [] if law.rescued is None else law.rescued[:, 0].tolist()
        return Draws(tokens, draws.log_probs, base, rescued)

    def _apply(
        self,
        chosen: Sequence[int],
        states: Sequence[Sequence[tuple[Any, ...]]],
        law: Law,
        mask: NDArray[np.int32] | None,
        companions: Companions,
    ) -> Law:
        logits = law.logits
        for i in chosen:
            own = [[position[i] for position in row] for row in states]
            logits = self.processors[i].process(own, logits, Context(law.token_ids, mask, companions[i]))
        return Law(logits, law.token_ids)


def _processors_of(sampling: Sampling) -> list[Processor]:
    chosen: list[Processor] = []
    if sampling.temperature not in {0.0, 1.0}:
        chosen.append(Temperature(sampling.temperature))
    if sampling.is_greedy:
        return chosen
    if sampling.top_k is not None:
        chosen.append(TopK(sampling.top_k))
    if sampling.top_p is not None and sampling.top_p < 1:
        chosen.append(TopP(sampling.top_p))
    if sampling.min_p:
        chosen.append(MinP(sampling.min_p))
    return chosen


def _keep_legal(logits: torch.Tensor, mask: NDArray[np.int32]) -> Law:
    """Return the legal columns alone where they are few, else the same columns with the rest at minus infinity."""
    num_rows, num_positions, size = logits.shape
    most = int(np.bitwise_count(mask.view(np.uint32)).sum(axis=1).max())
    if most == 0 or most > size // 8:
        masked = logits.reshape(-1, size).clone()
        apply_token_bitmask_inplace(masked, mask)
        return Law(masked.view(num_rows, num_positions, size))
    columns = np.zeros((mask.shape[0], most), dtype=np.int64)
    padding = np.ones((mask.shape[0], most), dtype=np.bool_)
    bits = np.unpackbits(mask.view(np.uint8), axis=1, bitorder="little")
    for row, line in enumerate(bits):
        legal = np.flatnonzero(line[:size])
        columns[row, : legal.size] = legal
        padding[row, : legal.size] = False
    token_ids = torch.from_numpy(columns).to(logits.device).view(num_rows, num_positions, most)
    hidden = torch.from_numpy(padding).to(logits.device).view(num_rows, num_positions, most)
    return Law(logits.gather(-1, token_ids).masked_fill_(hidden, float("-inf")), token_ids)


def _keep_one(legal: torch.Tensor, law: Law) -> Law:
    """Return the law; where its truncations left nothing, the most likely legal token stays."""
    empty = torch.isneginf(law.logits.amax(dim=-1, keepdim=True))
    if not bool(empty.any()):
        return law
    best = legal.argmax(dim=-1, keepdim=True)
    alone = torch.full_like(legal, float("-inf")).scatter_(-1, best, legal.gather(-1, best))
    return Law(torch.where(empty, alone, law.logits), law.token_ids, empty.squeeze(-1))


def _look_up(token_ids: torch.Tensor, columns: Sequence[int]) -> list[int]:
    return [column if column < 0 else int(token_ids[row, column]) for row, column in enumerate(columns)]


def _base_log_probs(logits: torch.Tensor, tokens: Sequence[int]) -> list[float]:
    law = torch.log_softmax(logits.float(), dim=-1)
    return [float(law[row, max(token, 0)]) for row, token in enumerate(tokens)]
