r"""Walk the network: step one byte, advance a token, fill a mask.

A configuration is a row of five integers: state, stack node, partial character, characters still required (low),
characters still permitted (high; ``UNBOUNDED`` = no limit). A kernel that meets a stub stops and says which; the
caller expands it and calls again. All tables are owned by ``Network`` and ``Workspace``.

Partial characters (``decode``) are ``kind + 16 * bits``: 0 at a character boundary; 1 to 3 = so many UTF-8 bytes to
come; 4 = after a backslash; 5 to 8 = after ``\u`` and 0 to 3 hexadecimal digits; 9 = after a high surrogate;
10 = after its following backslash; 11 to 14 = after its following ``\u`` and 0 to 3 digits.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numba import carray, config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from fsm.layout import (
    ADDS,
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
    LEFT,
    LONGEST,
    LOW,
    NEEDS,
    NOTE,
    POP,
    RAW,
    RETURN,
    SEEN,
    SHORTEST,
    STATE_FINAL,
    STATE_POP,
    STUB,
    UNBOUNDED,
    WATCHED,
    WS,
)

__all__ = [
    "ARENA_FULL",
    "CLASS_CLOSE",
    "CLASS_INVALID",
    "CLASS_OPEN_CHARACTER",
    "CLASS_OPEN_ESCAPE",
    "CLASS_OTHER_CONTROL",
    "EXTRAS",
    "EXTRA_WIDTH",
    "FIRST_WIDE",
    "FRESH",
    "FULL",
    "INVALID",
    "LOOSE",
    "MAX_TESTED",
    "NEED",
    "NOTED",
    "NO_ROW",
    "NUMERAL",
    "NUM_EXTRAS",
    "NUM_REGISTERS",
    "PARTIAL",
    "QUOTE",
    "R_ACCEPTS",
    "R_BASE",
    "R_CLOSED",
    "R_COUNT",
    "R_DEPTH",
    "R_FIRST",
    "R_FLAGS",
    "R_FOUND",
    "R_FREE",
    "R_FREE_STATE",
    "R_KEPT",
    "R_LOWEST",
    "R_MOST",
    "R_NEED",
    "R_NODE",
    "R_OPENED",
    "R_OPENED_STATE",
    "R_PLACE",
    "R_READING",
    "R_STACKS",
    "R_TESTED",
    "R_TOP",
    "R_TOUCHED",
    "R_WATCHED",
    "SEVERAL",
    "SLACK",
    "TAKEN",
    "UNKNOWN",
    "WALK_ALL",
    "WALK_BELOW",
    "WALK_ENDINGS",
    "WALK_NAMES",
    "WAY_WALK",
    "WHOLE",
    "accept_kernel",
    "advance_entry",
    "advance_kernel",
    "decode_kernel",
    "fill_entry",
    "fill_kernel",
    "mask_entry",
    "next_bytes_kernel",
    "open_configurations_kernel",
    "open_entry",
    "openings_kernel",
    "stack_slot_kernel",
    "take_entry",
    "widen_kernel",
]

# Registers: small integers that kernels read and write across calls.
R_NEED, R_STACKS, R_NODE, R_TOUCHED, R_FREE, R_CLOSED, R_READING = range(7)
R_STACK, R_DEPTH, R_OPENED, R_FREE_STATE, R_OPENED_STATE, R_FOUND = range(7, 13)
R_ACCEPTS, R_MOST, R_SPACED, R_SPACED_STACK, R_STAGE, R_KEPT = range(14, 20)
R_TOP, R_LOWEST, R_TESTED = range(22, 25)
# How deep into the stack a fill's looks are noted: bits tested at each depth, in as many registers.
MAX_TESTED = 12
# Of a fill: whether the text may end (1) and whether it is inside a free string (2), the row that the mask differs from
# (an address), and where the words that differ were written, and how many there are.
R_FLAGS, R_BASE, R_FIRST, R_COUNT = range(R_TESTED + MAX_TESTED, R_TESTED + MAX_TESTED + 4)
# The configuration that is filled (five registers); what is walked (an address), and how (see ``fill_kernel``).
R_PLACE = R_COUNT + 1
R_WALK, R_MODE, R_FEWEST, R_LARGEST = range(R_PLACE + 5, R_PLACE + 9)
# Whether some NOTE watches bits.
R_WATCHED = R_LARGEST + 1
NUM_REGISTERS = R_WATCHED + 1
# Return codes below zero.
NEED, ARENA_FULL, NOTED, NO_ROW, SEVERAL = -1, -2, -3, -4, -5
# Of a fill: to be done by somebody else, or to be finished; done, and the mask is taken and remembered, or taken only;
# done, and too many words differ to take them; no room for what is taken; nobody has said how to fill this state.
FRESH, EXTRAS, TAKEN, LOOSE, WHOLE, FULL, UNKNOWN = range(-12, -5)
# Room left over in every arena before one more row is written.
SLACK = 4
# How sibling nodes are visited: all; those whose byte passes the gate; the nodes that close a free string, or a key.
ALL_NODES, GATED, CLOSINGS, CLOSINGS_OF_KEY = range(4)
# What a walk of the trie is for (``fill_kernel``).
WALK_ALL, WALK_NAMES, WALK_UNSPACED, WALK_ENDINGS, WALK_BELOW, WALK_SPACED = range(6)
# Where the words begin that ``keep_others_kernel`` keeps.
FIRST_OTHER = 5 + MAX_TESTED
# Up to this many sibling nodes are tried one by one.
FEW = 12
# How far ``mask_entry`` is: the place and what to walk are not known yet; it walks what any key but some names may do,
# which is then known; it walks all tokens, those that begin with no white space, the others; or all by what follows
# their white space; it adds what was left out, numbers and tokens that open a string; walks those that close it again,
# and those that open a key; all is done.
PLACE_STAGE, BEGIN_STAGE, NAMES_STAGE, NAMED_STAGE, PLAIN_STAGE, UNSPACED_STAGE, AFTER_STAGE, SPACED_STAGE = range(8)
EXTRAS_STAGE, OPENED_STAGE, KEYS_STAGE, WALKED_STAGE = range(8, 12)
# How many rows of extras are known, and how much is known of each (``begin_extras_kernel``).
NUM_EXTRAS, EXTRA_WIDTH = 16, 37
# How a state of characters is filled (``fsm.shared_masks``): nobody said, by a walk; else an address.
WAY_UNKNOWN, WAY_WALK = range(2)
# Constants of the type the kernels are compiled for; a literal would have a callee compiled anew.
ZERO, ONE, FOREVER, NAMES = np.int64(0), np.int64(1), np.int64(UNBOUNDED), np.int64(WALK_NAMES)
# More configurations than this are stepped without looking first which bytes they accept.
MANY = 64
# In the last column of a trie's rows: a digit or a minus below which there are numbers only.
NUMERAL = -2
# What ``decode_kernel`` finds where no character ends.
PARTIAL, INVALID, QUOTE = -1, -2, -3
# Classes of characters (``fsm.tokens.character_classes``): no character, a quote that closes, one that is not finished,
# after a backslash or not; control characters but tab, new line and carriage return; the first one beyond ASCII.
CLASS_INVALID, CLASS_CLOSE, CLASS_OPEN_ESCAPE, CLASS_OPEN_CHARACTER, CLASS_OTHER_CONTROL = 0, 1, 2, 3, 8
FIRST_WIDE = 16


@njit(cache=True, inline="always")
def stack_slot_kernel(ret, parent, seen, wrap):
    """Return where a hash table of stacks begins to look for one."""
    return (ret * 40503 + parent * 30011 + (seen ^ (seen >> 29)) * 7919) & wrap


@njit(cache=True)
def push_kernel(stacks, table, regs, ret, parent, seen):
    """Return the stack node (ret, parent, seen); equal stacks are equal integers."""
    wrap = table.shape[0] - 1
    slot = stack_slot_kernel(ret, parent, seen, wrap)
    while True:
        node = table[slot]
        if node == 0:
            node = regs[R_STACKS]
            regs[R_STACKS] = node + 1
            stacks[node, 0] = ret
            stacks[node, 1] = parent
            stacks[node, 2] = seen
            stacks[node, 3] = stacks[parent, 3] + 1
            table[slot] = node
            return node
        if stacks[node, 0] == ret and stacks[node, 1] == parent and stacks[node, 2] == seen:
            return node
        slot = (slot + 1) & wrap


@njit(cache=True, inline="always")
def admits_kernel(states, state, seen):
    """Tell whether a SEEN state may be passed with these bits set."""
    needs, left = states[state, NEEDS], states[state, LEFT]
    return seen & needs == needs and (left == 0 or left & ~seen != 0)


@njit(cache=True, inline="always")
def popped_kernel(stacks, regs, stack):
    """Note that a stack node is popped, or found empty (``fsm.shared_masks``)."""
    if stacks[stack, 3] < regs[R_LOWEST]:
        regs[R_LOWEST] = stacks[stack, 3]


@njit(cache=True)
def tested_kernel(stacks, regs, stack, bits):
    """Note that bits of a stack node are tested; what stands above the stack that a fill began with needs no note."""
    below = regs[R_TOP] - stacks[stack, 3]
    if 0 <= below < MAX_TESTED:
        regs[R_TESTED + below] |= bits
    elif below > 0:
        regs[R_LOWEST] = -MAX_TESTED


@njit(cache=True)
def arrive_kernel(states, stacks, table, regs, state, stack):
    """Pass SEEN states; return the state behind them with its stack node in ``regs[R_STACK]``, 0 where it is dead."""
    while states[state, KIND] == SEEN:
        tested_kernel(stacks, regs, stack, states[state, NEEDS] | states[state, LEFT])
        seen = stacks[stack, 2]
        if not admits_kernel(states, state, seen):
            return 0
        if states[state, ADDS] & ~seen != 0:
            stack = push_kernel(stacks, table, regs, stacks[stack, 0], stacks[stack, 1], seen | states[state, ADDS])
        state = states[state, DEFAULT]
    regs[R_STACK] = stack
    return state


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


@njit(cache=True)
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


@njit(cache=True)
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
                    target = arrive_kernel(states, stacks, table, regs, target, stack)
                    if target != 0:
                        free = emit_kernel(frontier, level, free, target, regs[R_STACK], 0, 0, UNBOUNDED)
                    break
                if states[state, WS] != 0 and (byte == 32 or byte == 10 or byte == 13 or byte == 9):
                    stack = push_kernel(stacks, table, regs, state, stack, ZERO)
                    free = emit_kernel(frontier, level, free, states[state, WS], stack, 0, 0, UNBOUNDED)
                    break
                state = states[state, DEFAULT]
                if state == 0:
                    break
            elif kind == CHAR or kind == RAW:
                free = text_kernel(
                    states, edges, stacks, table, regs, frontier, level, free, state, stack, decode, low, high, byte,
                    restricted,
                )  # fmt: skip
                if kind == CHAR or decode != 0 or states[state, CLOSE] == 0:
                    break
                state = states[state, CLOSE]
            elif kind == POP:
                popped_kernel(stacks, regs, stack)
                if stack == 0:
                    break
                state = stacks[stack, 0]
                stack = stacks[stack, 1]
                low, high = 0, UNBOUNDED
            elif kind == CALL:
                if states[state, RETURN] != 0:
                    stack = push_kernel(stacks, table, regs, states[state, RETURN], stack, ZERO)
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
            elif kind == SEEN:
                state = arrive_kernel(states, stacks, table, regs, state, stack)
                stack = regs[R_STACK]
            elif kind == STUB:
                regs[R_NEED] = state
                return NEED
            elif kind == NOTE:
                if regs[R_READING] != 0:
                    return NOTED
                tested_kernel(stacks, regs, stack, states[state, WATCHED])
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
                        stack = push_kernel(stacks, table, regs, states[state, RETURN], stack, ZERO)
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
                        stack = push_kernel(stacks, table, regs, states[state, RETURN], stack, ZERO)
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
                elif kind == SEEN:
                    state = arrive_kernel(states, stacks, table, regs, state, stack)
                    stack = regs[R_STACK]
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
def open_configurations_kernel(states, edges, stacks, table, regs, work, frontier, configurations):
    """Close configurations (``close_kernel``) and tell in ``regs[R_ACCEPTS]`` whether the text may end there.

    configurations : int64[n, 5]   written to ``frontier[:n]``, closed in ``frontier[n:]``
    Returns the end of the closed ones, NEED or ARENA_FULL.
    """
    size = configurations.shape[0]
    if size + SLACK > frontier.shape[0]:
        return ARENA_FULL
    for i in range(size):
        for column in range(5):
            frontier[i, column] = configurations[i, column]
    end = close_kernel(states, edges, stacks, table, regs, work, frontier, 0, size)
    if end < 0:
        return end
    accepts = accept_kernel(states, edges, stacks, table, regs, work, frontier, size, end)
    if accepts < 0:
        return accepts
    regs[R_ACCEPTS] = accepts
    return end


@njit(cache=True)
def advance_kernel(states, edges, stacks, table, regs, work, frontier, configurations, text, first, last):
    """Read the bytes ``text[first:last]`` from configurations, which become level 0.

    Returns twice the number of configurations that result (0: the text is rejected), in ``frontier[:n]``, and one more
    where some of them have nothing left to read before a NOTE; or NEED, ARENA_FULL. NOTED: before byte
    ``regs[R_FREE]`` a NOTE decides; the level is ``frontier[regs[R_NODE]:regs[R_CLOSED]]``.
    """
    begin, end = 0, configurations.shape[0]
    if end + SLACK > frontier.shape[0]:
        return ARENA_FULL
    for i in range(end):
        for column in range(5):
            frontier[i, column] = configurations[i, column]
    regs[R_READING] = 1
    for place in range(first, last):
        free = end
        for i in range(begin, end):
            free = step_kernel(
                states, edges, stacks, table, regs, work, frontier, i, end, free, np.int64(text[place]), ZERO
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
    rests = 0
    for i in range(begin, end):
        state, stack = frontier[i, 0], frontier[i, 1]
        while states[state, KIND] == POP and stack != 0:
            state, stack = stacks[stack, 0], stacks[stack, 1]
        if states[state, KIND] == NOTE:
            rests = 1
        for column in range(5):
            frontier[i - begin, column] = frontier[i, column]
    return 2 * (end - begin) + rests


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
        if token >= duplicates.shape[0]:  # no two tokens have equal bytes
            return
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
        if token >= duplicates.shape[0]:  # no two tokens have equal bytes
            return
        token = np.int64(duplicates[token])


@njit(cache=True)
def fast_kernel(states, edges, stacks, table, regs, state, stack, byte):
    """Step one plain configuration by one byte where that needs no counters, forks, escapes or notes.

    Returns the target with its stack node in ``regs[R_STACK]``; 0 when dead, -1 when ``step_kernel`` must do it.
    """
    watched, watcher = ZERO, ZERO  # what a NOTE on the way watches counts where the byte fits
    while True:
        kind = states[state, KIND]
        first = states[state, EDGE]
        if kind == BYTE:
            for e in range(first, first + states[state, COUNT]):
                if byte <= edges[e, 1]:
                    if byte >= edges[e, 0]:
                        regs[R_STACK] = stack
                        target = edges[e, 2]
                        if states[target, KIND] == SEEN:
                            target = arrive_kernel(states, stacks, table, regs, target, stack)
                        if watched != 0 and target != 0:
                            tested_kernel(stacks, regs, watcher, watched)
                        return target
                    break
            if states[state, WS] != 0 and (byte == 32 or byte == 10 or byte == 13 or byte == 9):
                regs[R_STACK] = push_kernel(stacks, table, regs, state, stack, ZERO)
                if watched != 0:
                    tested_kernel(stacks, regs, watcher, watched)
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
            target = states[state, DEFAULT]
            if byte == 34:
                target = states[state, CLOSE]
            else:
                for e in range(first, first + states[state, COUNT]):
                    if byte <= edges[e, 1]:
                        if byte >= edges[e, 0]:
                            target = edges[e, 2]
                        break
            if states[target, KIND] == SEEN:
                target = arrive_kernel(states, stacks, table, regs, target, stack)
            return target
        elif kind == POP:
            popped_kernel(stacks, regs, stack)
            if stack == 0:
                return 0
            state = stacks[stack, 0]
            stack = stacks[stack, 1]
        elif kind == CALL and states[state, HIGH] == UNBOUNDED and states[state, LOW] == 0:
            if regs[R_STACKS] + SLACK > stacks.shape[0]:
                return -1
            if states[state, RETURN] != 0:
                stack = push_kernel(stacks, table, regs, states[state, RETURN], stack, ZERO)
            state = first
        elif kind == NOTE and watched == 0:
            watched, watcher = states[state, WATCHED], stack
            state = states[state, DEFAULT]
        else:
            return -1


@njit(cache=True)
def gate_kernel(states, edges, stacks, regs, state, stack, decode, gates, depth, mode):
    """Find the bytes that a configuration may accept next.

    gates : uint8[depth, 256]  out: 1 for those bytes, at this depth
    mode  : ``WALK_NAMES`` looks at the names of a key only, as ``fill_kernel`` does; ``WALK_UNSPACED`` leaves white
            space out
    Returns ``GATED``, or ``ALL_NODES`` where every byte must be tried.
    """
    gate = gates[depth]
    if decode & 15 == 4:
        gate[34] = gate[92] = gate[47] = gate[98] = gate[102] = gate[110] = gate[114] = gate[116] = gate[117] = 1
        return GATED
    if decode != 0:
        return ALL_NODES
    called = False
    while True:
        kind = states[state, KIND]
        first = states[state, EDGE]
        if kind == BYTE:
            for e in range(first, first + states[state, COUNT]):
                for byte in range(edges[e, 0], edges[e, 1] + 1):
                    gate[byte] = 1
            if states[state, WS] != 0:
                gate[9] = gate[10] = gate[13] = gate[32] = 1
            state = states[state, DEFAULT]
            if state == 0:
                break
        elif kind == CHAR:
            if states[state, DEFAULT] != 0 and mode != WALK_NAMES:
                return ALL_NODES
            for e in range(first, first + states[state, COUNT]):
                if edges[e, 1] > 126:
                    return ALL_NODES
                for byte in range(max(32, edges[e, 0]), edges[e, 1] + 1):
                    gate[byte] = 1
            gate[34] = gate[92] = 1
            break
        elif kind == POP:
            if called:  # what was pushed on the way is not on this stack
                return ALL_NODES
            popped_kernel(stacks, regs, stack)
            if stack == 0:
                break
            state = stacks[stack, 0]
            stack = stacks[stack, 1]
        elif kind == CALL:
            called = called or states[state, RETURN] != 0
            state = first
        elif kind == NOTE:
            state = states[state, DEFAULT]
        else:
            return ALL_NODES
    if mode == WALK_UNSPACED:
        gate[9] = gate[10] = gate[13] = gate[32] = 0
    return GATED


@njit(cache=True)
def enter_kernel(states, edges, stacks, regs, frontier, levels, path, gates, depth, first, last, mode):
    """Begin to visit the sibling nodes ``first`` to ``last`` (excluded) at a depth.

    path  : int64[depth, 4]    out: the next sibling to visit, the end of the siblings, how (``ALL_NODES`` ...), and
            whether they are read as names only (``WALK_NAMES``)
    gates : uint8[depth, 256]  out: the bytes worth trying, looked for where that is cheaper than trying them
    """
    path[depth, 0] = first
    path[depth, 1] = last
    path[depth, 2], path[depth, 3] = ALL_NODES, mode == WALK_NAMES
    begin, end = levels[depth - 1], levels[depth]
    if end - begin > MANY or (last - first <= FEW and mode != WALK_UNSPACED):
        return
    gates[depth] = 0
    for i in range(begin, end):
        how = gate_kernel(
            states, edges, stacks, regs, frontier[i, 0], frontier[i, 1], frontier[i, 2], gates, depth, mode
        )
        if how == ALL_NODES:
            return
    path[depth, 2] = GATED


@njit(cache=True, inline="always")
def mark_kernel(label, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high):
    """Set the bits of a label's tokens: of the token itself, or of those with that ending (``fill_kernel``)."""
    if starts.shape[0] == 0:
        set_token_kernel(label, duplicates, base, mask, touched, regs)
    else:
        for p in range(starts[label], starts[label + 1]):
            if low <= counts[p] <= high:
                set_token_kernel(np.int64(tokens[p]), duplicates, base, mask, touched, regs)


