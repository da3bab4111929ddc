"""Find arrays by their addresses (``fsm.addresses``): unpacking many arrays costs more than many walks."""

from __future__ import annotations

import ctypes

import numpy as np
from numba import carray, config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fsm.kernel import kernel

__all__ = ["line_kernel", "pointer", "table_kernel", "words_kernel"]


def _pointer(_typing_context, address):
    """Turn an address into a pointer; numba asks for the type and for the code."""

    def generate(_context, builder, _signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


def _interpreted_pointer(address):
    """Do the same where the compiler is switched off."""
    return ctypes.c_void_p(int(address))


pointer = _interpreted_pointer if config.DISABLE_JIT else intrinsic(_pointer)


@kernel(inline="always")
def table_kernel(addresses, place, columns):
    """Return the int64 table whose address and number of rows stand at a place in ``addresses``."""
    return carray(pointer(addresses[place]), (addresses[place + 1], columns), np.int64)


@kernel(inline="always")
def line_kernel(addresses, place):
    """Return the int64 line whose address and length stand at a place in ``addresses``."""
    return carray(pointer(addresses[place]), (addresses[place + 1],), np.int64)


@kernel(inline="always")
def words_kernel(addresses, place):
    """Return the int32 line whose address and length stand at a place in ``addresses``."""
    return carray(pointer(addresses[place]), (addresses[place + 1],), np.int32)
