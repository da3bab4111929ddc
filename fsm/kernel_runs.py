"""Run kernels over a network: expand the stubs they meet and grow the arenas they fill."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fsm._step_kernels import open_entry
from fsm.codes import ARENA_FULL, NEED, R_ACCEPTS, R_NEED
from fsm.expansion_time import ExpansionTime, check_expansion_time
from fsm.layout import BYTE, DEFAULT, KIND
from fsm.network import Network
from fsm.tokens.tables import Workspace

__all__ = ["KernelRuns"]

_FIRST, _AGAIN = ExpansionTime(), ExpansionTime(continues=True)

_MOST_BEHIND = 4

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
        resumes = 0
        while True:
            code = kernel(self.network, self.workspace)
            if code >= 0 or not self.mend(code, resumes=resumes):
                return code
            resumes = 1

    def open(self, configurations: NDArray[np.int64]) -> list[list[int]]:
        """Return configurations with calls and forks followed; ``R_ACCEPTS`` tells whether the text may end there."""
        network, space = self.network, self.workspace
        resumes = 0
        while True:
            end = open_entry(network.addresses, space.addresses, configurations)
            if end >= 0:
                closed: list[list[int]] = space.frontier[len(configurations) : end].tolist()
                return closed
            self.mend(end, resumes=resumes)
            resumes = 1

    def mend(self, code: int, *, resumes: int = 0, fills: bool = False) -> bool:
        """Expand the stub or grow the arena that a kernel stopped for; return whether it may go on.

        resumes : whether the kernel stopped before; all its stops share one time limit (``fsm.expansion_time``).
        fills : whether it fills a mask, which looks at everything that may come next; a text goes one way only.
        """
        network = self.network
        if code not in (NEED, ARENA_FULL):
            return False
        with _AGAIN if resumes else _FIRST:
            check_expansion_time()
            if code == NEED:
                self._expand(network.regs.item(R_NEED), most=_MOST_BEHIND if fills else 1)
            elif network.is_stack_full:
                network.grow_stacks()
            else:
                self.workspace.grow()
        return True

    def _expand(self, state: int, *, most: int) -> None:
        """Expand a stub, and some of those behind it: each stop of a kernel costs microseconds."""
        network = self.network
        for _ in range(most):
            network.expand(state)
            state = network.stub_behind(state)
            if not state:
                return

    def accepts(self, configurations: NDArray[np.int64]) -> bool:
        """Tell whether the text may end in one of the configurations."""
        if len(configurations) == 1:
            state, item = configurations.item(0, 0), self.network.states.item
            if item(state, KIND) == BYTE and not item(state, DEFAULT):
                return False
        self.open(configurations)
        return bool(self.network.regs[R_ACCEPTS])
