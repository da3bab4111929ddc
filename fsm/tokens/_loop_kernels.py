"""Tell which tokens below a node of the trie only hold bytes of a set, and where the others leave it."""

from __future__ import annotations

import numpy as np

from fsm.kernel import kernel
from fsm.patterns._byte_kernels import BROKEN, DEAD, WIDE

__all__ = ["holds_byte_kernel", "is_inside_kernel", "leave_loop_kernel"]


@kernel
def holds_byte_kernel(low, high, byte):
    """Tell whether a byte below 128 is in a set of bytes."""
    if byte < 64:
        return low >> np.uint64(byte) & np.uint64(1) != 0
    return high >> np.uint64(byte - 64) & np.uint64(1) != 0


@kernel
def is_inside_kernel(loop_low, loop_high, loop_wide, low, high, height):
    """Tell whether everything below a node keeps a set going."""
    return (
        height & (BROKEN | DEAD) == 0
        and (height & WIDE == 0 or loop_wide & np.uint64(WIDE) != 0)
        and low & ~loop_low == 0
        and high & ~loop_high == 0
    )


@kernel
def leave_loop_kernel(texts, nodes, low, high, heights, ordered, places, root, loop, path, exits, begins, mask):
    """Allow the tokens below a node that only hold what keeps a set going, and list the nodes at which others leave it.

    texts : int32[S, 256]   an automaton of all texts, state 1 between characters
    root  : the node, between characters; -1: the whole trie
    loop  : uint64[3]       as in ``loops``
    path  : int32[depth]    scratch
    exits : int32[N]        out: nodes;  begins : int32[N]  out: the child of the root on the way to each
    mask  : int32[W]        out
    Returns the number of exits.
    """
    node, last, above = np.int64(0), np.int64(nodes.shape[0]), np.int64(0)
    if root >= 0:
        node, last, above = np.int64(root + 1), np.int64(nodes[root, 2]), np.int64(nodes[root, 1])
    path[above] = 1
    count, child = 0, node
    while node < last:
        depth, byte, skip = np.int64(nodes[node, 1]), np.int64(nodes[node, 0]), np.int64(nodes[node, 2])
        if depth == above + 1:
            child = node
        state = path[depth - 1]
        if state == 1:
            if is_inside_kernel(loop[0], loop[1], loop[2], low[node], high[node], heights[node]):
                for i in range(places[node], places[skip]):
                    token = np.int64(ordered[i])
                    mask[token >> 5] |= np.int32(1 << (token & 31))
                node = skip
                continue
            stays = loop[2] != 0
            if byte < 128:
                stays = holds_byte_kernel(loop[0], loop[1], byte)
            if not stays:
                exits[count], begins[count] = node, child
                count += 1
                node = skip
                continue
        following = texts[state, byte]
        if following <= 0:
            node = skip
            continue
        path[depth] = following
        for i in range(places[node], places[node + 1]):
            token = np.int64(ordered[i])
            mask[token >> 5] |= np.int32(1 << (token & 31))
        node += 1
    return count
