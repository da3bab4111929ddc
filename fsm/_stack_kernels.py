"""Push, pop and look at stacks, and pass the states that their bits decide."""

from __future__ import annotations

from fsm.codes import MAX_TESTED, R_LOWEST, R_STACK, R_STACKS, R_TESTED, R_TOP
from fsm.kernel import kernel
from fsm.layout import ADDS, DEFAULT, KIND, LEFT, NEEDS, SEEN

__all__ = ["admits_kernel", "arrive_kernel", "popped_kernel", "push_kernel", "stack_slot_kernel", "tested_kernel"]


@kernel(inline="always")
def stack_slot_kernel(ret, parent, seen, wrap):
    """Return where a hash table of stacks begins to look for one."""
    return (ret * 40503 + parent * 30011 + (seen ^ (seen >> 29)) * 7919) & wrap


@kernel
def push_kernel(stacks, table, regs, ret, parent, seen):
    """Return the stack node (ret, parent, seen); equal stacks are equal integers."""
    wrap = table.shape[0] - 1
    slot = stack_slot_kernel(ret, parent, seen, wrap)
    while True:
        node = table[slot]
        if node == 0:
            node = regs[R_STACKS]
            regs[R_STACKS] = node + 1
            stacks[node, 0] = ret
            stacks[node, 1] = parent
            stacks[node, 2] = seen
            stacks[node, 3] = stacks[parent, 3] + 1
            table[slot] = node
            return node
        if stacks[node, 0] == ret and stacks[node, 1] == parent and stacks[node, 2] == seen:
            return node
        slot = (slot + 1) & wrap


@kernel(inline="always")
def admits_kernel(states, state, seen):
    """Tell whether a SEEN state may be passed with these bits set."""
    needs, left = states[state, NEEDS], states[state, LEFT]
    return seen & needs == needs and (left == 0 or left & ~seen != 0)


@kernel(inline="always")
def popped_kernel(stacks, regs, stack):
    """Note that a stack node is popped, or found empty (``fsm.shared_masks``)."""
    if stacks[stack, 3] < regs[R_LOWEST]:
        regs[R_LOWEST] = stacks[stack, 3]


@kernel
def tested_kernel(stacks, regs, stack, bits):
    """Note that bits of a stack node are tested; what stands above the stack that a fill began with needs no note."""
    below = regs[R_TOP] - stacks[stack, 3]
    if 0 <= below < MAX_TESTED:
        regs[R_TESTED + below] |= bits
    elif below > 0:
        regs[R_LOWEST] = -MAX_TESTED


@kernel
def arrive_kernel(states, stacks, table, regs, state, stack):
    """Pass SEEN states; return the state behind them with its stack node in ``regs[R_STACK]``, 0 where it is dead."""
    while states[state, KIND] == SEEN:
        tested_kernel(stacks, regs, stack, states[state, NEEDS] | states[state, LEFT])
        seen = stacks[stack, 2]
        if not admits_kernel(states, state, seen):
            return 0
        if states[state, ADDS] & ~seen != 0:
            stack = push_kernel(stacks, table, regs, stacks[stack, 0], stacks[stack, 1], seen | states[state, ADDS])
        state = states[state, DEFAULT]
    regs[R_STACK] = stack
    return state
