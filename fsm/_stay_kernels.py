"""Walk the token trie through the bytes of one token of a grammar, and note where it may be left."""

from __future__ import annotations

import numpy as np
from numba import njit

from fsm._byte_kernels import UNKNOWN

__all__ = ["count_rests_kernel", "list_rests_kernel", "stay_kernel"]


@njit(cache=True)
def stay_kernel(delta, kinds, nodes, duplicates, path, registers, mask, exits):
    """Set the bit of every token that can be read without leaving; note the nodes after which it may be left.

    delta     : int32[S, 256]   next state by byte, 0 = dead; ``UNKNOWN`` first in rows not written
    kinds     : uint8[S]        1: bytes may follow inside, 2: it may be left, 3: both
    path      : int32[depth]    the states along the open path; ``path[0]`` is the start
    registers : int64[2]        the node to go on at, and how many exits there are
    exits     : int32[N, 2]     out: node, state
    Returns a state whose row must be written before it can go on, or -1.
    """
    node, count = registers[0], registers[1]
    while node < nodes.shape[0]:
        depth = nodes[node, 1]
        state = path[depth - 1]
        following = delta[state, nodes[node, 0]]
        if following <= 0:
            if delta[state, 0] == UNKNOWN:
                registers[0], registers[1] = node, count
                return state
            node = nodes[node, 2]
            continue
        token = np.int64(nodes[node, 3])
        while token >= 0:
            mask[token >> 5] |= np.int32(1 << (token & 31))
            token = np.int64(duplicates[token])
        if kinds[following] & 2:
            exits[count, 0], exits[count, 1] = node, following
            count += 1
        if kinds[following] & 1:
            path[depth] = following
            node += 1
        else:
            node = nodes[node, 2]
    registers[0], registers[1] = node, count
    return -1


@njit(cache=True)
def count_rests_kernel(nodes, places, allowed):
    """Count the tokens that go on below some nodes with an allowed byte."""
    count = 0
    for e in range(places.shape[0]):
        child = np.int64(places[e] + 1)
        while child < nodes[places[e], 2]:
            after = np.int64(nodes[child, 2])
            if allowed[nodes[child, 0]]:
                for inner in range(child, after):
                    count += nodes[inner, 3] >= 0
            child = after
    return count


@njit(cache=True)
def list_rests_kernel(nodes, places, allowed, rests):
    """List those tokens with the bytes that come before: int32[count, 2]."""
    count = 0
    for e in range(places.shape[0]):
        child = np.int64(places[e] + 1)
        while child < nodes[places[e], 2]:
            after = np.int64(nodes[child, 2])
            if allowed[nodes[child, 0]]:
                for inner in range(child, after):
                    if nodes[inner, 3] >= 0:
                        rests[count, 0], rests[count, 1] = nodes[inner, 3], nodes[places[e], 1]
                        count += 1
            child = after
