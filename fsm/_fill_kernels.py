"""Walk the trie of tokens through the network, and set the bit of every token that fits."""

from __future__ import annotations

import numpy as np
from numba import carray

from fsm._address_kernels import line_kernel, pointer, table_kernel, words_kernel
from fsm._stack_kernels import arrive_kernel, popped_kernel, push_kernel, tested_kernel
from fsm._step_kernels import step_kernel
from fsm._text_kernels import find_kernel
from fsm.codes import (
    ARENA_FULL,
    NAMES,
    NEED,
    NUMERAL,
    ONE,
    R_DEPTH,
    R_FOUND,
    R_FREE_STATE,
    R_KEPT,
    R_NEED,
    R_NODE,
    R_OPENED,
    R_OPENED_STATE,
    R_STACK,
    R_STACKS,
    R_TOUCHED,
    R_WATCHED,
    SLACK,
    WALK_ALL,
    WALK_BELOW,
    WALK_ENDINGS,
    WALK_NAMES,
    WALK_SPACED,
    WALK_UNSPACED,
    ZERO,
)
from fsm.kernel import kernel
from fsm.layout import (
    BASE,
    BYTE,
    CALL,
    CALLEE,
    CHAR,
    CLOSE,
    COUNT,
    DEFAULT,
    EDGE,
    HIGH,
    KIND,
    LONGEST,
    LOW,
    NOTE,
    POP,
    RETURN,
    SEEN,
    SHORTEST,
    STUB,
    UNBOUNDED,
    WATCHED,
    WS,
)

__all__ = ["begin_at_kernel", "fill_entry", "fill_kernel"]

# How sibling nodes are visited: all; those whose byte passes the gate; the nodes that close a free string, or a key.
ALL_NODES, GATED, CLOSINGS, CLOSINGS_OF_KEY = range(4)
# Up to this many sibling nodes are tried one by one.
FEW = 12
# More configurations than this are stepped without looking first which bytes they accept.
MANY = 64


@kernel
def set_token_kernel(token, duplicates, base, mask, touched, regs):
    """Set the bit of a token and of the tokens with equal bytes; note words that first differ from the base row."""
    while token >= 0:
        word = token >> 5
        old = mask[word]
        new = old | np.int32(1 << (token & 31))
        if new != old:
            if old == base[word]:
                touched[regs[R_TOUCHED]] = word
                regs[R_TOUCHED] += 1
            mask[word] = new
        if token >= duplicates.shape[0]:  # no two tokens have equal bytes
            return
        token = np.int64(duplicates[token])


@kernel
def clear_token_kernel(token, duplicates, base, mask, touched, regs):
    """Clear the bit of a token and of the tokens with equal bytes."""
    while token >= 0:
        word = token >> 5
        old = mask[word]
        new = old & ~np.int32(1 << (token & 31))
        if new != old:
            if old == base[word]:
                touched[regs[R_TOUCHED]] = word
                regs[R_TOUCHED] += 1
            mask[word] = new
        if token >= duplicates.shape[0]:  # no two tokens have equal bytes
            return
        token = np.int64(duplicates[token])


