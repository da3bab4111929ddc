"""Hold the stacks of a parser, each once, with what may come on top of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fsm.errors import LimitError
from fsm.parsing._token_kernels import R_FULL, R_NODES, push_place_kernel

__all__ = ["MAX_NODES", "Arena", "ArenaArrays"]

MAX_NODES = 1 << 21
"""The most places on stacks that one compiled grammar may meet before ``LimitError``."""


MEMO_SIZE = 1 << 14


class ArenaArrays(NamedTuple):
    """Give the kernels the stacks and their scratch room.

    nodes   : int64[N, 2]  value, parent; a parser's state, or -(width + 1) of an indentation; 0 = none
    table   : int64[H]     hash table over nodes
    viable  : int64[N, K]  the terminals that may come on top of a node, where it is known
    known   : uint8[N]
    memo    : int64[M, 3]  what was found out about pairs of numbers, the last asked about where two share a slot
    regs    : int64[16]
    scratch : int64[4096]
    """

    nodes: NDArray[np.int64]
    table: NDArray[np.int64]
    viable: NDArray[np.int64]
    known: NDArray[np.uint8]
    memo: NDArray[np.int64]
    regs: NDArray[np.int64]
    scratch: NDArray[np.int64]


class Arena:
    """Hold the stacks of one compiled grammar; equal stacks are equal integers."""

    def __init__(self, num_words: int) -> None:
        self.arrays = ArenaArrays(
            nodes=np.zeros((1024, 2), np.int64),
            table=np.zeros(4096, np.int64),
            viable=np.zeros((1024, num_words), np.int64),
            known=np.zeros(1024, np.uint8),
            memo=np.zeros((MEMO_SIZE, 3), np.int64),
            regs=np.zeros(16, np.int64),
            scratch=np.zeros(4096, np.int64),
        )
        self.arrays.regs[R_NODES] = 1

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays)

    def push(self, value: int, parent: int) -> int:
        """Return the node (value, parent)."""
        while True:
            node = int(push_place_kernel(self.arrays, value, parent))
            if node:
                return node
            self.grow()

    def run(self, kernel: Callable[[ArenaArrays], Any]) -> Any:
        """Run a kernel that adds nodes, until there was room for them."""
        while True:
            found = kernel(self.arrays)
            if not self.arrays.regs[R_FULL]:
                return found
            self.grow()

    @property
    def num_nodes(self) -> int:
        """Count the nodes, the first of which stands for none."""
        return int(self.arrays.regs[R_NODES])

    def keep_only(self, rows: Iterable[NDArray[np.int64]]) -> None:
        """Drop all nodes but those that configurations stand on, and number these anew: columns 1 and 2, in place."""
        listed = list(rows)
        old, count = self.arrays.nodes[: self.num_nodes].copy(), self.num_nodes
        is_kept = np.zeros(count, np.bool_)
        for row in listed:
            is_kept[row[:, 1]] = is_kept[row[:, 2]] = True
        for node in range(count - 1, 0, -1):  # a parent has a smaller number than what stands on it
            if is_kept[node]:
                is_kept[old[node, 1]] = True
        self.arrays.table[:] = 0
        self.arrays.memo[:] = 0
        self.arrays.viable[:] = 0
        self.arrays.known[:] = 0
        self.arrays.regs[R_NODES] = 1
        numbers = np.zeros(count, np.int64)
        for node in np.flatnonzero(is_kept).tolist():
            if node:
                numbers[node] = push_place_kernel(self.arrays, int(old[node, 0]), int(numbers[old[node, 1]]))
        for row in listed:
            row[:, 1:3] = numbers[row[:, 1:3]]

    def grow(self) -> None:
        """Double the room and rebuild the hash table.

        Raises
        ------
        LimitError : more than ``MAX_NODES`` places are needed.
        """
        old = self.arrays
        size = len(old.nodes)
        if size >= MAX_NODES:
            raise LimitError(
                f"grammar: more than {MAX_NODES} places on stacks (limit fsm.parsing.token_arena.MAX_NODES); follow "
                "fewer texts at once, or raise the limit"
            )
        self.arrays = old._replace(
            nodes=np.concatenate([old.nodes, np.zeros_like(old.nodes)]),
            viable=np.concatenate([old.viable, np.zeros_like(old.viable)]),
            known=np.concatenate([old.known, np.zeros_like(old.known)]),
            table=np.zeros(8 * size, np.int64),
        )
        count = int(old.regs[R_NODES])
        self.arrays.regs[R_NODES] = 1
        self.arrays.regs[R_FULL] = 0
        for value, parent in old.nodes[1:count].tolist():
            push_place_kernel(self.arrays, value, parent)
