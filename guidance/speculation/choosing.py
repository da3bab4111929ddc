"""Choose which tokens to draft at a place, from a draft's logits there.

The draft's law passes the same mask, penalties, watermark and truncation as the model's, so that what is proposed is
legal and close. Where drafts are confirmed by the row's own draw, the first is drawn with the same random number, and
further ones are the likeliest others. Where they are accepted by their law, they are drawn from it one after the other,
none twice; ends are left out of that law beforehand, since nothing can be proposed to follow them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.decoding.acceptance import draw_from, invert, law_of
from guidance.decoding.proposal import DraftLaw
from guidance.decoding.row import Row
from guidance.logits.pipeline import Law, Pipeline
from guidance.speculation.ahead import Ahead

__all__ = ["DRAFTING", "Chooser", "Spot"]

DRAFTING = 1 << 22
"""The stream of random numbers that drafts are drawn with where they are accepted by their law."""

_MOST_ENDING = 0.5
"""Where ends are likelier than this, nothing is drafted: the model is asked."""

Spot = tuple[Ahead, int]
"""A row that is walked ahead of, and a place."""


class Chooser:
    """Choose drafts for the rows of one batch.

    Parameters
    ----------
    ends : tokens that end a text.
    keeps_laws : accept drafts by their law rather than by the row's own draw.
    """

    def __init__(self, ends: frozenset[int], *, keeps_laws: bool) -> None:
        self._ends = ends
        self._keeps_laws = keeps_laws
        self._pipelines: dict[int, tuple[Pipeline, Pipeline]] = {}

    def choose(self, spots: Sequence[Spot], logits: torch.Tensor, width: int) -> None:
        """Propose up to `width` tokens at every spot; rows that share a pipeline share the call.

        logits : float[n, V]   the draft's, at each spot
        """
        groups: dict[int, list[int]] = {}
        for k, (ahead, _) in enumerate(spots):
            groups.setdefault(id(ahead.row.request.pipeline), []).append(k)
        for members in groups.values():
            own = logits if len(members) == logits.shape[0] else logits[members]
            self._choose_alike([spots[k] for k in members], own, width)

    def _choose_alike(self, spots: Sequence[Spot], logits: torch.Tensor, width: int) -> None:
        pipeline = self._pipeline(spots[0][0].row)
        mask = _masks(spots)
        states = [ahead.states[place] for ahead, place in spots]
        if self._keeps_laws and not pipeline.sampling.is_greedy:
            law = pipeline.process([[state] for state in states], logits[:, None], mask)
            for k, spot in enumerate(spots):
                self._draw_by_law(pipeline, spot, law_of(law, k), width)
            return
        uniforms = [_uniform(spot, pipeline, attempt=0) for spot in spots]
        if width == 1:
            draws = pipeline.draw(states, logits, mask, uniforms=uniforms)
            choices = [[token_id] for token_id in draws.token_ids]
        else:
            law = pipeline.process([[state] for state in states], logits[:, None], mask)
            scale = 0.0 if pipeline.sampling.is_greedy else 1.0
            draws = draw_from(law, uniforms, scale=scale)
            likeliest = _likeliest(law, width)
            choices = [[first, *others] for first, others in zip(draws.token_ids, likeliest, strict=True)]
        for spot, tokens, log_prob in zip(spots, choices, draws.log_probs, strict=True):
            if tokens[0] < 0 or tokens[0] in self._ends:
                continue
            for token_id in list(dict.fromkeys(tokens))[:width]:
                _extend(pipeline, spot, token_id, log_prob)

    def _draw_by_law(self, pipeline: Pipeline, spot: Spot, law: DraftLaw, width: int) -> None:
        """Draw up to `width` different tokens, each from the law without those before it."""
        law = self._without_ends(law)
        left = law.probabilities.copy()
        ahead, place = spot
        for rank in range(width):
            total = left.sum()
            if total <= 0.0:
                break
            column = invert(left, _uniform(spot, pipeline, attempt=DRAFTING + rank))
            token_id = column if law.token_ids is None else int(law.token_ids[column])
            _extend(pipeline, spot, token_id, float(np.log(law.probabilities[column])))
            left[column] = 0.0
            ahead.proposal.laws[place] = law

    def _without_ends(self, law: DraftLaw) -> DraftLaw:
        """Return the law of tokens that do not end the text; an empty one where ends are likely."""
        kept = law.probabilities.copy()
        for end in self._ends:
            kept[end if law.token_ids is None else law.token_ids == end] = 0.0
        total = kept.sum()
        return DraftLaw(kept / total if total > _MOST_ENDING else np.zeros_like(kept), law.token_ids)

    def _pipeline(self, row: Row) -> Pipeline:
        pipeline = row.request.pipeline
        if id(pipeline) not in self._pipelines:
            self._pipelines[id(pipeline)] = (pipeline, pipeline.alone())
        return self._pipelines[id(pipeline)][1]


def _extend(pipeline: Pipeline, spot: Spot, token_id: int, log_prob: float) -> None:
    """Propose a token, and note the states after it and after what is forced behind it."""
    ahead, place = spot
    states, end = ahead.states[place], ahead.extend(place, token_id)
    for passed in ahead.proposal.path(end)[ahead.proposal.depths[place] :]:
        given = ahead.proposal.token_ids[passed - 1]
        states = pipeline.advance(states, given, log_prob)
        log_prob = 0.0
    ahead.states[end or place] = states


def _uniform(spot: Spot, pipeline: Pipeline, *, attempt: int) -> float:
    ahead, place = spot
    if pipeline.sampling.is_greedy:
        return 0.0
    step = len(ahead.row.token_ids) + ahead.proposal.depths[place]
    return ahead.row.request.uniform(step, attempt=attempt)


def _likeliest(law: Law, count: int) -> list[list[int]]:
    """Return up to `count` of the likeliest tokens of each row of a law of one position."""
    logits = law.logits[:, 0]
    best = logits.topk(min(count, logits.shape[1]), dim=-1)
    tokens = best.indices if law.token_ids is None else law.token_ids[:, 0].gather(1, best.indices)
    return [
        [token for token, value in zip(row, values, strict=True) if value > float("-inf")]
        for row, values in zip(tokens.tolist(), best.values.tolist(), strict=True)
    ]


def _masks(spots: Sequence[Spot]) -> NDArray[np.int32] | None:
    masks = [ahead.note_mask(place) for ahead, place in spots]
    if all(mask is None for mask in masks):
        return None
    words = next(mask.shape[0] for mask in masks if mask is not None)
    return np.stack([np.full(words, -1, dtype=np.int32) if mask is None else mask for mask in masks])
