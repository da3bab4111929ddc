"""Recall the mask of a place, or fill it and remember it: all of it in one call."""

from __future__ import annotations

import numpy as np
from numba import carray

from fsm._address_kernels import line_kernel, pointer, table_kernel, words_kernel
from fsm._fill_kernels import begin_at_kernel, fill_kernel
from fsm._stack_kernels import popped_kernel, push_kernel
from fsm._step_kernels import open_configurations_kernel
from fsm.codes import (
    ARENA_FULL,
    EXTRAS,
    FOREVER,
    FRESH,
    FULL,
    LOOSE,
    MAX_TESTED,
    NO_ROW,
    R_ACCEPTS,
    R_BASE,
    R_CLOSED,
    R_COUNT,
    R_DEPTH,
    R_FEWEST,
    R_FIRST,
    R_FLAGS,
    R_FOUND,
    R_FREE_STATE,
    R_KEPT,
    R_LARGEST,
    R_LOWEST,
    R_MODE,
    R_MOST,
    R_NEED,
    R_OPENED,
    R_OPENED_STATE,
    R_PLACE,
    R_SPACED,
    R_SPACED_STACK,
    R_STACKS,
    R_STAGE,
    R_TESTED,
    R_TOP,
    R_TOUCHED,
    R_WALK,
    SEVERAL,
    SLACK,
    TAKEN,
    UNKNOWN,
    WALK_ALL,
    WALK_ENDINGS,
    WALK_NAMES,
    WALK_SPACED,
    WALK_UNSPACED,
    WHOLE,
    ZERO,
)
from fsm.kernel import kernel
from fsm.layout import (
    BASE,
    BYTE,
    CALLEE,
    CHAR,
    DEAD,
    DEFAULT,
    KIND,
    LONGEST,
    POP,
    RETURN,
    SHORTEST,
    STATE_POP,
    UNBOUNDED,
    WS,
)

__all__ = ["EXTRA_WIDTH", "NUM_EXTRAS", "WAY_WALK", "mask_entry", "take_entry"]

# Where the words begin that ``keep_others_kernel`` keeps.
FIRST_OTHER = 5 + MAX_TESTED
# How far ``mask_entry`` is: the place and what to walk are not known yet; it walks what any key but some names may do,
# which is then known; it walks all tokens, those that begin with no white space, the others; or all by what follows
# their white space; it adds what was left out, numbers and tokens that open a string; walks those that close it again,
# and those that open a key; all is done.
PLACE_STAGE, BEGIN_STAGE, NAMES_STAGE, NAMED_STAGE, PLAIN_STAGE, UNSPACED_STAGE, AFTER_STAGE, SPACED_STAGE = range(8)
EXTRAS_STAGE, OPENED_STAGE, KEYS_STAGE, WALKED_STAGE = range(8, 12)
# How many rows of extras are known, and how much is known of each (``begin_extras_kernel``).
NUM_EXTRAS, EXTRA_WIDTH = 16, 37
# How a state of characters is filled (``fsm.shared_masks``): nobody said, by a walk; else an address.
WAY_UNKNOWN, WAY_WALK = range(2)


@kernel
def look_kernel(stacks, shapes, shape, stack, looked):
    """Write what a shape says to look at on a stack (``fsm.shared_masks``); return how many numbers that is."""
    popped, count = shapes[shape, 0], 0
    for below in range(popped):
        looked[count] = stacks[stack, 0] if stack != 0 else -1
        looked[count + 1] = stacks[stack, 2] & shapes[shape, 1 + below]
        count += 2
        stack = stacks[stack, 1]
    looked[count] = stacks[stack, 2] & shapes[shape, 1 + popped]
    return count + 1


@kernel(inline="always")
def slot_kernel(heads, state, decode, low, high):
    """Return where the chain of masks of a state begins."""
    return (state * 40503 + decode * 30011 + low * 7919 + (high & 0xFFFF) * 101) & (heads.shape[0] - 1)


