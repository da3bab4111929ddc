"""Name tables by their addresses in one call, and fill hash tables that have grown."""

from __future__ import annotations

from fsm._stack_kernels import stack_slot_kernel
from fsm.codes import R_STACKS
from fsm.kernel import kernel

__all__ = ["find_stacks_kernel", "name_parts_kernel", "name_tables_kernel", "name_walk_kernel"]


@kernel
def name_tables_kernel(states, edges, stacks, table, regs, addresses):
    """Write each table's address and number of rows, in this order, to ``addresses`` (int64[10])."""
    addresses[0], addresses[1] = states.ctypes.data, states.shape[0]
    addresses[2], addresses[3] = edges.ctypes.data, edges.shape[0]
    addresses[4], addresses[5] = stacks.ctypes.data, stacks.shape[0]
    addresses[6], addresses[7] = table.ctypes.data, table.shape[0]
    addresses[8], addresses[9] = regs.ctypes.data, regs.shape[0]


@kernel
def name_parts_kernel(tables, layout, words, cells, ways, addresses):
    """Write the address and the number of rows of each part of one array, and of three more, to ``addresses``.

    layout : int64[2 n]  where each part begins, in bytes, and how many rows it has
    """
    last = layout.shape[0]
    for place in range(0, last, 2):
        addresses[place], addresses[place + 1] = tables.ctypes.data + layout[place], layout[place + 1]
    addresses[last], addresses[last + 1] = words.ctypes.data, words.shape[0]
    addresses[last + 2], addresses[last + 3] = cells.ctypes.data, cells.shape[0]
    addresses[last + 4], addresses[last + 5] = ways.ctypes.data, ways.shape[0]


@kernel
def name_walk_kernel(trie, tokens, counts, starts, row, most, addresses):
    """Write what ``name_walk`` does, for a trie that has its addresses, and a last number to ``addresses``."""
    last = trie.shape[0]
    addresses[:last] = trie
    addresses[last], addresses[last + 1] = tokens.ctypes.data, tokens.shape[0]
    addresses[last + 2], addresses[last + 3] = counts.ctypes.data, counts.shape[0]
    addresses[last + 4], addresses[last + 5] = starts.ctypes.data, starts.shape[0]
    addresses[last + 6], addresses[last + 7] = row.ctypes.data, most


@kernel
def find_stacks_kernel(stacks, table, regs):
    """Write every stack node into an empty hash table, where ``push_kernel`` looks for it."""
    wrap = table.shape[0] - 1
    for node in range(1, regs[R_STACKS]):
        slot = stack_slot_kernel(stacks[node, 0], stacks[node, 1], stacks[node, 2], wrap)
        while table[slot]:
            slot = (slot + 1) & wrap
        table[slot] = node
