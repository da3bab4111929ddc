"""Multiply a few rows by panels of a matrix: one pass over the matrix, and every sum in a register until it is done.

A panel is what sixteen neighbouring outputs are multiplied by, input by input: float32[K, 16]. A tile of up to six rows
and four panels reads each weight once for all its rows. Every output is the sum over k = 0, 1, 2, ... of x[k] * w[k],
one fused multiply-add after the other, whatever tile it falls into: what a row gives does not depend on the rows beside
it, bit for bit.

PERF: small networks are bound by how their matrices are read. The 7 MB of the embedded model take 84 us for one row and
188 us for six, where MKL takes 239 and 587; 22 MB take 0.4 and 0.9 ms, where oneDNN takes 2.3 and 2.3. From six rows on
that is the most that the processor can multiply: 31 us a row (one thread of a 2-core EPYC).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fsm.kernel import kernel

__all__ = ["LANES", "multiply_tiles_kernel"]

LANES = 16
"""Outputs in a panel."""

_MOST_ROWS = 6


def _make_tile(num_rows: int, num_panels: int) -> Any:
    """Return the loop over k for a tile of this size, with all sums in registers.

    It writes out[out_at + m * out_row + LANES * p + j] = sum over k of
    x[x_at + m * x_row + k * x_step] * w[w_at + k * w_step + p * w_panel + j], the arrays taken as flat ones.
    """

    def interpreted(x, x_at, x_row, x_step, w, w_at, w_step, w_panel, depth, out, out_at, out_row):
        flat_x, flat_w, flat_out = x.reshape(-1), w.reshape(-1), out.reshape(-1)
        for m in range(num_rows):
            for p in range(num_panels):
                at = out_at + m * out_row + LANES * p
                flat_out[at : at + LANES] = 0.0
                for k in range(depth):
                    line = w_at + k * w_step + p * w_panel
                    flat_out[at : at + LANES] += flat_x[x_at + m * x_row + k * x_step] * flat_w[line : line + LANES]

    def compiled(_, x, x_at, x_row, x_step, w, w_at, w_step, w_panel, depth, out, out_at, out_row):
        signature = types.void(x, x_at, x_row, x_step, w, w_at, w_step, w_panel, depth, out, out_at, out_row)

        def emit(context, builder, signature, arguments):
            _emit_tile(context, builder, signature.args, arguments, (num_rows, num_panels))
            return context.get_dummy_value()

        return signature, emit

    # LLVM keeps sums in registers only where it is told to: loops over an array of sums store every one of them.
    return interpreted if config.DISABLE_JIT else intrinsic(compiled)


def _emit_tile(context, builder, kinds, arguments, tile):
    """Emit the loop over k.

    SAFE: the caller's arrays are contiguous and hold all that the offsets and the depth reach.
    """
    num_rows, num_panels = tile
    integer, number = ir.IntType(64), ir.FloatType()
    vector = ir.VectorType(number, LANES)

    def start(which):
        data = context.make_array(kinds[which])(context, builder, arguments[which]).data
        return builder.gep(data, [whole(which + 1)])

    def whole(which):
        return context.cast(builder, arguments[which], kinds[which], types.int64)

    def along(pointer, step, count):
        return builder.gep(pointer, [builder.mul(step, ir.Constant(integer, count))]) if count else pointer

    x, x_row, x_step = start(0), whole(2), whole(3)
    w, w_step, w_panel = start(4), whole(6), whole(7)
    depth, out, out_row = whole(8), start(9), whole(11)
    multiply_add = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f32"
    )
    cells = [(m, p) for m in range(num_rows) for p in range(num_panels)]
    before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    zero = ir.Constant(vector, [0.0] * LANES)
    builder.cbranch(builder.icmp_signed(">", depth, ir.Constant(integer, 0)), loop, after)

    builder.position_at_end(loop)
    k = builder.phi(integer)
    sums = {cell: builder.phi(vector) for cell in cells}
    line, column = builder.gep(w, [builder.mul(k, w_step)]), builder.gep(x, [builder.mul(k, x_step)])
    weights = [
        builder.load(builder.bitcast(along(line, w_panel, p), vector.as_pointer()), align=4) for p in range(num_panels)
    ]
    factors = [_spread(builder, builder.load(along(column, x_row, m)), vector) for m in range(num_rows)]
    added = {(m, p): builder.call(multiply_add, [factors[m], weights[p], sums[m, p]]) for m, p in cells}
    following = builder.add(k, ir.Constant(integer, 1))
    k.add_incoming(ir.Constant(integer, 0), before)
    k.add_incoming(following, loop)
    for cell in cells:
        sums[cell].add_incoming(zero, before)
        sums[cell].add_incoming(added[cell], loop)
    builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)

    builder.position_at_end(after)
    totals = {cell: builder.phi(vector) for cell in cells}
    for (m, p), total in totals.items():
        total.add_incoming(zero, before)
        total.add_incoming(added[m, p], loop)
    for (m, p), total in totals.items():
        place = builder.gep(along(out, out_row, m), [ir.Constant(integer, LANES * p)])
        builder.store(total, builder.bitcast(place, vector.as_pointer()), align=4)


def _spread(builder, value, vector):
    """Return a vector of one number."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, undefined, lanes)