@kernel
def recall_kernel(stacks, heads, known, values, shapes, looked, frontier, place):
    """Return the number of the mask of the closed configuration ``frontier[place]`` where it is known, else -1."""
    state, stack, decode = frontier[place, 0], frontier[place, 1], frontier[place, 2]
    low, high = frontier[place, 3], frontier[place, 4]
    record = heads[slot_kernel(heads, state, decode, low, high)]
    shape, count = -1, 0
    while record != 0:
        row = known[record]
        if row[0] == state and row[1] == decode and row[2] == low and row[3] == high:
            if row[4] != shape:
                shape = row[4]
                count = look_kernel(stacks, shapes, shape, stack, looked)
            same = True
            for i in range(count):
                if values[row[6] + i] != looked[i]:
                    same = False
                    break
            if same:
                return row[5]
        record = row[7]
    return -1


@kernel
def remember_kernel(stacks, regs, heads, known, values, shapes, looked, sizes, state, stack, decode, low, high, number):
    """Remember mask ``number`` as that of a configuration, by what filling it looked at.

    heads  : int64[2^n]     the first record of each chain, 0 = none
    known  : int64[R, 8]    state, partial character, low, high, shape, mask, where its values begin, next record
    values : int64[N]       return states and bits found on the stack
    shapes : int64[S, 2 + MAX_TESTED]  how many return states were popped; the bits tested at each of them and the next
    sizes  : int64[3]       how many records, values and shapes there are
    Returns 0; 1 where there was too much to remember; ARENA_FULL.
    """
    popped = regs[R_TOP] + 1 - regs[R_LOWEST]
    if popped >= MAX_TESTED:
        return 1
    shape = 0
    while shape < sizes[2]:
        same = shapes[shape, 0] == popped
        for i in range(popped + 1):
            same = same and shapes[shape, 1 + i] == regs[R_TESTED + i]
        if same:
            break
        shape += 1
    record, begin = sizes[0], sizes[1]
    if shape + 1 >= shapes.shape[0] or record + 1 >= known.shape[0] or begin + looked.shape[0] > values.shape[0]:
        return ARENA_FULL
    if shape == sizes[2]:
        shapes[shape, 0] = popped
        for i in range(popped + 1):
            shapes[shape, 1 + i] = regs[R_TESTED + i]
        sizes[2] += 1
    count = look_kernel(stacks, shapes, shape, stack, looked)
    for i in range(count):
        values[begin + i] = looked[i]
    row = known[record]
    row[0], row[1], row[2], row[3], row[4], row[5], row[6] = state, decode, low, high, shape, number, begin
    slot = slot_kernel(heads, state, decode, low, high)
    row[7] = heads[slot]
    heads[slot] = record
    sizes[0] += 1
    sizes[1] += count
    return 0


@kernel
def widen_kernel(mask, row, touched, count):
    """Set the mask to a row, and what was touched to what it was there as well."""
    kept = np.empty(count, np.int32)
    for i in range(count):
        kept[i] = mask[touched[i]]
    mask[:] = row
    for i in range(count):
        mask[touched[i]] |= kept[i]


