"""Find the sets of configurations that keep themselves going: in names, strings, comments.

loops : uint64[S, 3]   what keeps a set going: bytes 0 to 63, bytes 64 to 127, and 0, or ``WIDE`` where characters that
are not ASCII do too; ``ALL_ONES`` where it was not asked yet
"""

from __future__ import annotations

import numpy as np

from fsm._address_kernels import line_kernel, table_kernel
from fsm._text_kernels import find_kernel
from fsm.codes import NEED, R_NEED
from fsm.kernel import kernel
from fsm.layout import BYTE, COUNT, DEFAULT, EDGE, FORK, KIND, STUB, WS
from fsm.patterns._byte_kernels import ALL_ONES, WIDE
from fsm.rules._set_kernels import FULL, UNTOLD, ZERO, step_set_kernel, tell_set_kernel
from fsm.tokens._loop_kernels import holds_byte_kernel

__all__ = [
    "find_home_kernel",
    "find_wide_entry",
    "set_loop_kernel",
]

LEAST_BYTES = 20
"""Fewer bytes than these are no loop worth while."""


@kernel
def lone_target_kernel(states, edges, work, state, byte):
    """Return where a state leads by a byte if it does so by one edge only and whatever the stack holds; 0 if not.

    A negative result is a stub that must be expanded first.
    """
    work[0, 0] = state
    top, found = 1, np.int64(0)
    while top > 0:
        top -= 1
        here = work[top, 0]
        kind = states[here, KIND]
        if kind == STUB:
            return -here
        if kind == FORK:
            if top + states[here, COUNT] > work.shape[0]:
                return np.int64(0)
            for e in range(states[here, EDGE], states[here, EDGE] + states[here, COUNT]):
                work[top, 0] = edges[e, 2]
                top += 1
            continue
        if kind != BYTE or states[here, WS] != 0:
            return np.int64(0)
        target = find_kernel(edges, states[here, EDGE], states[here, COUNT], byte)
        if target < 0 and states[here, DEFAULT] != 0:
            return np.int64(0)
        if target > 0:
            if found != 0:
                return np.int64(0)
            found = np.int64(target)
    return found


@kernel
def is_way_back_kernel(states, edges, work, state, home, first, last, num_bytes):
    """Tell whether every ``num_bytes`` more bytes of a character, the next in first..last, lead to ``home``: 1 or 0.

    A negative result is a stub that must be expanded first.
    """
    byte = first
    while byte <= last:
        target = lone_target_kernel(states, edges, work, state, np.int64(byte))
        if target <= 0:
            return target
        if states[state, KIND] == BYTE and states[state, COUNT] == 1:  # the one edge says it of all its bytes
            byte = edges[states[state, EDGE], 1]
        byte += 1
        here = target
        for _ in range(num_bytes - 1):
            # Inside a character every continuation byte must lead the same way.
            if states[here, KIND] == STUB:
                return -here
            if states[here, KIND] != BYTE or states[here, COUNT] != 1 or states[here, WS] != 0:
                return np.int64(0)
            edge = states[here, EDGE]
            if edges[edge, 0] > 0x80 or edges[edge, 1] < 0xBF:
                return np.int64(0)
            here = edges[edge, 2]
        if here != home:
            return np.int64(0)
    return np.int64(1)


@kernel
def find_loop_kernel(states, edges, regs, work, state, home, loop):
    """Write the bytes by which a state leads to ``home``, whatever the stack holds; return 0, or NEED.

    With the state itself as ``home``, that is what keeps it going.
    """
    low, high, num_bytes = np.uint64(0), np.uint64(0), 0
    for byte in range(128):
        target = lone_target_kernel(states, edges, work, state, np.int64(byte))
        if target < 0:
            regs[R_NEED] = -target
            return NEED
        if target == home:
            num_bytes += 1
            if byte < 64:
                low |= np.uint64(1) << np.uint64(byte)
            else:
                high |= np.uint64(1) << np.uint64(byte - 64)
    loop[0], loop[1], loop[2] = np.uint64(0), np.uint64(0), np.uint64(0)
    if num_bytes < LEAST_BYTES:
        return 0
    answer, before = np.int64(1), np.int64(0)
    for lead in range(0xC2, 0xF5):
        target = lone_target_kernel(states, edges, work, state, np.int64(lead))
        if target > 0 and target == before and lead not in (0xC2, 0xE0, 0xE1, 0xED, 0xEE, 0xF0, 0xF1, 0xF4):
            continue
        before = target
        if target > 0:
            first = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
            last = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
            left = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
            answer = is_way_back_kernel(states, edges, work, target, home, first, last, left)
        else:
            answer = target
        if answer <= 0:
            break
    if answer < 0:
        regs[R_NEED] = -answer
        return NEED
    loop[0], loop[1] = low, high
    if answer == 1:
        loop[2] = np.uint64(WIDE)
    return 0


