"""Compute exponentials in float32 so that loops over them vectorise: Cody and Waite's reduction, Cephes' polynomial.

The bits of a number are taken in a register, and not by a second view of an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from fsm.kernel import kernel

__all__ = ["bits_of_float", "exponential_kernel", "float_of_bits"]


def _float_of_bits(_, bits):
    """Return the float32 of the same bits as an int32; numba asks for the type and for the code."""

    def emit(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), emit


def _bits_of_float(_, number):
    """Return the int32 of the same bits as a float32."""

    def emit(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), emit


def _interpreted_float_of_bits(bits):
    """Do the same where the compiler is switched off."""
    return np.int32(bits).view(np.float32)


def _interpreted_bits_of_float(number):
    return np.float32(number).view(np.int32)


float_of_bits = _interpreted_float_of_bits if config.DISABLE_JIT else intrinsic(_float_of_bits)
bits_of_float = _interpreted_bits_of_float if config.DISABLE_JIT else intrinsic(_bits_of_float)


@kernel(nogil=True, fastmath={"contract", "nsz"})
def exponential_kernel(x: Any) -> Any:
    """Return exp(x) for a float32 from -87 to 88; relative error 1e-7 beside that of the argument.

    PERF: with numbers made of bits in a register, and not by a view of a second array, it stands in one loop with what
    needs it.
    """
    # Beside 1.5 * 2^23 no fraction has a bit: adding it rounds, which vectorises where calling floor does not.
    whole = (x * np.float32(1.4426950408889634) + np.float32(12582912.0)) - np.float32(12582912.0)
    r = x - whole * np.float32(0.693359375) - whole * np.float32(-2.12194440e-4)
    y = np.float32(1.9875691500e-4)
    y = y * r + np.float32(1.3981999507e-3)
    y = y * r + np.float32(8.3334519073e-3)
    y = y * r + np.float32(4.1665795894e-2)
    y = y * r + np.float32(1.6666665459e-1)
    y = y * r + np.float32(5.0000001201e-1)
    power = float_of_bits((np.int32(whole) + np.int32(127)) << np.int32(23))
    return (y * r * r + r + np.float32(1.0)) * power
