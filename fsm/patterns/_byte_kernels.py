"""Walk the token trie through a growing automaton over bytes, and sort the trie by the length of tokens."""

from __future__ import annotations

import numpy as np

from fsm.kernel import kernel

__all__ = [
    "ALL_ONES",
    "UNKNOWN",
    "WIDE",
    "advance_texts_kernel",
    "allow_exits_kernel",
    "allow_tokens_kernel",
    "forbid_tokens_kernel",
    "join_all_tries_kernel",
    "join_tries_kernel",
    "keep_nodes_kernel",
    "measure_nodes_kernel",
    "measure_texts_kernel",
    "split_trie_kernel",
    "unite_rests_kernel",
]

UNKNOWN = -1
"""Stands in the first column of a row that is not written yet."""


HEIGHT, WIDE, BROKEN, DEAD = 0xFFFFFF, 1 << 26, 1 << 27, 1 << 28
ALL_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


@kernel
def allow_tokens_kernel(delta, nodes, duplicates, path, registers, mask):
    """Set the bit of every token that the automaton reads whole.

    delta      : int32[S, 256]   next state by byte, 0 = dead
    nodes      : int32[N, 4]     a token trie (``fsm.tokens.trie``)
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


@kernel
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


@kernel
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


@kernel
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


@kernel
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


@kernel
def allow_exits_kernel(
    delta, nodes, duplicates, ordered, places, exits, begins, children, start, home, path, registers, mask
):  # fmt: skip
    """Set the bit of every token that the automaton reads whole, where it begins by going to ``home`` and on there.

    mask     : int32[W]    the tokens that do nothing else (``fsm.tokens.token_loops``), before
    exits    : int32[E]    the nodes at which others leave it; begins : int32[E]  the first node on the way to each
    children : int32[C]    the nodes of first bytes
    start    : the state to begin in, which may be ``home``; both have their rows
    registers : int64[3]   the node to go on at; out: nodes looked at so far; the exit or child to go on at
    The rest is as for ``allow_tokens_kernel``. First bytes that stay at ``home`` but lead elsewhere from ``start`` are
    walked like any other.
    """
    node, seen, place = registers[0], registers[1], registers[2]
    num_exits = exits.shape[0]
    if place == 0:
        for i in range(children.shape[0]):
            byte = nodes[children[i], 0]
            if byte < 128 and delta[home, byte] == home and delta[start, byte] != home:
                for k in range(places[children[i]], places[nodes[children[i], 2]]):
                    token = np.int64(ordered[k])
                    mask[token >> 5] &= ~np.int32(1 << (token & 31))
        place = 1
    while place <= num_exits + children.shape[0]:
        if place <= num_exits:
            first = np.int64(exits[place - 1])
            begin = nodes[begins[place - 1], 0]
            is_odd = begin < 128 and delta[home, begin] == home and delta[start, begin] != home
            source = start if nodes[first, 1] == 1 else home
            is_walked = source == start or not is_odd
        else:
            first, source = np.int64(children[place - 1 - num_exits]), start
            byte = nodes[first, 0]
            is_walked = byte < 128 and delta[home, byte] == home and delta[start, byte] != home
        if is_walked:
            last = np.int64(nodes[first, 2])
            node = max(node, first)
            path[nodes[first, 1] - 1] = source
            while node < last:
                depth = nodes[node, 1]
                state = path[depth - 1]
                following = delta[state, nodes[node, 0]]
                seen += 1
                if following <= 0:
                    if delta[state, 0] == UNKNOWN:
                        registers[0], registers[1], registers[2] = node, seen, place
                        return state
                    node = np.int64(nodes[node, 2])
                    continue
                path[depth] = following
                token = np.int64(nodes[node, 3])
                while token >= 0:
                    mask[token >> 5] |= np.int32(1 << (token & 31))
                    token = np.int64(duplicates[token])
                node += 1
        node = 0
        place += 1
    registers[1] = seen
    return -1


@kernel
def join_tries_kernel(tokens, duplicates, firsts, texts, first, end, stack, mask, touched, moves, num_moves):
    """Set the bit of every token that is the beginning of a text.

    tokens     : int32[N, 4]   the token trie; duplicates : int32[V]
    firsts     : int32[256]    its nodes by first byte, or -1
    texts      : int32[M, 4]   the texts as a trie, of which the siblings from ``first`` to ``end`` may come next
    stack      : int32[M + 1, 4]   scratch
    mask       : int32[W]      out; touched : int32[W]  out: the words that were 0 before
    moves      : int32[K, 2]   out: each token, and the node of the texts that it leads to, from ``num_moves[0]`` on, as
                               many as there is room for
    num_moves  : int64[1]      in place: how many there would be
    Returns the number of touched words.
    """
    top, count, child, placed = 0, 0, first, num_moves[0]
    while child < end:
        node = firsts[texts[child, 0]]
        if node >= 0:
            # The one node, as if it had no siblings: its subtree ends where theirs would begin.
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = node, tokens[node, 2], child, texts[child, 2]
            top += 1
        child = texts[child, 2]
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
                    if mask[token >> 5] == 0:
                        touched[count] = token >> 5
                        count += 1
                    mask[token >> 5] |= np.int32(1 << (token & 31))
                    if placed < moves.shape[0]:
                        moves[placed, 0], moves[placed, 1] = token, other
                    placed += 1
                    token = np.int64(duplicates[token])
                after, rest = tokens[one, 2], texts[other, 2]
                if one + 1 < after and other + 1 < rest:
                    stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = one + 1, after, other + 1, rest
                    top += 1
                one, other = after, rest
    num_moves[0] = placed
    return count


@kernel
def join_all_tries_kernel(
    tokens, duplicates, firsts, texts, rests, stack, mask, touched, starts, words, values, begins, moves, num_moves
):  # fmt: skip
    """Do the same before the first byte, and for every node of the texts' trie, as lists of words that are not 0.

    rests  : int32[M]        the node after which the same may come (``unite_rests_kernel``); only those count
    mask   : int32[W]        scratch, 0 before and after;  touched : int32[W]  scratch
    starts : int32[M + 2]    out: where the words of what may follow begin, for the first byte and for each node
    words  : int64[R]        out;  values : int32[R]  out
    begins : int32[M + 2]    out: where the moves of each begin;  moves : int32[K, 2]  out
    num_moves : int64[1]     0 before
    Returns whether there was room.
    """
    size = 0
    for node in range(-1, texts.shape[0]):
        starts[node + 1], begins[node + 1] = size, num_moves[0]
        if node >= 0 and rests[node] != node:
            continue
        last = texts.shape[0] if node < 0 else np.int64(texts[node, 2])
        count = join_tries_kernel(
            tokens, duplicates, firsts, texts, np.int64(node + 1), last, stack, mask, touched, moves,
            num_moves,
        )  # fmt: skip
        has_room = size + count <= words.shape[0] and num_moves[0] <= moves.shape[0]
        for i in range(count):
            if has_room:
                words[size + i], values[size + i] = touched[i], mask[touched[i]]
            mask[touched[i]] = 0
        if not has_room:
            return False
        size += count
    starts[texts.shape[0] + 1], begins[texts.shape[0] + 1] = size, num_moves[0]
    return True


@kernel
def unite_rests_kernel(texts, table, rests):
    """Find for each node of the texts' trie the last one after which the same may come.

    table : int32[2^n]  scratch, -1; more than twice as many as there are nodes
    rests : int32[M]    out
    """
    for node in range(texts.shape[0] - 1, -1, -1):
        slot, child = np.int64(texts[node, 3] >= 0), np.int64(node + 1)
        while child < texts[node, 2]:
            slot = (slot * 31 + np.int64(texts[child, 0])) * 40503 + rests[child]
            child = np.int64(texts[child, 2])
        slot = (slot ^ (slot >> 17)) & (table.shape[0] - 1)
        while table[slot] >= 0:
            other = np.int64(table[slot])
            same = (texts[node, 3] >= 0) == (texts[other, 3] >= 0)
            child, twin = np.int64(node + 1), np.int64(other + 1)
            while same and child < texts[node, 2] and twin < texts[other, 2]:
                same = texts[child, 0] == texts[twin, 0] and rests[child] == rests[twin]
                child, twin = np.int64(texts[child, 2]), np.int64(texts[twin, 2])
            if same and child >= texts[node, 2] and twin >= texts[other, 2]:
                break
            slot = (slot + 1) & (table.shape[0] - 1)
        if table[slot] < 0:
            table[slot] = node
        rests[node] = table[slot]


@kernel
def advance_texts_kernel(texts, node, data, first, last):
    """Return the node of the texts' trie after the bytes ``data[first:last]`` from a node (-1: the root), or -2."""
    for place in range(first, last):
        child, end = (np.int64(0), np.int64(texts.shape[0])) if node < 0 else (node + 1, np.int64(texts[node, 2]))
        while child < end and texts[child, 0] != data[place]:
            child = np.int64(texts[child, 2])
        if child >= end:
            return np.int64(-2)
        node = child
    return np.int64(node)


@kernel
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