@njit(cache=True)
def unmark_kernel(nodes, place, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high):
    """Clear the bits of all tokens in the subtree of a depth-first node."""
    for inner in range(place, np.int64(nodes[place, 2])):
        label = np.int64(nodes[inner, 3])
        if label >= 0 and starts.shape[0] == 0:
            clear_token_kernel(label, duplicates, base, mask, touched, regs)
        elif label >= 0:
            for p in range(starts[label], starts[label + 1]):
                if low <= counts[p] <= high:
                    clear_token_kernel(np.int64(tokens[p]), duplicates, base, mask, touched, regs)


@njit(cache=True, inline="always")
def lone_kernel(frontier, levels, depth, state, stack):
    """Make one plain configuration the whole level after a depth."""
    end = levels[depth]
    frontier[end, 0] = state
    frontier[end, 1] = stack
    frontier[end, 2] = 0
    frontier[end, 3] = 0
    frontier[end, 4] = UNBOUNDED
    levels[depth + 1] = end + 1


@njit(cache=True)
def ended_kernel(states, stacks, regs, frontier, begin, end):
    """Note what a NOTE watches that a token ends before, at one of the configurations ``frontier[begin:end]``."""
    for i in range(begin, end):
        state, stack = frontier[i, 0], frontier[i, 1]
        while states[state, KIND] == POP and stack != 0:
            popped_kernel(stacks, regs, stack)
            state, stack = stacks[stack, 0], stacks[stack, 1]
        if states[state, KIND] == NOTE:
            tested_kernel(stacks, regs, stack, states[state, WATCHED])


