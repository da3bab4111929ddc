"""Name arrays by their addresses, for kernels that take many and are called often.

Cost: handing an array to a kernel takes some 40 ns, a walk of the trie often no more than a few hundred. The arrays
named must stay alive and in place: their owner makes the addresses anew when it replaces one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["addresses_of"]


def addresses_of(*arrays: NDArray[Any]) -> NDArray[np.int64]:
    """Return each array's address and its number of rows: int64[2 n].

    Raises
    ------
    ValueError : an array is not contiguous.
    """
    if not all(array.flags.c_contiguous for array in arrays):
        raise ValueError("addresses_of: got an array that is not contiguous, expected contiguous ones; copy it first")
    return np.array([part for array in arrays for part in (array.ctypes.data, len(array))], np.int64)
