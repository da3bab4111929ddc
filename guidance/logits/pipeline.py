"""Run processors in the one fixed order and draw from the law that results.

    combine ─► penalties ─► grammar mask ─► re-scoring ─► temperature ─► truncation ─► watermark ─► draw

Why this order: a mask commutes with everything elementwise, but not with anything that selects a set, so it comes
before the first of those (truncating first left no legal token in 66 % of toy steps at top-k 40); penalties depend on
the sign of raw logits, so nothing may normalise before them; a watermark's strength must not depend on the
temperature, so it follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.errors import SamplingError
from guidance.logits.assembly import TextModel, find_limits, processors_of
from guidance.logits.bans import BANS
from guidance.logits.base import Companion, Context, Processor, Stage
from guidance.logits.log_prob import LogProb
from guidance.logits.mask import apply_token_bitmask_inplace
from guidance.logits.mirostat import Mirostat1, Mirostat2
from guidance.logits.sampler import EMPTY, UNLIMITED, Draws, Limits, draw_tokens
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


_SMALLEST_TEMPERATURE = 1e-30


class MatcherLike(Protocol):
    """List what checking bans asks of a matcher; `fsm.Matcher` is one."""

    @property
    def is_complete(self) -> bool:
        """Tell whether nothing may follow."""

    def forced_tokens(self) -> Sequence[int]:
        """Return the tokens that must come next."""

    def advance(self, token_id: int) -> None:
        """Move past one token."""

    def fill_next_token_bitmask(self, mask: NDArray[np.int32], index: int = 0) -> None:
        """Write the tokens allowed next."""


@dataclass(frozen=True, slots=True)
class Law:
    """Hold the processed logits of B rows and P positions; their softmax is what tokens are drawn from.

    logits      : float32[B, P, K]
    token_ids   : int64[B, P, K]    None when column j is token j (K = V); ascending within a row
    rescued     : bool[B, P]        True where penalties or truncation left nothing and the best legal token stays; None
                                    for nowhere
    untruncated : float32[B, P, K]  logits before truncation, where a processor wants to know
    """

    logits: torch.Tensor
    token_ids: torch.Tensor | None = None
    rescued: torch.Tensor | None = None
    untruncated: torch.Tensor | None = None

    def log_prob(self, row: int, position: int, column: int) -> float:
        """Return what `Pipeline.advance` is to be told of a column drawn from this law: its log-probability."""
        if column < 0:
            return 0.0
        drawn = float(torch.log_softmax(self.logits[row, position].double(), dim=-1)[column])
        if self.untruncated is None:
            return drawn
        before = torch.log_softmax(self.untruncated[row, position].double(), dim=-1)[column]
        return LogProb(drawn, untruncated=float(before))


class Pipeline:
    """Order the processors of one request and apply them.

    Parameters
    ----------
    sampling : temperature, truncation and penalties.
    processors : everything else, in any order; those of one stage keep the order given, before those of `sampling`.
    model : the model whose tokens penalties on texts are about.

    Raises
    ------
    SamplingError : for penalties that name what the model does not have, or that need a model where none is given.
    """

    def __init__(
        self, sampling: Sampling, processors: Sequence[Processor] = (), *, model: TextModel | None = None
    ) -> None:
        order = ORDER_TEMPERATURE_LAST if sampling.temperature_last else ORDER
        every = (*processors, *processors_of(sampling, model))
        self.sampling = sampling
        self._model = model
        self.processors = tuple(sorted(every, key=lambda processor: order.index(processor.stage)))
        places = [order.index(processor.stage) for processor in self.processors]
        at_penalty, at_mask = order.index(Stage.PENALTY), order.index(Stage.MASK)
        at_truncation = order.index(Stage.TRUNCATION)
        self._combining = [i for i, place in enumerate(places) if place < at_penalty]
        self._penalising = [i for i, place in enumerate(places) if at_penalty <= place < at_mask]
        self._shaping = [i for i, place in enumerate(places) if at_mask < place < at_truncation]
        self._truncating = [i for i, place in enumerate(places) if place >= at_truncation]
        self._stateful = [i for i, p in enumerate(self.processors) if p.is_stateful]
        self._scale = 0.0 if sampling.is_greedy else 1.0 / max(sampling.temperature, _SMALLEST_TEMPERATURE)
        is_own = all(order.index(processor.stage) < at_mask for processor in processors)
        self._limits = find_limits(sampling, self.processors[len(self._combining) + len(self._penalising) :])
        self._limits = self._limits if is_own else None
        self._factor = 1.0
        self._tempered: dict[float, Pipeline] = {}
        self._wants_untruncated = any(isinstance(p, Mirostat1 | Mirostat2) for p in self.processors)

    @property
    def is_stateful(self) -> bool:
        """Tell whether a drawn token changes the law of later ones other than through the model."""
        return bool(self._stateful)

    @property
    def drawn_limits(self) -> Limits | None:
        """Return the truncations of a law that is nothing but mask, temperature and these; None for any other law."""
        return None if self._combining or self._penalising or self._stateful else self._limits

    @property
    def scale(self) -> float:
        """Return 1 / temperature; 0 takes the most likely token."""
        return self._scale

    def alone(self) -> Pipeline:
        """Return this pipeline without what other networks compute, for a draft's law; the states are the same."""
        other = copy(self)
        other._combining = []  # noqa: SLF001 - it is of this class, and not yet anyone's
        other._tempered = {}  # noqa: SLF001
        other._shaping = [i for i in self._shaping if self.processors[i].stage is not Stage.RESCORE]  # noqa: SLF001
        return other

    def at_temperature(self, temperature: float) -> Pipeline:
        """Return this pipeline with another temperature, for a region that has its own; the states are the same."""
        if temperature == self.sampling.temperature:
            return self
        known = self._tempered.get(temperature)
        if known is None:
            known = self._tempered[temperature] = copy(self)
            before = 1.0 if self.sampling.is_greedy else self.sampling.temperature
            known.sampling = replace(self.sampling, temperature=temperature)
            known._factor = before / max(temperature or 1.0, _SMALLEST_TEMPERATURE)  # noqa: SLF001 - as in `alone`
            known._limits, known._tempered = None, {}  # noqa: SLF001 - the same
        return known

    def check(self, prompt_ids: Sequence[int], matcher: MatcherLike | None = None) -> None:
        """Refuse bans that leave no token to begin with, of those the grammar allows after what it forces.

        Parameters
        ----------
        matcher : at the grammar's start; it is moved past what the grammar forces.

        Raises
        ------
        SamplingError : when nothing is left.
        """
        bans = [i for i in self._penalising if isinstance(self.processors[i], BANS)]
        if not bans or self._model is None:
            return
        states, mask = self.start(prompt_ids), None
        if matcher is not None:
            for token_id in matcher.forced_tokens():
                matcher.advance(token_id)
                states = self.advance(states, token_id, 0.0)
            if matcher.is_complete:
                return
            mask = np.zeros((1, -(-self._model.vocabulary.size // 32)), dtype=np.int32)
            matcher.fill_next_token_bitmask(mask)
        companions: Companions = (None,) * len(self.processors)
        law = self._apply(bans, [[states]], Law(torch.zeros(1, 1, self._model.vocabulary.size)), mask, companions)
        legal = law if mask is None else _keep_legal(law.logits, mask)
        if bool(torch.isneginf(legal.logits).all()):
            names = ", ".join(type(self.processors[i]).__name__ for i in bans)
            what = "every token" if mask is None else "every token the grammar allows"
            raise SamplingError(
                f"Penalties: got {names}, which together forbid {what} at the beginning, expected at least one to be "
                "left; forbid less"
            )

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
        combined = self._apply(self._combining, states, Law(logits.float()), mask, companions)
        penalised = self._apply(self._penalising, states, combined, mask, companions)
        legal = penalised if mask is None else _keep_legal(penalised.logits, mask)
        law = shaped = self._apply(self._shaping, states, legal, mask, companions)
        if self._factor != 1.0 and not self.sampling.temperature_last:
            law = shaped = replace(shaped, logits=shaped.logits * self._factor)
        law = self._apply(self._truncating, states, shaped, mask, companions)
        if self._factor != 1.0 and self.sampling.temperature_last:
            law = replace(law, logits=law.logits * self._factor)
        if self._penalising or law is not legal:
            law = _keep_one(law, [legal.logits, _at_columns(combined.logits, legal, mask)])
        return replace(law, untruncated=shaped.logits) if self._wants_untruncated else law

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

        What a row draws does not depend on the rows beside it, bit for bit, where nothing is computed beside the model:
        rows whose legal columns are gathered to another width are drawn apart, since sums round by their length.

        logits : float[B, V]
        mask   : int32[B, W]    None allows every token
        """
        draws = None
        parts = [list(range(len(states)))]
        if self._limits is not None and (self._limits == UNLIMITED or logits.device.type == "cpu"):
            draws = self._draw_at_once(
                states, logits, mask, uniforms=uniforms, wants_base=wants_base, companions=companions
            )
            parts = [[row] for row, token_id in enumerate(draws.token_ids) if token_id == EMPTY]
            if not parts or not self._penalising:
                return draws
        elif mask is not None and len(states) > 1:
            parts = _rows_by_width(mask, logits.shape[-1])
        if any(companion is not None for companion in companions) or len(parts[0]) == len(states):
            return self._draw_from_law(
                states, logits, mask, uniforms=uniforms, wants_base=wants_base, companions=companions
            )
        for rows in parts:
            part = self._draw_from_law(
                [states[row] for row in rows],
                logits[rows],
                None if mask is None else mask[rows],
                uniforms=[uniforms[row] for row in rows],
                wants_base=wants_base,
                companions=(),
            )
            draws = part.spread(rows, len(states), draws)
        assert draws is not None
        return draws

    def _draw_from_law(
        self,
        states: Sequence[tuple[Any, ...]],
        logits: torch.Tensor,
        mask: NDArray[np.int32] | None,
        *,
        uniforms: Sequence[float],
        wants_base: bool,
        companions: Companions,
    ) -> Draws:
        """Draw from the law that `process` returns."""
        law = self.process([[row] for row in states], logits[:, None], mask, companions)
        scale = 0.0 if self.sampling.is_greedy else 1.0
        draws = draw_tokens(law.logits[:, 0], None, scales=[scale] * len(states), uniforms=uniforms)
        tokens = draws.token_ids if law.token_ids is None else _look_up(law.token_ids[:, 0], draws.token_ids)
        base = _base_log_probs(logits, tokens) if wants_base else []
        rescued = [] if law.rescued is None else law.rescued[:, 0].tolist()
        log_probs = draws.log_probs
        if self._wants_untruncated:
            log_probs = [law.log_prob(row, 0, column) for row, column in enumerate(draws.token_ids)]
        return Draws(tokens, log_probs, base, rescued)

    def _draw_at_once(
        self,
        states: Sequence[tuple[Any, ...]],
        logits: torch.Tensor,
        mask: NDArray[np.int32] | None,
        *,
        uniforms: Sequence[float],
        wants_base: bool,
        companions: Companions,
    ) -> Draws:
        """Draw where all that follows the mask is what drawing does by itself."""
        assert self._limits is not None
        before = [*self._combining, *self._penalising]
        law = logits
        if before:
            companions = companions or (None,) * len(self.processors)
            first = Law(logits[:, None].float())
            law = self._apply(before, [[row] for row in states], first, mask, companions).logits[:, 0]
        draws = draw_tokens(
            law,
            mask,
            scales=[self._scale] * len(states),
            uniforms=uniforms,
            limits=self._limits,
            wants_base=wants_base and not before,
        )
        if wants_base and before:
            return replace(draws, base_log_probs=_base_log_probs(logits, draws.token_ids))
        return draws

    def _apply(
        self,
        chosen: Sequence[int],
        states: Sequence[Sequence[tuple[Any, ...]]],
        law: Law,
        mask: NDArray[np.int32] | None,
        companions: Companions,
    ) -> Law:
        if not chosen:
            return law
        logits = law.logits
        for i in chosen:
            own = [[position[i] for position in row] for row in states]
            logits = self.processors[i].process(own, logits, Context(law.token_ids, mask, companions[i]))
        return Law(logits, law.token_ids)


def _keep_legal(logits: torch.Tensor, mask: NDArray[np.int32]) -> Law:
    """Return the legal columns alone where they are few, else the same columns with the rest at minus infinity."""
    num_rows, num_positions, size = logits.shape
    most = max(_widths(mask, size))
    if most == size:
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


def _widths(mask: NDArray[np.int32], size: int) -> list[int]:
    """Return the columns each row is computed on: a power of two, or all where many or none are legal."""
    counts = np.bitwise_count(mask.view(np.uint32)).sum(axis=1).tolist()
    return [1 << (count - 1).bit_length() if 0 < count <= size // 8 else size for count in counts]


def _rows_by_width(mask: NDArray[np.int32], size: int) -> list[list[int]]:
    """Return the rows that are computed on as many columns, together."""
    parts: dict[int, list[int]] = {}
    for row, width in enumerate(_widths(mask, size)):
        parts.setdefault(width, []).append(row)
    return list(parts.values())


def _at_columns(logits: torch.Tensor, legal: Law, mask: NDArray[np.int32] | None) -> Callable[[], torch.Tensor]:
    """Return a function that gives the legal law of other logits on the columns of `legal`."""

    def take() -> torch.Tensor:
        return logits if mask is None else _keep_legal(logits, mask).logits

    return take


def _keep_one(law: Law, fallbacks: Sequence[torch.Tensor | Callable[[], torch.Tensor]]) -> Law:
    """Return the law; where it is empty, the most likely token of the first fallback that is not stays alone."""
    empty = torch.isneginf(law.logits.amax(dim=-1, keepdim=True))
    if not bool(empty.any()):
        return law
    logits, rescued = law.logits, empty
    for fallback in fallbacks:
        legal = fallback() if callable(fallback) else fallback
        best = legal.argmax(dim=-1, keepdim=True)
        alone = torch.full_like(legal, float("-inf")).scatter_(-1, best, legal.gather(-1, best))
        logits = torch.where(torch.isneginf(logits.amax(dim=-1, keepdim=True)), alone, logits)
    rescued = rescued & ~torch.isneginf(logits.amax(dim=-1, keepdim=True))
    return Law(logits, law.token_ids, rescued.squeeze(-1))


def _look_up(token_ids: torch.Tensor, columns: Sequence[int]) -> list[int]:
    return [column if column < 0 else int(token_ids[row, column]) for row, column in enumerate(columns)]


def _base_log_probs(logits: torch.Tensor, tokens: Sequence[int]) -> list[float]:
    law = torch.log_softmax(logits.float(), dim=-1)
    return [float(law[row, max(token, 0)]) for row, token in enumerate(tokens)]
