r"""Read characters of plain text and of JSON strings, byte by byte.

Partial characters (``decode``) are ``kind + 16 * bits``: 0 at a character boundary; 1 to 3 = so many UTF-8 bytes to
come; 4 = after a backslash; 5 to 8 = after ``\u`` and 0 to 3 hexadecimal digits; 9 = after a high surrogate;
10 = after its following backslash; 11 to 14 = after its following ``\u`` and 0 to 3 digits.
"""

from __future__ import annotations

import numpy as np

from fsm._stack_kernels import admits_kernel, arrive_kernel, tested_kernel
from fsm.codes import R_STACK, ZERO
from fsm.kernel import kernel
from fsm.layout import BASE, CHAR, CLOSE, COUNT, DEFAULT, EDGE, KIND, LONGEST, RAW, SEEN, SHORTEST, STUB, UNBOUNDED

__all__ = ["emit_kernel", "escape_kernel", "find_kernel", "text_kernel", "utf8_kernel"]


@kernel
def find_kernel(edges, first, count, symbol):
    """Return the target of the edge that holds the symbol, or -1. An edge to 0 says that the symbol is dead."""
    if count > 8:
        low, high = first, first + count
        while low < high:
            middle = (low + high) // 2
            if edges[middle, 1] < symbol:
                low = middle + 1
            else:
                high = middle
        if low < first + count and edges[low, 0] <= symbol:
            return edges[low, 2]
        return -1
    for e in range(first, first + count):
        if edges[e, 0] <= symbol <= edges[e, 1]:
            return edges[e, 2]
    return -1


@kernel
def viable_kernel(states, target, low, high, seen):
    """Tell whether a character state can still be left with the counters kept (kept for lazily built automata)."""
    while states[target, KIND] == SEEN:
        if not admits_kernel(states, target, seen):
            return False
        target = states[target, DEFAULT]
    kind = states[target, KIND]
    if kind != CHAR and kind != RAW and kind != STUB:
        return True
    return states[target, SHORTEST] <= high and (low == 0 or states[target, LONGEST] >= low)


@kernel
def possible_kernel(states, edges, state, first, last, low, high, restricted, seen):
    """Tell whether some character in first..last may follow a character state."""
    if high == 0:
        return False
    rest = high if high == UNBOUNDED else high - 1
    owed = low - 1 if low > 0 else 0
    begin = states[state, EDGE]
    covered = first
    for e in range(begin, begin + states[state, COUNT]):
        if edges[e, 0] <= last and edges[e, 1] >= first:
            if restricted != 0 and states[edges[e, 2], BASE] == 0:
                continue
            if viable_kernel(states, edges[e, 2], owed, rest, seen):
                return True
            if edges[e, 0] <= covered:
                covered = max(covered, edges[e, 1] + 1)
    return states[state, DEFAULT] != 0 and restricted == 0 and covered <= last


@kernel
def hex_kernel(byte):
    """Return the value of a hexadecimal digit, or -1."""
    if 48 <= byte <= 57:
        return byte - 48
    lower = byte | 32
    if 97 <= lower <= 102:
        return lower - 87
    return -1


@kernel
def utf8_kernel(states, edges, state, decode, low, high, byte, restricted, seen):
    """Read one byte of a UTF-8 character: the next decode, ``-2 - code point`` when complete, or -1 when dead."""
    if decode == 0:
        if byte < 0x80:
            return -2 - byte
        if 0xC2 <= byte <= 0xDF:
            bits, left = byte & 31, 1
        elif 0xE0 <= byte <= 0xEF:
            bits, left = byte & 15, 2
        elif 0xF0 <= byte <= 0xF4:
            bits, left = byte & 7, 3
        else:
            return -1
    else:
        if byte & 0xC0 != 0x80:
            return -1
        bits, left = (decode >> 4) << 6 | (byte & 63), (decode & 15) - 1
    if left == 0:
        return -2 - bits
    first = bits << (6 * left)
    last = first + (1 << (6 * left)) - 1
    # Overlong forms, surrogates and numbers past U+10FFFF have no continuation.
    if decode & 15 == 3 or (decode == 0 and left == 3):
        first, last = max(first, 0x10000), min(last, 0x10FFFF)
    elif left == 2 or decode != 0:
        first = max(first, 0x800)
    if 0xD800 <= last <= 0xDFFF:
        last = 0xD7FF
    if first > last or not possible_kernel(states, edges, state, first, last, low, high, restricted, seen):
        return -1
    return left + 16 * bits