@kernel
def place_kernel(network, space, shared, configurations):
    """Close configurations, and recall their mask.

    shared : int64  addresses (``fsm.shared_masks``): heads, known, values, shapes, looked, others, extras, sizes,
             words, cells, ways
    Returns four times the number of the mask where there is one closed configuration and its mask is known, plus the
    flags of ``regs[R_FLAGS]``; ``FRESH``, with the configuration in ``frontier[0]`` and in the registers, which are
    ready to note looks, where it is not; ``SEVERAL`` where there is more than one (or none): they end at
    ``regs[R_CLOSED]``; NEED or ARENA_FULL.
    """
    states, stacks, regs = table_kernel(network, 0, 8), table_kernel(network, 4, 4), line_kernel(network, 8)
    frontier = table_kernel(space, 2, 5)
    place = configurations.shape[0]
    kind = states[configurations[0, 0], KIND] if place == 1 else DEAD
    if kind == CHAR or (kind == BYTE and states[configurations[0, 0], DEFAULT] == 0):
        regs[R_ACCEPTS] = 0
        for column in range(5):
            frontier[1, column] = configurations[0, column]
    else:
        end = open_configurations_kernel(
            states, table_kernel(network, 2, 3), stacks, line_kernel(network, 6), regs, table_kernel(space, 0, 5),
            frontier, configurations,
        )  # fmt: skip
        if end < 0:
            return end
        if end != place + 1:
            regs[R_CLOSED], regs[R_FLAGS] = end, regs[R_ACCEPTS]
            return SEVERAL
    flags = regs[R_ACCEPTS]
    if frontier[place, 0] == regs[R_FREE_STATE] and frontier[place, 2] == 0:
        flags += 2
    regs[R_FLAGS] = flags
    number = recall_kernel(
        stacks, line_kernel(shared, 0), table_kernel(shared, 2, 8), line_kernel(shared, 4),
        table_kernel(shared, 6, 2 + MAX_TESTED), line_kernel(shared, 8), frontier, place,
    )  # fmt: skip
    if number >= 0:
        return 4 * number + flags
    depth = stacks[frontier[place, 1], 3]
    regs[R_TOP], regs[R_LOWEST], regs[R_TOUCHED] = depth, depth + 1, 0
    for i in range(MAX_TESTED):
        regs[R_TESTED + i] = 0
    for column in range(5):
        frontier[0, column] = regs[R_PLACE + column] = frontier[place, column]
    return FRESH


@kernel
def take_kernel(network, space, shared, mask, number, is_whole):
    """Take a mask out of the scratch room; remember it, if it can be, as mask ``number`` of the place last asked for.

    mask : int32[W]  the scratch mask, filled, or being filled
    The words that differ from the base row are written where ``regs[R_FIRST]`` says, ``regs[R_COUNT]`` of them; none
    where ``is_whole``.
    Returns ``TAKEN``; ``LOOSE`` where the fill looked at too much to be remembered; and, with nothing done, ``WHOLE``
    where more than a quarter of the words differ, ``FULL`` where the tables have no room.
    """
    regs, sizes, words = line_kernel(network, 8), line_kernel(shared, 14), line_kernel(shared, 16)
    count = 0 if is_whole != 0 else regs[R_TOUCHED]
    if count > mask.shape[0] // 4:
        return WHOLE
    first = sizes[3]
    if first + count > words.shape[0]:
        regs[R_COUNT] = count
        return FULL
    code = remember_kernel(
        table_kernel(network, 4, 4), regs, line_kernel(shared, 0), table_kernel(shared, 2, 8), line_kernel(shared, 4),
        table_kernel(shared, 6, 2 + MAX_TESTED), line_kernel(shared, 8), sizes, regs[R_PLACE], regs[R_PLACE + 1],
        regs[R_PLACE + 2], regs[R_PLACE + 3], regs[R_PLACE + 4], number,
    )  # fmt: skip
    if code == ARENA_FULL:
        regs[R_COUNT] = 0
        return FULL
    touched, cells = words_kernel(space, 12), words_kernel(shared, 18)
    for i in range(count):
        words[first + i] = touched[i]
        cells[first + i] = mask[touched[i]]
    sizes[3] = first + count
    regs[R_FIRST], regs[R_COUNT] = first, count
    return TAKEN if code == 0 else LOOSE


@kernel
def take_entry(network, space, shared, mask, number, is_whole):
    """Call ``take_kernel`` from Python."""
    return take_kernel(network, space, shared, mask, number, is_whole)


