"""Read what tokens spell as bodies of JSON strings, once per vocabulary."""

from __future__ import annotations

import numpy as np

from fsm._text_kernels import escape_kernel, utf8_kernel
from fsm.codes import FOREVER, INVALID, PARTIAL, QUOTE, ZERO
from fsm.kernel import kernel

__all__ = ["decode_kernel", "openings_kernel"]


@kernel
def openings_kernel(states, levels, nodes, numbers, quotes, inside, closings, insides):
    """Read what follows every quote of the trie as the body of a free JSON string.

    states   : row 3 is the free string's; levels : int64[depth] scratch
    nodes    : int32[N, 4]      the trie depth first; numbers : int32[N] other numbers of them
    quotes   : int32[Q]         the nodes whose byte is a quote
    inside   : int32[Q + 1, 2]  out: where each quote's labels begin in ``insides``, and its nodes in ``closings``
    insides  : int32[I]         out: labels that end inside the string
    closings : int32[C]         out: nodes, by those numbers, whose byte closes it
    Returns whether there was room; else ``inside[Q]`` says how much is needed.
    """
    num_inside, num_closings = 0, 0
    edges = np.zeros((1, 3), np.int64)
    edges[0, 1], edges[0, 2] = 0x10FFFF, 3
    for q in range(quotes.shape[0]):
        inside[q, 0], inside[q, 1] = num_inside, num_closings
        opener = np.int64(quotes[q])
        top = np.int64(nodes[opener, 1])
        levels[top] = 0
        node = opener + 1
        while node < nodes[opener, 2]:
            byte, depth, skip = np.int64(nodes[node, 0]), np.int64(nodes[node, 1]), np.int64(nodes[node, 2])
            decode = levels[depth - 1]
            if decode == 0 and byte == 34:
                if num_closings < closings.shape[0]:
                    closings[num_closings] = numbers[node]
                num_closings += 1
                node = skip
                continue
            result = -1
            if decode & 15 >= 4 or (decode == 0 and byte == 92):
                result = escape_kernel(states, edges, np.int64(3), decode, ZERO, FOREVER, byte, ZERO, ZERO)
            elif decode != 0 or byte >= 32:
                result = utf8_kernel(states, edges, np.int64(3), decode, ZERO, FOREVER, byte, ZERO, ZERO)
            if result == -1:
                node = skip
                continue
            levels[depth] = max(result, 0)
            if nodes[node, 3] >= 0:
                if num_inside < insides.shape[0]:
                    insides[num_inside] = nodes[node, 3]
                num_inside += 1
            node += 1
    inside[quotes.shape[0], 0], inside[quotes.shape[0], 1] = num_inside, num_closings
    return num_inside <= insides.shape[0] and num_closings <= closings.shape[0]


@kernel
def decode_kernel(states, edges, frontier, levels, nodes, characters):
    """Read every trie path as the body of a JSON string, from a character boundary on.

    frontier   : begins with the free string's configuration
    characters : int32[N, 2]  out: the character that ends at a node, or ``PARTIAL``, ``QUOTE``, ``INVALID``; and for
                 partial ones their decode
    """
    levels[0], levels[1] = 0, 1
    node = 0
    while node < nodes.shape[0]:
        byte, depth, skip = np.int64(nodes[node, 0]), np.int64(nodes[node, 1]), np.int64(nodes[node, 2])
        source = levels[depth - 1]
        state, decode = frontier[source, 0], frontier[source, 2]
        characters[node, 1] = 0
        result = -1
        if decode == 0 and byte == 34:
            characters[node, 0] = QUOTE
            node = skip
            continue
        if decode == 0 and byte < 32:
            result = -1
        elif decode & 15 >= 4 or (decode == 0 and byte == 92):
            result = escape_kernel(states, edges, state, decode, ZERO, FOREVER, byte, ZERO, ZERO)
        else:
            result = utf8_kernel(states, edges, state, decode, ZERO, FOREVER, byte, ZERO, ZERO)
        if result == -1:
            characters[node, 0] = INVALID
            node = skip
            continue
        end = levels[depth]
        frontier[end, 0] = state
        frontier[end, 2] = max(result, 0)
        levels[depth + 1] = end + 1
        characters[node, 0] = PARTIAL if result >= 0 else -2 - result
        characters[node, 1] = max(result, 0)
        node += 1
