"""Walk the token trie through a dense automaton over bytes."""

from __future__ import annotations

import numpy as np

from fsm.kernel import kernel

__all__ = ["move_tokens_kernel"]


@kernel
def move_tokens_kernel(delta, nodes, duplicates, path, start, targets):
    """Write where every token leads from one state.

    delta      : int32[S, 256]   next state by byte, 0 = dead
    nodes      : int32[N, 4]     the token trie (``fsm.tokens.trie``)
    duplicates : int32[V]        other tokens with the same bytes
    path       : int32[depth]    scratch
    targets    : int32[V]        out: states, 0 = dead; all zero before
    """
    path[0] = start
    node = 0
    while node < nodes.shape[0]:
        depth = nodes[node, 1]
        state = delta[path[depth - 1], nodes[node, 0]]
        if state == 0:
            node = nodes[node, 2]
            continue
        path[depth] = state
        token = np.int64(nodes[node, 3])
        while token >= 0:
            targets[token] = state
            token = np.int64(duplicates[token])
        node += 1