@kernel
def find_spaces_kernel(states, stacks, regs, frontier):
    """Find the state that reads white space next from ``frontier[0]``, and how much may come: ``regs[R_MOST]``."""
    state, stack = frontier[0, 0], frontier[0, 1]
    regs[R_MOST] = 0
    while True:
        kind = states[state, KIND]
        if kind == BYTE:
            most = states[state, SHORTEST]
            if most == 0 and states[state, WS] != 0:
                most = min(states[states[state, WS], SHORTEST], UNBOUNDED - 1) + 1
            if most != 0:
                regs[R_MOST], regs[R_SPACED], regs[R_SPACED_STACK] = most - 1, state, stack
                return
            state = states[state, DEFAULT]
        elif kind == POP and stack != 0:
            popped_kernel(stacks, regs, stack)
            state, stack = stacks[stack, 0], stacks[stack, 1]
        else:
            return


@kernel
def begin_summed_kernel(network, space, vocabulary, ways, state, stack, low, high):
    """Begin to fill a state of characters that is summed up, with the tokens that stay inside it.

    Returns 0; ``UNKNOWN``, with the state in ``regs[R_NEED]``, where nobody has said how it is filled; ``FRESH`` where
    that depends on ``high``; ``WAY_WALK``, with nothing begun, where it is filled by a walk.
    """
    regs, frontier = line_kernel(network, 8), table_kernel(space, 2, 5)
    way = ways[state, 0] if state < ways.shape[0] else WAY_UNKNOWN
    if way == WAY_UNKNOWN:
        regs[R_NEED] = state
        return UNKNOWN
    if way == WAY_WALK:
        return WAY_WALK
    summary = carray(pointer(way), (22,), np.int64)
    if high < summary[21]:
        return FRESH
    # The tokens that close the string and go on as the grammar around it permits.
    regs[R_WALK], regs[R_BASE], regs[R_MODE] = way, summary[20], WALK_ENDINGS
    regs[R_FEWEST], regs[R_LARGEST] = low, high
    begin_at_kernel(frontier, ways[state, 1], stack)
    return 0


@kernel
def keep_others_kernel(network, space, vocabulary, others, base):
    """Keep what holds for every key but some names, which was filled last, for other places in the names.

    others : int64[n]  out: the state that calls any other key, the stack, the row, how many words differ from it; how
             many return states were popped, the bits tested at each; these words and what they are
    """
    regs, mask, touched = line_kernel(network, 8), words_kernel(vocabulary, 4), words_kernel(space, 12)
    popped, count = regs[R_TOP] + 1 - regs[R_LOWEST], regs[R_TOUCHED]
    if popped >= MAX_TESTED or FIRST_OTHER + 2 * count > others.shape[0]:
        return
    others[0], others[1], others[2], others[3], others[4] = base, regs[R_PLACE + 1], regs[R_BASE], count, popped
    for below in range(MAX_TESTED):
        others[5 + below] = regs[R_TESTED + below]
    for i in range(count):
        others[FIRST_OTHER + 2 * i], others[FIRST_OTHER + 2 * i + 1] = touched[i], mask[touched[i]]


@kernel
def recall_others_kernel(network, space, vocabulary, others):
    """Fill the scratch mask with what was kept, and note what was looked at for it."""
    regs, mask, touched = line_kernel(network, 8), words_kernel(vocabulary, 4), words_kernel(space, 12)
    regs[R_BASE], regs[R_TOUCHED] = others[2], others[3]
    regs[R_LOWEST] = min(regs[R_LOWEST], regs[R_TOP] + 1 - others[4])
    for below in range(MAX_TESTED):
        regs[R_TESTED + below] |= others[5 + below]
    mask[:] = carray(pointer(regs[R_BASE]), (mask.shape[0],), np.int32)
    for i in range(others[3]):
        touched[i] = others[FIRST_OTHER + 2 * i]
        mask[touched[i]] = np.int32(others[FIRST_OTHER + 2 * i + 1])