@njit(cache=True, inline="always")
def name_kernel(states, edges, state, byte):
    """Read one plain byte inside the names of a key.

    Returns the target; 0 where no name goes on or the close means what it means for other keys; -1 where
    ``step_kernel`` must see to it.
    """
    target = -1
    if 32 <= byte <= 126 and byte != 92:
        if byte != 34:
            target = find_kernel(edges, states[state, EDGE], states[state, COUNT], byte)
            if target <= 0 or states[target, BASE] == 0:
                target = 0
        else:
            other = states[state, DEFAULT]
            if states[other, KIND] == CALL and states[state, CLOSE] == states[other, RETURN]:
                target = 0
    return target


@njit(cache=True, inline="always")
def quote_kernel(states, regs, target):
    """Return the free string or the key that a quote opened, 0 where it is something else, or NEED."""
    opened = target
    if opened < 0:
        return 0
    if states[opened, KIND] == STUB:
        regs[R_NEED] = opened
        return NEED
    if states[opened, KIND] == CALL and states[opened, RETURN] == 0:
        opened = states[opened, CALLEE]
    if opened == regs[R_FREE_STATE] or (states[opened, KIND] == CHAR and states[opened, BASE] != 0):
        return opened
    return 0


@njit(cache=True, inline="always")
def reopen_kernel(states, edges, stacks, table, regs, state, stack):
    """Read a quote once more where it opened a key; return the key's state, its stack in ``regs[R_STACK]``."""
    return quote_kernel(states, regs, fast_kernel(states, edges, stacks, table, regs, state, stack, np.int64(34)))


