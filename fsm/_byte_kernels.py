"""Walk the token trie through a growing automaton over bytes, and sort the trie by the length of tokens."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = [
    "ALL_ONES",
    "UNKNOWN",
    "WIDE",
    "allow_tokens_kernel",
    "forbid_tokens_kernel",
    "join_tries_kernel",
    "keep_nodes_kernel",
    "measure_nodes_kernel",
    "measure_texts_kernel",
    "split_trie_kernel",
]

UNKNOWN = -1
"""Stands in the first column of a row that is not written yet."""


HEIGHT, WIDE, BROKEN, DEAD = 0xFFFFFF, 1 << 26, 1 << 27, 1 << 28
ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(cache=True)
def allow_tokens_kernel(delta, nodes, duplicates, path, registers, mask):
    """Set the bit of every token that the automaton reads whole.

    delta      : int32[S, 256]   next state by byte, 0 = dead
    nodes      : int32[N, 4]     a token trie (``fsm.trie``)
    duplicates : int32[V]        other tokens with the same bytes
    path       : int32[depth]    the states along the open path; ``path[0]`` is the start
    registers  : int64[2]        the node to go on at, and out: nodes looked at so far
    mask       : int32[W]        out
    Returns a state whose row must be written before it can go on, or -1.
    """
    node = registers[0]
    seen = registers[1]
    while node < nodes.shape[0]:
        depth = nodes[node, 1]
        state = path[depth - 1]
        following = delta[state, nodes[node, 0]]
        seen += 1
        if following <= 0:
            if delta[state, 0] == UNKNOWN:
                registers[0] = node
                registers[1] = seen
                return state
            node = nodes[node, 2]
            continue
        path[depth] = following
        token = np.int64(nodes[node, 3])
        while token >= 0:
            mask[token >> 5] |= np.int32(1 << (token & 31))
            token = np.int64(duplicates[token])
        node += 1
    registers[1] = seen
    return -1


@njit(cache=True)
def keep_nodes_kernel(nodes, least, most, kept):
    """Mark the nodes on the way to a token of ``least`` to ``most`` bytes; return how many there are.

    kept : int32[N + 1]   out: the node's number among those kept, or for others that of the next one kept
    """
    for node in range(nodes.shape[0]):
        kept[node] = 0
    for last in range(nodes.shape[0] - 1, -1, -1):
        if nodes[last, 3] >= 0 and least <= nodes[last, 1] <= most:
            kept[last] = 1
        # A child directly follows its parent, or a sibling's subtree: ask all children by their skips.
        if kept[last] == 0:
            child = last + 1
            while child < nodes[last, 2]:
                if kept[child] == 1:
                    kept[last] = 1
                    break
                child = np.int64(nodes[child, 2])
    count = 0
    for node in range(nodes.shape[0]):
        wanted = kept[node]
        kept[node] = count
        count += wanted
    kept[nodes.shape[0]] = count
    return count


@njit(cache=True)
def split_trie_kernel(nodes, least, most, kept, part):
    """Write the trie of the tokens of ``least`` to ``most`` bytes; ``kept`` as ``keep_nodes_kernel`` left it."""
    for node in range(nodes.shape[0]):
        if kept[node + 1] == kept[node]:
            continue
        place = kept[node]
        part[place, 0] = nodes[node, 0]
        part[place, 1] = nodes[node, 1]
        part[place, 2] = kept[nodes[node, 2]]
        part[place, 3] = nodes[node, 3] if least <= nodes[node, 1] <= most else -1


@njit(cache=True)
def measure_nodes_kernel(delta, nodes, path, low, high, heights):
    """Say of every node what its subtree holds, for ``forbid_tokens_kernel``.

    delta   : int32[S, 256]   an automaton of all texts, state 1 between characters
    path    : int32[depth]    scratch
    low     : uint64[N]       out: which of the bytes 0 to 63 are in the subtree, the node's own included
    high    : uint64[N]       out: the same for 64 to 127
    heights : int32[N]        out: the most bytes of a way down, the node's own included; added are ``WIDE`` where one
                              is not ASCII, ``BROKEN`` where the node begins inside a character, ``DEAD`` where not all
                              of the subtree is text
    """
    path[0] = 1
    node = 0
    while node < nodes.shape[0]:
        depth = nodes[node, 1]
        state = path[depth - 1]
        following = delta[state, nodes[node, 0]]
        heights[node] = 0 if state == 1 else BROKEN
        if following <= 0:
            for inner in range(node, nodes[node, 2]):
                heights[inner] = DEAD
            node = nodes[node, 2]
            continue
        path[depth] = following
        node += 1
    for last in range(nodes.shape[0] - 1, -1, -1):
        byte = np.int64(nodes[last, 0])
        below_low, below_high, height, marks = np.uint64(0), np.uint64(0), 0, 0
        child = np.int64(last + 1)
        while child < nodes[last, 2]:
            below_low |= low[child]
            below_high |= high[child]
            height = max(height, heights[child] & HEIGHT)
            marks |= heights[child] & (WIDE | DEAD)
            child = np.int64(nodes[child, 2])
        if byte < 64:
            below_low |= np.uint64(1) << np.uint64(byte)
        elif byte < 128:
            below_high |= np.uint64(1) << np.uint64(byte - 64)
        else:
            marks |= WIDE
        low[last], high[last] = below_low, below_high
        heights[last] = (height + 1) | marks | (heights[last] & (BROKEN | DEAD))


@njit(cache=True)
def forbid_tokens_kernel(
    delta, loops, nodes, duplicates, low, high, heights, path, registers, mask
):  # fmt: skip
    """Clear the bit of every token that the automaton does not read whole, where it reads nearly all.

    loops : uint64[S, 3]   what keeps a state going: bytes 0 to 63, bytes 64 to 127, and for how many bytes; ``WIDE`` is
                           added where characters that are not ASCII do too; ``ALL_ONES`` where it was not asked yet
    low, high, heights : of the nodes (``measure_nodes_kernel``)
    mask  : int32[W]       all tokens of the trie, before
    The rest is as for ``allow_tokens_kernel``; a subtree that only holds what keeps the state going is left as it is.
    """
    node = registers[0]
    seen = registers[1]
    while node < nodes.shape[0]:
        depth = nodes[node, 1]
        state = path[depth - 1]
        length = loops[state, 2]
        seen += 1
        if length == ALL_ONES:
            registers[0] = node
            registers[1] = seen
            return state
        height = heights[node]
        if (
            np.uint64(height & HEIGHT) <= (length & np.uint64(HEIGHT))
            and height & (BROKEN | DEAD) == 0
            and (height & WIDE == 0 or length & np.uint64(WIDE) != 0)
            and low[node] & ~loops[state, 0] == 0
            and high[node] & ~loops[state, 1] == 0
        ):
            node = nodes[node, 2]
            continue
        following = delta[state, nodes[node, 0]]
        if following <= 0:
            if delta[state, 0] == UNKNOWN:
                registers[0] = node
                registers[1] = seen
                return state
            for inner in range(node, nodes[node, 2]):
                token = np.int64(nodes[inner, 3])
                while token >= 0:
                    mask[token >> 5] &= ~np.int32(1 << (token & 31))
                    token = np.int64(duplicates[token])
            seen += nodes[node, 2] - node
            node = nodes[node, 2]
            continue
        path[depth] = following
        node += 1
    registers[1] = seen
    return -1


@njit(cache=True)
def join_tries_kernel(tokens, duplicates, texts, first, end, stack, mask):
    """Set the bit of every token that is the beginning of a text.

    tokens     : int32[N, 4]   the token trie; duplicates : int32[V]
    texts      : int32[M, 4]   the texts as a trie, of which the siblings from ``first`` to ``end`` may come next
    stack      : int32[M + 1, 4]   scratch
    mask       : int32[W]      out
    """
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, tokens.shape[0], first, end
    top = 1
    while top > 0:
        top -= 1
        one, one_end, other, other_end = stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3]
        while one < one_end and other < other_end:
            if tokens[one, 0] < texts[other, 0]:
                one = tokens[one, 2]
            elif tokens[one, 0] > texts[other, 0]:
                other = texts[other, 2]
            else:
                token = np.int64(tokens[one, 3])
                while token >= 0:
                    mask[token >> 5] |= np.int32(1 << (token & 31))
                    token = np.int64(duplicates[token])
                after, rest = tokens[one, 2], texts[other, 2]
                if one + 1 < after and other + 1 < rest:
                    stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = one + 1, after, other + 1, rest
                    top += 1
                one, other = after, rest


@njit(cache=True)
def measure_texts_kernel(texts, distances):
    """Say how many bytes the shortest text has left after each node: int32[M]."""
    for node in range(texts.shape[0] - 1, -1, -1):
        best = 1 << 30
        if texts[node, 3] >= 0:
            best = 0
        child = np.int64(node + 1)
        while child < texts[node, 2]:
            best = min(best, distances[child] + 1)
            child = np.int64(texts[child, 2])
        distances[node] = best