@kernel
def fast_kernel(states, edges, stacks, table, regs, state, stack, byte):
    """Step one plain configuration by one byte where that needs no counters, forks, escapes or notes.

    Returns the target with its stack node in ``regs[R_STACK]``; 0 when dead, -1 when ``step_kernel`` must do it.
    """
    watched, watcher = ZERO, ZERO  # what a NOTE on the way watches counts where the byte fits
    while True:
        kind = states[state, KIND]
        first = states[state, EDGE]
        if kind == BYTE:
            for e in range(first, first + states[state, COUNT]):
                if byte <= edges[e, 1]:
                    if byte >= edges[e, 0]:
                        regs[R_STACK] = stack
                        target = edges[e, 2]
                        if states[target, KIND] == SEEN:
                            target = arrive_kernel(states, stacks, table, regs, target, stack)
                        if watched != 0 and target != 0:
                            tested_kernel(stacks, regs, watcher, watched)
                        return target
                    break
            if states[state, WS] != 0 and (byte == 32 or byte == 10 or byte == 13 or byte == 9):
                regs[R_STACK] = push_kernel(stacks, table, regs, state, stack, ZERO)
                if watched != 0:
                    tested_kernel(stacks, regs, watcher, watched)
                return states[state, WS]
            state = states[state, DEFAULT]
            if state == 0:
                return 0
        elif kind == CHAR:
            if byte < 32:
                return 0
            if byte > 126:
                last = first + states[state, COUNT] - 1
                if states[state, DEFAULT] == 0 and (last < first or edges[last, 1] < 127):
                    return 0
                return -1
            if byte == 92 or states[state, LONGEST] != UNBOUNDED or states[state, SHORTEST] != 0:
                return -1
            regs[R_STACK] = stack
            target = states[state, DEFAULT]
            if byte == 34:
                target = states[state, CLOSE]
            else:
                for e in range(first, first + states[state, COUNT]):
                    if byte <= edges[e, 1]:
                        if byte >= edges[e, 0]:
                            target = edges[e, 2]
                        break
            if states[target, KIND] == SEEN:
                target = arrive_kernel(states, stacks, table, regs, target, stack)
            return target
        elif kind == POP:
            popped_kernel(stacks, regs, stack)
            if stack == 0:
                return 0
            state = stacks[stack, 0]
            stack = stacks[stack, 1]
        elif kind == CALL and states[state, HIGH] == UNBOUNDED and states[state, LOW] == 0:
            if regs[R_STACKS] + SLACK > stacks.shape[0]:
                return -1
            if states[state, RETURN] != 0:
                stack = push_kernel(stacks, table, regs, states[state, RETURN], stack, ZERO)
            state = first
        elif kind == NOTE and watched == 0:
            watched, watcher = states[state, WATCHED], stack
            state = states[state, DEFAULT]
        else:
            return -1


@kernel
def gate_kernel(states, edges, stacks, regs, state, stack, decode, gates, depth, mode):
    """Find the bytes that a configuration may accept next.

    gates : uint8[depth, 256]  out: 1 for those bytes, at this depth
    mode  : ``WALK_NAMES`` looks at the names of a key only, as ``fill_kernel`` does; ``WALK_UNSPACED`` leaves white
            space out
    Returns ``GATED``, or ``ALL_NODES`` where every byte must be tried.
    """
    gate = gates[depth]
    if decode & 15 == 4:
        gate[34] = gate[92] = gate[47] = gate[98] = gate[102] = gate[110] = gate[114] = gate[116] = gate[117] = 1
        return GATED
    if decode != 0:
        return ALL_NODES
    called = False
    while True:
        kind = states[state, KIND]
        first = states[state, EDGE]
        if kind == BYTE:
            for e in range(first, first + states[state, COUNT]):
                for byte in range(edges[e, 0], edges[e, 1] + 1):
                    gate[byte] = 1
            if states[state, WS] != 0:
                gate[9] = gate[10] = gate[13] = gate[32] = 1
            state = states[state, DEFAULT]
            if state == 0:
                break
        elif kind == CHAR:
            if states[state, DEFAULT] != 0 and mode != WALK_NAMES:
                return ALL_NODES
            for e in range(first, first + states[state, COUNT]):
                if edges[e, 1] > 126:
                    return ALL_NODES
                for byte in range(max(32, edges[e, 0]), edges[e, 1] + 1):
                    gate[byte] = 1
            gate[34] = gate[92] = 1
            break
        elif kind == POP:
            if called:  # what was pushed on the way is not on this stack
                return ALL_NODES
            popped_kernel(stacks, regs, stack)
            if stack == 0:
                break
            state = stacks[stack, 0]
            stack = stacks[stack, 1]
        elif kind == CALL:
            called = called or states[state, RETURN] != 0
            state = first
        elif kind == NOTE:
            state = states[state, DEFAULT]
        else:
            return ALL_NODES
    if mode == WALK_UNSPACED:
        gate[9] = gate[10] = gate[13] = gate[32] = 0
    return GATED


