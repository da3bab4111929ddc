"""Number the sets of configurations that a network can be in, and step them byte by byte.

What a byte does to a set is stepped once (``fsm._step_kernels.step_kernel``) and then a look-up.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from fsm._address_kernels import line_kernel, pointer, table_kernel
from fsm._stack_kernels import push_kernel
from fsm._step_kernels import step_kernel
from fsm.codes import ARENA_FULL, NEED, R_LOWEST, R_NEED, R_STACKS, R_TOP, SLACK
from fsm.kernel import kernel
from fsm.layout import (
    BYTE,
    CALL,
    CALLEE,
    COUNT,
    DEFAULT,
    EDGE,
    FINAL,
    FORK,
    HIGH,
    KIND,
    LOW,
    NOTE,
    POP,
    RETURN,
    STUB,
    UNBOUNDED,
    WS,
)
from fsm.patterns._byte_kernels import ALL_ONES

__all__ = [
    "FULL",
    "NOT_LOOKED",
    "NUM_SET_REGISTERS",
    "ONE",
    "S_EXIT",
    "S_HOME",
    "S_LOWEST",
    "S_NODE",
    "S_SET",
    "S_SETS",
    "UNTOLD",
    "ZERO",
    "advance_sets_entry",
    "intern_set_entry",
    "rehash_sets_kernel",
    "step_set_kernel",
    "tell_set_kernel",
]

# Registers: the number of sets; the node and the exit to go on at, the lowest stack depth that was looked at; and for
# LOOP the set that keeps itself going and the one that leads there, from the node to go on at.
S_SETS, S_NODE, S_LOWEST, S_EXIT, S_HOME, S_SET = range(6)
NUM_SET_REGISTERS = 6
# Return code: the tables of sets have no more room. (NEED, ARENA_FULL and NOTED are those of the other kernels.)
FULL = -4
# In a set's row: a byte that was not stepped yet; and a row in which dead bytes were not told from others yet.
UNKNOWN_SET, UNTOLD = -1, -2
# Deeper than any stack: nothing was looked at.
NOT_LOOKED = 1 << 40
ZERO, ONE = np.int64(0), np.int64(1)
# Distances of what is compared (M. Ciura, 2001).
_GAPS = (3548, 1577, 701, 301, 132, 57, 23, 10, 4, 1)


@kernel
def sort_configurations_kernel(frontier, begin, end):
    """Sort configurations in place (D. Shell, 1959): mostly one or two, in ambiguous grammars thousands."""
    for gap in _GAPS:
        for i in range(begin + gap, end):
            j = i
            while j >= begin + gap:
                is_less = False
                for column in range(5):
                    if frontier[j, column] != frontier[j - gap, column]:
                        is_less = frontier[j, column] < frontier[j - gap, column]
                        break
                if not is_less:
                    break
                for column in range(5):
                    kept = frontier[j, column]
                    frontier[j, column] = frontier[j - gap, column]
                    frontier[j - gap, column] = kept
                j -= gap


@kernel
def hash_set_kernel(rows, begin, end):
    """Return a number that equal sets share."""
    hashed = np.int64(end - begin)
    for i in range(begin, end):
        for column in range(5):
            hashed = (hashed ^ rows[i, column]) * np.int64(1099511628211)
            hashed ^= hashed >> 29
    return hashed


@kernel
def rehash_sets_kernel(spans, rows, count, table):
    """Enter the sets 1 to ``count - 1`` into an empty hash table."""
    wrap = table.shape[0] - 1
    for number in range(1, count):
        slot = hash_set_kernel(rows, spans[number], spans[number + 1]) & wrap
        while table[slot] != 0:
            slot = (slot + 1) & wrap
        table[slot] = number


@kernel
def intern_set_kernel(delta, spans, rows, table, lowest, loops, registers, frontier, begin, end):
    """Return the number of the set ``frontier[begin:end]``, new or known; FULL where there is no room.

    delta : int32[S, 256]   set by byte, 0 = dead, ``UNKNOWN_SET`` or ``UNTOLD`` where it was not stepped yet
    spans : int64[S + 1]    where each set begins in ``rows``;  rows : int64[R, 5]  configurations, sorted
    table : int64[H]        hash table over sets;  lowest : int64[S]  the lowest stack depth that stepping looked at
    """
    if begin == end:
        return 0
    sort_configurations_kernel(frontier, begin, end)
    size = end - begin
    wrap = table.shape[0] - 1
    slot = hash_set_kernel(frontier, begin, end) & wrap
    while table[slot] != 0:
        number = table[slot]
        if spans[number + 1] - spans[number] == size:
            is_equal = True
            for i in range(size):
                for column in range(5):
                    if rows[spans[number] + i, column] != frontier[begin + i, column]:
                        is_equal = False
            if is_equal:
                return number
        slot = (slot + 1) & wrap
    number = registers[S_SETS]
    if number + 2 > delta.shape[0] or spans[number] + size > rows.shape[0] or 2 * number > table.shape[0]:
        return FULL
    registers[S_SETS] = number + 1
    table[slot] = number
    for i in range(size):
        for column in range(5):
            rows[spans[number] + i, column] = frontier[begin + i, column]
    spans[number + 1] = spans[number] + size
    for byte in range(256):
        delta[number, byte] = UNTOLD
    lowest[number] = NOT_LOOKED
    loops[number, 0], loops[number, 1], loops[number, 2] = np.uint64(0), np.uint64(0), ALL_ONES
    return number


@kernel
def follow_calls_kernel(states, stacks, stack_table, regs, frontier, begin, end):
    """Make the calls that configurations begin with, so that equal places are equal sets; return 0 or ARENA_FULL."""
    for i in range(begin, end):
        state = frontier[i, 0]
        while states[state, KIND] == CALL and states[state, LOW] == 0 and states[state, HIGH] == UNBOUNDED:
            if regs[R_STACKS] + SLACK > stacks.shape[0]:
                return ARENA_FULL
            if states[state, RETURN] != 0:
                frontier[i, 1] = push_kernel(stacks, stack_table, regs, states[state, RETURN], frontier[i, 1], ZERO)
            state = states[state, CALLEE]
            frontier[i, 0] = state
    return 0


@kernel
def tell_dead_kernel(states, edges, stacks, stack_table, regs, work, rows, begin, end, row):
    """Tell the bytes that no configuration can read (0) from those that some may (``UNKNOWN_SET``).

    row : int32[256]   out
    Returns 0, NEED or ARENA_FULL.
    """
    for byte in range(256):
        row[byte] = 0
    for i in range(begin, end):
        work[0, 0], work[0, 1] = rows[i, 0], rows[i, 1]
        top = 1
        while top > 0:
            top -= 1
            state, stack = work[top, 0], work[top, 1]
            while True:
                kind = states[state, KIND]
                if kind == BYTE:
                    for e in range(states[state, EDGE], states[state, EDGE] + states[state, COUNT]):
                        if edges[e, 2] != 0:
                            for byte in range(edges[e, 0], edges[e, 1] + 1):
                                row[byte] = UNKNOWN_SET
                    if states[state, WS] != 0:
                        row[9], row[10], row[13], row[32] = UNKNOWN_SET, UNKNOWN_SET, UNKNOWN_SET, UNKNOWN_SET
                    state = states[state, DEFAULT]
                elif kind == POP:
                    if stacks[stack, 3] < regs[R_LOWEST]:
                        regs[R_LOWEST] = stacks[stack, 3]
                    if stack == 0:
                        break
                    state, stack = stacks[stack, 0], stacks[stack, 1]
                elif kind == CALL:
                    if states[state, RETURN] != 0:
                        if regs[R_STACKS] + SLACK > stacks.shape[0]:
                            return ARENA_FULL
                        stack = push_kernel(stacks, stack_table, regs, states[state, RETURN], stack, ZERO)
                    state = states[state, CALLEE]
                elif kind == FORK:
                    first = states[state, EDGE]
                    if top + states[state, COUNT] > work.shape[0]:
                        return ARENA_FULL
                    for e in range(first + 1, first + states[state, COUNT]):
                        work[top, 0], work[top, 1] = edges[e, 2], stack
                        top += 1
                    state = edges[first, 2]
                elif kind == NOTE:
                    state = states[state, DEFAULT]
                elif kind == STUB:
                    regs[R_NEED] = state
                    return NEED
                elif state == 0 or kind == FINAL:
                    break
                else:
                    for byte in range(256):
                        row[byte] = UNKNOWN_SET
                    return 0
    return 0


@kernel
def tell_set_kernel(states, edges, stacks, stack_table, regs, work, delta, spans, rows, lowest, number):
    """Tell the bytes that a set cannot read from those that it may (``tell_dead_kernel``); return 0 or a code."""
    regs[R_TOP], regs[R_LOWEST] = NOT_LOOKED, NOT_LOOKED
    code = tell_dead_kernel(
        states, edges, stacks, stack_table, regs, work, rows, spans[number], spans[number + 1], delta[number]
    )  # fmt: skip
    if regs[R_LOWEST] < lowest[number]:
        lowest[number] = regs[R_LOWEST]
    if code < 0:
        for byte in range(256):
            delta[number, byte] = UNTOLD
    return code


@kernel
def step_set_kernel(
    states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
    registers, number,
    byte,
):  # fmt: skip
    """Step a set by one byte and remember where it leads; return that set, NEED, ARENA_FULL, NOTED or FULL."""
    begin, end = spans[number], spans[number + 1]
    size = end - begin
    if 2 * size + SLACK > frontier.shape[0]:
        return np.int64(ARENA_FULL)
    for i in range(size):
        for column in range(5):
            frontier[i, column] = rows[begin + i, column]
    if delta[number, byte] == UNTOLD:
        code = tell_set_kernel(states, edges, stacks, stack_table, regs, work, delta, spans, rows, lowest, number)
        if code < 0:
            return np.int64(code)
        if delta[number, byte] == 0:
            return ZERO
    # Bits that are tested count as a look too deep to remember: see ``tested_kernel``.
    regs[R_TOP], regs[R_LOWEST] = NOT_LOOKED, NOT_LOOKED
    free = size
    for i in range(size):
        free = step_kernel(states, edges, stacks, stack_table, regs, work, frontier, i, size, free, byte, ZERO)
        if free < 0:
            return np.int64(free)
    if regs[R_LOWEST] < lowest[number]:
        lowest[number] = regs[R_LOWEST]
    if follow_calls_kernel(states, stacks, stack_table, regs, frontier, size, free) < 0:
        return np.int64(ARENA_FULL)
    after = np.int64(intern_set_kernel(delta, spans, rows, table, lowest, loops, registers, frontier, size, free))
    if after >= 0:
        delta[number, byte] = after
    return after


@kernel
def advance_sets_kernel(
    states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops, registers,
    number, text, first, last,
):  # fmt: skip
    """Return the set after the bytes ``text[first:last]``, 0 where they do not fit, or a negative code."""
    for place in range(first, last):
        after = np.int64(delta[number, text[place]])
        if after < 0:
            after = step_set_kernel(
                states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
                registers, number, np.int64(text[place]),
            )  # fmt: skip
        if after <= 0:
            return after
        number = after
    return number


@kernel
def intern_set_entry(network, sets, configurations):
    """Call ``intern_set_kernel`` for configurations once their calls are made; they may be rewritten."""
    code = follow_calls_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 4, 4), line_kernel(network, 6), line_kernel(network, 8),
        configurations, 0, configurations.shape[0],
    )  # fmt: skip
    if code < 0:
        return np.int64(code)
    return intern_set_kernel(
        carray(pointer(sets[0]), (sets[1], 256), np.int32), line_kernel(sets, 2), table_kernel(sets, 4, 5),
        line_kernel(sets, 6), line_kernel(sets, 8), carray(pointer(sets[10]), (sets[11], 3), np.uint64),
        line_kernel(sets, 12), configurations, 0, configurations.shape[0],
    )  # fmt: skip


@kernel
def advance_sets_entry(network, space, sets, configurations, text, first, last):
    """Call ``advance_sets_kernel`` for configurations, which may be rewritten, with arrays named by their addresses."""
    number = intern_set_entry(network, sets, configurations)
    if number <= 0:
        return np.int64(number)
    return advance_sets_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4), line_kernel(network, 6),
        line_kernel(network, 8), table_kernel(space, 0, 5), table_kernel(space, 2, 5),
        carray(pointer(sets[0]), (sets[1], 256), np.int32), line_kernel(sets, 2), table_kernel(sets, 4, 5),
        line_kernel(sets, 6), line_kernel(sets, 8), carray(pointer(sets[10]), (sets[11], 3), np.uint64),
        line_kernel(sets, 12),
        np.int64(number), text, first, last,
    )  # fmt: skip