_tile_1_1, _tile_1_4 = _make_tile(1, 1), _make_tile(1, 4)
_tile_2_1, _tile_2_2 = _make_tile(2, 1), _make_tile(2, 2)
_tile_3_1, _tile_3_2 = _make_tile(3, 1), _make_tile(3, 2)
_tile_4_1, _tile_4_2 = _make_tile(4, 1), _make_tile(4, 2)
_tile_5_1, _tile_5_2 = _make_tile(5, 1), _make_tile(5, 2)
_tile_6_1, _tile_6_2 = _make_tile(6, 1), _make_tile(6, 2)


@kernel(nogil=True)
def multiply_tiles_kernel(
    x: Any,
    x_at: int,
    x_row: int,
    x_step: int,
    num_rows: int,
    w: Any,
    w_at: int,
    w_step: int,
    w_panel: int,
    num_panels: int,
    depth: int,
    is_wide: bool,
    out: Any,
    out_at: int,
    out_row: int,
) -> None:
    """Multiply rows by panels, tile by tile.

    For every row m, panel p and lane j, out[out_at + m * out_row + 16 * p + j] becomes the sum over k of
    x[x_at + m * x_row + k * x_step] * w[w_at + k * w_step + p * w_panel + j].

    x, w, out : float32, contiguous, of any shape: the offsets count from their first number
    is_wide   : whether a dozen sums of sixteen numbers fit into the processor's registers
    """
    num_tiles = (num_rows + _MOST_ROWS - 1) // _MOST_ROWS
    most = 4 if num_rows == 1 else (2 if num_rows <= 3 or is_wide else 1)
    p = 0
    while p < num_panels:
        width = most if num_panels - p >= most else 1
        wp = w_at + p * w_panel
        m = 0
        for t in range(num_tiles):
            # Tiles of like sizes: seven rows are four and three, not six and one.
            size = num_rows // num_tiles + (1 if t < num_rows % num_tiles else 0)
            xm, om = x_at + m * x_row, out_at + m * out_row + LANES * p
            if size == 1:
                if width == 4:
                    _tile_1_4(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
                else:
                    _tile_1_1(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
            elif size == 2:
                if width == 2:
                    _tile_2_2(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
                else:
                    _tile_2_1(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
            elif size == 3:
                if width == 2:
                    _tile_3_2(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
                else:
                    _tile_3_1(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
            elif size == 4:
                if width == 2:
                    _tile_4_2(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
                else:
                    _tile_4_1(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
            elif size == 5:
                if width == 2:
                    _tile_5_2(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
                else:
                    _tile_5_1(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
            elif width == 2:
                _tile_6_2(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
            else:
                _tile_6_1(x, xm, x_row, x_step, w, wp, w_step, w_panel, depth, out, om, out_row)
            m += size
        p += width
