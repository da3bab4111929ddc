"""Mask scores that other processors may have masked before."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from guidance.logits import apply_token_bitmask_inplace

__all__ = ["RESCUED", "mask_scores"]

RESCUED = -1e9
"""The score of legal tokens where others have forbidden all of them; generate gives it to beams that are out."""


def mask_scores(scores: torch.Tensor, mask: NDArray[np.int32]) -> torch.Tensor:
    """Return scores with minus infinity where a token is forbidden; the input is left as it is.

    Where nothing is left, the tokens that the mask allows come back, all with the same low score.

    Parameters
    ----------
    scores : float[B, V]
    mask   : int32[B, W]   at most V tokens; columns past them are forbidden

    Examples
    --------
    >>> inf = float("inf")
    >>> mask_scores(torch.tensor([[1.0, 2.0, 3.0], [1.0, -inf, 3.0]]), np.array([[0b011], [0b010]], dtype=np.int32))
    tensor([[ 1.0000e+00,  2.0000e+00,        -inf],
            [       -inf, -1.0000e+09,        -inf]])
    """
    masked = scores.clone()
    apply_token_bitmask_inplace(masked, mask)
    lost = torch.isneginf(masked).all(dim=1).nonzero()[:, 0].tolist()
    if lost:
        again = torch.full_like(masked[lost], RESCUED)
        apply_token_bitmask_inplace(again, mask[lost])
        masked[lost] = again
    return masked