@kernel
def enter_kernel(states, edges, stacks, regs, frontier, levels, path, gates, depth, first, last, mode):
    """Begin to visit the sibling nodes ``first`` to ``last`` (excluded) at a depth.

    path  : int64[depth, 4]    out: the next sibling to visit, the end of the siblings, how (``ALL_NODES`` ...), and
            whether they are read as names only (``WALK_NAMES``)
    gates : uint8[depth, 256]  out: the bytes worth trying, looked for where that is cheaper than trying them
    """
    path[depth, 0] = first
    path[depth, 1] = last
    path[depth, 2], path[depth, 3] = ALL_NODES, mode == WALK_NAMES
    begin, end = levels[depth - 1], levels[depth]
    if end - begin > MANY or (last - first <= FEW and mode != WALK_UNSPACED):
        return
    gates[depth] = 0
    for i in range(begin, end):
        how = gate_kernel(
            states, edges, stacks, regs, frontier[i, 0], frontier[i, 1], frontier[i, 2], gates, depth, mode
        )
        if how == ALL_NODES:
            return
    path[depth, 2] = GATED


@kernel(inline="always")
def mark_kernel(label, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high):
    """Set the bits of a label's tokens: of the token itself, or of those with that ending (``fill_kernel``)."""
    if starts.shape[0] == 0:
        set_token_kernel(label, duplicates, base, mask, touched, regs)
    else:
        for p in range(starts[label], starts[label + 1]):
            if low <= counts[p] <= high:
                set_token_kernel(np.int64(tokens[p]), duplicates, base, mask, touched, regs)


@kernel
def unmark_kernel(nodes, place, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high):
    """Clear the bits of all tokens in the subtree of a depth-first node."""
    for inner in range(place, np.int64(nodes[place, 2])):
        label = np.int64(nodes[inner, 3])
        if label >= 0 and starts.shape[0] == 0:
            clear_token_kernel(label, duplicates, base, mask, touched, regs)
        elif label >= 0:
            for p in range(starts[label], starts[label + 1]):
                if low <= counts[p] <= high:
                    clear_token_kernel(np.int64(tokens[p]), duplicates, base, mask, touched, regs)


@kernel(inline="always")
def lone_kernel(frontier, levels, depth, state, stack):
    """Make one plain configuration the whole level after a depth."""
    end = levels[depth]
    frontier[end, 0] = state
    frontier[end, 1] = stack
    frontier[end, 2] = 0
    frontier[end, 3] = 0
    frontier[end, 4] = UNBOUNDED
    levels[depth + 1] = end + 1


@kernel
def ended_kernel(states, stacks, regs, frontier, begin, end):
    """Note what a NOTE watches that a token ends before, at one of the configurations ``frontier[begin:end]``."""
    for i in range(begin, end):
        state, stack = frontier[i, 0], frontier[i, 1]
        while states[state, KIND] == POP and stack != 0:
            popped_kernel(stacks, regs, stack)
            state, stack = stacks[stack, 0], stacks[stack, 1]
        if states[state, KIND] == NOTE:
            tested_kernel(stacks, regs, stack, states[state, WATCHED])


@kernel(inline="always")
def name_kernel(states, edges, state, byte):
    """Read one plain byte inside the names of a key.

    Returns the target; 0 where no name goes on or the close means what it means for other keys; -1 where
    ``step_kernel`` must see to it.
    """
    target = -1
    if 32 <= byte <= 126 and byte != 92:
        if byte != 34:
            target = find_kernel(edges, states[state, EDGE], states[state, COUNT], byte)
            if target <= 0 or states[target, BASE] == 0:
                target = 0
        else:
            other = states[state, DEFAULT]
            if states[other, KIND] == CALL and states[state, CLOSE] == states[other, RETURN]:
                target = 0
    return target


