"""Summarise a character state: which tokens stay inside the string, and which close it.

Characters are told apart by class (``fsm.tokens.character_classes``); a set of classes is two integers. Only what no
class decides is walked.
"""

from __future__ import annotations

import numpy as np

from fsm._text_kernels import find_kernel
from fsm.codes import (
    CLASS_CLOSE,
    CLASS_INVALID,
    CLASS_OPEN_CHARACTER,
    CLASS_OPEN_ESCAPE,
    FIRST_WIDE,
    NEED,
    R_FREE,
    R_NEED,
    R_NODE,
    R_TOUCHED,
    ZERO,
)
from fsm.kernel import kernel
from fsm.layout import CLOSE, COUNT, DEFAULT, EDGE, KIND, SHORTEST, STUB, UNBOUNDED

__all__ = ["chain_kernel", "safe_kernel", "summary_kernel"]

# Nodes below which a look at the classes, or at what a character may become, costs more than it saves.
FEW = 12
LAST_CHARACTER, FIRST_SURROGATE, LAST_SURROGATE = 0x10FFFF, 0xD800, 0xDFFF


@kernel
def nearest_kernel(states, edges, state, first, last):
    """Return the fewest characters still needed after one in first..last, ``UNBOUNDED`` where none is allowed."""
    best = UNBOUNDED
    covered = first
    begin = states[state, EDGE]
    for e in range(begin, begin + states[state, COUNT]):
        if edges[e, 0] <= last and edges[e, 1] >= first:
            if edges[e, 2] != 0:
                best = min(best, states[edges[e, 2], SHORTEST])
            if edges[e, 0] <= covered:
                covered = max(covered, edges[e, 1] + 1)
    return 0 if states[state, DEFAULT] != 0 and covered <= last else best


@kernel
def open_kernel(states, edges, state, decode):
    """Return the fewest characters still needed after a partial one, ``UNBOUNDED`` where it can become none allowed."""
    kind, bits = decode & 15, decode >> 4
    if kind <= 3:
        first = bits << (6 * kind)
        last = first + (1 << (6 * kind)) - 1
        if kind == 3:
            first, last = max(first, 0x10000), min(last, 0x10FFFF)
        elif kind == 2:
            first = max(first, 0x800)
        if 0xD800 <= last <= 0xDFFF:
            last = 0xD7FF
        return nearest_kernel(states, edges, state, first, last)
    if kind <= 5:
        return nearest_kernel(states, edges, state, ZERO, np.int64(0x10FFFF))
    if kind <= 8:
        rest = 4 * (9 - kind)
        first, last = bits << rest, ((bits + 1) << rest) - 1
        best = nearest_kernel(states, edges, state, first, last)
        if last >= 0xD800 and first <= 0xDBFF:
            begin = 0x10000 + ((max(first, 0xD800) - 0xD800) << 10)
            end = 0x10000 + ((min(last, 0xDBFF) - 0xD800) << 10) + 0x3FF
            best = min(best, nearest_kernel(states, edges, state, begin, end))
        return best
    read = max(kind - 11, 0)
    top, unit, rest = bits >> (4 * read), bits & ((1 << (4 * read)) - 1), 4 * (4 - read)
    base = 0x10000 + (top << 10) - 0xDC00
    first, last = max(unit << rest, 0xDC00), min(((unit + 1) << rest) - 1, 0xDFFF)
    return nearest_kernel(states, edges, state, base + first, base + last) if first <= last else UNBOUNDED


@kernel
def loops_kernel(states, edges, state, target, ranges, sizes, counts, loops):
    """Find the classes of characters all of which lead from a character state to a target.

    ranges : int64[R, 3]   first, last and class of the characters that are no class of their own
    sizes  : int64[128]    how many characters a class has, 0 = no such class; of what is not finished yet, see below
    counts : int64[128]    scratch
    loops  : int64[>= 2]   out: the set as 128 bits. A character that is not finished belongs to it where all that it
             may become do: those beyond ASCII; after a backslash, all
    """
    loops[0] = loops[1] = 0
    counts[:] = 0
    begin = states[state, EDGE]
    for e in range(begin, begin + states[state, COUNT]):
        if edges[e, 2] == target:
            for code in range(edges[e, 0], min(edges[e, 1], 127) + 1):
                if code >= 32 or code == 9 or code == 10 or code == 13:
                    counts[code] += 1
            for r in range(ranges.shape[0]):
                counts[ranges[r, 2]] += max(0, min(edges[e, 1], ranges[r, 1]) - max(edges[e, 0], ranges[r, 0]) + 1)
    wide, every = True, True
    for number in range(128):
        if sizes[number] > 0:
            if counts[number] < sizes[number]:
                every = False
                wide = wide and not FIRST_WIDE <= number < 32
            elif number < 64:
                loops[0] |= np.int64(1) << number
            else:
                loops[1] |= np.int64(1) << (number - 64)
    if wide:
        loops[0] |= 1 << CLASS_OPEN_CHARACTER
    if every:
        loops[0] |= 1 << CLASS_OPEN_ESCAPE


