"""Read bytes as tokens for a parser of tables: step configurations, walk the token trie, ask what may come and end.

A configuration is a row of four integers: the state inside a token (``fsm.parsing.token_tables``), the node of the
parser's stack, the node of the stack of indentation widths, and how many brackets are open. Where a byte does not
continue a token, the token ends before it: the parser acts on it, and the byte begins the next one in a state that its
new top chooses. A kernel that meets a row that is not written yet stops and says which.
"""

from __future__ import annotations

import numpy as np

from fsm.kernel import kernel

__all__ = [
    "BOUNDARY",
    "BRACKET_CLOSES",
    "BRACKET_OPENS",
    "IGNORED",
    "NEED_ROW",
    "NEED_START",
    "NO_ROOM",
    "N_DEDENT",
    "N_END",
    "N_END_STATE",
    "N_INDENT",
    "N_NEWLINE",
    "N_TERMINALS",
    "RESETS",
    "R_BRACKETS",
    "R_DEBTS",
    "R_EXIT",
    "R_FULL",
    "R_NEEDED",
    "R_NODES",
    "R_PLACE",
    "R_STACK",
    "R_WIDTHS",
    "SLACK",
    "UNKNOWN",
    "WORD_BITS",
    "accept_tokens_kernel",
    "act_kernel",
    "advance_tokens_kernel",
    "end_token_kernel",
    "fill_exits_kernel",
    "fill_tokens_kernel",
    "next_token_bytes_kernel",
    "push_place_kernel",
    "stay_inside_kernel",
    "step_tokens_kernel",
    "viable_tokens_kernel",
]

# Return codes below zero.
NEED_ROW, NEED_START, NO_ROOM = -1, -2, -3
# Registers.
R_NODES, R_NEEDED, R_DEBTS, R_STACK, R_WIDTHS, R_BRACKETS, R_PLACE, R_FULL, R_EXIT = range(9)
# Numbers of a parser.
N_TERMINALS, N_END, N_END_STATE, N_NEWLINE, N_INDENT, N_DEDENT = range(6)
# Kinds of terminals, marks of token states: bits.
IGNORED, BRACKET_OPENS, BRACKET_CLOSES = 1, 2, 4
BOUNDARY, RESETS = 1, 2
# In the first column of a row of ``delta`` that is not written yet.
UNKNOWN = -1
# Terminals per word of a set.
WORD_BITS = 62
# A width that every line may have.
FAR_RIGHT = 1 << 40
# Room that a level of configurations keeps free.
SLACK = 64


@kernel
def push_place_kernel(arena, value, parent):
    """Return the node (value, parent); equal stacks are equal integers. 0 where there is no room: ``regs[R_FULL]``."""
    wrap = arena.table.shape[0] - 1
    slot = (value * 40503 + parent * 30011) & wrap
    while True:
        node = arena.table[slot]
        if node == 0:
            node = arena.regs[R_NODES]
            if node == arena.nodes.shape[0]:
                arena.regs[R_FULL] = 1
                return 0
            arena.regs[R_NODES] = node + 1
            arena.nodes[node, 0] = value
            arena.nodes[node, 1] = parent
            arena.table[slot] = node
            return node
        if arena.nodes[node, 0] == value and arena.nodes[node, 1] == parent:
            return node
        slot = (slot + 1) & wrap


@kernel
def slot_kernel(memo, first, second):
    """Return where the memo keeps what is known of a pair; it may hold another pair."""
    return (first * 40503 + second * 30011) & (memo.shape[0] - 1)


@kernel
def act_kernel(parser, arena, stack, terminal):
    """Return the stack after a terminal, 0 where the parser refuses it."""
    memo = arena.memo
    slot = slot_kernel(memo, stack, terminal)
    if memo[slot, 0] == stack and memo[slot, 1] == terminal:
        return memo[slot, 2]
    after = reduce_kernel(parser, arena, stack, terminal)
    if arena.regs[R_FULL] == 0:
        memo[slot, 0], memo[slot, 1], memo[slot, 2] = stack, terminal, after
    return after


@kernel
def reduce_kernel(parser, arena, stack, terminal):
    """Complete rules until the terminal can be taken; return the stack after it, 0 where it is refused."""
    while True:
        action = parser.actions[arena.nodes[stack, 0], terminal]
        if action == 0:
            return 0
        if action > 0:
            return push_place_kernel(arena, action - 1, stack)
        rule = -action - 1
        for _ in range(parser.rules[rule, 1]):
            stack = arena.nodes[stack, 1]
        state = parser.gotos[arena.nodes[stack, 0], parser.rules[rule, 0]]
        stack = push_place_kernel(arena, state, stack)
        if stack == 0:
            return 0