@kernel
def begin_names_kernel(network, space, vocabulary, ways, base):
    """Begin to fill a place inside names of a key with what any other key may do from there on, which ``base`` calls.

    Returns what ``begin_summed_kernel`` does, or ``ARENA_FULL``.
    """
    states, stacks, regs = table_kernel(network, 0, 8), table_kernel(network, 4, 4), line_kernel(network, 8)
    if regs[R_STACKS] + SLACK > stacks.shape[0]:
        return ARENA_FULL
    stack = push_kernel(stacks, line_kernel(network, 6), regs, states[base, RETURN], regs[R_PLACE + 1], ZERO)
    return begin_summed_kernel(network, space, vocabulary, ways, states[base, CALLEE], stack, ZERO, FOREVER)


@kernel
def begin_kernel(network, space, shared, vocabulary):
    """Find how the place is filled that ``place_kernel`` left in ``frontier[0]``, and begin: write to the registers.

    Returns 0; what ``begin_names_kernel`` does; ``NO_ROW`` where the row of tokens that are so much white space is not
    there yet.
    """
    states, regs, frontier = table_kernel(network, 0, 8), line_kernel(network, 8), table_kernel(space, 2, 5)
    levels, mask = line_kernel(space, 4), words_kernel(vocabulary, 4)
    state, low, high = frontier[0, 0], frontier[0, 3], frontier[0, 4]
    kind = states[state, KIND]
    regs[R_WALK], regs[R_MODE], regs[R_FEWEST], regs[R_LARGEST] = vocabulary[8], WALK_ALL, 0, UNBOUNDED
    stage = PLAIN_STAGE
    if kind == BYTE:
        find_spaces_kernel(states, table_kernel(network, 4, 4), regs, frontier)
        most, rows = regs[R_MOST], line_kernel(vocabulary, 2)
        regs[R_BASE] = rows[min(most, rows.shape[0] - 1)]
        if regs[R_BASE] == 0:
            return NO_ROW
        regs[R_LARGEST] = most
        if most > 0 and regs[R_SPACED] == state and regs[R_SPACED_STACK] == frontier[0, 1]:
            stage, regs[R_MODE], regs[R_WALK] = SPACED_STAGE, WALK_SPACED, vocabulary[10]
        elif most > 0:
            stage, regs[R_MODE] = UNSPACED_STAGE, WALK_UNSPACED
    else:
        regs[R_BASE] = vocabulary[6]
        ways = table_kernel(shared, 20, 2)
        is_body = kind == CHAR and frontier[0, 2] == 0
        code = WAY_WALK
        if is_body and states[state, BASE] != 0:
            others = line_kernel(shared, 10)
            if others[0] == states[state, BASE] and others[1] == frontier[0, 1]:
                recall_others_kernel(network, space, vocabulary, others)
                levels[0], levels[1], regs[R_MOST], regs[R_STAGE] = 0, 1, 0, NAMED_STAGE
                return 0
            stage = NAMES_STAGE
            code = begin_names_kernel(network, space, vocabulary, ways, states[state, BASE])
        elif is_body and (low == 0 or states[state, LONGEST] == UNBOUNDED):
            code = begin_summed_kernel(network, space, vocabulary, ways, state, frontier[0, 1], low, high)
        if code < 0:
            return code
        if code == WAY_WALK:
            stage = PLAIN_STAGE
        regs[R_MOST] = 0
    mask[:] = carray(pointer(regs[R_BASE]), (mask.shape[0],), np.int32)
    levels[0], levels[1], regs[R_DEPTH], regs[R_STAGE] = 0, 1, -1, stage
    return 0