@kernel
def most_kernel(states, edges, state):
    """Return where most printable ASCII characters lead from a character state, 0 where none leads anywhere."""
    best, size = 0, 0
    begin = states[state, EDGE]
    for e in range(begin, begin + states[state, COUNT]):
        target, led = edges[e, 2], 0
        for f in range(begin, begin + states[state, COUNT]):
            if edges[f, 2] == target:
                led += max(0, min(edges[f, 1], 126) - max(edges[f, 0], 32) + 1)
        if led > size:
            best, size = target, led
    return best


@kernel
def alive_kernel(states, edges, state, ranges, alive):
    """Add the classes of which some character leads on from a character state, or closes it, to a set.

    alive : int64[2]  in and out: the set as 128 bits
    """
    if states[state, CLOSE] != 0:
        alive[0] |= 1 << CLASS_CLOSE
    if states[state, DEFAULT] != 0:
        alive[0] |= ~1
        alive[1] = -1
    begin = states[state, EDGE]
    for e in range(begin, begin + states[state, COUNT]):
        if edges[e, 2] != 0:
            alive[0] |= 1 << CLASS_OPEN_ESCAPE
            for code in range(edges[e, 0], min(edges[e, 1], 127) + 1):
                if code >= 64:
                    alive[1] |= np.int64(1) << (code - 64)
                elif code >= 32 or code == 9 or code == 10 or code == 13:
                    alive[0] |= np.int64(1) << code
            for r in range(ranges.shape[0]):
                if edges[e, 0] <= ranges[r, 1] and edges[e, 1] >= ranges[r, 0]:
                    alive[0] |= np.int64(1) << ranges[r, 2]
            if edges[e, 1] > 127:
                alive[0] |= 1 << CLASS_OPEN_CHARACTER


@kernel
def chain_kernel(states, edges, regs, start, longest, ranges, sizes, counts, leads, reads, alive, scratch):
    """Follow where most characters lead from a character state, as long as the same classes of characters lead on.

    leads : int64[2]  out: set of the classes that lead from the start to the first state of the chain, ``regs[R_NODE]``
    reads : int64[2]  out: set of the classes that lead from each state of the chain to the next one
    alive : int64[2]  out: set of the classes that lead on from some state of the chain
    Returns how many characters may be read in the chain, ``UNBOUNDED`` where it ends in a loop; ``longest`` at the
    most; or NEED.
    """
    state, length = most_kernel(states, edges, start), 0
    loops_kernel(states, edges, start, state, ranges, sizes, counts, leads)
    regs[R_NODE] = state
    if state == 0:
        leads[0] = leads[1] = 0
    reads[0] = reads[1] = alive[0] = alive[1] = 0
    while state != 0:
        if states[state, KIND] == STUB:
            regs[R_NEED] = state
            return NEED
        alive_kernel(states, edges, state, ranges, alive)
        after = most_kernel(states, edges, state)
        loops_kernel(states, edges, state, after, ranges, sizes, counts, scratch)
        if length == 0:
            reads[0], reads[1] = scratch[0], scratch[1]
        elif reads[0] & ~scratch[0] != 0 or reads[1] & ~scratch[1] != 0:
            break
        if after == state:
            return UNBOUNDED
        if after == 0 or length >= longest:
            break
        state = after
        length += 1
    return length


@kernel
def misses_kernel(states, edges, state):
    """Tell whether some character leads nowhere from a character state; there are no surrogates in a string."""
    if states[state, DEFAULT] != 0:
        return False
    expected = 0
    begin = states[state, EDGE]
    for e in range(begin, begin + states[state, COUNT]):
        if edges[e, 2] == 0:
            return True
        if edges[e, 0] > expected and not (expected >= FIRST_SURROGATE and edges[e, 0] <= LAST_SURROGATE + 1):
            return True
        expected = max(expected, edges[e, 1] + 1)
    return expected <= LAST_CHARACTER


@kernel
def safe_kernel(states, edges, regs, start, queue, depths):
    """Return how many characters may be read from a character state whatever they are; or NEED.

    queue, depths : int64[n]  scratch: states by distance, and their distances; no more than n states are looked at
    """
    queue[0], depths[0] = start, 0
    end, place = 1, 0
    while place < end:
        state, depth = queue[place], depths[place]
        if states[state, KIND] == STUB:
            regs[R_NEED] = state
            return NEED
        if misses_kernel(states, edges, state):
            return depth
        begin = states[state, EDGE]
        for e in range(begin, begin + states[state, COUNT] + 1):
            target = states[state, DEFAULT] if e == begin + states[state, COUNT] else edges[e, 2]
            seen = target == 0
            for i in range(end):
                seen = seen or queue[i] == target
            if not seen:
                if end == queue.shape[0]:
                    return depth
                queue[end], depths[end] = target, depth + 1
                end += 1
        place += 1
    return UNBOUNDED


@kernel(inline="always")
def has_kernel(low, high, number):
    """Tell whether a set of classes has a class."""
    return (low >> number if number < 64 else high >> (number - 64)) & 1 != 0


