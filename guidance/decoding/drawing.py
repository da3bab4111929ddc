"""Draw for rows from the logits of one forward pass: one token each, and on while it confirms what was proposed.

A proposed token is confirmed when the row's own draw, from the fully processed law and with the row's own random
number, gives it: the logits after it are there already, so the row draws again. What is drawn never depends on what
was proposed, only how many model calls it takes; every processor, mask and penalty keeps its meaning.

A proposal that carries the law it was drawn from is accepted by the published rule instead (Leviathan et al. 2023),
which accepts more often: with probability min(1, p / q), else the residual law is drawn from. Where a tree proposes
several tokens for one place, any of them may be confirmed or accepted, and the row goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from fsm import allocate_token_bitmask
from guidance.decoding.acceptance import accept_or_correct, laws_of, log_prob_of
from guidance.decoding.budget import fill_mask, forbid
from guidance.decoding.group import Group
from guidance.decoding.looking import Look, View
from guidance.decoding.proposal import Proposal, Proposed
from guidance.decoding.regions import keep_way_out, temperature_of
from guidance.decoding.row import Row
from guidance.decoding.writing import Writer
from guidance.logits.sampler import Draw, Draws

__all__ = ["Drawer"]


_MOST_REFUSED = 32


class Drawer:
    """Draw for the rows of one batch.

    Parameters
    ----------
    writer : gives the rows what was drawn.
    vocabulary_size : V.
    """

    def __init__(self, writer: Writer, vocabulary_size: int) -> None:
        self._writer = writer
        self._size = vocabulary_size
        self._mask = allocate_token_bitmask(1, vocabulary_size)

    def draw(self, group: Group, logits: torch.Tensor, proposals: Sequence[Proposal]) -> list[int]:
        """Draw for every row of a group until each has a token that was not proposed; return the places they reached.

        logits : float[B, P, V]   the last positions of each row; row b's proposal was read in its last ones
        """
        places = [0] * len(group.rows)
        self._confirm_at_once(group, logits, proposals, places)
        drawing = [i for i, row in enumerate(group.rows) if row.is_running and not row.pending]
        view = View(group, proposals, logits)
        while drawing:
            draws = self._draw_at_temperatures(view, drawing, places)
            for i, draw in zip(drawing, draws, strict=True):
                places[i] = self._confirm(group.rows[i], draw, proposals[i], places[i])
            drawing = [i for i in drawing if group.rows[i].is_running and not group.rows[i].pending]
        return places

    def _confirm_at_once(
        self, group: Group, logits: torch.Tensor, proposals: Sequence[Proposal], places: list[int]
    ) -> None:
        """Draw at every place of the proposals in one call where no draw changes the law of the next one.

        Rows that this leaves without a token of their own go on one draw at a time, from ``places[b]``.
        """
        if group.has_companions or group.pipeline.is_stateful:
            return
        at = [
            (i, place)
            for i, (row, proposal) in enumerate(zip(group.rows, proposals, strict=True))
            if row.is_running and proposal.token_ids and proposal.is_plain and not proposal.laws
            for place in proposal.drawn_places(is_constrained=row.matcher is not None)
        ]
        if not at:
            return
        draws = self._draw_flat(group, logits, proposals, at)
        for k, (i, place) in enumerate(at):
            row = group.rows[i]
            if not row.is_running or row.pending or places[i] != place:
                continue
            draw = draws.row(k)
            if row.matcher is None or draw.token_id < 0 or self._writer.fits(row, draw.token_id):
                places[i] = self._confirm(row, draw, proposals[i], place)

    def _draw_flat(
        self, group: Group, logits: torch.Tensor, proposals: Sequence[Proposal], at: Sequence[tuple[int, int]]
    ) -> Draws:
        rows = [group.rows[i] for i, _ in at]
        columns = [logits.shape[1] - 1 - len(proposals[i].token_ids) + place for i, place in at]
        mask = None
        if any(row.matcher is not None for row in rows):
            mask = allocate_token_bitmask(len(at), self._size)
            mask[:] = -1
            for k, (i, place) in enumerate(at):
                if rows[k].matcher is not None:
                    mask[k] = proposals[i].masks[place]
        is_greedy = group.pipeline.sampling.is_greedy
        return group.pipeline.draw(
            [row.states for row in rows],
            _take(logits, [i for i, _ in at], columns),
            mask,
            uniforms=[
                0.0 if is_greedy else row.request.uniform(len(row.token_ids) + proposals[i].depths[place])
                for row, (i, place) in zip(rows, at, strict=True)
            ],
            wants_base=self._writer.wants_base,
        )

    def _draw_at_temperatures(self, view: View, drawing: Sequence[int], places: Sequence[int]) -> list[Draw]:
        """Draw one token for each drawing row; rows inside a region with a temperature of its own draw apart."""
        group = view.group
        temperatures = {i: temperature_of(group.rows[i]) for i in drawing}
        draws: dict[int, Draw] = {}
        for temperature in dict.fromkeys(temperatures.values()):
            own = [i for i in drawing if temperatures[i] == temperature]
            pipeline = group.pipeline if temperature is None else group.pipeline.at_temperature(temperature)
            look = Look(view, own, places, pipeline)
            proposed = [view.proposals[i].at(places[i]) for i in own]
            draws.update(zip(own, self._draw_round(look, proposed), strict=True))
        return [draws[i] for i in drawing]

    def _confirm(self, row: Row, draw: Draw, proposal: Proposal, place: int) -> int:
        """Give a row its draw; return the place it reaches, as far as what it got had been proposed and so read."""
        was_proposed = bool(proposal.at(place).token_ids)
        before = len(row.token_ids)
        self._writer.take(row, draw)
        reached = proposal.follow(place, row.token_ids[before:])
        count = proposal.depths[reached] - proposal.depths[place]
        del row.pending[:count]
        row.num_accepted += count > 0
        row.num_rejected += was_proposed and count == 0
        return reached

    def _draw_round(self, look: Look, proposed: Sequence[Proposed]) -> list[Draw]:
        """Draw one token for each row of a look, in which no whole output gets out of reach."""
        rows, wants_base = look.rows, self._writer.wants_base
        mask = self._fill_masks(rows, [given.mask for given in proposed])
        if all(given.law is None for given in proposed):
            draws = look.draw(slice(None), mask, attempt=0, wants_base=wants_base)
            return [self._within_budget(look, k, draws.row(k)) for k in range(len(rows))]
        law = look.law(slice(None), mask)
        draws = look.draw_from(law, [row.request.uniform(len(row.token_ids)) for row in rows], wants_base=wants_base)
        targets = laws_of(law)
        chosen = []
        for k, given in enumerate(proposed):
            draw = draws.row(k)
            if given.law is not None and draw.token_id >= 0:
                token = accept_or_correct(rows[k], targets[k], given.law, token_ids=given.token_ids, size=self._size)
                draw = look.redraw(k, draw, token, log_prob_of(law, k, token))
            chosen.append(self._within_budget(look, k, draw))
        return chosen

    def _within_budget(self, look: Look, index: int, draw: Draw) -> Draw:
        """Return a row's draw; draw again where it leads too far from an end to get there within the budget.

        Taking the refused token out of the mask and drawing anew samples the law restricted to the tokens that fit.
        After some refusals the tokens of a shortest way to the end are all that is left.
        """
        row = look.rows[index]
        if row.matcher is None:
            return draw
        attempt = 0
        chosen = slice(index, index + 1)
        while draw.token_id >= 0 and not self._writer.fits(row, draw.token_id, is_last=attempt >= _MOST_REFUSED):
            attempt += 1
            forbid(self._mask, index, draw.token_id)
            if attempt == _MOST_REFUSED:
                fill_mask(row.matcher, self._mask, index)
                keep_way_out(row, self._mask[index], num_left=row.num_left)
            mask = self._mask[: len(look.rows)]
            draw = look.draw(chosen, mask, attempt=attempt, wants_base=self._writer.wants_base).row(0)
        return draw

    def _fill_masks(self, rows: Sequence[Row], known: Sequence[NDArray[np.int32] | None]) -> NDArray[np.int32] | None:
        """Fill one mask row for each row, or copy the one that is known; None when no row is constrained."""
        if all(row.matcher is None for row in rows):
            return None
        if self._mask.shape[0] < len(rows):
            self._mask = allocate_token_bitmask(len(rows), self._size)
        for index, (row, given) in enumerate(zip(rows, known, strict=True)):
            if row.matcher is None:
                self._mask[index] = -1
            elif given is not None:
                self._mask[index] = given
            else:
                before = perf_counter()
                fill_mask(row.matcher, self._mask, index)
                row.mask_seconds += perf_counter() - before
        return self._mask[: len(rows)]


def _take(logits: torch.Tensor, rows: Sequence[int], columns: Sequence[int]) -> torch.Tensor:
    """Return the logits at places of rows: float[n, V]."""
    first = columns[0]
    if rows[0] == rows[-1] and list(columns) == list(range(first, first + len(columns))):
        return logits[rows[0], first : first + len(columns)]  # one row, place by place: no copy
    return logits[list(rows), list(columns)]