@kernel(inline="always")
def quote_kernel(states, regs, target):
    """Return the free string or the key that a quote opened, 0 where it is something else, or NEED."""
    opened = target
    if opened < 0:
        return 0
    if states[opened, KIND] == STUB:
        regs[R_NEED] = opened
        return NEED
    if states[opened, KIND] == CALL and states[opened, RETURN] == 0:
        opened = states[opened, CALLEE]
    if opened == regs[R_FREE_STATE] or (states[opened, KIND] == CHAR and states[opened, BASE] != 0):
        return opened
    return 0


@kernel(inline="always")
def reopen_kernel(states, edges, stacks, table, regs, state, stack):
    """Read a quote once more where it opened a key; return the key's state, its stack in ``regs[R_STACK]``."""
    return quote_kernel(states, regs, fast_kernel(states, edges, stacks, table, regs, state, stack, np.int64(34)))


@kernel
def fill_kernel(
    states,
    edges,
    stacks,
    table,
    regs,
    work,
    frontier,
    levels,
    path,
    gates,
    found,
    labels,
    rows,
    nodes,
    inside,
    closings,
    insides,
    marks,
    duplicates,
    base,
    mask,
    touched,
    mode,
    tokens,
    counts,
    starts,
    low,
    high,
):
    """Walk the trie from the configurations ``frontier[levels[0]:levels[1]]`` and set the bit of every token that fits.

    The naive loop: for each token, advance a copy of the configurations by its bytes; set its bit if any is left. The
    trie shares that work between tokens with a common beginning, and a dead byte leaves out all its continuations.
    Where a free string opens, the tokens that stay inside are known, and so are the nodes at which it closes again:
    the walk goes on there.

    mode : ``WALK_ALL``; ``WALK_NAMES`` walks key names only: it does not take ``DEFAULT`` out of the first character
           state, and where a name closes it first clears what the base row says about the tokens from there on;
           ``WALK_UNSPACED`` leaves out what begins with white space; ``WALK_ENDINGS`` walks the endings of a string, of
           which number 0 is empty; ``WALK_BELOW`` begins below node ``regs[R_NODE]``; ``WALK_SPACED`` walks tokens by
           what follows their white space
    path, gates : scratch (``enter_kernel``)
    found      : int64[16, 2]  out: the first ``regs[R_FOUND]`` digits (nodes) whose subtree is left out, as numbers are
                 alike everywhere, with the state after each
    labels, rows, nodes, inside, closings, insides, marks : the trie (``fsm.tokens.trie.TokenTrie``)
    duplicates : int32[V]     another token with the same bytes, or -1; int32[0] where there is none
    tokens     : int32[P]     for a trie of endings (else empty): the tokens of ending e are ``starts[e]:starts[e + 1]``
    counts     : int32[P]     what came before the ending; a token fits if low <= count <= high
    Resumes at depth ``regs[R_DEPTH]`` (-1: from the beginning). Where the first byte of a state of bytes opens a free
    string or a key, its subtree is left out; ``regs[R_OPENED]`` is the stack node there (-1: none),
    ``regs[R_OPENED_STATE]`` the state.
    Returns 0, NEED or ARENA_FULL.
    """
    takes_numbers = regs[R_FREE_STATE] != 0 and (starts.shape[0] == 0 or mode == WALK_SPACED)
    takes_openings = mode == WALK_ALL or mode == WALK_UNSPACED or mode == WALK_SPACED
    takes_openings = takes_openings and levels[1] == levels[0] + 1 and states[frontier[levels[0], 0], KIND] == BYTE
    if regs[R_DEPTH] < 0:
        regs[R_DEPTH], regs[R_OPENED], regs[R_FOUND] = 1, -1, 0
        if mode == WALK_ENDINGS:
            if regs[R_WATCHED] != 0:
                ended_kernel(states, stacks, regs, frontier, levels[0], levels[1])
            mark_kernel(ZERO, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high)
        top = 0
        if mode == WALK_BELOW:
            top = regs[R_NODE]
            mark_kernel(
                np.int64(rows[top, 2]), duplicates, base, mask, touched, regs, tokens, counts, starts, low, high
            )
        enter_kernel(
            states, edges, stacks, regs, frontier, levels, path, gates, ONE, np.int64(rows[top, 0]),
            np.int64(rows[top, 1]), mode,
        )  # fmt: skip
    depth = regs[R_DEPTH]
    if path[depth, 2] == ALL_NODES:  # what was a stub when this depth was entered can be looked at now
        look = mode if depth == 1 else path[depth, 3]
        enter_kernel(
            states, edges, stacks, regs, frontier, levels, path, gates, depth, path[depth, 0], path[depth, 1], look
        )
    while depth > 0:
        node, last, how = path[depth, 0], path[depth, 1], path[depth, 2]
        if how == GATED:
            while node < last and gates[depth, labels[node]] == 0:
                node += 1
        path[depth, 0] = node + 1
        begin, end = levels[depth - 1], levels[depth]
        if node >= last:
            if how == CLOSINGS_OF_KEY:
                if regs[R_STACKS] + SLACK > stacks.shape[0]:
                    regs[R_DEPTH] = depth
                    return ARENA_FULL
                # Once more through the subtree, now for the names.
                opener = path[depth - 1, 0] - 1
                above = levels[depth - 2]
                target = reopen_kernel(states, edges, stacks, table, regs, frontier[above, 0], frontier[above, 1])
                lone_kernel(frontier, levels, depth - 1, target, regs[R_STACK])
                enter_kernel(
                    states, edges, stacks, regs, frontier, levels, path, gates, depth, np.int64(rows[opener, 0]),
                    np.int64(rows[opener, 1]), NAMES,
                )  # fmt: skip
            else:
                depth -= 1
            continue
        byte = np.int64(34)
        if how >= CLOSINGS:
            node = np.int64(closings[node])
        else:
            byte = np.int64(labels[node])
        in_name, closed = path[depth, 3], False
        free = end
        target = -1
        opened = 0
        if end + SLACK > frontier.shape[0] or regs[R_STACKS] + SLACK > stacks.shape[0]:
            free = ARENA_FULL
        elif end == begin + 1 and frontier[begin, 2] == 0 and frontier[begin, 4] == UNBOUNDED:
            if in_name != 0:
                regs[R_STACK] = frontier[begin, 1]
                target = name_kernel(states, edges, frontier[begin, 0], byte)
            elif frontier[begin, 3] == 0:
                target = fast_kernel(states, edges, stacks, table, regs, frontier[begin, 0], frontier[begin, 1], byte)
                if byte == 34 and target > 0 and how < CLOSINGS and regs[R_FREE_STATE] != 0:
                    if depth == 1 or rows[node, 0] != rows[node, 1]:  # what a last byte opens, nobody asks yet
                        opened = quote_kernel(states, regs, target)
                    if opened < 0:
                        free = NEED
            if target == 0:
                continue
        if free >= 0 and target < 0:
            for i in range(begin, end):
                free = step_kernel(states, edges, stacks, table, regs, work, frontier, i, end, free, byte, in_name)
                if free < 0:
                    break
        if free < 0:
            path[depth, 0] -= 1
            regs[R_DEPTH] = depth
            return free
        if target > 0:
            if takes_numbers and depth == 1 and states[target, BASE] != 0 and marks[node, 1] == NUMERAL:
                if states[target, KIND] != CHAR and regs[R_FOUND] < found.shape[0]:
                    found[regs[R_FOUND], 0] = node
                    found[regs[R_FOUND], 1] = target
                    regs[R_FOUND] += 1
                    continue
            if opened > 0 and depth == 1 and takes_openings:
                regs[R_OPENED] = regs[R_STACK]
                regs[R_OPENED_STATE] = opened
                continue
            lone_kernel(frontier, levels, depth, target, regs[R_STACK])
        else:
            levels[depth + 1] = free
            if in_name != 0 and byte == 34 and frontier[begin, 2] == 0 and states[frontier[begin, 0], KIND] == CHAR:
                closed = True
                place = np.int64(marks[node, 0])
                unmark_kernel(nodes, place, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high)
            if free == end:
                continue
        label = np.int64(rows[node, 2])
        if label >= 0 and (in_name == 0 or closed):
            if regs[R_WATCHED] != 0:
                ended_kernel(states, stacks, regs, frontier, levels[depth], levels[depth + 1])
            mark_kernel(label, duplicates, base, mask, touched, regs, tokens, counts, starts, low, high)
        first, last = np.int64(rows[node, 0]), np.int64(rows[node, 1])
        if first == last:
            continue
        depth += 1
        if opened > 0:
            number = np.int64(marks[node, 1])
            for i in range(inside[number, 0], inside[number + 1, 0]):
                mark_kernel(
                    np.int64(insides[i]), duplicates, base, mask, touched, regs, tokens, counts, starts, low, high
                )
            path[depth, 0] = inside[number, 1]
            path[depth, 1] = inside[number + 1, 1]
            path[depth, 2], path[depth, 3] = CLOSINGS, 0
            if opened != regs[R_FREE_STATE]:
                # A key that is none of the names is a free string that returns to where the others go.
                path[depth, 2] = CLOSINGS_OF_KEY
                parent = push_kernel(stacks, table, regs, states[states[opened, BASE], RETURN], regs[R_STACK], ZERO)
                lone_kernel(frontier, levels, depth - 1, regs[R_FREE_STATE], parent)
        else:
            look = ZERO if closed else in_name
            enter_kernel(states, edges, stacks, regs, frontier, levels, path, gates, depth, first, last, look)
    return 0


