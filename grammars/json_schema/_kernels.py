"""Lay tries of key names into network rows."""

from __future__ import annotations

from numba import njit

from fsm.layout import CHAR, SEEN, UNBOUNDED

__all__ = ["lay_names_kernel"]


@njit(cache=True)
def lay_names_kernel(states, edges, state, edge, codes, offsets, closes, default, other, base, bits, work):
    """Write the trie of sorted, distinct names as CHAR rows.

    states, edges : the network's tables, with room for one row per character, and one more state
    state, edge   : the first free rows; the trie's root is ``state``
    codes   : int64[N]     code points of the names, one after another, sorted
    offsets : int64[K + 1] where each begins
    closes  : int64[K]     network state after the closing quote of each
    other   : network state after the closing quote of what is none of the names, but begins one
    default : where any other character leads (0: nowhere)
    base    : the state whose mask covers every other key; marks the rows as part of a trie of names
    bits    : int64[K] or int64[0]  each name's bit: a SEEN state then guards every branch where names part
    work    : int64[N + 1, 4]  scratch: names from, to, depth, state
    returns : the number of states written; ``work[0, 0]`` is then the first free edge
    """
    num_names = offsets.shape[0] - 1
    count = 1
    work[0, 0], work[0, 1], work[0, 2], work[0, 3] = 0, num_names, 0, state
    top = 1
    while top > 0:
        top -= 1
        first, last, depth, here = work[top, 0], work[top, 1], work[top, 2], work[top, 3]
        close, parts = other, 0
        if first < last and offsets[first + 1] - offsets[first] == depth:
            close = closes[first]
            first += 1
            parts = bits.shape[0]
        if first < last and codes[offsets[first] + depth] != codes[offsets[last - 1] + depth]:
            parts = bits.shape[0]
        begin = edge
        k = first
        while k < last:
            code = codes[offsets[k] + depth]
            group = k
            while k < last and codes[offsets[k] + depth] == code:
                k += 1
            child = state + count
            count += 1
            edges[edge, 0] = edges[edge, 1] = code
            edges[edge, 2] = child
            if parts > 0:
                guard = states[state + count]
                guard[0], guard[1], guard[2], guard[3] = SEEN, 0, 0, child
                guard[4], guard[5], guard[6], guard[7] = 0, 0, UNBOUNDED, 0
                for name in range(group, k):
                    guard[2] |= bits[name]
                edges[edge, 2] = state + count
                count += 1
            edge += 1
            work[top, 0], work[top, 1], work[top, 2], work[top, 3] = group, k, depth + 1, child
            top += 1
        row = states[here]
        row[0], row[1], row[2], row[3] = CHAR, begin, edge - begin, default
        row[4], row[5], row[6], row[7] = close, 0, UNBOUNDED, base
    work[0, 0] = edge
    return count
