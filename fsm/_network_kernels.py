"""Name the tables of a network by their addresses, in one call."""

from __future__ import annotations

from numba import njit

__all__ = ["name_tables_kernel"]


@njit(cache=True)
def name_tables_kernel(states, edges, stacks, table, regs, addresses):
    """Write each table's address and number of rows, in this order, to ``addresses`` (int64[10])."""
    addresses[0], addresses[1] = states.ctypes.data, states.shape[0]
    addresses[2], addresses[3] = edges.ctypes.data, edges.shape[0]
    addresses[4], addresses[5] = stacks.ctypes.data, stacks.shape[0]
    addresses[6], addresses[7] = table.ctypes.data, table.shape[0]
    addresses[8], addresses[9] = regs.ctypes.data, regs.shape[0]
