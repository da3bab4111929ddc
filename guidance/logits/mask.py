"""Apply packed token masks to logits.

mask   : int32[B, W]   bit j of word w is token 32*w + j; 1 = allowed (``fsm/mask.py`` defines the layout)
logits : float[B, V]   any float dtype and device; changed in place; columns past the mask are forbidden
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from fsm.errors import MaskError
from guidance.logits._kernels import apply_mask_kernel

__all__ = ["apply_token_bitmask_inplace"]


def apply_token_bitmask_inplace(logits: torch.Tensor, mask: NDArray[np.int32] | torch.Tensor) -> None:
    """Set the logits of forbidden tokens to minus infinity.

    The naive loop: ``for b, v: if not mask[b, v // 32] >> (v % 32) & 1: logits[b, v] = -inf``.

    Raises
    ------
    MaskError : when the shapes do not belong together.

    Examples
    --------
    >>> logits = torch.zeros(1, 3)
    >>> apply_token_bitmask_inplace(logits, np.array([[0b101]], dtype=np.int32))
    >>> logits
    tensor([[0., -inf, 0.]])
    """
    _check_shapes(logits, mask)
    if logits.device.type == "cpu" and logits.dtype == torch.float32 and not isinstance(mask, torch.Tensor):
        apply_mask_kernel(mask, logits.detach().numpy())
        return
    words = mask if isinstance(mask, torch.Tensor) else torch.from_numpy(mask)
    logits.masked_fill_(~_unpack_mask(words.to(logits.device), logits.shape[1]), float("-inf"))


def _unpack_mask(words: torch.Tensor, size: int) -> torch.Tensor:
    """Return bool[B, size]: True where a token is allowed."""
    shifts = torch.arange(32, dtype=torch.int32, device=words.device)
    bits = ((words[:, :, None] >> shifts) & 1).bool().flatten(1)
    if bits.shape[1] < size:
        bits = torch.nn.functional.pad(bits, (0, size - bits.shape[1]), value=False)
    return bits[:, :size]


def _check_shapes(logits: torch.Tensor, mask: NDArray[np.int32] | torch.Tensor) -> None:
    if logits.dim() != 2 or mask.ndim != 2 or logits.shape[0] != mask.shape[0]:
        raise MaskError(
            f"mask has shape {tuple(mask.shape)} but logits have {tuple(logits.shape)}; "
            "give both one row per sequence: allocate_token_bitmask(batch_size, vocab_size)"
        )
    words = -(-logits.shape[1] // 32)
    if mask.shape[1] > words:
        raise MaskError(
            f"mask has {mask.shape[1]} words for up to {32 * mask.shape[1]} tokens but logits have {logits.shape[1]} "
            f"columns; allocate the mask with at most {logits.shape[1]} tokens"
        )
