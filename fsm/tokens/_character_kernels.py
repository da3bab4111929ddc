"""Sort the characters of trie nodes into classes, and gather the classes below each node and of each token."""

from __future__ import annotations

import numpy as np

from fsm.codes import (
    CLASS_CLOSE,
    CLASS_INVALID,
    CLASS_OPEN_CHARACTER,
    CLASS_OPEN_ESCAPE,
    CLASS_OTHER_CONTROL,
    INVALID,
    PARTIAL,
    QUOTE,
)
from fsm.kernel import kernel

__all__ = [
    "chain_row_kernel",
    "classify_kernel",
    "gather_below_kernel",
    "group_exits_kernel",
    "order_tokens_kernel",
    "subtract_exits_kernel",
]

# The state of a partial character up to which it is one of UTF-8, not of an escape (``fsm._text_kernels``).
LAST_UTF8 = 3


@kernel
def class_kernel(code, ranges):
    """Return the class of a character.

    ranges : int64[R, 3]  first, last and class of the characters beyond ASCII
    """
    if code < 128:
        return code if code >= 32 or code == 9 or code == 10 or code == 13 else CLASS_OTHER_CONTROL
    for i in range(ranges.shape[0]):
        if ranges[i, 0] <= code <= ranges[i, 1]:
            return ranges[i, 2]
    return CLASS_INVALID


@kernel
def classify_kernel(nodes, characters, duplicates, ranges, path, classes, first, rest, widths):
    """Classify every node, and gather what each token is made of.

    nodes, characters, duplicates : the trie, depth first, and its characters (``decode_kernel``)
    path    : int64[depth, 4]  scratch, zero: classes after the first character, how many characters, the first class
    classes : uint8[N]     out: class of the character that ends at a node, or why none does
    first   : uint8[V]     in: ``CLASS_INVALID``; out: class of a token's first character, where it is inside a string
    rest    : int64[2, V]  out: set of the classes of the others, as 128 bits
    widths  : int32[V]     out: characters, one that is not finished included
    """
    node = 0
    while node < nodes.shape[0]:
        code, depth, token = characters[node, 0], np.int64(nodes[node, 1]), np.int64(nodes[node, 3])
        if code == INVALID or code == QUOTE:
            for inner in range(node, nodes[node, 2]):
                classes[inner] = CLASS_INVALID
            classes[node] = CLASS_INVALID if code == INVALID else CLASS_CLOSE
            node = np.int64(nodes[node, 2])
            continue
        low, high, width, opener = path[depth - 1, 0], path[depth - 1, 1], path[depth - 1, 2], path[depth - 1, 3]
        if code == PARTIAL:
            kind = CLASS_OPEN_CHARACTER if characters[node, 1] & 15 <= LAST_UTF8 else CLASS_OPEN_ESCAPE
            path[depth] = path[depth - 1]
        else:
            kind = class_kernel(code, ranges)
        classes[node] = kind
        if width == 0:
            opener = kind
        elif kind < 64:
            low |= np.int64(1) << kind
        else:
            high |= np.int64(1) << (kind - 64)
        if code != PARTIAL:
            path[depth, 0], path[depth, 1], path[depth, 2], path[depth, 3] = low, high, width + 1, opener
        while token >= 0:
            first[token], widths[token] = opener, width + 1
            rest[0, token], rest[1, token] = low, high
            token = np.int64(duplicates[token])
        node += 1


@kernel
def gather_below_kernel(nodes, classes, above, below, heights):
    """Gather the classes below every node, and the most characters of a token from there on.

    above : int64[depth + 2, 3]  scratch, zero
    below : int64[N, 2]  out: set of the classes of the nodes below, as 128 bits; a character that is not finished
            counts where a token ends in it
    heights : uint8[N]   out: characters, 255 for more
    """
    for node in range(nodes.shape[0] - 1, -1, -1):
        depth, kind = np.int64(nodes[node, 1]), np.int64(classes[node])
        low, high, height = above[depth + 1, 0], above[depth + 1, 1], above[depth + 1, 2]
        above[depth + 1, 0] = above[depth + 1, 1] = above[depth + 1, 2] = 0
        below[node, 0], below[node, 1], heights[node] = low, high, min(height, 255)
        if kind >= 64:
            high |= np.int64(1) << (kind - 64)
            height += 1
        elif kind != CLASS_OPEN_CHARACTER and kind != CLASS_OPEN_ESCAPE:
            low |= np.int64(1) << kind
            height += 1
        elif nodes[node, 3] >= 0:
            low |= np.int64(1) << kind
            height = max(height, 1)
        above[depth, 0] |= low
        above[depth, 1] |= high
        above[depth, 2] = max(above[depth, 2], height)


