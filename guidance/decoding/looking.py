"""Show rows what they draw from: the model's logits at a place of each, and the law made of them.

What is computed beside the model has read the same tokens, in rows of its own where a tree was proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.decoding.acceptance import draw_from
from guidance.decoding.group import Group
from guidance.decoding.proposal import Proposal
from guidance.logits.pipeline import Law, Pipeline
from guidance.logits.sampler import Draw, Draws

__all__ = ["Look", "View"]


class View:
    """Hold what a group sees after one step of the model, for all draws that follow it.

    logits : float[B, P, V]   the last positions of each row
    beside : float[N, Q, V]   the same as what is computed beside the model has read it: laid out in lanes
    """

    __slots__ = ("beside", "group", "logits", "proposals")

    def __init__(self, group: Group, proposals: Sequence[Proposal], logits: torch.Tensor) -> None:
        self.group = group
        self.proposals = proposals
        self.logits = logits
        self.beside = logits if group.lanes is None else group.lanes.spread(logits)

    def column(self, index: int, place: int) -> int:
        """Return where a row's place is in the logits."""
        return self.logits.shape[1] - 1 - len(self.proposals[index].token_ids) + place

    def find(self, index: int, place: int) -> int:
        """Return where a row's place is beside, numbered lane by lane."""
        if self.group.lanes is None:
            return index * self.logits.shape[1] + self.column(index, place)
        return self.group.lanes.find(index, place)

    def states(self) -> list[tuple[Any, ...]]:
        """Return the states of each lane's row."""
        rows, lanes = self.group.rows, self.group.lanes
        return [row.states for row in rows] if lanes is None else [rows[i].states for i in lanes.rows]


class Look:
    """Hold what some rows of a group see, each at a place of its own: the logits there, and what stands beside.

    What is computed beside the model stands for all rows and positions of a group's last step, so the law is computed
    for all of them there and read off where the rows look.
    """

    __slots__ = ("_drawing", "_pipeline", "_places", "_states", "_view", "logits", "rows")

    def __init__(self, view: View, drawing: Sequence[int], places: Sequence[int], pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._view, self._drawing, self._places = view, drawing, [places[i] for i in drawing]
        group, block = view.group, view.logits
        self.rows = [group.rows[i] for i in drawing]
        self._states = [row.states for row in self.rows]
        columns = [view.column(i, place) for i, place in zip(drawing, self._places, strict=True)]
        is_whole = len(drawing) == len(group.rows)
        if is_whole and (block.shape[1] == 1 or len(set(columns)) == 1):
            self.logits = block[:, columns[0]]
        else:
            self.logits = block[list(drawing), columns]

    def draw(self, chosen: slice, mask: NDArray[np.int32] | None, *, attempt: int, wants_base: bool) -> Draws:
        """Draw for the chosen rows."""
        rows = self.rows[chosen]
        pipeline = self._pipeline
        is_greedy = pipeline.sampling.is_greedy
        uniforms = [0.0 if is_greedy else row.request.uniform(len(row.token_ids), attempt=attempt) for row in rows]
        if self._view.group.has_companions:
            return self.draw_from(self.law(chosen, mask), uniforms, wants_base=wants_base, chosen=chosen)
        return pipeline.draw(
            self._states[chosen],
            self.logits[chosen],
            None if mask is None else mask[chosen],
            uniforms=uniforms,
            wants_base=wants_base,
        )

    def redraw(self, index: int, draw: Draw, token_id: int, log_prob: float) -> Draw:
        """Return a row's draw with another token in place of the one drawn."""
        if token_id == draw.token_id:
            return draw
        base = torch.log_softmax(self.logits[index].float(), dim=-1)[token_id]
        return draw._replace(token_id=token_id, log_prob=log_prob, base_log_prob=float(base))

    def law(self, chosen: slice, mask: NDArray[np.int32] | None) -> Law:
        """Return the law of the chosen rows: logits float32[n, 1, K]."""
        group, beside = self._view.group, self._view.beside
        if not group.has_companions:
            own = None if mask is None else mask[chosen]
            return self._pipeline.process([[s] for s in self._states[chosen]], self.logits[chosen][:, None], own)
        num_lanes, num_positions = beside.shape[:2]
        states = [[state] * num_positions for state in self._view.states()]
        flat = [self._view.find(i, place) for i, place in zip(self._drawing, self._places, strict=True)]
        whole = None
        if mask is not None:
            whole = np.full((num_lanes * num_positions, mask.shape[1]), -1, dtype=np.int32)
            whole[flat] = mask
        law = self._pipeline.process(states, beside, whole, group.companions)
        return _pick(law, flat[chosen])

    def draw_from(self, law: Law, uniforms: Sequence[float], *, wants_base: bool, chosen: slice = slice(None)) -> Draws:
        """Draw from a law that `law` returned."""
        draws = draw_from(law, uniforms, scale=0.0 if self._pipeline.sampling.is_greedy else 1.0)
        if not wants_base:
            return draws
        model_law = torch.log_softmax(self.logits[chosen].float(), dim=-1)
        return replace(draws, base_log_probs=[float(model_law[k, max(t, 0)]) for k, t in enumerate(draws.token_ids)])


def _pick(law: Law, flat: Sequence[int]) -> Law:
    """Return the law at some of its rows and positions, numbered row by row."""
    index = torch.tensor(flat, device=law.logits.device)
    token_ids = None if law.token_ids is None else law.token_ids.flatten(0, 1)[index][:, None]
    rescued = None if law.rescued is None else law.rescued.flatten()[index][:, None]
    untruncated = None if law.untruncated is None else law.untruncated.flatten(0, 1)[index][:, None]
    return Law(law.logits.flatten(0, 1)[index][:, None], token_ids, rescued, untruncated)
