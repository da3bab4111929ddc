"""Lay tries of key names, and what follows each key, into network rows."""

from __future__ import annotations

from fsm.kernel import kernel
from fsm.layout import BYTE, CHAR, CLOSE, COUNT, EDGE, SEEN, STUB, UNBOUNDED

__all__ = ["add_name_kernel", "lay_closes_kernel", "lay_names_kernel"]


@kernel
def lay_closes_kernel(states, edges, row, edge, count, bits, kinds, never, owner, argument, lead, space):
    """Write what follows the closing quotes of keys: a SEEN state each, where there are bits; a colon; a stub.

    states, edges : the network's tables, with room for the rows from ``row`` and ``edge`` on
    count    : the number of colons; all SEEN states come first, then all colons, then all stubs
    bits     : int64[keys] or int64[0]  the bit each key sets, once; ``never`` sets none
    kinds    : int64[keys]  the number of the colon behind each
    owner, argument : of the first stub; the arguments are consecutive
    lead     : the first byte of the separator; ``space`` : white space that may come before it
    """
    colon = row + bits.shape[0]
    stub = colon + count
    for k in range(bits.shape[0]):
        guard = states[row + k]
        guard[0], guard[1], guard[2], guard[3] = SEEN, 0, bits[k], colon + kinds[k]
        guard[4], guard[5], guard[6], guard[7] = bits[k] if bits[k] != never else 0, 0, UNBOUNDED, 0
    for k in range(count):
        here = states[colon + k]
        here[0], here[1], here[2], here[3] = BYTE, edge + k, 1, 0
        here[4], here[5], here[6], here[7] = space, 0, UNBOUNDED, 0
        edges[edge + k, 0] = edges[edge + k, 1] = lead
        edges[edge + k, 2] = stub + k
        after = states[stub + k]
        after[0], after[1], after[2], after[3] = STUB, owner, argument + k, 0
        after[4], after[5], after[6], after[7] = 0, 0, UNBOUNDED, 0


@kernel
def lay_names_kernel(states, edges, state, edge, codes, table, has_bits, default, other, base, work):
    """Write the trie of sorted, distinct names as CHAR rows.

    states, edges : the network's tables, with room for one row per character, and one more state
    state, edge   : the first free rows; the trie's root is ``state``
    codes   : int32[N]     code points of the names, one after another, sorted
    table   : int64[3, K]  per name its length, the network state after its closing quote, and its bit
    has_bits : whether a SEEN state with the bits of its names guards every branch where names part
    other   : network state after the closing quote of what is none of the names, but begins one
    default : where any other character leads (0: nowhere)
    base    : the state whose mask covers every other key; marks the rows as part of a trie of names
    work    : int64[max(N, K) + 2, 5]  scratch: names from, to, depth, state; where each name begins
    returns : the number of states written; ``work[0, 0]`` is then the first free edge
    """
    num_names = table.shape[1]
    closes, bits, offsets = table[1], table[2], work[:, 4]
    offsets[0] = 0
    for k in range(num_names):
        offsets[k + 1] = offsets[k] + table[0, k]
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
            parts = has_bits
        if first < last and codes[offsets[first] + depth] != codes[offsets[last - 1] + depth]:
            parts = has_bits
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


@kernel
def add_name_kernel(states, edges, root, codes, close, other, state, edge):
    """Add a name to a trie that has no guards (``lay_names_kernel``), whose other rows stay what they are.

    codes : int32[N]  code points of the name
    close : the network state after its closing quote; ``other`` : as for ``lay_names_kernel``
    state, edge : the first free rows, with room for the name, and for the edges of one state once more
    returns : the number of states written, and of edges
    """
    here, place = root, 0
    while place < codes.shape[0]:
        child = 0
        for e in range(states[here, EDGE], states[here, EDGE] + states[here, COUNT]):
            if edges[e, 0] == codes[place]:
                child = edges[e, 2]
        if child == 0:
            break
        here = child
        place += 1
    if place == codes.shape[0]:
        states[here, CLOSE] = close
        return 0, 0
    # Where the name parts from the others, the edges are written anew, in order; then comes the rest of it.
    begin, count = states[here, EDGE], states[here, COUNT]
    free, added = edge, False
    for e in range(begin, begin + count + 1):
        if not added and (e == begin + count or edges[e, 0] > codes[place]):
            edges[free, 0] = edges[free, 1] = codes[place]
            edges[free, 2] = state
            free += 1
            added = True
        if e < begin + count:
            edges[free, 0], edges[free, 1], edges[free, 2] = edges[e, 0], edges[e, 1], edges[e, 2]
            free += 1
    for last in range(place, codes.shape[0]):
        row, is_end = states[state + last - place], last + 1 == codes.shape[0]
        row[:] = states[root]
        row[EDGE], row[COUNT], row[CLOSE] = free, 0 if is_end else 1, close if is_end else other
        if not is_end:
            edges[free, 0] = edges[free, 1] = codes[last + 1]
            edges[free, 2] = state + last - place + 1
            free += 1
    states[here, EDGE], states[here, COUNT] = edge, count + 1
    return codes.shape[0] - place, free - edge