@kernel
def order_tokens_kernel(nodes, duplicates, order, places):
    """List the tokens in the order of the trie.

    order  : int32[V]      out: tokens, those with equal bytes side by side
    places : int32[N + 1]  out: the tokens below and at nodes i to j (excluded) are ``places[i]:places[j]``
    """
    count = 0
    for node in range(nodes.shape[0]):
        places[node] = count
        token = np.int64(nodes[node, 3])
        while token >= 0:
            order[count] = token
            count += 1
            token = np.int64(duplicates[token])
    places[nodes.shape[0]] = count


@kernel
def chain_row_kernel(first, rest, widths, begins, reads, length, row):
    """Set the bits of the tokens whose first character begins a chain that reads the others (``chain_kernel``).

    begins : uint8[128]  1 for the classes that lead into the chain
    reads, length : the set of classes that it reads, and how many characters of them
    row    : int32[W]    out
    """
    # PERF: 45 instead of 270 us for 128,000 tokens: without branches, over lines that lie side by side.
    low, high, most = ~reads[0], ~reads[1], np.int32(min(length, 1 << 20) + 1)
    fits = np.empty(32, np.uint8)
    for word in range(row.shape[0]):
        begin, bits = 32 * word, np.uint32(0)
        count = min(32, first.shape[0] - begin)
        for bit in range(count):
            fits[bit] = (rest[0, begin + bit] & low) | (rest[1, begin + bit] & high) == 0
        for bit in range(count):
            is_read = fits[bit] & begins[first[begin + bit]] & (widths[begin + bit] <= most)
            bits |= np.uint32(is_read) << np.uint32(bit)
        row[word] = np.int32(bits)


@kernel
def group_exits_kernel(nodes, exits, exit_counts, num_exits, quotes, pairs, begins, found, tokens, counts, starts):
    """List the tokens through some quotes by what follows the quote.

    nodes  : int32[Q]  trie nodes whose byte is a quote; exits : int32[E] those that are meant; both ascending
    exit_counts : int32[E]  characters before each
    quotes, pairs : int32[P]  quotes and tokens by ending; those of ending e are ``begins[e]:begins[e + 1]``
    found  : int32[Q]  scratch
    tokens, counts : int32[P]  out: the tokens and the characters before the quote; ``starts`` says where endings begin
    Returns how many there are.
    """
    place = 0
    for quote in range(nodes.shape[0]):
        found[quote] = -1
        if place < num_exits and exits[place] == nodes[quote]:
            found[quote] = exit_counts[place]
            place += 1
    count = 0
    for ending in range(begins.shape[0] - 1):
        starts[ending] = count
        for pair in range(begins[ending], begins[ending + 1]):
            if found[quotes[pair]] >= 0:
                tokens[count], counts[count] = pairs[pair], found[quotes[pair]]
                count += 1
    starts[begins.shape[0] - 1] = count
    return count


@kernel
def subtract_exits_kernel(tokens, counts, starts, less_tokens, less_starts, kept, kept_counts, kept_starts):
    """Leave some of the tokens that ``group_exits_kernel`` listed out of others that it listed.

    kept, kept_counts, kept_starts : int32  out: like the first three
    Returns how many are left.
    """
    count = 0
    for ending in range(starts.shape[0] - 1):
        kept_starts[ending] = count
        place, end = less_starts[ending], less_starts[ending + 1]
        for pair in range(starts[ending], starts[ending + 1]):
            if place < end and less_tokens[place] == tokens[pair]:
                place += 1
            else:
                kept[count], kept_counts[count] = tokens[pair], counts[pair]
                count += 1
    kept_starts[starts.shape[0] - 1] = count
    return count