@kernel
def begin_extras_kernel(network, space, shared, vocabulary):
    """Add to the scratch mask what the walk of a state of bytes left out: what is known of numbers and quotes.

    extras : int64[1 + NUM_EXTRAS * EXTRA_WIDTH]  how many rows were learnt, and for each how many numbers were found,
             whether a string or key was opened, whether tokens were walked by what follows their white space, how much
             of that may come, the address of the row, and the numbers found
    Returns 0, with the next stage begun; ``EXTRAS`` where the row is not known.
    """
    states, regs, levels = table_kernel(network, 0, 8), line_kernel(network, 8), line_kernel(space, 4)
    extras, found = line_kernel(shared, 12), table_kernel(space, 10, 2)
    is_opened, row = np.int64(regs[R_KEPT] >= 0), ZERO
    for number in range(min(extras[0], NUM_EXTRAS)):
        known = extras[1 + number * EXTRA_WIDTH : 1 + (number + 1) * EXTRA_WIDTH]
        same = known[0] == regs[R_FOUND] and known[1] == is_opened
        same = same and known[2] == regs[R_KEPT + 2] and known[3] == regs[R_MOST]
        for i in range(regs[R_FOUND] if same else 0):
            same = same and known[5 + 2 * i] == found[i, 0] and known[6 + 2 * i] == found[i, 1]
        if same:
            row = known[4]
            break
    if row == 0:
        return EXTRAS
    if row != regs[R_BASE]:
        mask = words_kernel(vocabulary, 4)
        widen_kernel(mask, carray(pointer(row), (mask.shape[0],), np.int32), words_kernel(space, 12), regs[R_TOUCHED])
        regs[R_BASE] = row
    regs[R_STAGE] = WALKED_STAGE
    if is_opened != 0:
        # A key that is none of the names is a free string that returns to where the others go.
        base = states[regs[R_KEPT + 1], BASE]
        begin_at_kernel(table_kernel(space, 2, 5), states[base, RETURN] if base != 0 else STATE_POP, regs[R_KEPT])
        levels[0], levels[1], regs[R_DEPTH], regs[R_STAGE] = 0, 1, -1, OPENED_STAGE
        regs[R_WALK], regs[R_MODE], regs[R_FEWEST], regs[R_LARGEST] = vocabulary[12], WALK_ENDINGS, 0, regs[R_MOST]
    return 0


@kernel(inline="always")
def walk_kernel(network, space, vocabulary):
    """Call ``fill_kernel`` with arrays named by their addresses, and what the registers say to walk.

    What is walked is named by 20 numbers: a trie (``TokenTrie.addresses``), tokens, counts and starts.
    """
    regs, mask = line_kernel(network, 8), words_kernel(vocabulary, 4)
    walk = carray(pointer(regs[R_WALK]), (20,), np.int64)
    return fill_kernel(
        table_kernel(network, 0, 8), table_kernel(network, 2, 3), table_kernel(network, 4, 4), line_kernel(network, 6),
        regs, table_kernel(space, 0, 5), table_kernel(space, 2, 5), line_kernel(space, 4), table_kernel(space, 6, 4),
        carray(pointer(space[8]), (space[9], 256), np.uint8), table_kernel(space, 10, 2),
        carray(pointer(walk[0]), (walk[1],), np.uint8), carray(pointer(walk[2]), (walk[3], 3), np.int32),
        carray(pointer(walk[4]), (walk[5], 4), np.int32), carray(pointer(walk[6]), (walk[7], 2), np.int32),
        words_kernel(walk, 8), words_kernel(walk, 10), carray(pointer(walk[12]), (walk[13], 2), np.int32),
        words_kernel(vocabulary, 0), carray(pointer(regs[R_BASE]), (mask.shape[0],), np.int32), mask,
        words_kernel(space, 12), regs[R_MODE],
        words_kernel(walk, 14), words_kernel(walk, 16), words_kernel(walk, 18), regs[R_FEWEST], regs[R_LARGEST],
    )  # fmt: skip


