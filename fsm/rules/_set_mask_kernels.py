"""Walk the token trie from set to set of configurations and allow what can be read.

Walking a node is a look-up, mostly. Where a set keeps itself going by many bytes, whole subtrees of the trie are
allowed at once, and what follows where tokens leave it is walked once for all that go on alike.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from fsm._address_kernels import line_kernel, pointer, table_kernel
from fsm.codes import R_READING
from fsm.kernel import kernel
from fsm.patterns._byte_kernels import ALL_ONES
from fsm.rules._set_kernels import ONE, S_EXIT, S_HOME, S_LOWEST, S_NODE, S_SET, ZERO, step_set_kernel
from fsm.rules._set_loop_kernels import find_home_kernel, set_loop_kernel
from fsm.tokens._loop_kernels import holds_byte_kernel, is_inside_kernel

__all__ = [
    "EXITS",
    "HOME",
    "LOOP",
    "RESTS",
    "ROOTS",
    "fill_sets_entry",
]

# Return code: see ``walk_sets_kernel``.
LOOP = -5
# What ``fill_sets_kernel`` does.
HOME, ROOTS, EXITS, RESTS = range(4)
_LARGE = 4096
"""Subtrees of more nodes than these are looked up where they can be (``LOOP``)."""
_ROOM = 512
"""Fewer nodes than these below a node are walked one by one without asking for a loop."""


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
