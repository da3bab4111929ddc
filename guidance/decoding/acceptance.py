"""Accept a drafted token with probability min(1, p / q), else draw from what q left over (Leviathan et al. 2023).

Algorithm 1 of arXiv:2211.17192. The token that results is distributed as p, whatever q is, and p is the fully
processed law: mask, penalties, steering, temperature, truncation.

Several tokens drafted for one place, drawn from q one after the other and none twice, are tried in turn: each rejection
leaves the residual of p, and q without the token (recursive rejection sampling; Jeon et al. 2024, arXiv:2402.14160).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.decoding.proposal import DraftLaw
from guidance.decoding.row import Row
from guidance.logits.pipeline import Law
from guidance.logits.sampler import Draws, draw_tokens

__all__ = ["ACCEPTING", "CORRECTING", "accept_or_correct", "draw_from", "invert", "law_of", "log_prob_of"]

ACCEPTING, CORRECTING = 1 << 20, 1 << 21
"""Streams of random numbers of their own, beyond any number of repeated draws."""


def accept_or_correct(row: Row, target: DraftLaw, draft: DraftLaw, *, token_ids: Sequence[int], size: int) -> int:
    """Return the row's token: the first drafted one that is accepted, or one from the law that is left.

    Parameters
    ----------
    row : supplies the random numbers.
    target : the fully processed law, p.
    draft : the law the tokens were drawn from, q.
    token_ids : the drafted tokens, in the order they were drawn: the second from q without the first, and so on.
    size : V.
    """
    step = len(row.token_ids)
    p, q = target.spread(size), draft.spread(size)
    for rank, token_id in enumerate(token_ids):
        if row.request.uniform(step, attempt=ACCEPTING + rank) * q[token_id] < p[token_id]:
            return token_id
        residual = np.maximum(p - q, 0.0)
        if residual.sum() <= 0.0:  # p = q up to rounding: nothing is left over, and the draft stands
            return token_id
        p = residual / residual.sum()
        q[token_id] = 0.0
        if rank + 1 < len(token_ids):
            q /= q.sum()
    return invert(p, row.request.uniform(step, attempt=CORRECTING))


def law_of(law: Law, index: int) -> DraftLaw:
    """Return one row's probabilities at the only position of a law."""
    probabilities = torch.softmax(law.logits[index, 0].double(), dim=-1).cpu().numpy()
    token_ids = None if law.token_ids is None else law.token_ids[index, 0].cpu().numpy()
    return DraftLaw(probabilities, token_ids)


def draw_from(law: Law, uniforms: Sequence[float], *, scale: float) -> Draws:
    """Draw one token for each row of a law of one position.

    scale : 1 draws from the law; 0 takes its most likely token
    """
    draws = draw_tokens(law.logits[:, 0], None, scales=[scale] * len(uniforms), uniforms=uniforms)
    tokens, log_probs = draws.token_ids, draws.log_probs
    if law.token_ids is not None:
        tokens = [t if t < 0 else int(law.token_ids[k, 0, t]) for k, t in enumerate(tokens)]
    if law.untruncated is not None:
        log_probs = [law.log_prob(k, 0, column) for k, column in enumerate(draws.token_ids)]
    return Draws(tokens, log_probs, [], [] if law.rescued is None else law.rescued[:, 0].tolist())


def log_prob_of(law: Law, index: int, token_id: int) -> float:
    """Return what a row's processors are to be told of a token: its log-probability in a law of one position."""
    column = token_id if law.token_ids is None else int((law.token_ids[index, 0] == token_id).int().argmax())
    return law.log_prob(index, 0, column)


def invert(weights: NDArray[np.float64], uniform: float) -> int:
    """Return the first token whose running weight exceeds the uniform's share of the total."""
    running = weights.cumsum()
    return min(int(np.searchsorted(running, uniform * running[-1], side="right")), weights.size - 1)
