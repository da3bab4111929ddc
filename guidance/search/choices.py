"""Rank the tokens that may follow the running beams of one prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.logits.pipeline import Law

__all__ = ["Choice", "Choices", "falling_places"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Hold one token after one beam.

    Parameters
    ----------
    parent : which of the running beams.
    token_id : the token.
    log_prob : its log-probability under the processed law, renormalised.
    base_log_prob : under the model's own law; not a number where nobody asked.
    """

    parent: int
    token_id: int
    log_prob: float
    base_log_prob: float


class Choices:
    """Hold the processed, renormalised law after each running beam of one prompt.

    log_law   : float64[R, K]   minus infinity where a token may not follow
    token_ids : int64[R, K]     which token each column is; None when column j is token j
    base      : float[R, V]     the model's own log-probabilities; None when nobody asked
    """

    __slots__ = ("_base", "_token_ids", "is_broken", "log_law")

    def __init__(self, law: Law, rows: slice, base: torch.Tensor | None) -> None:
        logits = law.logits[rows, 0]
        self.log_law: NDArray[np.float64] = torch.log_softmax(logits, dim=-1).double().cpu().numpy()
        self.is_broken = np.isnan(self.log_law).any(axis=1)
        self.log_law[self.is_broken] = -np.inf
        self._token_ids = None if law.token_ids is None else law.token_ids[rows, 0].cpu().numpy()
        self._base = None if base is None else base[rows]

    def token_id(self, parent: int, column: int) -> int:
        """Return the token a column stands for."""
        return column if self._token_ids is None else int(self._token_ids[parent, column])

    def token_ids(self, parent: int) -> NDArray[np.int64]:
        """Return the token of every column."""
        return np.arange(self.log_law.shape[1]) if self._token_ids is None else self._token_ids[parent]

    def choice(self, parent: int, column: int) -> Choice:
        """Return one token after one beam."""
        token_id = self.token_id(parent, column)
        base = float("nan") if self._base is None else float(self._base[parent, token_id])
        log_prob = float(self.log_law[parent, column])
        return Choice(parent=parent, token_id=token_id, log_prob=log_prob, base_log_prob=base)

    def ranked(
        self, totals: Sequence[float], *, penalties: dict[int, float] | None = None, first: int = 16
    ) -> Iterator[Choice]:
        """Yield the choices by falling ``total + log_prob - penalty``, ties by beam and column.

        Parameters
        ----------
        totals : one number for each running beam.
        penalties : by token id.
        first : how many are probably needed; the work is twice as much for every doubling of what is.
        """
        scores = np.array(totals, dtype=np.float64)[:, None] + self.log_law
        for token_id, penalty in (penalties or {}).items():
            scores[self._columns(token_id)] -= penalty
        for place in falling_places(scores, first=first):
            yield self.choice(place // scores.shape[1], place % scores.shape[1])

    def _columns(self, token_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]] | tuple[slice, int]:
        """Return where a token stands, as an index of the law."""
        if self._token_ids is None:
            return slice(None), token_id
        rows, columns = np.nonzero(self._token_ids == token_id)
        return rows, columns


def falling_places(values: NDArray[np.float64], *, first: int) -> Iterator[int]:
    """Yield the places of a flattened array by falling value, ties by place; minus infinity is left out.

    Examples
    --------
    >>> list(falling_places(np.array([[1.0, 3.0], [-np.inf, 3.0]]), first=2))
    [1, 3, 0]
    """
    flat = values.ravel()
    number = int(np.count_nonzero(flat > -np.inf))
    seen, wanted = 0, first
    while seen < number:
        wanted = min(wanted, number)
        found = np.argpartition(-flat, wanted - 1)[:wanted] if wanted < flat.size else np.arange(flat.size)
        edge = max(flat[found].min(), np.finfo(np.float64).min)
        found = np.concatenate([found[flat[found] > edge], np.flatnonzero(flat == edge)])  # all that tie at the edge
        order = found[np.lexsort((found, -flat[found]))]
        yield from order[seen:].tolist()
        seen, wanted = order.size, 2 * max(wanted, order.size)