@kernel
def escape_kernel(states, edges, state, decode, low, high, byte, restricted, seen):
    """Read one byte of a JSON escape: the next decode, ``-2 - code point`` when complete, or -1 when dead."""
    kind = decode & 15
    if kind == 0:
        alive = possible_kernel(states, edges, state, ZERO, np.int64(0x10FFFF), low, high, restricted, seen)
        return 4 if alive else -1
    if kind == 4:
        if byte == 34 or byte == 92 or byte == 47:
            return -2 - byte
        if byte == 98:
            return -2 - 8
        if byte == 102:
            return -2 - 12
        if byte == 110:
            return -2 - 10
        if byte == 114:
            return -2 - 13
        if byte == 116:
            return -2 - 9
        return 5 if byte == 117 else -1
    if kind == 9:
        return 10 + (decode & -16) if byte == 92 else -1
    if kind == 10:
        return 11 + (decode & -16) if byte == 117 else -1
    digit = hex_kernel(byte)
    if digit < 0:
        return -1
    bits = (decode >> 4) << 4 | digit
    if kind >= 11:
        # bits: ten of the high surrogate, then the digits of the low one read so far.
        read = kind - 10
        unit = bits & ((1 << (4 * read)) - 1)
        top = bits >> (4 * read)
        rest = 4 * (4 - read)
        first, last = max(unit << rest, 0xDC00), min(((unit + 1) << rest) - 1, 0xDFFF)
        if first > last:
            return -1
        base = 0x10000 + (top << 10) - 0xDC00
        if read == 4:
            return -2 - (base + unit)
        alive = possible_kernel(states, edges, state, base + first, base + last, low, high, restricted, seen)
        return kind + 1 + 16 * bits if alive else -1
    read = kind - 4
    rest = 4 * (4 - read)
    first, last = bits << rest, ((bits + 1) << rest) - 1
    if read == 4:
        if 0xD800 <= bits <= 0xDBFF:
            top = bits - 0xD800
            begin = 0x10000 + (top << 10)
            alive = possible_kernel(states, edges, state, begin, begin + 0x3FF, low, high, restricted, seen)
            return 9 + 16 * top if alive else -1
        return -1 if 0xDC00 <= bits <= 0xDFFF else -2 - bits
    alive = False
    if last < 0xD800 or first > 0xDFFF:
        alive = possible_kernel(states, edges, state, first, last, low, high, restricted, seen)
    else:
        if first < 0xD800:
            alive = possible_kernel(states, edges, state, first, np.int64(0xD7FF), low, high, restricted, seen)
        if not alive and last > 0xDFFF:
            alive = possible_kernel(states, edges, state, np.int64(0xE000), last, low, high, restricted, seen)
        if not alive and first <= 0xDBFF:
            begin = 0x10000 + ((max(first, 0xD800) - 0xD800) << 10)
            end = 0x10000 + ((min(last, 0xDBFF) - 0xD800) << 10) + 0x3FF
            alive = possible_kernel(states, edges, state, begin, end, low, high, restricted, seen)
    return kind + 1 + 16 * bits if alive else -1


@kernel
def emit_kernel(frontier, level, free, state, stack, decode, low, high):
    """Append a configuration unless the level holds it already; return the new end."""
    for i in range(level, free):
        if (
            frontier[i, 0] == state
            and frontier[i, 1] == stack
            and frontier[i, 2] == decode
            and frontier[i, 3] == low
            and frontier[i, 4] == high
        ):
            return free
    frontier[free, 0] = state
    frontier[free, 1] = stack
    frontier[free, 2] = decode
    frontier[free, 3] = low
    frontier[free, 4] = high
    return free + 1


@kernel
def text_kernel(
    states, edges, stacks, table, regs, frontier, level, free, state, stack, decode, low, high, byte, restricted
):
    """Step a CHAR or RAW configuration by one byte; append what results; return the new end, or NEED."""
    is_json = states[state, KIND] == CHAR
    seen = stacks[stack, 2]
    if is_json and decode == 0:
        if byte == 34:
            if states[state, CLOSE] != 0 and low == 0:
                target = arrive_kernel(states, stacks, table, regs, states[state, CLOSE], stack)
                if target != 0:
                    return emit_kernel(frontier, level, free, target, regs[R_STACK], 0, 0, UNBOUNDED)
            return free
        if byte < 32:
            return free
    if decode != 0 or byte == 92 or byte >= 128:  # whether a character may come is asked before it is known
        for e in range(states[state, EDGE], states[state, EDGE] + states[state, COUNT]):
            if states[edges[e, 2], KIND] == SEEN:
                tested_kernel(stacks, regs, stack, -1)
    if is_json and (decode & 15 >= 4 or (decode == 0 and byte == 92)):
        result = escape_kernel(states, edges, state, decode, low, high, byte, restricted, seen)
    else:
        result = utf8_kernel(states, edges, state, decode, low, high, byte, restricted, seen)
    if result == -1:
        return free
    if result >= 0:
        return emit_kernel(frontier, level, free, state, stack, result, low, high)
    if high == 0:
        return free
    target = find_kernel(edges, states[state, EDGE], states[state, COUNT], -2 - result)
    if target < 0:
        target = states[state, DEFAULT]
    if target == 0:
        return free
    if restricted != 0 and states[target, BASE] == 0:
        return free
    if high != UNBOUNDED:
        high -= 1
    if low > 0:
        low -= 1
    target = arrive_kernel(states, stacks, table, regs, target, stack)
    if target == 0 or not viable_kernel(states, target, low, high, seen):
        return free
    return emit_kernel(frontier, level, free, target, regs[R_STACK], 0, low, high)
