"""Tell which tokens below a node of the trie only hold bytes of a set, and where the others leave it."""

from __future__ import annotations

import numpy as np

from fsm.kernel import kernel
from fsm.patterns._byte_kernels import BROKEN, DEAD, WIDE

__all__ = ["holds_byte_kernel", "is_inside_kernel", "join_rests_kernel", "leave_loop_kernel"]

# Fewer nodes than these are sorted by moving each to its place.
_FEW = 24


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


@kernel
def sort_nodes_kernel(nodes, heap, begin, end, counts, spare):
    """Sort nodes of a trie by their bytes, in place.

    counts : int32[257]  scratch;  spare : int32[N]  scratch
    """
    if end - begin < _FEW:
        for i in range(begin + 1, end):
            node, j = heap[i], i
            while j > begin and nodes[heap[j - 1], 0] > nodes[node, 0]:
                heap[j] = heap[j - 1]
                j -= 1
            heap[j] = node
        return
    counts[:] = 0
    for i in range(begin, end):
        counts[nodes[heap[i], 0] + 1] += 1
        spare[i - begin] = heap[i]
    for byte in range(256):
        counts[byte + 1] += counts[byte]
    for i in range(end - begin):
        byte = nodes[spare[i], 0]
        heap[begin + counts[byte]] = spare[i]
        counts[byte] += 1


@kernel
def join_rests_kernel(nodes, ordered, places, exits, heap, spare, frames, joined, tokens, starts):
    """Join the subtrees of many nodes of a trie into one trie, each text once with all the tokens that end with it.

    exits  : int32[E]        the nodes, by byte
    heap, spare : int32[H]   scratch, of the nodes of all subtrees together
    frames : int32[depth, 3]  scratch: at each depth the siblings yet to join, and the node that they are below
    joined : int32[H, 4]     out: nodes as in ``fsm.tokens.trie``, without tokens
    tokens : int32[T]        out: tokens in the order of the trie;  starts : int32[H + 1]  out: how many come before
    Returns the number of nodes.
    """
    heap[: exits.shape[0]] = exits
    counts = np.empty(257, np.int32)
    frames[0, 0], frames[0, 1] = 0, exits.shape[0]
    top, count, placed = 0, 0, 0
    while top >= 0:
        begin, end = frames[top, 0], frames[top, 1]
        if begin == end:
            top -= 1
            if top >= 0:
                joined[frames[top, 2], 2] = count
            continue
        byte, stop = nodes[heap[begin], 0], begin
        free = end
        starts[count] = placed
        while stop < end and nodes[heap[stop], 0] == byte:
            node = heap[stop]
            for i in range(places[node], places[node + 1]):
                tokens[placed] = ordered[i]
                placed += 1
            child = node + 1
            while child < nodes[node, 2]:
                heap[free] = child
                free += 1
                child = nodes[child, 2]
            stop += 1
        sort_nodes_kernel(nodes, heap, end, free, counts, spare)
        joined[count, 0], joined[count, 1], joined[count, 3] = byte, top + 1, -1
        frames[top, 0], frames[top, 2] = stop, count
        count += 1
        top += 1
        frames[top, 0], frames[top, 1] = end, free
    starts[count] = placed
    return count