@kernel
def set_loop_kernel(
    states, edges, stacks, stack_table, regs, work, delta, spans, rows, lowest, loops, known, number
):  # fmt: skip
    """Write what keeps a set going, from what is known of its one state; return 0, NEED, ARENA_FULL or FULL.

    known : uint64[K, 3]   the loops of network states found so far, as in ``loops``
    """
    begin = spans[number]
    if spans[number + 1] - begin > 1 or rows[begin, 2] != 0:
        loops[number, 2] = 0
        return 0
    state = rows[begin, 0]
    if state >= known.shape[0]:
        return FULL
    if known[state, 2] == ALL_ONES:
        code = find_loop_kernel(states, edges, regs, work, state, state, known[state])
        if code < 0:
            known[state, 2] = ALL_ONES
            return code
    if (known[state, 0] | known[state, 1]) != 0:
        # PERF: 27 instead of 46 µs for a mask inside a string: bytes that keep it going need not be stepped.
        if delta[number, 0] == UNTOLD:
            code = tell_set_kernel(states, edges, stacks, stack_table, regs, work, delta, spans, rows, lowest, number)
            if code < 0:
                return code
        for byte in range(128):
            if holds_byte_kernel(known[state, 0], known[state, 1], byte):
                delta[number, byte] = number
    for column in range(3):
        loops[number, column] = known[state, column]
    return 0


@kernel
def find_home_kernel(
    states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
    registers, known,
    number,
):  # fmt: skip
    """Find the set to which a set leads by most bytes, if that one keeps itself going by them; return it, 0 or a code.

    Afterwards ``delta[number]`` is known for the bytes that keep the other set going.
    """
    if loops[number, 2] == ALL_ONES:
        code = set_loop_kernel(
            states, edges, stacks, stack_table, regs, work, delta, spans, rows, lowest, loops, known, number
        )
        if code < 0:
            return np.int64(code)
    if (loops[number, 0] | loops[number, 1]) != 0:
        return number
    for letter in (0x65, 0x45, 0x20):
        home = np.int64(delta[number, letter])
        if home < 0:
            home = step_set_kernel(
                states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
                registers, number, np.int64(letter),
            )  # fmt: skip
        if home < 0:
            return home
        if home == 0:
            continue
        if loops[home, 2] == ALL_ONES:
            code = set_loop_kernel(
                states, edges, stacks, stack_table, regs, work, delta, spans, rows, lowest, loops, known, home
            )
            if code < 0:
                return np.int64(code)
        if not holds_byte_kernel(loops[home, 0], loops[home, 1], letter):
            continue
        count = 0
        for byte in range(128):
            if holds_byte_kernel(loops[home, 0], loops[home, 1], byte):
                after = np.int64(delta[number, byte])
                if after < 0:
                    after = step_set_kernel(
                        states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest,
                        loops, registers, number, np.int64(byte),
                    )  # fmt: skip
                if after < 0:
                    return after
                count += after == home
        if count >= LEAST_BYTES:
            return home
    return ZERO


@kernel
def find_wide_entry(network, space, state, loop):
    """Tell whether a state goes where its letters lead by all characters that are not ASCII: 1, 0 or NEED."""
    states, edges, regs, work = (
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), line_kernel(network, 8), table_kernel(space, 0, 5),
    )  # fmt: skip
    target = lone_target_kernel(states, edges, work, state, np.int64(0x65))
    if target <= 0:
        regs[R_NEED] = -target
        return NEED if target < 0 else 0
    code = find_loop_kernel(states, edges, regs, work, state, target, loop)
    return code if code < 0 else int(loop[2] != 0)