@kernel
def would_shift_kernel(parser, arena, stack, terminal):
    """Tell whether a terminal, or the end, would be taken, without adding nodes."""
    size, scratch = 0, arena.scratch
    while True:
        top = scratch[size - 1] if size else arena.nodes[stack, 0]
        action = parser.actions[top, terminal]
        if action >= 0:
            return action > 0
        rule = -action - 1
        count = parser.rules[rule, 1]
        size -= count
        while size < 0:
            stack = arena.nodes[stack, 1]
            size += 1
        top = scratch[size - 1] if size else arena.nodes[stack, 0]
        if size == scratch.shape[0]:
            return False  # empty rules would be completed for ever
        scratch[size] = parser.gotos[top, parser.rules[rule, 0]]
        if terminal == parser.numbers[N_END] and scratch[size] == parser.numbers[N_END_STATE]:
            return True
        size += 1


@kernel
def viable_tokens_kernel(parser, arena, stack):
    """Note, once for each stack, which terminals would be taken: ``arena.viable[stack]``."""
    if arena.known[stack]:
        return
    top = arena.nodes[stack, 0]
    for terminal in range(parser.numbers[N_TERMINALS]):
        action = parser.actions[top, terminal]
        if action > 0 or (action < 0 and would_shift_kernel(parser, arena, stack, terminal)):
            arena.viable[stack, terminal // WORD_BITS] |= 1 << (terminal % WORD_BITS)
    arena.known[stack] = 1


@kernel
def accepts_end_kernel(parser, arena, stack, widths):
    """Tell whether the text may end between tokens: every open indentation ends with it."""
    while arena.nodes[widths, 1] != 0:
        stack = act_kernel(parser, arena, stack, parser.numbers[N_DEDENT])
        if stack == 0:
            return False
        widths = arena.nodes[widths, 1]
    return would_shift_kernel(parser, arena, stack, parser.numbers[N_END])


@kernel
def goes_on_kernel(parser, arena, stack, widths):
    """Tell whether a token that has a text, or the end, may come."""
    viable_tokens_kernel(parser, arena, stack)
    for word in range(parser.texts.shape[0]):
        if arena.viable[stack, word] & parser.texts[word] != 0:
            return True
    return accepts_end_kernel(parser, arena, stack, widths)


@kernel
def may_be_line_kernel(parser, arena, stack, widths, width):
    """Tell whether some line that is indented by ``width`` at least may come after a line end."""
    memo, second = arena.memo, -widths
    slot = slot_kernel(memo, stack, second)
    if memo[slot, 0] != stack or memo[slot, 1] != second:
        found = widest_line_kernel(parser, arena, stack, widths)
        if arena.regs[R_FULL]:
            return False
        memo[slot, 0], memo[slot, 1], memo[slot, 2] = stack, second, found
    return memo[slot, 2] >= width


@kernel
def widest_line_kernel(parser, arena, stack, widths):
    """Return how far a line may be indented after a line end: -1 = there may be none, ``FAR_RIGHT`` = no bound."""
    stack = act_kernel(parser, arena, stack, parser.numbers[N_NEWLINE])
    if stack == 0:
        return -1
    indent = parser.numbers[N_INDENT]
    viable_tokens_kernel(parser, arena, stack)
    if arena.viable[stack, indent // WORD_BITS] >> (indent % WORD_BITS) & 1:
        return FAR_RIGHT
    while widths != 0 and stack != 0:
        if goes_on_kernel(parser, arena, stack, widths):
            return -arena.nodes[widths, 0] - 1
        widths = arena.nodes[widths, 1]
        if widths != 0:
            stack = act_kernel(parser, arena, stack, parser.numbers[N_DEDENT])
    return -1


@kernel
def may_be_next_kernel(parser, arena, terminal, stack, widths, brackets):
    """Tell whether something that may come can stand next to a terminal after which not every other can."""
    newline = parser.numbers[N_NEWLINE]
    if newline >= 0 and brackets > 0 and parser.nexts[terminal, newline // WORD_BITS] >> (newline % WORD_BITS) & 1:
        return True
    memo, second = arena.memo, (terminal + 1) << 40 | widths
    slot = slot_kernel(memo, stack, second)
    if memo[slot, 0] != stack or memo[slot, 1] != second:
        found = find_next_kernel(parser, arena, terminal, stack, widths)
        if arena.regs[R_FULL]:
            return False
        memo[slot, 0], memo[slot, 1], memo[slot, 2] = stack, second, 1 if found else 0
    return memo[slot, 2] == 1


@kernel
def find_next_kernel(parser, arena, terminal, stack, widths):
    """Tell the same without a memo, where no bracket is open."""
    newline = parser.numbers[N_NEWLINE]
    if parser.kinds[terminal] & IGNORED == 0:
        stack = act_kernel(parser, arena, stack, terminal)
        if stack == 0:
            return False
    viable_tokens_kernel(parser, arena, stack)
    for word in range(parser.ignored.shape[0]):
        found = parser.nexts[terminal, word] & arena.viable[stack, word]
        if newline >= 0 and word == newline // WORD_BITS:
            found &= ~(1 << (newline % WORD_BITS))
        if found != 0:
            return True
    if newline >= 0 and parser.nexts[terminal, newline // WORD_BITS] >> (newline % WORD_BITS) & 1:
        if may_be_line_kernel(parser, arena, stack, widths, 0):
            return True
    return accepts_end_kernel(parser, arena, stack, widths)


@kernel
def is_alive_kernel(scan, parser, arena, state, stack, widths, brackets):
    """Tell whether a token that begins like this may end as one that may come."""
    viable_tokens_kernel(parser, arena, stack)
    newline = parser.numbers[N_NEWLINE]
    for word in range(parser.ignored.shape[0]):
        found = scan.possible[state, word] & (parser.ignored[word] | (arena.viable[stack, word] & parser.texts[word]))
        if newline >= 0 and word == newline // WORD_BITS:
            found &= ~(1 << (newline % WORD_BITS))
        if found & ~parser.bound[word] != 0:
            return True
        for bit in range(WORD_BITS):
            if found >> bit == 0:
                break
            if found >> bit & 1:
                if may_be_next_kernel(parser, arena, word * WORD_BITS + bit, stack, widths, brackets):
                    return True
    if newline < 0 or scan.possible[state, newline // WORD_BITS] >> (newline % WORD_BITS) & 1 == 0:
        return False
    if brackets > 0:
        return True
    width = 0 if scan.marks[state] & RESETS else max(0, scan.widths[state])
    return may_be_line_kernel(parser, arena, stack, widths, width)


@kernel
def end_token_kernel(parser, arena, source, terminal, width):
    """Let the parser take a token: write stack, widths and brackets after it to the registers; False: it refuses."""
    stack, widths, brackets = source[1], source[2], source[3]
    kind = parser.kinds[terminal]
    if kind & IGNORED == 0 and not (terminal == parser.numbers[N_NEWLINE] and brackets > 0):
        viable_tokens_kernel(parser, arena, stack)
        if arena.viable[stack, terminal // WORD_BITS] >> (terminal % WORD_BITS) & 1 == 0:
            return False
        stack = act_kernel(parser, arena, stack, terminal)
        if stack == 0:
            return False
        if terminal == parser.numbers[N_NEWLINE]:
            if width < 0:
                return False
            if width > -arena.nodes[widths, 0] - 1:
                stack = act_kernel(parser, arena, stack, parser.numbers[N_INDENT])
                widths = push_place_kernel(arena, -width - 1, widths)
                if widths == 0:
                    return False
            while stack != 0 and width < -arena.nodes[widths, 0] - 1:
                stack = act_kernel(parser, arena, stack, parser.numbers[N_DEDENT])
                widths = arena.nodes[widths, 1]
            if stack == 0 or width != -arena.nodes[widths, 0] - 1:
                return False
        if kind & BRACKET_OPENS:
            brackets += 1
        elif kind & BRACKET_CLOSES:
            brackets -= 1
            if brackets < 0:
                return False
    arena.regs[R_STACK] = stack
    arena.regs[R_WIDTHS] = widths
    arena.regs[R_BRACKETS] = brackets
    return True


@kernel
def emit_token_kernel(frontier, level, free, state, stack, widths, brackets):
    """Append a configuration unless the level holds it already; return the new end."""
    for i in range(level, free):
        if (
            frontier[i, 0] == state
            and frontier[i, 1] == stack
            and frontier[i, 2] == widths
            and frontier[i, 3] == brackets
        ):
            return free
    frontier[free, 0] = state
    frontier[free, 1] = stack
    frontier[free, 2] = widths
    frontier[free, 3] = brackets
    return free + 1


@kernel
def step_tokens_kernel(scan, parser, arena, frontier, source, level, free, byte):
    """Step one configuration by one byte; append what results; return the new end, or what is needed first."""
    regs = arena.regs
    if free + SLACK > frontier.shape[0]:
        regs[R_FULL] = 0
        return NO_ROOM
    row = frontier[source]
    state = row[0]
    if scan.delta[state, 0] == UNKNOWN:
        regs[R_NEEDED] = state
        return NEED_ROW
    target = scan.delta[state, byte]
    if target != 0 and is_alive_kernel(scan, parser, arena, target, row[1], row[2], row[3]):
        free = emit_token_kernel(frontier, level, free, target, row[1], row[2], row[3])
    if scan.leaves[state, byte] == 0:
        return NO_ROOM if regs[R_FULL] else free
    for end in range(scan.places[state, 0], scan.places[state, 0] + scan.places[state, 1]):
        if not end_token_kernel(parser, arena, row, scan.ends[end, 0], scan.ends[end, 2]):
            continue
        stack, widths, brackets = regs[R_STACK], regs[R_WIDTHS], regs[R_BRACKETS]
        context, debts = parser.contexts[arena.nodes[stack, 0]], scan.ends[end, 1]
        start = scan.starts[context, debts]
        if start < 0:
            regs[R_NEEDED], regs[R_DEBTS] = context, debts
            return NEED_START
        if scan.delta[start, 0] == UNKNOWN:
            regs[R_NEEDED] = start
            return NEED_ROW
        target = scan.delta[start, byte]
        if target != 0 and is_alive_kernel(scan, parser, arena, target, stack, widths, brackets):
            free = emit_token_kernel(frontier, level, free, target, stack, widths, brackets)
    return NO_ROOM if regs[R_FULL] else free


@kernel
def advance_tokens_kernel(scan, parser, arena, frontier, size, text, first, last):
    """Step ``frontier[:size]`` over ``text[first:last]``.

    Returns how many configurations result, at the beginning of the frontier again; or what is needed first, with the
    place in ``regs[R_PLACE]`` and the configurations there at the beginning, as many as ``regs[R_BRACKETS]``.
    """
    for place in range(first, last):
        free = size
        for source in range(size):
            free = step_tokens_kernel(scan, parser, arena, frontier, source, size, free, text[place])
            if free < 0:
                arena.regs[R_PLACE] = place
                arena.regs[R_BRACKETS] = size
                return free
        count = free - size
        for i in range(count):
            frontier[i] = frontier[size + i]
        size = count
        if size == 0:
            break
    return size


@kernel
def accept_tokens_kernel(scan, parser, arena, configurations):
    """Tell whether the text may end: 1, 0, or what is needed first."""
    for source in range(configurations.shape[0]):
        row = configurations[source]
        state = row[0]
        if scan.delta[state, 0] == UNKNOWN:
            arena.regs[R_NEEDED] = state
            return NEED_ROW
        if scan.marks[state] & BOUNDARY and accepts_end_kernel(parser, arena, row[1], row[2]):
            return 1
        for end in range(scan.places[state, 0], scan.places[state, 0] + scan.places[state, 1]):
            if scan.ends[end, 3] and end_token_kernel(parser, arena, row, scan.ends[end, 0], scan.ends[end, 2]):
                if accepts_end_kernel(parser, arena, arena.regs[R_STACK], arena.regs[R_WIDTHS]):
                    return 1
    return NO_ROOM if arena.regs[R_FULL] else 0


@kernel
def fill_tokens_kernel(scan, parser, arena, frontier, levels, nodes, last, duplicates, stamps, mask):
    """Set the bit of every token that fits after ``frontier[:levels[1]]``, from trie node ``regs[R_PLACE]`` on.

    levels : int64[depth]  where each depth begins in the frontier, ``levels[0]`` = 0
    last : the node to stop before
    nodes, duplicates : the token trie (``fsm.tokens.trie``)
    stamps : uint8[S]  zeros; room to note whether a state is alive where the fill began: 1, 2 = it is not
    mask : int32[W]  in place
    Returns 0 when done, or what is needed before it can go on.
    """
    # PERF: calls pass two dozen arrays, a microsecond; within a token, where most nodes lie, none is made.
    node = arena.regs[R_PLACE]
    base_stack, base_widths, base_brackets = frontier[0, 1], frontier[0, 2], frontier[0, 3]
    while node < last:
        depth, byte = nodes[node, 1], nodes[node, 0]
        begin, end = levels[depth - 1], levels[depth]
        free = end
        state, stack = frontier[begin, 0], frontier[begin, 1]
        is_inside = False
        if end - begin == 1 and scan.delta[state, 0] != UNKNOWN and scan.leaves[state, byte] == 0:
            target = scan.delta[state, byte]
            if target == 0:
                node = nodes[node, 2]
                continue
            widths, brackets = frontier[begin, 2], frontier[begin, 3]
            if stack == base_stack and widths == base_widths and brackets == base_brackets:
                if stamps[target] == 0:
                    alive = is_alive_kernel(scan, parser, arena, target, stack, widths, brackets)
                    if arena.regs[R_FULL] == 0:
                        stamps[target] = 1 if alive else 2
                if stamps[target] == 2:
                    node = nodes[node, 2]
                    continue
                is_inside = stamps[target] == 1
            elif arena.known[stack]:
                for word in range(parser.ignored.shape[0]):
                    allowed = parser.ignored[word] | (arena.viable[stack, word] & parser.plain[word])
                    if scan.possible[target, word] & allowed & ~parser.bound[word] != 0:
                        is_inside = True
            if is_inside and end + SLACK < frontier.shape[0]:
                frontier[end, 0], frontier[end, 1] = target, stack
                frontier[end, 2], frontier[end, 3] = widths, brackets
                free = end + 1
            else:
                is_inside = False
        if not is_inside:
            for source in range(begin, end):
                free = step_tokens_kernel(scan, parser, arena, frontier, source, end, free, byte)
                if free < 0:
                    arena.regs[R_PLACE] = node
                    return free
        if free == end:
            node = nodes[node, 2]
            continue
        levels[depth + 1] = free
        token = np.int64(nodes[node, 3])
        while token >= 0:
            mask[token >> 5] |= np.int32(1 << (token & 31))
            token = np.int64(duplicates[token])
        node += 1
    return 0


@kernel
def fill_exits_kernel(scan, parser, arena, frontier, levels, exits, nodes, duplicates, stamps, mask):
    """Set the bit of every token below some trie nodes that fits, from ``regs[R_EXIT]`` on; ``frontier[0]`` stays.

    exits : int32[E, 2]  a node, and the state of the token before its byte; stack, widths, brackets are the frontier's
    levels, nodes and so on : of ``fill_tokens_kernel``
    Returns 0 when done, or what is needed before it can go on.
    """
    regs = arena.regs
    while regs[R_EXIT] < exits.shape[0]:
        node = exits[regs[R_EXIT], 0]
        if regs[R_PLACE] < node:
            regs[R_PLACE] = node
        depth = nodes[node, 1]
        frontier[0, 0] = exits[regs[R_EXIT], 1]
        levels[depth - 1], levels[depth] = 0, 1
        code = fill_tokens_kernel(
            scan, parser, arena, frontier, levels, nodes, nodes[node, 2], duplicates, stamps, mask
        )
        if code < 0:
            return code
        regs[R_EXIT] += 1
    return 0


@kernel
def stay_inside_kernel(scan, nodes, duplicates, path, regs, exits, mask):
    """Walk the token trie inside one token of the grammar: mark what stays there, list the nodes where it may end.

    path  : int32[depth]   the states along the open path; ``path[0]`` is where the walk begins
    regs  : int64[3]       the node to go on at, how many exits there are, and a state whose row is needed
    exits : int32[N, 2]    out: a node whose byte the token may end before, or that narrows what it may be; its state
    mask  : int32[W]       out: the tokens that stay inside
    Returns 0, or ``NEED_ROW``.
    """
    node, num_exits, start = regs[0], regs[1], path[0]
    while node < nodes.shape[0]:
        depth, byte = nodes[node, 1], nodes[node, 0]
        state = path[depth - 1]
        if scan.delta[state, 0] == UNKNOWN:
            regs[0], regs[1], regs[2] = node, num_exits, state
            return NEED_ROW
        target = scan.delta[state, byte]
        is_exit = scan.leaves[state, byte] != 0
        if target != 0 and not is_exit:
            is_exit = scan.marks[target] != scan.marks[start] and scan.marks[start] & RESETS != 0
            for word in range(scan.possible.shape[1]):
                if scan.possible[target, word] != scan.possible[start, word]:
                    is_exit = True
        if is_exit:
            exits[num_exits, 0], exits[num_exits, 1] = node, state
            num_exits += 1
        if is_exit or target == 0:
            node = nodes[node, 2]
            continue
        path[depth] = target
        token = np.int64(nodes[node, 3])
        while token >= 0:
            mask[token >> 5] |= np.int32(1 << (token & 31))
            token = np.int64(duplicates[token])
        node += 1
    regs[1] = num_exits
    return 0


@kernel
def next_token_bytes_kernel(scan, parser, arena, frontier, size, allowed):
    """Tell for each byte whether it may come after ``frontier[:size]``: 0 when done, or what is needed first."""
    for byte in range(256):
        for source in range(size):
            free = step_tokens_kernel(scan, parser, arena, frontier, source, size, size, byte)
            if free < 0:
                return free
            if free > size:
                allowed[byte] = 1
                break
    return 0
