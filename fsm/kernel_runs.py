"""Run kernels over a network: expand the stubs they meet and grow the arenas they fill."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fsm._kernels import ARENA_FULL, NEED, R_NEED, accept_kernel
from fsm.network import Network
from fsm.tables import Workspace

__all__ = ["KernelRuns"]

Kernel = Callable[[Network, Workspace], int]


class KernelRuns:
    """Run kernels for one grammar in the scratch room of its vocabulary, whose lock the caller holds."""

    __slots__ = ("network", "workspace")

    def __init__(self, network: Network, workspace: Workspace) -> None:
        self.network = network
        self.workspace = workspace

    def load(self, configurations: NDArray[np.int64]) -> int:
        """Write configurations to the beginning of the frontier; return how many there are."""
        size = len(configurations)
        space = self.workspace
        while size + 64 > len(space.frontier):
            space.grow()
        space.frontier[:size] = configurations
        return size

    def run(self, kernel: Kernel) -> int:
        """Run a kernel to its end, expanding the stubs it meets and growing the arenas it fills."""
        network, space = self.network, self.workspace
        while True:
            code = kernel(network, space)
            if code >= 0:
                return code
            if code == NEED:
                network.expand(int(network.regs[R_NEED]))
            elif code == ARENA_FULL:
                if network.is_stack_full:
                    network.grow_stacks()
                else:
                    space.grow()
            else:
                return code

    def accepts(self, begin: int, end: int) -> bool:
        """Tell whether the text may end in one of the configurations ``frontier[begin:end]``."""
        return bool(
            self.run(
                lambda n, w: accept_kernel(n.states, n.edges, n.stacks, n.table, n.regs, w.work, w.frontier, begin, end)
            )
        )