@njit(cache=True)
def fill_kernel(
    states,
    edges,
    stacks,
    table,
    regs,
    work,
    frontier,
    levels,
    path,
    gates,
    found,
    labels,
    rows,
    nodes,
    inside,
    closings,
    insides,
    marks,
    duplicates,
    base,
    mask,
    touched,
    mode,
    tokens,
    counts,
    starts,
    low,
    high,
):
    """Walk the trie from the configurations ``frontier[levels[0]:levels[1]]`` and set the bit of every token that fits.

    The naive loop: for each token, advance a copy of the configurations by its bytes; set its bit if any is left. The
    trie shares that work between tokens with a common beginning, and a dead byte leaves out all its continuations.
    Where a free string opens, the tokens that stay inside are known, and so are the nodes at which it closes again:
    the walk goes on there.

    mode : ``WALK_ALL``; ``WALK_NAMES`` walks key names only: it does not take ``DEFAULT`` out of the first character
           state, and where a name closes it first clears what the base row says about the tokens from there on;
           ``WALK_UNSPACED`` leaves out what begins with white space; ``WALK_ENDINGS`` walks the endings of a string, of
           which number 0 is empty; ``WALK_BELOW`` begins below node ``regs[R_NODE]``; ``WALK_SPACED`` walks tokens by
           what follows their white space
    path, gates : scratch (``enter_kernel``)
    found      : int64[16, 2]  out: the first ``regs[R_FOUND]`` digits (nodes) whose subtree is left out, as numbers are
                 alike everywhere, with the state after each
    labels, rows, nodes, inside, closings, insides, marks : the trie (``fsm.tokens.trie.TokenTrie``)
    duplicates : int32[V]     another token with the same bytes, or -1; int32[0] where there is none
    tokens     : int32[P]     for a trie of endings (else empty): the tokens of ending e are ``starts[e]:starts[e + 1]``
    counts     : int32[P]     what came before the ending; a token fits if low <= count <= high
    Resumes at depth ``regs[R_DEPTH]`` (-1: from the beginning). Where the first byte of a state of bytes opens a free
    string or a key, its subtree is left out; ``regs[R_OPENED]`` is the stack node there (-1: none),
    ``regs[R_OPENED_STATE]`` the state.
    Returns 0, NEED or ARENA_FULL.
    """
    takes_numbers = regs[R_FREE_STATE] != 0 and (starts.shape[0] == 0 or mode == WALK_SPACED)
    takes_openings = mode == WALK_ALL or mode == WALK_UNSPACED or mode == WALK_SPACED
    takes_openings = takes_openings and levels[1] == levels[0] + 1 and states[frontier[levels[0], 0], KIND] == BYTE
    if regs[R_DEPTH] < 0:
        regs[R_DEPTH], regs[R_OPENED], regs[R_FOUND] = 1, -1, 0
        if mode == WALK_ENDINGS:
            if regs[R_WATCHED] != 0:
                ended_kernel(states, stacks, regs, frontier, levels[0], levels[1])
            mark_kernel(ZERO, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high)
        top = 0
        if mode == WALK_BELOW:
            top = regs[R_NODE]
            mark_kernel(
                np.int64(rows[top, 2]), duplicates, base, mask, touched, regs, tokens, counts, starts, low, high
            )
        enter_kernel(
            states, edges, stacks, regs, frontier, levels, path, gates, ONE, np.int64(rows[top, 0]),
            np.int64(rows[top, 1]), mode,
        )  # fmt: skip
    depth = regs[R_DEPTH]
    if path[depth, 2] == ALL_NODES:  # what was a stub when this depth was entered can be looked at now
        look = mode if depth == 1 else path[depth, 3]
        enter_kernel(
            states, edges, stacks, regs, frontier, levels, path, gates, depth, path[depth, 0], path[depth, 1], look
        )
    while depth > 0:
        node, last, how = path[depth, 0], path[depth, 1], path[depth, 2]
        if how == GATED:
            while node < last and gates[depth, labels[node]] == 0:
                node += 1
        path[depth, 0] = node + 1
        begin, end = levels[depth - 1], levels[depth]
        if node >= last:
            if how == CLOSINGS_OF_KEY:
                if regs[R_STACKS] + SLACK > stacks.shape[0]:
                    regs[R_DEPTH] = depth
                    return ARENA_FULL
                # Once more through the subtree, now for the names.
                opener = path[depth - 1, 0] - 1
                above = levels[depth - 2]
                target = reopen_kernel(states, edges, stacks, table, regs, frontier[above, 0], frontier[above, 1])
                lone_kernel(frontier, levels, depth - 1, target, regs[R_STACK])
                enter_kernel(
                    states, edges, stacks, regs, frontier, levels, path, gates, depth, np.int64(rows[opener, 0]),
                    np.int64(rows[opener, 1]), NAMES,
                )  # fmt: skip
            else:
                depth -= 1
            continue
        byte = np.int64(34)
        if how >= CLOSINGS:
            node = np.int64(closings[node])
        else:
            byte = np.int64(labels[node])
        in_name, closed = path[depth, 3], False
        free = end
        target = -1
        opened = 0
        if end + SLACK > frontier.shape[0] or regs[R_STACKS] + SLACK > stacks.shape[0]:
            free = ARENA_FULL
        elif end == begin + 1 and frontier[begin, 2] == 0 and frontier[begin, 4] == UNBOUNDED:
            if in_name != 0:
                regs[R_STACK] = frontier[begin, 1]
                target = name_kernel(states, edges, frontier[begin, 0], byte)
            elif frontier[begin, 3] == 0:
                target = fast_kernel(states, edges, stacks, table, regs, frontier[begin, 0], frontier[begin, 1], byte)
                if byte == 34 and target > 0 and how < CLOSINGS and regs[R_FREE_STATE] != 0:
                    if depth == 1 or rows[node, 0] != rows[node, 1]:  # what a last byte opens, nobody asks yet
                        opened = quote_kernel(states, regs, target)
                    if opened < 0:
                        free = NEED
            if target == 0:
                continue
        if free >= 0 and target < 0:
            for i in range(begin, end):
                free = step_kernel(states, edges, stacks, table, regs, work, frontier, i, end, free, byte, in_name)
                if free < 0:
                    break
        if free < 0:
            path[depth, 0] -= 1
            regs[R_DEPTH] = depth
            return free
        if target > 0:
            if takes_numbers and depth == 1 and states[target, BASE] != 0 and marks[node, 1] == NUMERAL:
                if states[target, KIND] != CHAR and regs[R_FOUND] < found.shape[0]:
                    found[regs[R_FOUND], 0] = node
                    found[regs[R_FOUND], 1] = target
                    regs[R_FOUND] += 1
                    continue
            if opened > 0 and depth == 1 and takes_openings:
                regs[R_OPENED] = regs[R_STACK]
                regs[R_OPENED_STATE] = opened
                continue
            lone_kernel(frontier, levels, depth, target, regs[R_STACK])
        else:
            levels[depth + 1] = free
            if in_name != 0 and byte == 34 and frontier[begin, 2] == 0 and states[frontier[begin, 0], KIND] == CHAR:
                closed = True
                place = np.int64(marks[node, 0])
                unmark_kernel(nodes, place, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high)
            if free == end:
                continue
        label = np.int64(rows[node, 2])
        if label >= 0 and (in_name == 0 or closed):
            if regs[R_WATCHED] != 0:
                ended_kernel(states, stacks, regs, frontier, levels[depth], levels[depth + 1])
            mark_kernel(label, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high)
        first, last = np.int64(rows[node, 0]), np.int64(rows[node, 1])
        if first == last:
            continue
        depth += 1
        if opened > 0:
            number = np.int64(marks[node, 1])
            for i in range(inside[number, 0], inside[number + 1, 0]):
                mark_kernel(
                    np.int64(insides[i]), duplicates, base, mask, touched, regs, tokens, counts, starts, low, high
                )
            path[depth, 0] = inside[number, 1]
            path[depth, 1] = inside[number + 1, 1]
            path[depth, 2], path[depth, 3] = CLOSINGS, 0
            if opened != regs[R_FREE_STATE]:
                # A key that is none of the names is a free string that returns to where the others go.
                path[depth, 2] = CLOSINGS_OF_KEY
                parent = push_kernel(stacks, table, regs, states[states[opened, BASE], RETURN], regs[R_STACK], ZERO)
                lone_kernel(frontier, levels, depth - 1, regs[R_FREE_STATE], parent)
        else:
            look = ZERO if closed else in_name
            enter_kernel(states, edges, stacks, regs, frontier, levels, path, gates, depth, first, last, look)
    return 0


