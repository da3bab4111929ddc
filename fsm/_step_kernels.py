"""Walk the network: step one byte, advance a token.

A configuration is a row of five integers: state, stack node, partial character, characters still required (low),
characters still permitted (high; ``UNBOUNDED`` = no limit). A kernel that meets a stub stops and says which; the
caller expands it and calls again. All tables are owned by ``Network`` and ``Workspace``.
"""

from __future__ import annotations

import numpy as np

from fsm._address_kernels import line_kernel, table_kernel
from fsm._stack_kernels import arrive_kernel, popped_kernel, push_kernel, tested_kernel
from fsm._text_kernels import emit_kernel, find_kernel, text_kernel
from fsm.codes import (
    ARENA_FULL,
    NEED,
    NOTED,
    R_ACCEPTS,
    R_CLOSED,
    R_FREE,
    R_NEED,
    R_NODE,
    R_READING,
    R_STACK,
    R_STACKS,
    SLACK,
    ZERO,
)
from fsm.kernel import kernel
from fsm.layout import (
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
    LOW,
    NOTE,
    POP,
    RAW,
    RETURN,
    SEEN,
    STATE_FINAL,
    STUB,
    UNBOUNDED,
    WATCHED,
    WS,
)

__all__ = ["advance_entry", "next_bytes_kernel", "open_configurations_kernel", "open_entry", "step_kernel"]


@kernel
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


@kernel
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


@kernel
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


@kernel
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


@kernel
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


@kernel
def advance_entry(network, space, configurations, text, first, last):
    """Call ``advance_kernel`` with arrays named by their addresses."""
    return advance_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4), line_kernel(network, 6),
        line_kernel(network, 8), table_kernel(space, 0, 5), table_kernel(space, 2, 5), configurations, text, first,
        last,
    )  # fmt: skip


@kernel
def open_entry(network, space, configurations):
    """Call ``open_configurations_kernel`` with arrays named by their addresses."""
    return open_configurations_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4), line_kernel(network, 6),
        line_kernel(network, 8), table_kernel(space, 0, 5), table_kernel(space, 2, 5), configurations,
    )  # fmt: skip


@kernel
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
