"""Number the sets of configurations that a network can be in, and walk the token trie from set to set.

What a byte does to a set is stepped once (``fsm._step_kernels.step_kernel``) and then a look-up, so walking a node of
the trie costs nanoseconds. Where a set keeps itself going by many bytes (names, strings, comments), whole subtrees of
the trie are allowed at once.

loops : uint64[S, 3]   what keeps a set going: bytes 0 to 63, bytes 64 to 127, and 0, or ``WIDE`` where characters that
are not ASCII do too; ``ALL_ONES`` where it was not asked yet
"""

from __future__ import annotations

import numpy as np
from numba import carray

from fsm._address_kernels import line_kernel, pointer, table_kernel
from fsm._stack_kernels import push_kernel
from fsm._step_kernels import step_kernel
from fsm._text_kernels import find_kernel
from fsm.codes import ARENA_FULL, NEED, R_LOWEST, R_NEED, R_READING, R_STACKS, R_TOP, SLACK
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
from fsm.patterns._byte_kernels import ALL_ONES, WIDE
from fsm.tokens._loop_kernels import holds_byte_kernel, is_inside_kernel

__all__ = [
    "EXITS",
    "FULL",
    "HOME",
    "LOOP",
    "NOT_LOOKED",
    "NUM_SET_REGISTERS",
    "RESTS",
    "ROOTS",
    "S_EXIT",
    "S_HOME",
    "S_LOWEST",
    "S_NODE",
    "S_SET",
    "S_SETS",
    "advance_sets_entry",
    "fill_sets_entry",
    "find_wide_entry",
    "intern_set_entry",
    "rehash_sets_kernel",
]

# Registers: the number of sets; the node and the exit to go on at, the lowest stack depth that was looked at; and for
# LOOP the set that keeps itself going and the one that leads there, from the node to go on at.
S_SETS, S_NODE, S_LOWEST, S_EXIT, S_HOME, S_SET = range(6)
NUM_SET_REGISTERS = 6
# Return code: the tables of sets have no more room. (NEED, ARENA_FULL and NOTED are those of the other kernels.)
FULL = -4
# Return code: see ``walk_sets_kernel``.
LOOP = -5
# What ``fill_sets_kernel`` does.
HOME, ROOTS, EXITS, RESTS = range(4)
# In a set's row: a byte that was not stepped yet; and a row in which dead bytes were not told from others yet.
UNKNOWN_SET, UNTOLD = -1, -2
# Deeper than any stack: nothing was looked at.
NOT_LOOKED = 1 << 40
ZERO, ONE = np.int64(0), np.int64(1)
LEAST_BYTES = 20
"""Fewer bytes than these are no loop worth while."""
_LARGE = 4096
"""Subtrees of more nodes than these are looked up where they can be (``LOOP``)."""
_ROOM = 512
"""Fewer nodes than these below a node are walked one by one without asking for a loop."""


@kernel
def sort_configurations_kernel(frontier, begin, end):
    """Sort configurations in place; few ever stand side by side."""
    for i in range(begin + 1, end):
        j = i
        while j > begin:
            is_less = False
            for column in range(5):
                if frontier[j, column] != frontier[j - 1, column]:
                    is_less = frontier[j, column] < frontier[j - 1, column]
                    break
            if not is_less:
                break
            for column in range(5):
                kept = frontier[j, column]
                frontier[j, column] = frontier[j - 1, column]
                frontier[j - 1, column] = kept
            j -= 1


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
def walk_sets_kernel(
    states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
    registers, known,
    nodes, low, high, heights, ordered, places, first, last, start, looks, path, mask,
):  # fmt: skip
    """Allow every token below sibling nodes that can be read from a set.

    nodes, low, high, heights : the token trie and what its subtrees hold (``measure_nodes_kernel``)
    ordered : int32[T]       all tokens in the order of the trie;  places : int32[N + 1]  how many come before each node
    first, last : the siblings, and what is below them
    looks   : whether to stop (``LOOP``) at large subtrees that lead to a set that keeps itself going
    path    : int64[depth]   scratch, kept across calls
    mask    : int32[W]       out
    Returns 0, NEED, ARENA_FULL, NOTED, FULL or LOOP; ``registers`` tell where to go on.
    """
    looked = registers[S_LOWEST]
    node = max(first, registers[S_NODE])
    path[nodes[first, 1] - 1] = start
    code = ZERO
    while node < last:
        depth = np.int64(nodes[node, 1])
        number = path[depth - 1]
        skip = np.int64(nodes[node, 2])
        if loops[number, 2] == ALL_ONES and skip - node > _ROOM:
            code = np.int64(
                set_loop_kernel(
                    states, edges, stacks, stack_table, regs, work, delta, spans, rows, lowest, loops, known, number
                )
            )
            if code < 0:
                break
        if (loops[number, 0] | loops[number, 1]) != 0 and is_inside_kernel(
            loops[number, 0], loops[number, 1], loops[number, 2], low[node], high[node], heights[node]
        ):
            for i in range(places[node], places[skip]):
                token = np.int64(ordered[i])
                mask[token >> 5] |= np.int32(1 << (token & 31))
            node = skip
            continue
        byte = np.int64(nodes[node, 0])
        after = np.int64(delta[number, byte])
        if after < 0:
            after = step_set_kernel(
                states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
                registers, number, byte,
            )  # fmt: skip
            if after < 0:
                code = after
                break
        if lowest[number] < looked:
            looked = lowest[number]
        if after == 0:
            node = skip
            continue
        path[depth] = after
        for i in range(places[node], places[node + 1]):
            token = np.int64(ordered[i])
            mask[token >> 5] |= np.int32(1 << (token & 31))
        if looks != 0 and skip - node > _LARGE:
            home = find_home_kernel(
                states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
                registers, known,
                after,
            )  # fmt: skip
            if home != 0:
                registers[S_HOME], registers[S_SET] = home, after
                code = home if home < 0 else np.int64(LOOP)
                break
        node += 1
    registers[S_NODE], registers[S_LOWEST] = node, looked
    return code