def _pointer(_typing_context, address):
    """Turn an address into a pointer; numba asks for the type and for the code."""

    def generate(_context, builder, _signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


def _interpreted_pointer(address):
    """Do the same where the compiler is switched off."""
    return ctypes.c_void_p(int(address))


pointer = _interpreted_pointer if config.DISABLE_JIT else intrinsic(_pointer)


@njit(cache=True, inline="always")
def table_kernel(addresses, place, columns):
    """Return the int64 table whose address and number of rows stand at a place in ``addresses``."""
    return carray(pointer(addresses[place]), (addresses[place + 1], columns), np.int64)


@njit(cache=True, inline="always")
def line_kernel(addresses, place):
    """Return the int64 line whose address and length stand at a place in ``addresses``."""
    return carray(pointer(addresses[place]), (addresses[place + 1],), np.int64)


@njit(cache=True, inline="always")
def words_kernel(addresses, place):
    """Return the int32 line whose address and length stand at a place in ``addresses``."""
    return carray(pointer(addresses[place]), (addresses[place + 1],), np.int32)


@njit(cache=True)
def fill_entry(
    network, space, trie, duplicates, base, mask, tokens, counts, starts, mode, size, low, high, state, stack, resumes
):
    """Call ``fill_kernel`` with arrays named by their addresses: unpacking 28 arrays would cost more than many walks.

    network, space, trie : int64  addresses and lengths (``Network.addresses``, ``Workspace``, ``TokenTrie``)
    size    : configurations that ``frontier`` begins with; for ``WALK_BELOW``, how many rows of ``found`` are walked:
              what is below a node, from a state
    state, stack : where to begin; a state below 0 leaves the frontier as it is
    resumes : 1 after a stub was expanded or an arena has grown
    """
    levels, regs, found = line_kernel(space, 4), line_kernel(network, 8), table_kernel(space, 10, 2)
    if resumes == 0:
        levels[0], levels[1], regs[R_DEPTH], regs[R_KEPT] = 0, size, -1, 0
        if state >= 0:
            begin_at_kernel(table_kernel(space, 2, 5), state, stack)
    while True:  # one call of the walk, which is what takes long to compile
        if mode == WALK_BELOW and regs[R_DEPTH] < 0:
            levels[1], regs[R_NODE] = 1, found[regs[R_KEPT], 0]
            begin_at_kernel(table_kernel(space, 2, 5), found[regs[R_KEPT], 1], ZERO)
        code = fill_kernel(
            table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4),
            line_kernel(network, 6), regs, table_kernel(space, 0, 5), table_kernel(space, 2, 5), levels,
            table_kernel(space, 6, 4), carray(pointer(space[8]), (space[9], 256), np.uint8), found,
            carray(pointer(trie[0]), (trie[1],), np.uint8), carray(pointer(trie[2]), (trie[3], 3), np.int32),
            carray(pointer(trie[4]), (trie[5], 4), np.int32), carray(pointer(trie[6]), (trie[7], 2), np.int32),
            words_kernel(trie, 8), words_kernel(trie, 10), carray(pointer(trie[12]), (trie[13], 2), np.int32),
            duplicates, base, mask, words_kernel(space, 12), mode, tokens, counts, starts, low, high,
        )  # fmt: skip
        if code < 0 or mode != WALK_BELOW:
            return code
        regs[R_KEPT] += 1
        regs[R_DEPTH] = -1
        if regs[R_KEPT] == size:
            return 0


@njit(cache=True, inline="always")
def begin_at_kernel(frontier, state, stack):
    """Make one configuration, at the beginning of a state, the first of the frontier."""
    frontier[0, 0], frontier[0, 1], frontier[0, 2], frontier[0, 3], frontier[0, 4] = state, stack, 0, 0, UNBOUNDED


@njit(cache=True)
def look_kernel(stacks, shapes, shape, stack, looked):
    """Write what a shape says to look at on a stack (``fsm.shared_masks``); return how many numbers that is."""
    popped, count = shapes[shape, 0], 0
    for below in range(popped):
        looked[count] = stacks[stack, 0] if stack != 0 else -1
        looked[count + 1] = stacks[stack, 2] & shapes[shape, 1 + below]
        count += 2
        stack = stacks[stack, 1]
    looked[count] = stacks[stack, 2] & shapes[shape, 1 + popped]
    return count + 1


@njit(cache=True, inline="always")
def slot_kernel(heads, state, decode, low, high):
    """Return where the chain of masks of a state begins."""
    return (state * 40503 + decode * 30011 + low * 7919 + (high & 0xFFFF) * 101) & (heads.shape[0] - 1)


@njit(cache=True)
def recall_kernel(stacks, heads, known, values, shapes, looked, frontier, place):
    """Return the number of the mask of the closed configuration ``frontier[place]`` where it is known, else -1."""
    state, stack, decode = frontier[place, 0], frontier[place, 1], frontier[place, 2]
    low, high = frontier[place, 3], frontier[place, 4]
    record = heads[slot_kernel(heads, state, decode, low, high)]
    shape, count = -1, 0
    while record != 0:
        row = known[record]
        if row[0] == state and row[1] == decode and row[2] == low and row[3] == high:
            if row[4] != shape:
                shape = row[4]
                count = look_kernel(stacks, shapes, shape, stack, looked)
            same = True
            for i in range(count):
                if values[row[6] + i] != looked[i]:
                    same = False
                    break
            if same:
                return row[5]
        record = row[7]
    return -1


@njit(cache=True)
def remember_kernel(stacks, regs, heads, known, values, shapes, looked, sizes, state, stack, decode, low, high, number):
    """Remember mask ``number`` as that of a configuration, by what filling it looked at.

    heads  : int64[2^n]     the first record of each chain, 0 = none
    known  : int64[R, 8]    state, partial character, low, high, shape, mask, where its values begin, next record
    values : int64[N]       return states and bits found on the stack
    shapes : int64[S, 2 + MAX_TESTED]  how many return states were popped; the bits tested at each of them and the next
    sizes  : int64[3]       how many records, values and shapes there are
    Returns 0; 1 where there was too much to remember; ARENA_FULL.
    """
    popped = regs[R_TOP] + 1 - regs[R_LOWEST]
    if popped >= MAX_TESTED:
        return 1
    shape = 0
    while shape < sizes[2]:
        same = shapes[shape, 0] == popped
        for i in range(popped + 1):
            same = same and shapes[shape, 1 + i] == regs[R_TESTED + i]
        if same:
            break
        shape += 1
    record, begin = sizes[0], sizes[1]
    if shape + 1 >= shapes.shape[0] or record + 1 >= known.shape[0] or begin + looked.shape[0] > values.shape[0]:
        return ARENA_FULL
    if shape == sizes[2]:
        shapes[shape, 0] = popped
        for i in range(popped + 1):
            shapes[shape, 1 + i] = regs[R_TESTED + i]
        sizes[2] += 1
    count = look_kernel(stacks, shapes, shape, stack, looked)
    for i in range(count):
        values[begin + i] = looked[i]
    row = known[record]
    row[0], row[1], row[2], row[3], row[4], row[5], row[6] = state, decode, low, high, shape, number, begin
    slot = slot_kernel(heads, state, decode, low, high)
    row[7] = heads[slot]
    heads[slot] = record
    sizes[0] += 1
    sizes[1] += count
    return 0


@njit(cache=True)
def widen_kernel(mask, row, touched, count):
    """Set the mask to a row, and what was touched to what it was there as well."""
    kept = np.empty(count, np.int32)
    for i in range(count):
        kept[i] = mask[touched[i]]
    mask[:] = row
    for i in range(count):
        mask[touched[i]] |= kept[i]


