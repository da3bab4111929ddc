"""Multiply by weight matrices in the layout that the processor reads fastest.

The usual layout is read badly by products of few rows, as decoding makes them: a matrix that does not stay in the cache
is then bound by its address pattern, not by its bytes. oneDNN keeps a copy in blocks, and streams it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import functional

__all__ = ["Linear", "make_linear"]

Linear = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""From float[..., I], a weight float[O, I] and a bias float[O] or None to float[..., O]."""

# PERF: a call in blocks takes 12 us more; below 4 M parameters matrices stay in the cache and that is lost. Above, 16
# rows take half the time (24 MB of matrices: 5.3 ms against 3.0 ms; 150 MB: 39 ms against 19 ms; 2-core EPYC).
_FEWEST_PARAMETERS = 4_000_000

_MOST_BYTES = 1 << 30
"""Matrices of more bytes are not copied: what the copy takes would be missed more than it gains."""


def make_linear(weights: Iterable[torch.Tensor]) -> Linear:
    """Return ``torch.nn.functional.linear`` for these weights, by a copy in blocks where that is faster.

    Parameters
    ----------
    weights : all the matrices it will be called with; they must not change any more.

    Examples
    --------
    >>> linear = make_linear([torch.eye(2)])
    >>> linear(torch.tensor([[1.0, 2.0]]), torch.eye(2), None)
    tensor([[1., 2.]])
    """
    matrices = list(weights)
    num_parameters = sum(matrix.numel() for matrix in matrices)
    num_bytes = sum(matrix.nbytes for matrix in matrices)
    if num_parameters < _FEWEST_PARAMETERS or num_bytes > _MOST_BYTES or not all(map(_can_pack, matrices)):
        return functional.linear
    return _PackedMatrices()


class _PackedMatrices:
    """Keep each matrix in blocks from its first use on; owned by one network."""

    __slots__ = ("_known", "_multiply", "_pack")

    def __init__(self) -> None:
        # The matrix is kept beside its copy, so that no other one can get its identity.
        self._known: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        operators: Any = torch.ops.mkldnn
        self._pack = operators._reorder_linear_weight  # noqa: SLF001 - torch's own name for it
        self._multiply = operators._linear_pointwise.default  # noqa: SLF001 - the same

    def __call__(self, rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        known = self._known.get(id(weight))
        if known is None:
            known = self._known[id(weight)] = weight, self._pack(weight.detach(), None)
        product: torch.Tensor = self._multiply(rows, known[1], bias, "none", [], "")
        return product


def _can_pack(matrix: torch.Tensor) -> bool:
    return (
        matrix.device.type == "cpu"
        and matrix.dtype in {torch.float32, torch.bfloat16}
        and type(matrix) in {torch.Tensor, torch.nn.Parameter}
        and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )
