"""Join what tokens go on with after they have left a set of bytes: few texts, with each of which many tokens end.

Cost: a millisecond or two per set of bytes, once per vocabulary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm.tokens._loop_kernels import join_rests_kernel
from fsm.tokens.token_parts import TokenPart, TokenTexts, measure_nodes
from fsm.tokens.trie import SKIP

__all__ = ["join_rests"]


def join_rests(part: TokenPart, texts: NDArray[np.int32], exits: NDArray[np.int32], max_depth: int) -> TokenTexts:
    """Return what comes below some nodes, themselves included, each text once with the tokens that end with it.

    exits : int32[E]        the nodes, by byte, each between characters
    texts : int32[S, 256]   an automaton of all texts, state 1 between characters
    """
    size = int((part.nodes[exits, SKIP] - exits).sum())
    num_tokens = int((part.places[part.nodes[exits, SKIP]] - part.places[exits]).sum())
    heap, spare = np.empty((2, size), np.int32)
    joined, starts = np.empty((size, 4), np.int32), np.empty(size + 1, np.int32)
    tokens = np.empty(num_tokens, np.int32)
    frames = np.empty((max_depth + 2, 3), np.int32)
    count = join_rests_kernel(part.nodes, part.ordered, part.places, exits, heap, spare, frames, joined, tokens, starts)
    nodes = joined[:count].copy()
    low, high, heights = measure_nodes(texts, nodes, max_depth)
    return TokenTexts(
        nodes=nodes, low=low, high=high, heights=heights, ordered=tokens, places=starts[: count + 1].copy()
    )