@njit(cache=True)
def place_kernel(network, space, shared, configurations):
    """Close configurations, and recall their mask.

    shared : int64  addresses (``fsm.shared_masks``): heads, known, values, shapes, looked, others, extras, sizes,
             words, cells, ways
    Returns four times the number of the mask where there is one closed configuration and its mask is known, plus the
    flags of ``regs[R_FLAGS]``; ``FRESH``, with the configuration in ``frontier[0]`` and in the registers, which are
    ready to note looks, where it is not; ``SEVERAL`` where there is more than one (or none): they end at
    ``regs[R_CLOSED]``; NEED or ARENA_FULL.
    """
    states, stacks, regs = table_kernel(network, 0, 8), table_kernel(network, 4, 4), line_kernel(network, 8)
    frontier = table_kernel(space, 2, 5)
    place = configurations.shape[0]
    kind = states[configurations[0, 0], KIND] if place == 1 else DEAD
    if kind == CHAR or (kind == BYTE and states[configurations[0, 0], DEFAULT] == 0):
        regs[R_ACCEPTS] = 0
        for column in range(5):
            frontier[1, column] = configurations[0, column]
    else:
        end = open_configurations_kernel(
            states, table_kernel(network, 2, 3), stacks, line_kernel(network, 6), regs, table_kernel(space, 0, 5),
            frontier, configurations,
        )  # fmt: skip
        if end < 0:
            return end
        if end != place + 1:
            regs[R_CLOSED], regs[R_FLAGS] = end, regs[R_ACCEPTS]
            return SEVERAL
    flags = regs[R_ACCEPTS]
    if frontier[place, 0] == regs[R_FREE_STATE] and frontier[place, 2] == 0:
        flags += 2
    regs[R_FLAGS] = flags
    number = recall_kernel(
        stacks, line_kernel(shared, 0), table_kernel(shared, 2, 8), line_kernel(shared, 4),
        table_kernel(shared, 6, 2 + MAX_TESTED), line_kernel(shared, 8), frontier, place,
    )  # fmt: skip
    if number >= 0:
        return 4 * number + flags
    depth = stacks[frontier[place, 1], 3]
    regs[R_TOP], regs[R_LOWEST], regs[R_TOUCHED] = depth, depth + 1, 0
    for i in range(MAX_TESTED):
        regs[R_TESTED + i] = 0
    for column in range(5):
        frontier[0, column] = regs[R_PLACE + column] = frontier[place, column]
    return FRESH


@njit(cache=True)
def take_kernel(network, space, shared, mask, number, is_whole):
    """Take a mask out of the scratch room; remember it, if it can be, as mask ``number`` of the place last asked for.

    mask : int32[W]  the scratch mask, filled, or being filled
    The words that differ from the base row are written where ``regs[R_FIRST]`` says, ``regs[R_COUNT]`` of them; none
    where ``is_whole``.
    Returns ``TAKEN``; ``LOOSE`` where the fill looked at too much to be remembered; and, with nothing done, ``WHOLE``
    where more than a quarter of the words differ, ``FULL`` where the tables have no room.
    """
    regs, sizes, words = line_kernel(network, 8), line_kernel(shared, 14), line_kernel(shared, 16)
    count = 0 if is_whole != 0 else regs[R_TOUCHED]
    if count > mask.shape[0] // 4:
        return WHOLE
    first = sizes[3]
    if first + count > words.shape[0]:
        regs[R_COUNT] = count
        return FULL
    code = remember_kernel(
        table_kernel(network, 4, 4), regs, line_kernel(shared, 0), table_kernel(shared, 2, 8), line_kernel(shared, 4),
        table_kernel(shared, 6, 2 + MAX_TESTED), line_kernel(shared, 8), sizes, regs[R_PLACE], regs[R_PLACE + 1],
        regs[R_PLACE + 2], regs[R_PLACE + 3], regs[R_PLACE + 4], number,
    )  # fmt: skip
    if code == ARENA_FULL:
        regs[R_COUNT] = 0
        return FULL
    touched, cells = words_kernel(space, 12), words_kernel(shared, 18)
    for i in range(count):
        words[first + i] = touched[i]
        cells[first + i] = mask[touched[i]]
    sizes[3] = first + count
    regs[R_FIRST], regs[R_COUNT] = first, count
    return TAKEN if code == 0 else LOOSE


@njit(cache=True)
def take_entry(network, space, shared, mask, number, is_whole):
    """Call ``take_kernel`` from Python."""
    return take_kernel(network, space, shared, mask, number, is_whole)


@njit(cache=True)
def find_spaces_kernel(states, stacks, regs, frontier):
    """Find the state that reads white space next from ``frontier[0]``, and how much may come: ``regs[R_MOST]``."""
    state, stack = frontier[0, 0], frontier[0, 1]
    regs[R_MOST] = 0
    while True:
        kind = states[state, KIND]
        if kind == BYTE:
            most = states[state, SHORTEST]
            if most == 0 and states[state, WS] != 0:
                most = min(states[states[state, WS], SHORTEST], UNBOUNDED - 1) + 1
            if most != 0:
                regs[R_MOST], regs[R_SPACED], regs[R_SPACED_STACK] = most - 1, state, stack
                return
            state = states[state, DEFAULT]
        elif kind == POP and stack != 0:
            popped_kernel(stacks, regs, stack)
            state, stack = stacks[stack, 0], stacks[stack, 1]
        else:
            return


@njit(cache=True)
def begin_summed_kernel(network, space, vocabulary, ways, state, stack, low, high):
    """Begin to fill a state of characters that is summed up, with the tokens that stay inside it.

    Returns 0; ``UNKNOWN``, with the state in ``regs[R_NEED]``, where nobody has said how it is filled; ``FRESH`` where
    that depends on ``high``; ``WAY_WALK``, with nothing begun, where it is filled by a walk.
    """
    regs, frontier = line_kernel(network, 8), table_kernel(space, 2, 5)
    way = ways[state, 0] if state < ways.shape[0] else WAY_UNKNOWN
    if way == WAY_UNKNOWN:
        regs[R_NEED] = state
        return UNKNOWN
    if way == WAY_WALK:
        return WAY_WALK
    summary = carray(pointer(way), (22,), np.int64)
    if high < summary[21]:
        return FRESH
    # The tokens that close the string and go on as the grammar around it permits.
    regs[R_WALK], regs[R_BASE], regs[R_MODE] = way, summary[20], WALK_ENDINGS
    regs[R_FEWEST], regs[R_LARGEST] = low, high
    begin_at_kernel(frontier, ways[state, 1], stack)
    return 0


@njit(cache=True)
def keep_others_kernel(network, space, vocabulary, others, base):
    """Keep what holds for every key but some names, which was filled last, for other places in the names.

    others : int64[n]  out: the state that calls any other key, the stack, the row, how many words differ from it; how
             many return states were popped, the bits tested at each; these words and what they are
    """
    regs, mask, touched = line_kernel(network, 8), words_kernel(vocabulary, 4), words_kernel(space, 12)
    popped, count = regs[R_TOP] + 1 - regs[R_LOWEST], regs[R_TOUCHED]
    if popped >= MAX_TESTED or FIRST_OTHER + 2 * count > others.shape[0]:
        return
    others[0], others[1], others[2], others[3], others[4] = base, regs[R_PLACE + 1], regs[R_BASE], count, popped
    for below in range(MAX_TESTED):
        others[5 + below] = regs[R_TESTED + below]
    for i in range(count):
        others[FIRST_OTHER + 2 * i], others[FIRST_OTHER + 2 * i + 1] = touched[i], mask[touched[i]]


@njit(cache=True)
def recall_others_kernel(network, space, vocabulary, others):
    """Fill the scratch mask with what was kept, and note what was looked at for it."""
    regs, mask, touched = line_kernel(network, 8), words_kernel(vocabulary, 4), words_kernel(space, 12)
    regs[R_BASE], regs[R_TOUCHED] = others[2], others[3]
    regs[R_LOWEST] = min(regs[R_LOWEST], regs[R_TOP] + 1 - others[4])
    for below in range(MAX_TESTED):
        regs[R_TESTED + below] |= others[5 + below]
    mask[:] = carray(pointer(regs[R_BASE]), (mask.shape[0],), np.int32)
    for i in range(others[3]):
        touched[i] = others[FIRST_OTHER + 2 * i]
        mask[touched[i]] = np.int32(others[FIRST_OTHER + 2 * i + 1])