@kernel
def summary_kernel(
    states,
    edges,
    regs,
    path,
    nodes,
    characters,
    duplicates,
    classes,
    below,
    heights,
    widths,
    order,
    places,
    ranges,
    sizes,
    counts,
    begins,
    loop,
    passed,
    length,
    loops,
    mask,
    inside,
    needs,
    exits,
    exit_counts,
):
    """Walk the trie from one character state and stop where it closes.

    Where a state reads every class of characters that is below a node without being left, nothing there is walked.

    path    : int64[depth, 5]  along the open path: the state; the characters before it; whether all of them are in the
              chain (below); the classes that may follow without a look. ``path[0]`` is the start
    classes, below, heights, widths, order, places, ranges, sizes : ``fsm.tokens.character_classes``; counts is scratch
    begins, loop, length : a chain (``chain_kernel``): the classes that lead into it from the start, those it reads, and
              how many characters of them. Tokens in the chain alone are left out
    passed  : the classes that it reads and those that lead nowhere from it: below a node in the chain, where tokens are
              made of these alone, nothing is walked
    loops   : int64[S, 3]  what ``loops_kernel`` found for each state, and whether it was asked
    inside  : int32[V] or int32[0]  out: tokens that end before a close, and in needs how many characters they take at
              least (their own, one more if they end inside a character, and the shortest way on from there)
    exits   : int32[E]  out: trie nodes whose byte closes the string, with the characters before it
    Returns the number of tokens inside; ``regs[R_TOUCHED]`` is the number of exits. NEED resumes at ``regs[R_NODE]``;
    ``regs[R_FREE]`` carries the number inside meanwhile.
    """
    node = regs[R_NODE]
    count = regs[R_FREE]
    if node == 0:
        loops_kernel(states, edges, path[0, 0], path[0, 0], ranges, sizes, counts, path[0, 3:])
    while node < nodes.shape[0]:
        depth, after, token = np.int64(nodes[node, 1]), np.int64(nodes[node, 2]), np.int64(nodes[node, 3])
        state, taken, looping = path[depth - 1, 0], path[depth - 1, 1], path[depth - 1, 2]
        number = np.int64(classes[node])
        if number == CLASS_CLOSE or number == CLASS_INVALID:
            if number == CLASS_CLOSE and states[state, CLOSE] != 0:
                exits[regs[R_TOUCHED]] = node
                exit_counts[regs[R_TOUCHED]] = taken
                regs[R_TOUCHED] += 1
            node = after
            continue
        if taken == 0:
            is_known = begins[number] != 0
        else:
            is_known = looping != 0 and taken <= length and has_kernel(loop[0], loop[1], number)
        is_open = number == CLASS_OPEN_CHARACTER or number == CLASS_OPEN_ESCAPE
        if is_open:
            target, owed = state, 0
            if not is_known and (token >= 0 or after - node > FEW):
                owed = open_kernel(states, edges, state, characters[node, 1]) + 1
                if owed > UNBOUNDED:  # what it may become, which is all that is below, is not allowed
                    node = after
                    continue
            for column in range(5):
                path[depth, column] = path[depth - 1, column]
        else:
            target = find_kernel(edges, states[state, EDGE], states[state, COUNT], np.int64(characters[node, 0]))
            if target <= 0:
                node = after
                continue
            if states[target, KIND] == STUB:
                regs[R_NEED] = target
                regs[R_NODE] = node
                regs[R_FREE] = count
                return NEED
            taken += 1
            owed = states[target, SHORTEST]
            path[depth, 0], path[depth, 1], path[depth, 2] = target, taken, is_known
            path[depth, 3], path[depth, 4] = path[depth - 1, 3], path[depth - 1, 4]
            if is_known:
                path[depth, 3], path[depth, 4] = passed[0], passed[1]
            elif target != state or looping != 0:
                path[depth, 3] = path[depth, 4] = 0
                if after - node > FEW:
                    known = loops[target]
                    if known[2] == 0:
                        loops_kernel(states, edges, target, target, ranges, sizes, counts, known)
                        known[2] = 1
                    path[depth, 3], path[depth, 4] = known[0], known[1]
        while token >= 0 and not is_known:
            mask[token >> 5] |= np.int32(1 << (token & 31))
            if inside.shape[0] > 0:
                inside[count] = token
                needs[count] = taken + owed
                count += 1
            token = np.int64(duplicates[token]) if token < duplicates.shape[0] else -1
        node += 1
        if below[node - 1, 0] & ~path[depth, 3] == 0 and below[node - 1, 1] & ~path[depth, 4] == 0:
            if path[depth, 2] != 0:
                if length != UNBOUNDED and taken + np.int64(heights[node - 1]) > length + 1:
                    continue
            else:
                for place in range(places[node], places[after]):
                    token = np.int64(order[place])
                    mask[token >> 5] |= np.int32(1 << (token & 31))
                    if inside.shape[0] > 0:
                        inside[count] = token
                        needs[count] = widths[token] + states[target, SHORTEST]
                        count += 1
            node = after
    regs[R_NODE] = node
    regs[R_FREE] = count
    return count
