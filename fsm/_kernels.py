r"""Walk the network: step one byte, advance a token, fill a mask.

A configuration is a row of five integers: state, stack node, partial character, characters still required (low),
characters still permitted (high; ``UNBOUNDED`` = no limit). A kernel that meets a stub stops and says which; the
caller expands it and calls again. All tables are owned by ``Network`` and ``Workspace``.

Partial characters (``decode``) are ``kind + 16 * bits``: 0 at a character boundary; 1 to 3 = so many UTF-8 bytes to
come; 4 = after a backslash; 5 to 8 = after ``\u`` and 0 to 3 hexadecimal digits; 9 = after a high surrogate;
10 = after its following backslash; 11 to 14 = after its following ``\u`` and 0 to 3 digits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fsm.layout import (
    BASE,
    BYTE,
    CALL,
    CALLEE,
    CHAR,
    CLOSE,
    COUNT,
    DEAD,
    DEFAULT,
    EDGE,
    FINAL,
    FORK,
    HIGH,
    KIND,
    LONGEST,
    LOW,
    NOTE,
    POP,
    RAW,
    RETURN,
    SHORTEST,
    STATE_FINAL,
    STUB,
    UNBOUNDED,
    WS,
)

__all__ = [
    "ARENA_FULL",
    "NEED",
    "NOTED",
    "NOT_CLOSED",
    "NUM_REGISTERS",
    "PARTIAL",
    "R_CLOSED",
    "R_FREE",
    "R_FREE_STATE",
    "R_NEED",
    "R_NODE",
    "R_OPENED",
    "R_OPENED_STATE",
    "R_READING",
    "R_SEGMENT",
    "R_STACKS",
    "R_TOUCHED",
    "SLACK",
    "accept_kernel",
    "advance_kernel",
    "close_kernel",
    "decode_kernel",
    "fill_kernel",
    "next_bytes_kernel",
    "summary_kernel",
]

# Registers: small integers that kernels read and write across calls.
R_NEED, R_STACKS, R_NODE, R_TOUCHED, R_FREE, R_CLOSED, R_READING = range(7)
R_STACK, R_SEGMENT, R_OPENED, R_BEGINS, R_FREE_STATE, R_OPENED_STATE = range(7, 13)
NUM_REGISTERS = 13
# Return codes below zero.
NEED, ARENA_FULL, NOTED = -1, -2, -3
# Room left over in every arena before one more row is written.
SLACK = 4
# Where the scratch rows of ``begin_kernel`` begin.
SEEN = 300
# What ``decode_kernel`` finds where no character ends.
PARTIAL, INVALID, QUOTE = -1, -2, -3
NOT_CLOSED = 1 << 30


@njit(cache=True, inline="always")
def push_kernel(stacks, table, regs, ret, parent):
    """Return the stack node (ret, parent); equal stacks are equal integers."""
    wrap = table.shape[0] - 1
    slot = (ret * 40503 + parent * 30011) & wrap
    while True:
        node = table[slot]
        if node == 0:
            node = regs[R_STACKS]
            regs[R_STACKS] = node + 1
            stacks[node, 0] = ret
            stacks[node, 1] = parent
            table[slot] = node
            return node
        if stacks[node, 0] == ret and stacks[node, 1] == parent:
            return node
        slot = (slot + 1) & wrap


@njit(cache=True)
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


@njit(cache=True)
def viable_kernel(states, target, low, high):
    """Tell whether a character state can still be left with the counters kept (kept for lazily built automata)."""
    kind = states[target, KIND]
    if kind != CHAR and kind != RAW and kind != STUB:
        return True
    return states[target, SHORTEST] <= high and (low == 0 or states[target, LONGEST] >= low)


@njit(cache=True)
def possible_kernel(states, edges, state, first, last, low, high, restricted):
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
            if viable_kernel(states, edges[e, 2], owed, rest):
                return True
            if edges[e, 0] <= covered:
                covered = max(covered, edges[e, 1] + 1)
    return states[state, DEFAULT] != 0 and restricted == 0 and covered <= last


@njit(cache=True)
def hex_kernel(byte):
    """Return the value of a hexadecimal digit, or -1."""
    if 48 <= byte <= 57:
        return byte - 48
    lower = byte | 32
    if 97 <= lower <= 102:
        return lower - 87
    return -1


@njit(cache=True)
def utf8_kernel(states, edges, state, decode, low, high, byte, restricted):
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
    if first > last or not possible_kernel(states, edges, state, first, last, low, high, restricted):
        return -1
    return left + 16 * bits


@njit(cache=True)
def escape_kernel(states, edges, state, decode, low, high, byte, restricted):
    """Read one byte of a JSON escape: the next decode, ``-2 - code point`` when complete, or -1 when dead."""
    kind = decode & 15
    if kind == 0:
        alive = possible_kernel(states, edges, state, 0, 0x10FFFF, low, high, restricted)
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
        alive = possible_kernel(states, edges, state, base + first, base + last, low, high, restricted)
        return kind + 1 + 16 * bits if alive else -1
    read = kind - 4
    rest = 4 * (4 - read)
    first, last = bits << rest, ((bits + 1) << rest) - 1
    if read == 4:
        if 0xD800 <= bits <= 0xDBFF:
            top = bits - 0xD800
            begin = 0x10000 + (top << 10)
            alive = possible_kernel(states, edges, state, begin, begin + 0x3FF, low, high, restricted)
            return 9 + 16 * top if alive else -1
        return -1 if 0xDC00 <= bits <= 0xDFFF else -2 - bits
    alive = False
    if last < 0xD800 or first > 0xDFFF:
        alive = possible_kernel(states, edges, state, first, last, low, high, restricted)
    else:
        if first < 0xD800:
            alive = possible_kernel(states, edges, state, first, 0xD7FF, low, high, restricted)
        if not alive and last > 0xDFFF:
            alive = possible_kernel(states, edges, state, 0xE000, last, low, high, restricted)
        if not alive and first <= 0xDBFF:
            begin = 0x10000 + ((max(first, 0xD800) - 0xD800) << 10)
            end = 0x10000 + ((min(last, 0xDBFF) - 0xD800) << 10) + 0x3FF
            alive = possible_kernel(states, edges, state, begin, end, low, high, restricted)
    return kind + 1 + 16 * bits if alive else -1


@njit(cache=True)
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


@njit(cache=True)
def text_kernel(states, edges, frontier, level, free, state, stack, decode, low, high, byte, restricted):
    """Step a CHAR or RAW configuration by one byte; append what results; return the new end, or NEED."""
    is_json = states[state, KIND] == CHAR
    if is_json and decode == 0:
        if byte == 34:
            if states[state, CLOSE] != 0 and low == 0:
                return emit_kernel(frontier, level, free, states[state, CLOSE], stack, 0, 0, UNBOUNDED)
            return free
        if byte < 32:
            return free
    if is_json and (decode & 15 >= 4 or (decode == 0 and byte == 92)):
        result = escape_kernel(states, edges, state, decode, low, high, byte, restricted)
    else:
        result = utf8_kernel(states, edges, state, decode, low, high, byte, restricted)
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
    if not viable_kernel(states, target, low, high):
        return free
    return emit_kernel(frontier, level, free, target, stack, 0, low, high)


@njit(cache=True)
def step_kernel(states, edges, stacks, table, regs, work, frontier, source, level, free, byte, restricted):
    """Step one configuration by one byte.

    Appends the successors to ``frontier[free:]``, equal ones once from ``level`` on. Returns the new end, ``NEED``
    with the stub in ``regs[R_NEED]``, or ``ARENA_FULL``. States reached are not followed further: what they lead to is
    looked at when the next byte comes, so a stub is expanded only when the text really gets there.
    """
    for column in range(5):
        work[0, column] = frontier[source, column]
    top = 1
    while top > 0:
        top -= 1
        state, stack, decode = work[top, 0], work[top, 1], work[top, 2]
        low, high = work[top, 3], work[top, 4]
        while True:
            if free + SLACK > frontier.shape[0] or regs[R_STACKS] + SLACK > stacks.shape[0]:
                return ARENA_FULL
            kind = states[state, KIND]
            if kind == BYTE:
                target = find_kernel(edges, states[state, EDGE], states[state, COUNT], byte)
                if target == 0:
                    break
                if target > 0:
                    free = emit_kernel(frontier, level, free, target, stack, 0, 0, UNBOUNDED)
                    break
                if states[state, WS] != 0 and (byte == 32 or byte == 10 or byte == 13 or byte == 9):
                    stack = push_kernel(stacks, table, regs, state, stack)
                    free = emit_kernel(frontier, level, free, states[state, WS], stack, 0, 0, UNBOUNDED)
                    break
                state = states[state, DEFAULT]
                if state == 0:
                    break
            elif kind == CHAR or kind == RAW:
                free = text_kernel(
                    states, edges, frontier, level, free, state, stack, decode, low, high, byte, restricted
                )
                if kind == CHAR or decode != 0 or states[state, CLOSE] == 0:
                    break
                state = states[state, CLOSE]
            elif kind == POP:
                if stack == 0:
                    break
                state = stacks[stack, 0]
                stack = stacks[stack, 1]
                low, high = 0, UNBOUNDED
            elif kind == CALL:
                if states[state, RETURN] != 0:
                    stack = push_kernel(stacks, table, regs, states[state, RETURN], stack)
                low, high = states[state, LOW], states[state, HIGH]
                state = states[state, CALLEE]
            elif kind == FORK:
                first = states[state, EDGE]
                if top + states[state, COUNT] > work.shape[0]:
                    return ARENA_FULL
                for e in range(first + 1, first + states[state, COUNT]):
                    work[top, 0] = edges[e, 2]
                    work[top, 1] = stack
                    work[top, 2] = decode
                    work[top, 3] = low
                    work[top, 4] = high
                    top += 1
                state = edges[first, 2]
            elif kind == STUB:
                regs[R_NEED] = state
                return NEED
            elif kind == NOTE:
                if regs[R_READING] != 0:
                    return NOTED
                state = states[state, DEFAULT]
            else:
                break
    return free


@njit(cache=True)
def accept_kernel(states, edges, stacks, table, regs, work, frontier, begin, end):
    """Tell whether the text may end at one of the configurations: 1, 0, or NEED."""
    for i in range(begin, end):
        for column in range(5):
            work[0, column] = frontier[i, column]
        top = 1
        while top > 0:
            top -= 1
            state, stack, decode = work[top, 0], work[top, 1], work[top, 2]
            while True:
                if regs[R_STACKS] + SLACK > stacks.shape[0]:
                    return ARENA_FULL
                kind = states[state, KIND]
                if kind == FINAL:
                    return 1
                if kind == POP:
                    if stack == 0:
                        return 1
                    state = stacks[stack, 0]
                    stack = stacks[stack, 1]
                elif kind == BYTE:
                    state = states[state, DEFAULT]
                elif kind == RAW and decode == 0:
                    state = states[state, CLOSE]
                elif kind == CALL:
                    if states[state, RETURN] != 0:
                        stack = push_kernel(stacks, table, regs, states[state, RETURN], stack)
                    state = states[state, CALLEE]
                elif kind == FORK:
                    first = states[state, EDGE]
                    if top + states[state, COUNT] > work.shape[0]:
                        return ARENA_FULL
                    for e in range(first + 1, first + states[state, COUNT]):
                        work[top, 0] = edges[e, 2]
                        work[top, 1] = stack
                        work[top, 2] = 0
                        top += 1
                    state = edges[first, 2]
                elif kind == STUB:
                    regs[R_NEED] = state
                    return NEED
                elif kind == NOTE:
                    state = states[state, DEFAULT]
                else:
                    break
    return 0


@njit(cache=True)
def close_kernel(states, edges, stacks, table, regs, work, frontier, begin, end):
    """Follow every move that consumes nothing, unless it may still be left open by the next byte.

    Rewrites the configurations ``frontier[begin:end]`` as an equivalent list in ``frontier[end:]``, in which CALL and
    FORK are resolved; returns its end, or NEED.
    """
    free = end
    for i in range(begin, end):
        for column in range(5):
            work[0, column] = frontier[i, column]
        top = 1
        while top > 0:
            top -= 1
            state, stack, decode = work[top, 0], work[top, 1], work[top, 2]
            low, high = work[top, 3], work[top, 4]
            while True:
                if free + SLACK > frontier.shape[0] or regs[R_STACKS] + SLACK > stacks.shape[0]:
                    return ARENA_FULL
                kind = states[state, KIND]
                if kind == CALL:
                    if states[state, RETURN] != 0:
                        stack = push_kernel(stacks, table, regs, states[state, RETURN], stack)
                    low, high = states[state, LOW], states[state, HIGH]
                    state = states[state, CALLEE]
                elif kind == POP and stack != 0:
                    state = stacks[stack, 0]
                    stack = stacks[stack, 1]
                    low, high = 0, UNBOUNDED
                elif kind == FORK:
                    first = states[state, EDGE]
                    if top + states[state, COUNT] > work.shape[0]:
                        return ARENA_FULL
                    for e in range(first + 1, first + states[state, COUNT]):
                        work[top, 0] = edges[e, 2]
                        work[top, 1] = stack
                        work[top, 2] = decode
                        work[top, 3] = low
                        work[top, 4] = high
                        top += 1
                    state = edges[first, 2]
                elif kind == STUB:
                    regs[R_NEED] = state
                    return NEED
                elif kind == NOTE:
                    state = states[state, DEFAULT]
                elif kind == DEAD:
                    break
                else:
                    if kind == POP:
                        state = STATE_FINAL
                    free = emit_kernel(frontier, end, free, state, stack, decode, low, high)
                    break
    return free


@njit(cache=True)
def advance_kernel(states, edges, stacks, table, regs, work, frontier, end, text):
    """Read bytes from the configurations ``frontier[:end]``, which begin level 0.

    Returns the end of the last level, which begins at ``regs[R_NODE]`` (equal: the text is rejected), or NEED,
    ARENA_FULL. NOTED: before byte ``regs[R_FREE]`` a NOTE decides; the level is
    ``frontier[regs[R_NODE]:regs[R_CLOSED]]``.
    """
    begin = 0
    regs[R_READING] = 1
    for place in range(text.shape[0]):
        free = end
        for i in range(begin, end):
            free = step_kernel(
                states, edges, stacks, table, regs, work, frontier, i, end, free, np.int64(text[place]), 0
            )
            if free < 0:
                regs[R_READING] = 0
                regs[R_NODE] = begin
                regs[R_CLOSED] = end
                regs[R_FREE] = place
                return free
        begin, end = end, free
        if begin == end:
            break
    regs[R_READING] = 0
    regs[R_NODE] = begin
    return end


@njit(cache=True)
def set_token_kernel(token, duplicates, base, mask, touched, regs):
    """Set the bit of a token and of the tokens with equal bytes; note words that first differ from the base row."""
    while token >= 0:
        word = token >> 5
        old = mask[word]
        new = old | np.int32(1 << (token & 31))
        if new != old:
            if old == base[word]:
                touched[regs[R_TOUCHED]] = word
                regs[R_TOUCHED] += 1
            mask[word] = new
        token = np.int64(duplicates[token])


@njit(cache=True)
def clear_token_kernel(token, duplicates, base, mask, touched, regs):
    """Clear the bit of a token and of the tokens with equal bytes."""
    while token >= 0:
        word = token >> 5
        old = mask[word]
        new = old & ~np.int32(1 << (token & 31))
        if new != old:
            if old == base[word]:
                touched[regs[R_TOUCHED]] = word
                regs[R_TOUCHED] += 1
            mask[word] = new
        token = np.int64(duplicates[token])


@njit(cache=True, inline="always")
def fast_kernel(states, edges, stacks, table, regs, state, stack, byte):
    """Step one plain configuration by one byte where that needs no counters, forks, escapes or notes.

    Returns the target with its stack node in ``regs[R_STACK]``; 0 when dead, -1 when ``step_kernel`` must do it.
    """
    while True:
        kind = states[state, KIND]
        first = states[state, EDGE]
        if kind == BYTE:
            for e in range(first, first + states[state, COUNT]):
                if byte <= edges[e, 1]:
                    if byte >= edges[e, 0]:
                        regs[R_STACK] = stack
                        return edges[e, 2]
                    break
            if states[state, WS] != 0 and (byte == 32 or byte == 10 or byte == 13 or byte == 9):
                regs[R_STACK] = push_kernel(stacks, table, regs, state, stack)
                return states[state, WS]
            state = states[state, DEFAULT]
            if state == 0:
                return 0
        elif kind == CHAR:
            if byte < 32:
                return 0
            if byte > 126:
                last = first + states[state, COUNT] - 1
                if states[state, DEFAULT] == 0 and (last < first or edges[last, 1] < 127):
                    return 0
                return -1
            if byte == 92 or states[state, LONGEST] != UNBOUNDED or states[state, SHORTEST] != 0:
                return -1
            regs[R_STACK] = stack
            if byte == 34:
                return states[state, CLOSE]
            for e in range(first, first + states[state, COUNT]):
                if byte <= edges[e, 1]:
                    if byte >= edges[e, 0]:
                        return edges[e, 2]
                    break
            return states[state, DEFAULT]
        elif kind == POP:
            if stack == 0:
                return 0
            state = stacks[stack, 0]
            stack = stacks[stack, 1]
        elif kind == CALL and states[state, HIGH] == UNBOUNDED and states[state, LOW] == 0:
            if regs[R_STACKS] + SLACK > stacks.shape[0]:
                return -1
            if states[state, RETURN] != 0:
                stack = push_kernel(stacks, table, regs, states[state, RETURN], stack)
            state = first
        elif kind == NOTE:
            state = states[state, DEFAULT]
        else:
            return -1


@njit(cache=True)
def begin_kernel(states, edges, stacks, state, stack, decode, begins, roots, restricted):
    """List the trie nodes worth visiting first: those whose byte a configuration may accept.

    begins  : int64[600, 2]  out: segments of trie nodes to walk, a backslash and what may follow it last; the rows
              from ``SEEN`` on are scratch
    roots   : int32[265]   trie node by first byte, then those of a backslash and each byte that may follow it; -1: none
    restricted : 1 looks at the names of a key only, as ``fill_kernel`` does; 2 leaves white space out
    Returns how many segments, or -1 where every node must be visited.
    """
    if decode != 0:
        return -1
    begins[SEEN : SEEN + 256, 0] = 0
    is_text = False
    called = False
    while True:
        kind = states[state, KIND]
        first = states[state, EDGE]
        if kind == BYTE:
            for e in range(first, first + states[state, COUNT]):
                for byte in range(edges[e, 0], edges[e, 1] + 1):
                    begins[SEEN + byte, 0] = 1
            if states[state, WS] != 0:
                begins[SEEN + 9, 0] = begins[SEEN + 10, 0] = begins[SEEN + 13, 0] = begins[SEEN + 32, 0] = 1
            state = states[state, DEFAULT]
            if state == 0:
                break
        elif kind == CHAR:
            is_text = True
            if states[state, DEFAULT] != 0 and restricted != 1:
                return -1
            for e in range(first, first + states[state, COUNT]):
                if edges[e, 1] > 126:
                    return -1
                for byte in range(max(32, edges[e, 0]), edges[e, 1] + 1):
                    begins[SEEN + byte, 0] = 1
            begins[SEEN + 34, 0] = 1
            begins[SEEN + 92, 0] = 0
            break
        elif kind == POP:
            if stack == 0:
                break
            if called:
                return -1
            state = stacks[stack, 0]
            stack = stacks[stack, 1]
        elif kind == CALL:
            called = called or states[state, RETURN] != 0
            state = first
        elif kind == NOTE:
            state = states[state, DEFAULT]
        else:
            return -1
    if restricted == 2:
        begins[SEEN + 9, 0] = begins[SEEN + 10, 0] = begins[SEEN + 13, 0] = begins[SEEN + 32, 0] = 0
    count = 0
    for byte in range(256):
        if begins[SEEN + byte, 0] != 0 and roots[byte] >= 0:
            begins[count, 0] = roots[byte]
            begins[count, 1] = -1
            count += 1
    if is_text and roots[92] >= 0:
        begins[count, 0] = roots[92]
        begins[count, 1] = roots[92] + 1
        count += 1
        for k in range(9):
            if roots[256 + k] >= 0:
                begins[count, 0] = roots[256 + k]
                begins[count, 1] = -1
                count += 1
    return count


@njit(cache=True)
def fill_kernel(
    states, edges, stacks, table, regs, work, frontier, levels, nodes, duplicates, base, mask, touched, mode,
    begins, roots, tokens, counts, starts, low, high,
):
    """Walk the trie from the configurations ``frontier[levels[0]:levels[1]]`` and set the bit of every token that fits.

    The naive loop: for each token, advance a copy of the configurations by its bytes; set its bit if any is left. The
    trie shares that work between tokens with a common beginning, and a dead byte jumps past all its continuations.

    mode : 1 walks key names only: it does not take ``DEFAULT`` out of the first character state, and where a
           name closes it first clears what the base row says about the tokens from there on; 2 leaves out what begins
           with white space; 3 walks the endings of a string, of which number 0 is empty
    begins : int64[600, 2]  scratch (``begin_kernel``); roots : int32[265]  the trie's
    tokens     : int32[P]     for a trie of endings (else empty): the tokens of ending e are ``starts[e]:starts[e + 1]``
    counts     : int32[P]     what came before the ending; a token fits if low <= count <= high
    Resumes in segment ``regs[R_SEGMENT]`` (-1: from the beginning) at node ``regs[R_NODE]``, inside a name closed at
    depth ``regs[R_CLOSED]``. Where a free string or a key opens, its subtree is left out; ``regs[R_OPENED]`` is the
    stack node there (-1: none) and ``regs[R_OPENED_STATE]`` the state. Returns 0, NEED or ARENA_FULL.
    """
    restricted = 1 if mode == 1 else 0
    is_ending = starts.shape[0] > 0
    if regs[R_SEGMENT] < 0:
        regs[R_SEGMENT], regs[R_NODE], regs[R_CLOSED], regs[R_OPENED] = 0, -1, NOT_CLOSED, -1
        levels[2] = levels[1]
        if mode == 3:
            for p in range(starts[0], starts[1]):
                if low <= counts[p] <= high:
                    set_token_kernel(np.int64(tokens[p]), duplicates, base, mask, touched, regs)
        num_begins = -1
        if levels[1] == 1:
            num_begins = begin_kernel(
                states, edges, stacks, frontier[0, 0], frontier[0, 1], frontier[0, 2], begins, roots, mode
            )
        if num_begins < 0:
            begins[0, 0], begins[0, 1] = 0, nodes.shape[0]
            num_begins = 1 if nodes.shape[0] > 0 else 0
        regs[R_BEGINS] = num_begins
    num_begins = regs[R_BEGINS]
    closed_depth = regs[R_CLOSED]
    node = regs[R_NODE]
    for segment in range(regs[R_SEGMENT], num_begins):
        first_node = begins[segment, 0]
        end_node = begins[segment, 1]
        if end_node < 0:
            end_node = np.int64(nodes[first_node, 2])
        if node < 0:
            node = first_node
        depth = np.int64(nodes[first_node, 1])
        if depth == 2 and levels[2] == levels[1]:
            node = -1  # what this segment follows was dead
            continue
        while node < end_node:
            byte, depth = np.int64(nodes[node, 0]), np.int64(nodes[node, 1])
            skip, token = np.int64(nodes[node, 2]), np.int64(nodes[node, 3])
            if restricted != 0 and depth <= closed_depth:
                closed_depth = NOT_CLOSED
            begin, end = levels[depth - 1], levels[depth]
            free = end
            in_name = 1 if restricted != 0 and depth <= closed_depth else 0
            if end == begin + 1 and in_name == 0 and frontier[begin, 2] == 0 and frontier[begin, 4] == UNBOUNDED:
                if free + SLACK > frontier.shape[0] or regs[R_STACKS] + SLACK > stacks.shape[0]:
                    regs[R_NODE] = node
                    regs[R_SEGMENT] = segment
                    regs[R_CLOSED] = closed_depth
                    return ARENA_FULL
                target = -1
                if frontier[begin, 3] == 0:
                    target = fast_kernel(
                        states, edges, stacks, table, regs, frontier[begin, 0], frontier[begin, 1], byte
                    )
                if target == 0:
                    node = skip
                    continue
                if byte == 34 and depth == 1 and target > 0 and regs[R_FREE_STATE] != 0:
                    opened = target
                    if states[opened, KIND] == STUB:
                        regs[R_NEED] = opened
                        regs[R_NODE] = node
                        regs[R_SEGMENT] = segment
                        regs[R_CLOSED] = closed_depth
                        return NEED
                    if states[opened, KIND] == CALL and states[opened, RETURN] == 0:
                        opened = states[opened, CALLEE]
                    if opened == regs[R_FREE_STATE] or (states[opened, KIND] == CHAR and states[opened, BASE] != 0):
                        regs[R_OPENED] = regs[R_STACK]
                        regs[R_OPENED_STATE] = opened
                        node = skip
                        continue
                if target > 0:
                    frontier[end, 0] = target
                    frontier[end, 1] = regs[R_STACK]
                    frontier[end, 2] = 0
                    frontier[end, 3] = 0
                    frontier[end, 4] = UNBOUNDED
                    levels[depth + 1] = end + 1
                    if token >= 0:
                        if is_ending:
                            for p in range(starts[token], starts[token + 1]):
                                if low <= counts[p] <= high:
                                    set_token_kernel(np.int64(tokens[p]), duplicates, base, mask, touched, regs)
                        else:
                            set_token_kernel(token, duplicates, base, mask, touched, regs)
                    node += 1
                    continue
            if in_name != 0 and frontier[begin, 2] == 0 and byte != 92 and 32 <= byte <= 126:
                state = frontier[begin, 0]
                if byte != 34:
                    target = find_kernel(edges, states[state, EDGE], states[state, COUNT], byte)
                    if target <= 0 or states[target, BASE] == 0:
                        node = skip
                        continue
                    frontier[end, 0] = target
                    frontier[end, 1] = frontier[begin, 1]
                    frontier[end, 2] = 0
                    frontier[end, 3] = 0
                    frontier[end, 4] = UNBOUNDED
                    levels[depth + 1] = end + 1
                    node += 1
                    continue
                other = states[state, DEFAULT]
                if states[state, CLOSE] == states[other, RETURN] and states[other, KIND] == CALL:
                    node = skip  # what the base row says of other keys holds here too
                    continue
            for i in range(begin, end):
                free = step_kernel(states, edges, stacks, table, regs, work, frontier, i, end, free, byte, in_name)
                if free < 0:
                    regs[R_NODE] = node
                    regs[R_SEGMENT] = segment
                    regs[R_CLOSED] = closed_depth
                    return free
            if in_name != 0 and byte == 34 and frontier[begin, 2] == 0 and states[frontier[begin, 0], KIND] == CHAR:
                closed_depth = depth
                for inner in range(node, skip):
                    label = np.int64(nodes[inner, 3])
                    if label >= 0 and not is_ending:
                        clear_token_kernel(label, duplicates, base, mask, touched, regs)
                    elif label >= 0:
                        for p in range(starts[label], starts[label + 1]):
                            clear_token_kernel(np.int64(tokens[p]), duplicates, base, mask, touched, regs)
            if free == end:
                node = skip
                continue
            levels[depth + 1] = free
            if token >= 0 and (in_name == 0 or closed_depth == depth):
                if is_ending:
                    for p in range(starts[token], starts[token + 1]):
                        if low <= counts[p] <= high:
                            set_token_kernel(np.int64(tokens[p]), duplicates, base, mask, touched, regs)
                else:
                    set_token_kernel(token, duplicates, base, mask, touched, regs)
            node += 1
        node = -1
    return 0


@njit(cache=True)
def decode_kernel(states, edges, frontier, levels, nodes, characters):
    """Read every trie path as the body of a JSON string, from a character boundary on.

    frontier   : begins with the free string's configuration
    characters : int64[N, 2]  out: the character that ends at a node, or ``PARTIAL``, ``QUOTE``, ``INVALID``; and for
                 partial ones their decode
    """
    levels[0], levels[1] = 0, 1
    node = 0
    while node < nodes.shape[0]:
        byte, depth, skip = np.int64(nodes[node, 0]), np.int64(nodes[node, 1]), np.int64(nodes[node, 2])
        source = levels[depth - 1]
        state, decode = frontier[source, 0], frontier[source, 2]
        characters[node, 1] = 0
        result = -1
        if decode == 0 and byte == 34:
            characters[node, 0] = QUOTE
            node = skip
            continue
        if decode == 0 and byte < 32:
            result = -1
        elif decode & 15 >= 4 or (decode == 0 and byte == 92):
            result = escape_kernel(states, edges, state, decode, 0, UNBOUNDED, byte, 0)
        else:
            result = utf8_kernel(states, edges, state, decode, 0, UNBOUNDED, byte, 0)
        if result == -1:
            characters[node, 0] = INVALID
            node = skip
            continue
        end = levels[depth]
        frontier[end, 0] = state
        frontier[end, 2] = max(result, 0)
        levels[depth + 1] = end + 1
        characters[node, 0] = PARTIAL if result >= 0 else -2 - result
        characters[node, 1] = max(result, 0)
        node += 1


@njit(cache=True)
def nearest_kernel(states, edges, state, first, last):
    """Return the fewest characters still needed after one in first..last, ``UNBOUNDED`` where none is allowed."""
    best = UNBOUNDED
    covered = first
    begin = states[state, EDGE]
    for e in range(begin, begin + states[state, COUNT]):
        if edges[e, 0] <= last and edges[e, 1] >= first:
            if edges[e, 2] != 0:
                best = min(best, states[edges[e, 2], SHORTEST])
            if edges[e, 0] <= covered:
                covered = max(covered, edges[e, 1] + 1)
    return 0 if states[state, DEFAULT] != 0 and covered <= last else best


@njit(cache=True)
def open_kernel(states, edges, state, decode):
    """Return the fewest characters still needed after a partial one, ``UNBOUNDED`` where it can become none allowed."""
    kind, bits = decode & 15, decode >> 4
    if kind <= 3:
        first = bits << (6 * kind)
        last = first + (1 << (6 * kind)) - 1
        if kind == 3:
            first, last = max(first, 0x10000), min(last, 0x10FFFF)
        elif kind == 2:
            first = max(first, 0x800)
        if 0xD800 <= last <= 0xDFFF:
            last = 0xD7FF
        return nearest_kernel(states, edges, state, first, last)
    if kind <= 5:
        return nearest_kernel(states, edges, state, 0, 0x10FFFF)
    if kind <= 8:
        rest = 4 * (9 - kind)
        first, last = bits << rest, ((bits + 1) << rest) - 1
        best = nearest_kernel(states, edges, state, first, last)
        if last >= 0xD800 and first <= 0xDBFF:
            begin = 0x10000 + ((max(first, 0xD800) - 0xD800) << 10)
            end = 0x10000 + ((min(last, 0xDBFF) - 0xD800) << 10) + 0x3FF
            best = min(best, nearest_kernel(states, edges, state, begin, end))
        return best
    read = max(kind - 11, 0)
    top, unit, rest = bits >> (4 * read), bits & ((1 << (4 * read)) - 1), 4 * (4 - read)
    base = 0x10000 + (top << 10) - 0xDC00
    first, last = max(unit << rest, 0xDC00), min(((unit + 1) << rest) - 1, 0xDFFF)
    return nearest_kernel(states, edges, state, base + first, base + last) if first <= last else UNBOUNDED


@njit(cache=True)
def summary_kernel(
    states, edges, regs, path, nodes, characters, duplicates, mask, inside, needs, exits, exit_counts,
):
    """Walk the trie from one character state and stop where it closes.

    path    : int64[depth, 2]  the state along the open path and the characters before it; ``path[0]`` is the start
    inside  : int32[V] or int32[0]  out: tokens that end before a close, and in needs how many characters they take at
              least (their own, one more if they end inside a character, and the shortest way on from there)
    exits   : int32[E]  out: trie nodes whose byte closes the string, with the characters before it
    Returns the number of tokens inside; ``regs[R_TOUCHED]`` is the number of exits. NEED resumes at ``regs[R_NODE]``;
    ``regs[R_FREE]`` carries the number inside meanwhile.
    """
    node = regs[R_NODE]
    count = regs[R_FREE]
    while node < nodes.shape[0]:
        depth, token = np.int64(nodes[node, 1]), np.int64(nodes[node, 3])
        state, code = path[depth - 1, 0], characters[node, 0]
        taken = path[depth - 1, 1]
        if code == QUOTE:
            if states[state, CLOSE] != 0:
                exits[regs[R_TOUCHED]] = node
                exit_counts[regs[R_TOUCHED]] = taken
                regs[R_TOUCHED] += 1
            node = np.int64(nodes[node, 2])
            continue
        if code == INVALID:
            node = np.int64(nodes[node, 2])
            continue
        if code == PARTIAL:
            target, owed = state, 0
            if token >= 0:
                owed = open_kernel(states, edges, state, characters[node, 1]) + 1
                if owed > UNBOUNDED:
                    token = -1
        else:
            target = find_kernel(edges, states[state, EDGE], states[state, COUNT], code)
            if target < 0:
                target = states[state, DEFAULT]
            if target == 0:
                node = np.int64(nodes[node, 2])
                continue
            if states[target, KIND] == STUB:
                regs[R_NEED] = target
                regs[R_NODE] = node
                regs[R_FREE] = count
                return NEED
            taken += 1
            owed = states[target, SHORTEST]
        path[depth, 0] = target
        path[depth, 1] = taken
        while token >= 0:
            mask[token >> 5] |= np.int32(1 << (token & 31))
            if inside.shape[0] > 0:
                inside[count] = token
                needs[count] = taken + owed
                count += 1
            token = np.int64(duplicates[token])
        node += 1
    regs[R_NODE] = node
    regs[R_FREE] = count
    return count


@njit(cache=True)
def next_bytes_kernel(states, edges, stacks, table, regs, work, frontier, end, allowed):
    """Tell for each byte whether the configurations ``frontier[:end]`` accept it next.

    allowed : uint8[256]  out; begins at byte ``regs[R_NODE]``. Returns 0, NEED or ARENA_FULL.
    """
    for byte in range(regs[R_NODE], 256):
        free = end
        for i in range(end):
            free = step_kernel(states, edges, stacks, table, regs, work, frontier, i, end, free, byte, 0)
            if free < 0:
                regs[R_NODE] = byte
                return free
        allowed[byte] = free > end
    return 0