@njit(cache=True)
def begin_names_kernel(network, space, vocabulary, ways, base):
    """Begin to fill a place inside names of a key with what any other key may do from there on, which ``base`` calls.

    Returns what ``begin_summed_kernel`` does, or ``ARENA_FULL``.
    """
    states, stacks, regs = table_kernel(network, 0, 8), table_kernel(network, 4, 4), line_kernel(network, 8)
    if regs[R_STACKS] + SLACK > stacks.shape[0]:
        return ARENA_FULL
    stack = push_kernel(stacks, line_kernel(network, 6), regs, states[base, RETURN], regs[R_PLACE + 1], ZERO)
    return begin_summed_kernel(network, space, vocabulary, ways, states[base, CALLEE], stack, ZERO, FOREVER)


@njit(cache=True)
def begin_kernel(network, space, shared, vocabulary):
    """Find how the place is filled that ``place_kernel`` left in ``frontier[0]``, and begin: write to the registers.

    Returns 0; what ``begin_names_kernel`` does; ``NO_ROW`` where the row of tokens that are so much white space is not
    there yet.
    """
    states, regs, frontier = table_kernel(network, 0, 8), line_kernel(network, 8), table_kernel(space, 2, 5)
    levels, mask = line_kernel(space, 4), words_kernel(vocabulary, 4)
    state, low, high = frontier[0, 0], frontier[0, 3], frontier[0, 4]
    kind = states[state, KIND]
    regs[R_WALK], regs[R_MODE], regs[R_FEWEST], regs[R_LARGEST] = vocabulary[8], WALK_ALL, 0, UNBOUNDED
    stage = PLAIN_STAGE
    if kind == BYTE:
        find_spaces_kernel(states, table_kernel(network, 4, 4), regs, frontier)
        most, rows = regs[R_MOST], line_kernel(vocabulary, 2)
        regs[R_BASE] = rows[min(most, rows.shape[0] - 1)]
        if regs[R_BASE] == 0:
            return NO_ROW
        regs[R_LARGEST] = most
        if most > 0 and regs[R_SPACED] == state and regs[R_SPACED_STACK] == frontier[0, 1]:
            stage, regs[R_MODE], regs[R_WALK] = SPACED_STAGE, WALK_SPACED, vocabulary[10]
        elif most > 0:
            stage, regs[R_MODE] = UNSPACED_STAGE, WALK_UNSPACED
    else:
        regs[R_BASE] = vocabulary[6]
        ways = table_kernel(shared, 20, 2)
        is_body = kind == CHAR and frontier[0, 2] == 0
        code = WAY_WALK
        if is_body and states[state, BASE] != 0:
            others = line_kernel(shared, 10)
            if others[0] == states[state, BASE] and others[1] == frontier[0, 1]:
                recall_others_kernel(network, space, vocabulary, others)
                levels[0], levels[1], regs[R_MOST], regs[R_STAGE] = 0, 1, 0, NAMED_STAGE
                return 0
            stage = NAMES_STAGE
            code = begin_names_kernel(network, space, vocabulary, ways, states[state, BASE])
        elif is_body and (low == 0 or states[state, LONGEST] == UNBOUNDED):
            code = begin_summed_kernel(network, space, vocabulary, ways, state, frontier[0, 1], low, high)
        if code < 0:
            return code
        if code == WAY_WALK:
            stage = PLAIN_STAGE
        regs[R_MOST] = 0
    mask[:] = carray(pointer(regs[R_BASE]), (mask.shape[0],), np.int32)
    levels[0], levels[1], regs[R_DEPTH], regs[R_STAGE] = 0, 1, -1, stage
    return 0


@njit(cache=True)
def begin_extras_kernel(network, space, shared, vocabulary):
    """Add to the scratch mask what the walk of a state of bytes left out: what is known of numbers and quotes.

    extras : int64[1 + NUM_EXTRAS * EXTRA_WIDTH]  how many rows were learnt, and for each how many numbers were found,
             whether a string or key was opened, whether tokens were walked by what follows their white space, how much
             of that may come, the address of the row, and the numbers found
    Returns 0, with the next stage begun; ``EXTRAS`` where the row is not known.
    """
    states, regs, levels = table_kernel(network, 0, 8), line_kernel(network, 8), line_kernel(space, 4)
    extras, found = line_kernel(shared, 12), table_kernel(space, 10, 2)
    is_opened, row = np.int64(regs[R_KEPT] >= 0), ZERO
    for number in range(min(extras[0], NUM_EXTRAS)):
        known = extras[1 + number * EXTRA_WIDTH : 1 + (number + 1) * EXTRA_WIDTH]
        same = known[0] == regs[R_FOUND] and known[1] == is_opened
        same = same and known[2] == regs[R_KEPT + 2] and known[3] == regs[R_MOST]
        for i in range(regs[R_FOUND] if same else 0):
            same = same and known[5 + 2 * i] == found[i, 0] and known[6 + 2 * i] == found[i, 1]
        if same:
            row = known[4]
            break
    if row == 0:
        return EXTRAS
    if row != regs[R_BASE]:
        mask = words_kernel(vocabulary, 4)
        widen_kernel(mask, carray(pointer(row), (mask.shape[0],), np.int32), words_kernel(space, 12), regs[R_TOUCHED])
        regs[R_BASE] = row
    regs[R_STAGE] = WALKED_STAGE
    if is_opened != 0:
        # A key that is none of the names is a free string that returns to where the others go.
        base = states[regs[R_KEPT + 1], BASE]
        begin_at_kernel(table_kernel(space, 2, 5), states[base, RETURN] if base != 0 else STATE_POP, regs[R_KEPT])
        levels[0], levels[1], regs[R_DEPTH], regs[R_STAGE] = 0, 1, -1, OPENED_STAGE
        regs[R_WALK], regs[R_MODE], regs[R_FEWEST], regs[R_LARGEST] = vocabulary[12], WALK_ENDINGS, 0, regs[R_MOST]
    return 0


@njit(cache=True, inline="always")
def walk_kernel(network, space, vocabulary):
    """Call ``fill_kernel`` with arrays named by their addresses, and what the registers say to walk.

    What is walked is named by 20 numbers: a trie (``TokenTrie.addresses``), tokens, counts and starts.
    """
    regs, mask = line_kernel(network, 8), words_kernel(vocabulary, 4)
    walk = carray(pointer(regs[R_WALK]), (20,), np.int64)
    return fill_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4), line_kernel(network, 6),
        regs, table_kernel(space, 0, 5), table_kernel(space, 2, 5), line_kernel(space, 4), table_kernel(space, 6, 4),
        carray(pointer(space[8]), (space[9], 256), np.uint8), table_kernel(space, 10, 2),
        carray(pointer(walk[0]), (walk[1],), np.uint8), carray(pointer(walk[2]), (walk[3], 3), np.int32),
        carray(pointer(walk[4]), (walk[5], 4), np.int32), carray(pointer(walk[6]), (walk[7], 2), np.int32),
        words_kernel(walk, 8), words_kernel(walk, 10), carray(pointer(walk[12]), (walk[13], 2), np.int32),
        words_kernel(vocabulary, 0), carray(pointer(regs[R_BASE]), (mask.shape[0],), np.int32), mask,
        words_kernel(space, 12), regs[R_MODE],
        words_kernel(walk, 14), words_kernel(walk, 16), words_kernel(walk, 18), regs[R_FEWEST], regs[R_LARGEST],
    )  # fmt: skip