@kernel
def mask_entry(network, space, shared, vocabulary, configurations, number, resumes):
    """Recall the mask of a place, or fill it, take it and remember it as mask ``number``.

    shared, vocabulary : int64  addresses (``fsm.shared_masks``, ``fsm.tokens.tables``)
    resumes : 1 after what the kernel stopped for was mended
    Returns what ``place_kernel``, ``begin_kernel``, ``fill_kernel``, ``begin_extras_kernel`` or ``take_kernel`` does.
    """
    regs = line_kernel(network, 8)
    if resumes == 0:
        regs[R_STAGE] = PLACE_STAGE
    if regs[R_STAGE] == PLACE_STAGE:
        code = place_kernel(network, space, shared, configurations)
        if code != FRESH:
            return code
        regs[R_STAGE] = BEGIN_STAGE
    if regs[R_STAGE] == BEGIN_STAGE:
        code = begin_kernel(network, space, shared, vocabulary)
        if code != 0:
            return code
    while regs[R_STAGE] != WALKED_STAGE:  # one call of the walk, which is what takes long to compile
        if regs[R_STAGE] == EXTRAS_STAGE:
            code = begin_extras_kernel(network, space, shared, vocabulary)
            if code < 0:
                return code
            continue
        code = walk_kernel(network, space, vocabulary) if regs[R_STAGE] != NAMED_STAGE else 0
        if code < 0:
            return code
        if regs[R_STAGE] == NAMES_STAGE:
            states = table_kernel(network, 0, 8)
            keep_others_kernel(network, space, vocabulary, line_kernel(shared, 10), states[regs[R_PLACE], BASE])
            regs[R_STAGE] = NAMED_STAGE
        if regs[R_STAGE] == NAMED_STAGE:
            begin_at_kernel(table_kernel(space, 2, 5), regs[R_PLACE], regs[R_PLACE + 1])
            regs[R_STAGE], regs[R_DEPTH], regs[R_WALK], regs[R_MODE] = PLAIN_STAGE, -1, vocabulary[8], WALK_NAMES
            continue
        if regs[R_STAGE] == UNSPACED_STAGE:
            frontier, levels = table_kernel(space, 2, 5), line_kernel(space, 4)
            regs[R_KEPT], regs[R_KEPT + 1], regs[R_KEPT + 2] = regs[R_OPENED], regs[R_OPENED_STATE], regs[R_FOUND]
            frontier[0, 0], frontier[0, 1] = regs[R_SPACED], regs[R_SPACED_STACK]
            frontier[0, 2], frontier[0, 3], frontier[0, 4] = 0, 0, UNBOUNDED
            levels[0], levels[1], regs[R_DEPTH] = 0, 1, -1
            regs[R_STAGE], regs[R_WALK], regs[R_FEWEST] = AFTER_STAGE, vocabulary[10], 1
            continue
        if regs[R_STAGE] == AFTER_STAGE:
            regs[R_OPENED], regs[R_OPENED_STATE], regs[R_FOUND] = regs[R_KEPT], regs[R_KEPT + 1], regs[R_KEPT + 2]
        if regs[R_STAGE] == OPENED_STAGE and table_kernel(network, 0, 8)[regs[R_KEPT + 1], BASE] != 0:
            begin_at_kernel(table_kernel(space, 2, 5), regs[R_KEPT + 1], regs[R_KEPT])
            regs[R_STAGE], regs[R_DEPTH], regs[R_WALK], regs[R_MODE] = KEYS_STAGE, -1, vocabulary[14], WALK_NAMES
            continue
        if regs[R_STAGE] < EXTRAS_STAGE and (regs[R_OPENED] >= 0 or regs[R_FOUND] != 0):
            regs[R_KEPT], regs[R_KEPT + 1] = regs[R_OPENED], regs[R_OPENED_STATE]
            regs[R_KEPT + 2], regs[R_STAGE] = regs[R_STAGE] == SPACED_STAGE, EXTRAS_STAGE
            continue
        regs[R_STAGE] = WALKED_STAGE
    return take_kernel(network, space, shared, words_kernel(vocabulary, 4), number, 0)