@kernel
def fill_entry(
    network, space, trie, duplicates, base, mask, tokens, counts, starts, mode, size, low, high, state, stack, resumes
):
    """Call ``fill_kernel`` with arrays named by their addresses: unpacking 28 arrays would cost more than many walks.

    network, space, trie : int64  addresses and lengths (``Network.addresses``, ``Workspace``, ``TokenTrie``)
    size    : configurations that ``frontier`` begins with; for ``WALK_BELOW``, how many rows of ``found`` are walked:
              what is below a node, from a state
    state, stack : where to begin; a state below 0 leaves the frontier as it is
    resumes : 1 after a stub was expanded or an arena has grown
    """
    levels, regs, found = line_kernel(space, 4), line_kernel(network, 8), table_kernel(space, 10, 2)
    if resumes == 0:
        levels[0], levels[1], regs[R_DEPTH], regs[R_KEPT] = 0, size, -1, 0
        if state >= 0:
            begin_at_kernel(table_kernel(space, 2, 5), state, stack)
    while True:  # one call of the walk, which is what takes long to compile
        if mode == WALK_BELOW and regs[R_DEPTH] < 0:
            levels[1], regs[R_NODE] = 1, found[regs[R_KEPT], 0]
            begin_at_kernel(table_kernel(space, 2, 5), found[regs[R_KEPT], 1], ZERO)
        code = fill_kernel(
            table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4),
            line_kernel(network, 6), regs, table_kernel(space, 0, 5), table_kernel(space, 2, 5), levels,
            table_kernel(space, 6, 4), carray(pointer(space[8]), (space[9], 256), np.uint8), found,
            carray(pointer(trie[0]), (trie[1],), np.uint8), carray(pointer(trie[2]), (trie[3], 3), np.int32),
            carray(pointer(trie[4]), (trie[5], 4), np.int32), carray(pointer(trie[6]), (trie[7], 2), np.int32),
            words_kernel(trie, 8), words_kernel(trie, 10), carray(pointer(trie[12]), (trie[13], 2), np.int32),
            duplicates, base, mask, words_kernel(space, 12), mode, tokens, counts, starts, low, high,
        )  # fmt: skip
        if code < 0 or mode != WALK_BELOW:
            return code
        regs[R_KEPT] += 1
        regs[R_DEPTH] = -1
        if regs[R_KEPT] == size:
            return 0


@kernel(inline="always")
def begin_at_kernel(frontier, state, stack):
    """Make one configuration, at the beginning of a state, the first of the frontier."""
    frontier[0, 0], frontier[0, 1], frontier[0, 2], frontier[0, 3], frontier[0, 4] = state, stack, 0, 0, UNBOUNDED