@njit(cache=True)
def mask_entry(network, space, shared, vocabulary, configurations, number, resumes):
    """Recall the mask of a place, or fill it, take it and remember it as mask ``number``.

    shared, vocabulary : int64  addresses (``fsm.shared_masks``, ``fsm.tokens.tables``)
    resumes : 1 after what the kernel stopped for was mended
    Returns what ``place_kernel``, ``begin_kernel``, ``fill_kernel``, ``begin_extras_kernel`` or ``take_kernel`` does.
    """
    regs = line_kernel(network, 8)
    if resumes == 0:
        regs[R_STAGE] = PLACE_STAGE
    if regs[R_STAGE] == PLACE_STAGE:
        code = place_kernel(network, space, shared, configurations)
        if code != FRESH:
            return code
        regs[R_STAGE] = BEGIN_STAGE
    if regs[R_STAGE] == BEGIN_STAGE:
        code = begin_kernel(network, space, shared, vocabulary)
        if code != 0:
            return code
    while regs[R_STAGE] != WALKED_STAGE:  # one call of the walk, which is what takes long to compile
        if regs[R_STAGE] == EXTRAS_STAGE:
            code = begin_extras_kernel(network, space, shared, vocabulary)
            if code < 0:
                return code
            continue
        code = walk_kernel(network, space, vocabulary) if regs[R_STAGE] != NAMED_STAGE else 0
        if code < 0:
            return code
        if regs[R_STAGE] == NAMES_STAGE:
            states = table_kernel(network, 0, 8)
            keep_others_kernel(network, space, vocabulary, line_kernel(shared, 10), states[regs[R_PLACE], BASE])
            regs[R_STAGE] = NAMED_STAGE
        if regs[R_STAGE] == NAMED_STAGE:
            begin_at_kernel(table_kernel(space, 2, 5), regs[R_PLACE], regs[R_PLACE + 1])
            regs[R_STAGE], regs[R_DEPTH], regs[R_WALK], regs[R_MODE] = PLAIN_STAGE, -1, vocabulary[8], WALK_NAMES
            continue
        if regs[R_STAGE] == UNSPACED_STAGE:
            frontier, levels = table_kernel(space, 2, 5), line_kernel(space, 4)
            regs[R_KEPT], regs[R_KEPT + 1], regs[R_KEPT + 2] = regs[R_OPENED], regs[R_OPENED_STATE], regs[R_FOUND]
            frontier[0, 0], frontier[0, 1] = regs[R_SPACED], regs[R_SPACED_STACK]
            frontier[0, 2], frontier[0, 3], frontier[0, 4] = 0, 0, UNBOUNDED
            levels[0], levels[1], regs[R_DEPTH] = 0, 1, -1
            regs[R_STAGE], regs[R_WALK], regs[R_FEWEST] = AFTER_STAGE, vocabulary[10], 1
            continue
        if regs[R_STAGE] == AFTER_STAGE:
            regs[R_OPENED], regs[R_OPENED_STATE], regs[R_FOUND] = regs[R_KEPT], regs[R_KEPT + 1], regs[R_KEPT + 2]
        if regs[R_STAGE] == OPENED_STAGE and table_kernel(network, 0, 8)[regs[R_KEPT + 1], BASE] != 0:
            begin_at_kernel(table_kernel(space, 2, 5), regs[R_KEPT + 1], regs[R_KEPT])
            regs[R_STAGE], regs[R_DEPTH], regs[R_WALK], regs[R_MODE] = KEYS_STAGE, -1, vocabulary[14], WALK_NAMES
            continue
        if regs[R_STAGE] < EXTRAS_STAGE and (regs[R_OPENED] >= 0 or regs[R_FOUND] != 0):
            regs[R_KEPT], regs[R_KEPT + 1] = regs[R_OPENED], regs[R_OPENED_STATE]
            regs[R_KEPT + 2], regs[R_STAGE] = regs[R_STAGE] == SPACED_STAGE, EXTRAS_STAGE
            continue
        regs[R_STAGE] = WALKED_STAGE
    return take_kernel(network, space, shared, words_kernel(vocabulary, 4), number, 0)


@njit(cache=True)
def advance_entry(network, space, configurations, text, first, last):
    """Call ``advance_kernel`` with arrays named by their addresses."""
    return advance_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4), line_kernel(network, 6),
        line_kernel(network, 8), table_kernel(space, 0, 5), table_kernel(space, 2, 5), configurations, text, first,
        last,
    )  # fmt: skip


@njit(cache=True)
def open_entry(network, space, configurations):
    """Call ``open_configurations_kernel`` with arrays named by their addresses."""
    return open_configurations_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4), line_kernel(network, 6),
        line_kernel(network, 8), table_kernel(space, 0, 5), table_kernel(space, 2, 5), configurations,
    )  # fmt: skip


@njit(cache=True)
def openings_kernel(states, levels, nodes, numbers, quotes, inside, closings, insides):
    """Read what follows every quote of the trie as the body of a free JSON string.

    states   : row 3 is the free string's; levels : int64[depth] scratch
    nodes    : int32[N, 4]      the trie depth first; numbers : int32[N] other numbers of them
    quotes   : int32[Q]         the nodes whose byte is a quote
    inside   : int32[Q + 1, 2]  out: where each quote's labels begin in ``insides``, and its nodes in ``closings``
    insides  : int32[I]         out: labels that end inside the string
    closings : int32[C]         out: nodes, by those numbers, whose byte closes it
    Returns whether there was room; else ``inside[Q]`` says how much is needed.
    """
    num_inside, num_closings = 0, 0
    edges = np.zeros((1, 3), np.int64)
    edges[0, 1], edges[0, 2] = 0x10FFFF, 3
    for q in range(quotes.shape[0]):
        inside[q, 0], inside[q, 1] = num_inside, num_closings
        opener = np.int64(quotes[q])
        top = np.int64(nodes[opener, 1])
        levels[top] = 0
        node = opener + 1
        while node < nodes[opener, 2]:
            byte, depth, skip = np.int64(nodes[node, 0]), np.int64(nodes[node, 1]), np.int64(nodes[node, 2])
            decode = levels[depth - 1]
            if decode == 0 and byte == 34:
                if num_closings < closings.shape[0]:
                    closings[num_closings] = numbers[node]
                num_closings += 1
                node = skip
                continue
            result = -1
            if decode & 15 >= 4 or (decode == 0 and byte == 92):
                result = escape_kernel(states, edges, np.int64(3), decode, ZERO, FOREVER, byte, ZERO, ZERO)
            elif decode != 0 or byte >= 32:
                result = utf8_kernel(states, edges, np.int64(3), decode, ZERO, FOREVER, byte, ZERO, ZERO)
            if result == -1:
                node = skip
                continue
            levels[depth] = max(result, 0)
            if nodes[node, 3] >= 0:
                if num_inside < insides.shape[0]:
                    insides[num_inside] = nodes[node, 3]
                num_inside += 1
            node += 1
    inside[quotes.shape[0], 0], inside[quotes.shape[0], 1] = num_inside, num_closings
    return num_inside <= insides.shape[0] and num_closings <= closings.shape[0]


@njit(cache=True)
def decode_kernel(states, edges, frontier, levels, nodes, characters):
    """Read every trie path as the body of a JSON string, from a character boundary on.

    frontier   : begins with the free string's configuration
    characters : int32[N, 2]  out: the character that ends at a node, or ``PARTIAL``, ``QUOTE``, ``INVALID``; and for
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
            result = escape_kernel(states, edges, state, decode, ZERO, FOREVER, byte, ZERO, ZERO)
        else:
            result = utf8_kernel(states, edges, state, decode, ZERO, FOREVER, byte, ZERO, ZERO)
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
def next_bytes_kernel(states, edges, stacks, table, regs, work, frontier, end, allowed):
    """Tell for each byte whether the configurations ``frontier[:end]`` accept it next.

    allowed : uint8[256]  out; begins at byte ``regs[R_NODE]``. Returns 0, NEED or ARENA_FULL.
    """
    for byte in range(regs[R_NODE], 256):
        free = end
        for i in range(end):
            free = step_kernel(states, edges, stacks, table, regs, work, frontier, i, end, free, np.int64(byte), ZERO)
            if free < 0:
                regs[R_NODE] = byte
                return free
        allowed[byte] = free > end
    return 0