@kernel
def walk_roots_kernel(
    states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
    registers, known,
    nodes, low, high, heights, ordered, places, firsts, start, looks, path, mask,
):  # fmt: skip
    """Call ``walk_sets_kernel`` for the whole trie, byte by byte: only nodes of bytes that fit are touched at all.

    firsts : int32[256]   the nodes by first byte, or -1
    """
    while registers[S_EXIT] < 256:
        byte = registers[S_EXIT]
        node = np.int64(firsts[byte])
        if node >= 0 and delta[start, byte] != 0:
            code = walk_sets_kernel(
                states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
                registers, known,
                nodes, low, high, heights, ordered, places, node, np.int64(nodes[node, 2]), start, looks,
                path, mask,
            )  # fmt: skip
            if code < 0:
                return code
            registers[S_NODE] = 0
        registers[S_EXIT] += 1
    if lowest[start] < registers[S_LOWEST]:
        registers[S_LOWEST] = lowest[start]
    return ZERO


@kernel
def is_odd_kernel(delta, loops, start, home, byte):
    """Tell whether an ASCII byte keeps ``home`` going but leads elsewhere from ``start``."""
    return byte < 128 and delta[start, byte] != home and holds_byte_kernel(loops[home, 0], loops[home, 1], byte)


@kernel
def walk_exits_kernel(
    states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
    registers, known,
    nodes, low, high, heights, ordered, places, row, exits, groups, begins, children, depth, start, home,
    path, mask,
):  # fmt: skip
    """Allow every token below a node that can be read from a set that leads to one that keeps itself going.

    row      : int32[W]     the tokens that do nothing else (``leave_loop_kernel``)
    exits    : int32[E]     the nodes at which others leave it, by byte;  groups : int32[257]  where each byte begins
    begins   : int32[E]     the child of the node on the way to each exit;  children : int32[C]  all of them
    depth    : of the node;  start : the set there;  home : the set that keeps itself going
    The rest is as for ``walk_sets_kernel``.
    """
    looked = registers[S_LOWEST]
    if registers[S_EXIT] == 0:
        for word in range(mask.shape[0]):
            mask[word] |= row[word]
        # Bytes that keep ``home`` going but lead elsewhere from here are walked like any other.
        for i in range(children.shape[0]):
            child = np.int64(children[i])
            if is_odd_kernel(delta, loops, start, home, np.int64(nodes[child, 0])):
                for k in range(places[child], places[nodes[child, 2]]):
                    token = np.int64(ordered[k])
                    mask[token >> 5] &= ~np.int32(1 << (token & 31))
        registers[S_EXIT] = 1
    if lowest[start] < looked:
        looked = lowest[start]
    if lowest[home] < looked:
        looked = lowest[home]
    registers[S_LOWEST] = looked
    num_exits, byte = exits.shape[0], 0
    while registers[S_EXIT] <= num_exits + children.shape[0]:
        place = registers[S_EXIT] - 1
        if place < num_exits:
            while groups[byte + 1] <= place:
                byte += 1
            node = np.int64(exits[place])
            if delta[home, byte] == 0 and delta[start, byte] == 0:
                registers[S_EXIT] = np.int64(groups[byte + 1]) + 1
                continue
            source = home
            if nodes[node, 1] == depth + 1:
                source = start
            elif is_odd_kernel(delta, loops, start, home, np.int64(nodes[begins[place], 0])):
                registers[S_EXIT] += 1
                continue
        else:
            node = np.int64(children[place - num_exits])
            source = start
            if not is_odd_kernel(delta, loops, start, home, np.int64(nodes[node, 0])):
                registers[S_EXIT] += 1
                continue
        # PERF: a call passes two dozen arrays, some 25 ns; most exits are dead, or the last byte of a token: 45 instead
        # of 57 µs for a mask inside a string (python -m benchmarks.grammars --only lark_json).
        after = np.int64(delta[source, nodes[node, 0]])
        if after == 0 or (after > 0 and nodes[node, 2] == node + 1):
            if after > 0:
                for i in range(places[node], places[node + 1]):
                    token = np.int64(ordered[i])
                    mask[token >> 5] |= np.int32(1 << (token & 31))
            registers[S_EXIT] += 1
            continue
        code = walk_sets_kernel(
            states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
            registers, known,
            nodes, low, high, heights, ordered, places, node, np.int64(nodes[node, 2]), source, ONE, path,
            mask,
        )  # fmt: skip
        if code < 0:
            return code
        registers[S_NODE] = 0
        registers[S_EXIT] += 1
    return ZERO


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
def fill_sets_kernel(
    states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
    registers, known, nodes, low, high, heights, ordered, places, firsts, row, exits, groups, begins,
    children, depth, start, home, path, mask, mode,
):  # fmt: skip
    """Do what ``mode`` says for a set; one kernel for all, because each alone compiles as long.

    HOME : ``find_home_kernel``;  ROOTS : ``walk_roots_kernel``;  EXITS : ``walk_exits_kernel``
    RESTS : ``walk_roots_kernel`` for a trie of what follows at exits (``fsm.tokens.token_rests``)
    """
    regs[R_READING] = 0
    if mode == HOME:
        return find_home_kernel(
            states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
            registers, known, start,
        )  # fmt: skip
    if mode == ROOTS or mode == RESTS:
        return walk_roots_kernel(
            states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
            registers, known, nodes, low, high, heights, ordered, places, firsts, start,
            np.int64(mode == ROOTS), path, mask,
        )  # fmt: skip
    return walk_exits_kernel(
        states, edges, stacks, stack_table, regs, work, frontier, delta, spans, rows, table, lowest, loops,
        registers, known, nodes, low, high, heights, ordered, places, row, exits, groups, begins, children,
        depth, start, home, path, mask,
    )  # fmt: skip


