"""Build flat tries from sorted byte strings."""

from __future__ import annotations

import numpy as np

from fsm.kernel import kernel

__all__ = ["build_trie_kernel", "count_nodes_kernel", "group_siblings_kernel", "split_kernel"]


@kernel
def count_nodes_kernel(joined, offsets):
    """Count the nodes of the trie of sorted strings (``build_trie_kernel``): the bytes no string before it shares."""
    count = 0
    for k in range(offsets.shape[0] - 1):
        size, shared = offsets[k + 1] - offsets[k], 0
        if k > 0:
            before = offsets[k - 1]
            limit = min(size, offsets[k] - before)
            while shared < limit and joined[before + shared] == joined[offsets[k] + shared]:
                shared += 1
        count += size - shared
    return count


@kernel
def build_trie_kernel(joined, offsets, ids, nodes, duplicates):
    """Flatten sorted strings depth first.

    joined     : uint8[N]       the strings, one after another, sorted
    offsets    : int64[K + 1]   where each begins
    ids        : int32[K]       the label of each
    nodes      : int32[N, 4]    out: byte, depth, skip, label; as many as ``count_nodes_kernel`` says
    duplicates : int32[V]       out: another label with equal bytes, or -1
    """
    num_strings = offsets.shape[0] - 1
    longest = 0
    for k in range(num_strings):
        longest = max(longest, offsets[k + 1] - offsets[k])
    path = np.zeros(longest + 2, np.int64)  # path[d]: the open node at depth d
    open_depth = 0
    count = 0
    for k in range(num_strings):
        begin, size = offsets[k], offsets[k + 1] - offsets[k]
        shared = 0
        while shared < open_depth and shared < size and nodes[path[shared + 1], 0] == joined[begin + shared]:
            shared += 1
        for depth in range(shared + 1, open_depth + 1):
            nodes[path[depth], 2] = count
        open_depth = size
        if shared == size:  # sorted, so only an equal string can be a prefix of the path: a duplicate
            last = path[size]
            duplicates[ids[k]] = nodes[last, 3]
            nodes[last, 3] = ids[k]
        for depth in range(shared + 1, size + 1):
            nodes[count, 0] = joined[begin + depth - 1]
            nodes[count, 1] = depth
            nodes[count, 3] = -1
            path[depth] = count
            count += 1
        if shared < size:
            nodes[count - 1, 3] = ids[k]
    for depth in range(1, open_depth + 1):
        nodes[path[depth], 2] = count


@kernel
def group_siblings_kernel(nodes, numbers, children):
    """Number the nodes of a trie so that siblings stand side by side, and what is below the first of them comes next.

    nodes    : int32[N, 4]      depth first
    numbers  : int32[N]         out: another number of each node, from 1; the root is 0
    children : int32[N + 1, 2]  out, by that number: the first child and the one after the last; none where equal
    """
    free = 1
    for parent in range(-1, nodes.shape[0]):
        number, child, end = 0, parent + 1, nodes.shape[0]
        if parent >= 0:
            number, end = np.int64(numbers[parent]), np.int64(nodes[parent, 2])
        children[number, 0] = free
        while child < end:
            numbers[child] = free
            free += 1
            child = np.int64(nodes[child, 2])
        children[number, 1] = free


@kernel
def split_kernel(labels, rows, text, is_whole, found):
    """Split a text into longest tokens; count those found.

    labels   : uint8[N + 1]      siblings first, as all of ``TokenTrie`` that is
    rows     : int32[N + 1, 3]   first child, the one after the last child, token id or -1
    text     : uint8[n]
    is_whole : whether the text ends where it ends; else a token that may reach past its end is left out
    found    : int32[n]          out: the tokens
    """
    count = place = 0
    while place < text.shape[0]:
        node, token, end, at = 0, -1, place, place
        while at < text.shape[0]:
            child, last = rows[node, 0], rows[node, 1]
            while child < last and labels[child] < text[at]:
                child += 1
            if child == last or labels[child] != text[at]:
                break
            node = child
            at += 1
            if rows[node, 2] >= 0:
                token, end = rows[node, 2], at
        reaches_past = at == text.shape[0] and rows[node, 0] < rows[node, 1]
        if token < 0 or (reaches_past and not is_whole):
            break
        found[count] = token
        count += 1
        place = end
    return count
