"""Join what tokens go on with after they have left a set of bytes: few texts, with each of which many tokens end.

Cost: a millisecond or two per set of bytes, once per vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fsm.addresses import addresses_of
from fsm.patterns._byte_kernels import measure_nodes_kernel
from fsm.tokens._loop_kernels import join_rests_kernel
from fsm.tokens.token_parts import TokenPart, first_nodes
from fsm.tokens.trie import SKIP

__all__ = ["TokenRests", "join_rests"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRests:
    """Hold the texts as a trie, as ``TokenPart`` does, each with the tokens that end with it.

    addresses : names the arrays for kernels (``fsm.addresses``)
    """

    nodes: NDArray[np.int32]
    low: NDArray[np.uint64]
    high: NDArray[np.uint64]
    heights: NDArray[np.int32]
    ordered: NDArray[np.int32]
    places: NDArray[np.int32]
    firsts: NDArray[np.int32]
    addresses: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        """Name the arrays, which never move."""
        arrays = (self.nodes, self.low, self.high, self.heights, self.ordered, self.places, self.firsts)
        object.__setattr__(self, "addresses", addresses_of(*arrays))


def join_rests(part: TokenPart, texts: NDArray[np.int32], exits: NDArray[np.int32], max_depth: int) -> TokenRests:
    """Join the subtrees of some nodes.

    exits : int32[E]        the nodes, by byte, each between characters
    texts : int32[S, 256]   an automaton of all texts, state 1 between characters
    """
    size = int((part.nodes[exits, SKIP] - exits).sum())
    num_tokens = int((part.places[part.nodes[exits, SKIP]] - part.places[exits]).sum())
    heap, spare = np.empty((2, size), np.int32)
    joined, starts = np.empty((size, 4), np.int32), np.empty(size + 1, np.int32)
    tokens = np.empty(num_tokens, np.int32)
    frames = np.empty((max_depth + 2, 3), np.int32)
    count, _ = join_rests_kernel(
        part.nodes, part.ordered, part.places, exits, heap, spare, frames, joined, tokens, starts
    )
    nodes = joined[:count].copy()
    low, high, heights = np.empty(count, np.uint64), np.empty(count, np.uint64), np.empty(count, np.int32)
    measure_nodes_kernel(texts, nodes, np.zeros(max_depth + 2, np.int32), low, high, heights)
    return TokenRests(
        nodes=nodes,
        low=low,
        high=high,
        heights=heights,
        ordered=tokens,
        places=starts[: count + 1].copy(),
        firsts=first_nodes(nodes),
    )