@kernel
def fill_sets_entry(network, space, sets, trie, loop, depth, start, home, path, mask, mode):
    """Call ``fill_sets_kernel`` with arrays named by their addresses (``fsm.addresses``)."""
    return fill_sets_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4), line_kernel(network, 6),
        line_kernel(network, 8), table_kernel(space, 0, 5), table_kernel(space, 2, 5),
        carray(pointer(sets[0]), (sets[1], 256), np.int32), line_kernel(sets, 2), table_kernel(sets, 4, 5),
        line_kernel(sets, 6), line_kernel(sets, 8), carray(pointer(sets[10]), (sets[11], 3), np.uint64),
        line_kernel(sets, 12), carray(pointer(sets[14]), (sets[15], 3), np.uint64),
        carray(pointer(trie[0]), (trie[1], 4), np.int32),
        carray(pointer(trie[2]), (trie[3],), np.uint64), carray(pointer(trie[4]), (trie[5],), np.uint64),
        carray(pointer(trie[6]), (trie[7],), np.int32), carray(pointer(trie[8]), (trie[9],), np.int32),
        carray(pointer(trie[10]), (trie[11],), np.int32), carray(pointer(trie[12]), (trie[13],), np.int32),
        carray(pointer(loop[0]), (loop[1],), np.int32), carray(pointer(loop[2]), (loop[3],), np.int32),
        carray(pointer(loop[4]), (loop[5],), np.int32), carray(pointer(loop[6]), (loop[7],), np.int32),
        carray(pointer(loop[8]), (loop[9],), np.int32), depth, start, home, path, mask, mode,
    )  # fmt: skip


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
