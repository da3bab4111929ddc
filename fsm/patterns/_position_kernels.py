"""Determinise positions of an expression over bytes, and walk the token trie through the states.

A state is a sorted set of items: ``ACCEPT`` (0), or ``position << 12 | place``, where the place says what was read of a
character of the position's class; 0 between characters. What a byte does to a state is found once, then looked up.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from fsm._address_kernels import pointer
from fsm.kernel import kernel

__all__ = [
    "AHEAD",
    "DONE",
    "FOREVER",
    "FULL",
    "LEAVE",
    "NUM_POSITION_REGISTERS",
    "P_EXIT",
    "P_HIGH",
    "P_LENGTH",
    "P_LOW",
    "P_MET",
    "P_NODE",
    "P_PLACE",
    "P_SEEN",
    "P_STATES",
    "P_TOUCHED",
    "P_WIDE",
    "SHIFT",
    "WALK",
    "advance_positions_entry",
    "count_characters_kernel",
    "fill_positions_entry",
    "intern_first_entry",
    "rehash_states_kernel",
]

# In a class's table: the byte ends a character of the class.
DONE = 1
SHIFT = 12
# Registers: the number of states; the node and the exit to go on at, how many nodes were looked at; the bytes of a
# chain (``find_chain_kernel``), its length and its kind; the states that were filled ahead, and that were met; the
# words of the mask that were touched.
P_STATES, P_NODE, P_EXIT, P_SEEN, P_LOW, P_HIGH, P_WIDE, P_LENGTH, P_PLACE, P_MET, P_TOUCHED = range(11)
NUM_POSITION_REGISTERS = 11
FULL, NO_CHAIN = -1, -2
# What ``fill_positions_kernel`` does.
WALK, LEAVE, AHEAD = range(3)
UNKNOWN = -1
FOREVER = 1 << 20
LEAST_BYTES = 20
"""Fewer bytes than these are no chain worth while."""


@kernel
def hash_items_kernel(items, begin, end):
    """Return a number that equal sets of items share."""
    hashed = np.int64(end - begin)
    for i in range(begin, end):
        hashed = (hashed ^ np.int64(items[i])) * np.int64(1099511628211)
        hashed ^= hashed >> 29
    return hashed


@kernel
def rehash_states_kernel(spans, items, count, table):
    """Enter the states 1 to ``count - 1`` into an empty hash table."""
    wrap = table.shape[0] - 1
    for number in range(1, count):
        slot = hash_items_kernel(items, spans[number], spans[number + 1]) & wrap
        while table[slot] != 0:
            slot = (slot + 1) & wrap
        table[slot] = number


@kernel
def sort_items_kernel(scratch, count):
    """Sort ``scratch[:count]`` in place, by Shell's method: mostly a few items, sometimes hundreds."""
    gap = 1
    while 3 * gap < count:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            item, j = scratch[i], i
            while j >= gap and scratch[j - gap] > item:
                scratch[j] = scratch[j - gap]
                j -= gap
            scratch[j] = item
        gap //= 3


@kernel
def intern_items_kernel(delta, spans, items, table, registers, scratch, count):
    """Return the state of the items ``scratch[:count]``, which are put in order; 0 where there are none, or FULL."""
    if count == 0:
        return np.int64(0)
    sort_items_kernel(scratch, count)
    size = 1
    for i in range(1, count):
        if scratch[i] != scratch[size - 1]:
            scratch[size] = scratch[i]
            size += 1
    wrap = table.shape[0] - 1
    slot = hash_items_kernel(scratch, 0, size) & wrap
    while table[slot] != 0:
        number = np.int64(table[slot])
        begin = spans[number]
        if spans[number + 1] - begin == size:
            is_equal = True
            for i in range(size):
                if items[begin + i] != scratch[i]:
                    is_equal = False
                    break
            if is_equal:
                return number
        slot = (slot + 1) & wrap
    number = registers[P_STATES]
    begin = spans[number]
    if number + 2 > delta.shape[0] or begin + size > items.shape[0]:
        return np.int64(FULL)
    registers[P_STATES] = number + 1
    table[slot] = number
    for i in range(size):
        items[begin + i] = scratch[i]
    spans[number + 1] = begin + size
    for byte in range(256):
        delta[number, byte] = UNKNOWN
    return number


@kernel
def spell_items_kernel(delta, spans, items, table, registers, scratch, bases, starts, follow, number, byte):
    """Do the same where every position has one byte, as in lists of words: all bytes at once, for few lead on."""
    first, last = spans[number], spans[number + 1]
    for other in range(256):
        delta[number, other] = 0
    for i in range(first, last):
        if items[i] == 0:
            continue
        here = bases[items[i] >> SHIFT, 1]
        if delta[number, here] != 0:
            continue
        count = 0
        for j in range(i, last):
            position = items[j] >> SHIFT
            if bases[position, 1] == here:
                for k in range(starts[position], starts[position + 1]):
                    scratch[count] = follow[k]
                    count += 1
        after = intern_items_kernel(delta, spans, items, table, registers, scratch, count)
        if after < 0:
            for other in range(256):
                delta[number, other] = UNKNOWN
            return after
        delta[number, here] = after
    return np.int64(delta[number, byte])


@kernel
def step_items_kernel(
    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, number, byte
):  # fmt: skip
    """Return the state after one more byte, 0 where it is dead, or FULL; ``delta`` remembers it.

    delta  : int32[S, 256]   state by byte, ``UNKNOWN`` where it was not asked yet
    spans  : int64[S + 1]    where each state begins in ``items``;  items : int32[I];  table : int64[H]  over states
    tables : uint16[R, 256]  of the classes: 0 = dead, ``DONE``, else the place inside the character, counted from 1
    bases  : int32[P, 2]     where each position's class begins in ``tables``; its one byte, or -1 where it has more
    starts : int32[P + 1]    where what follows each position begins in ``follow``: int32[F], items
    alike  : uint8[256]      an earlier byte that no class tells from this one between characters, or the byte itself
    """
    first, last = spans[number], spans[number + 1]
    is_spelled = True
    for i in range(first, last):
        if items[i] != 0 and bases[items[i] >> SHIFT, 1] < 0:
            is_spelled = False
            break
    if is_spelled:
        return spell_items_kernel(delta, spans, items, table, registers, scratch, bases, starts, follow, number, byte)
    twin = np.int64(alike[byte])
    if twin != byte and delta[number, twin] != UNKNOWN:
        is_between = True
        for i in range(first, last):
            if items[i] & 0xFFF != 0:
                is_between = False
                break
        if is_between:
            delta[number, byte] = delta[number, twin]
            return np.int64(delta[number, twin])
    count = 0
    for i in range(first, last):
        item = items[i]
        if item == 0:
            continue
        position = item >> SHIFT
        leads = np.int64(tables[bases[position, 0] + (item & 0xFFF), byte])
        if leads == 0:
            continue
        if leads == DONE:
            for k in range(starts[position], starts[position + 1]):
                scratch[count] = follow[k]
                count += 1
        else:
            scratch[count] = np.int32(position << SHIFT | (leads - 1))
            count += 1
    after = intern_items_kernel(delta, spans, items, table, registers, scratch, count)
    if after >= 0:
        delta[number, byte] = after
    return after


@kernel
def walk_positions_kernel(
    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, nodes, duplicates, first,
    last, start, path, touched, mask,
):  # fmt: skip
    """Allow every token below sibling nodes that can be read from a state; return 0, or FULL.

    nodes    : int32[N, 4]   the token trie;  duplicates : int32[V]
    path     : int64[depth]  the states along the open path, kept across calls
    touched  : int32[W] or int32[0]  out: the words that are no longer 0, as many as ``registers`` tell
    mask     : int32[W]      out
    """
    num_touched, most_touched = registers[P_TOUCHED], touched.shape[0]
    node, seen = max(first, registers[P_NODE]), registers[P_SEEN]
    path[nodes[first, 1] - 1] = start
    while node < last:
        depth = nodes[node, 1]
        number = path[depth - 1]
        after = np.int64(delta[number, nodes[node, 0]])
        seen += 1
        if after <= 0:
            if after < 0:
                after = step_items_kernel(
                    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, number,
                    np.int64(nodes[node, 0]),
                )  # fmt: skip
                if after < 0:
                    registers[P_NODE], registers[P_SEEN], registers[P_TOUCHED] = node, seen, num_touched
                    return np.int64(FULL)
            if after == 0:
                node = np.int64(nodes[node, 2])
                continue
        path[depth] = after
        token = np.int64(nodes[node, 3])
        while token >= 0:
            word = token >> 5
            if mask[word] == 0 and num_touched < most_touched:
                touched[num_touched] = word
                num_touched += 1
            mask[word] |= np.int32(1 << (token & 31))
            token = np.int64(duplicates[token])
        node += 1
    registers[P_NODE], registers[P_SEEN], registers[P_TOUCHED] = 0, seen, num_touched
    return np.int64(0)


@kernel
def walk_tokens_kernel(
    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, labels, rows, duplicates,
    stack, start, touched, mask,
):  # fmt: skip
    """Allow every token that can be read from a state; return 0, or FULL: then it is begun again.

    labels, rows : the token trie, siblings side by side (``fsm.tokens.trie.TokenTrie``)
    stack : int64[depth, 3]  scratch: the next sibling to visit, the end of the siblings, and the state before them
    """
    num_touched, most_touched, seen = registers[P_TOUCHED], touched.shape[0], registers[P_SEEN]
    depth = 0
    stack[0, 0], stack[0, 1], stack[0, 2] = rows[0, 0], rows[0, 1], start
    while depth >= 0:
        node, last, number = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        first, after = node, np.int64(0)
        while node < last:
            after = np.int64(delta[number, labels[node]])
            if after != 0:
                break
            node += 1
        seen += node - first if depth > 0 else 0  # first bytes lie in one line of memory
        seen += node < last
        stack[depth, 0] = node + 1
        if node == last:
            depth -= 1
            continue
        if after < 0:
            after = step_items_kernel(
                delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, number,
                np.int64(labels[node]),
            )  # fmt: skip
            if after < 0:
                registers[P_SEEN], registers[P_TOUCHED] = seen, num_touched
                return np.int64(FULL)
            if after == 0:
                continue
        token = np.int64(rows[node, 2])
        while token >= 0:
            word = token >> 5
            if mask[word] == 0 and num_touched < most_touched:
                touched[num_touched] = word
                num_touched += 1
            mask[word] |= np.int32(1 << (token & 31))
            token = np.int64(duplicates[token])
        if rows[node, 0] < rows[node, 1]:
            depth += 1
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = rows[node, 0], rows[node, 1], after
    registers[P_SEEN], registers[P_TOUCHED] = seen, num_touched
    return np.int64(0)


@kernel
def advance_positions_kernel(
    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, number, text, first, last
):  # fmt: skip
    """Return the state after the bytes ``text[first:last]``, 0 where they do not fit, or FULL."""
    for place in range(first, last):
        after = np.int64(delta[number, text[place]])
        if after < 0:
            after = step_items_kernel(
                delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, number,
                np.int64(text[place]),
            )  # fmt: skip
        if after <= 0:
            return after
        number = after
    return np.int64(number)


@kernel
def find_chain_kernel(
    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, wide, number, chain
):  # fmt: skip
    """Find the states that a state leads to by the same bytes again and again: names, words, free text.

    wide  : uint8[P]        of each position's class: 0 no character that is not ASCII, 1 all of them, 2 some
    chain : int64[C]        out: the states after 0, 1, 2, ... characters, 0 = dead
    ``registers`` tell the bytes, and after how many characters the chain ends (``FOREVER``: not within a token).
    Returns 1, NO_CHAIN or FULL.
    """
    for letter in (0x65, 0x45, 0x30):
        target = np.int64(delta[number, letter])
        if target < 0:
            target = step_items_kernel(
                delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, number,
                np.int64(letter),
            )  # fmt: skip
        if target < 0:
            return np.int64(FULL)
        if target == 0:
            continue
        low, high, count = np.int64(0), np.int64(0), 0
        for byte in range(128):
            after = np.int64(delta[number, byte])
            if after < 0:
                after = step_items_kernel(
                    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, number,
                    np.int64(byte),
                )  # fmt: skip
            if after < 0:
                return np.int64(FULL)
            if after == target:
                count += 1
                if byte < 64:
                    low |= np.int64(1) << byte
                else:
                    high |= np.int64(1) << (byte - 64)
        if count < LEAST_BYTES:
            continue
        chain[0] = number
        is_wide, length, here, place = 1, np.int64(FOREVER), np.int64(number), 0
        while True:
            after = np.int64(0)
            for byte in range(128):
                if (low >> byte if byte < 64 else high >> (byte - 64)) & 1 == 0 or np.int64(alike[byte]) != byte:
                    continue
                found = np.int64(delta[here, byte])
                if found < 0:
                    found = step_items_kernel(
                        delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, here,
                        np.int64(byte),
                    )  # fmt: skip
                if found < 0:
                    return np.int64(FULL)
                if after == 0:
                    after = found + 1
                elif after != found + 1:
                    return np.int64(NO_CHAIN)
            after -= 1
            if after == 0:
                length = np.int64(place)
                break
            if is_wide == 1:
                for i in range(spans[here], spans[here + 1]):
                    if items[i] != 0 and wide[items[i] >> SHIFT] == 2:
                        is_wide = 0
                other = here
                for byte in (0xC3, 0xA9):
                    if other > 0:
                        found = np.int64(delta[other, byte])
                        if found < 0:
                            found = step_items_kernel(
                                delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike,
                                other, np.int64(byte),
                            )  # fmt: skip
                        if found < 0:
                            return np.int64(FULL)
                        other = found
                if other != after:
                    is_wide = 0
            place += 1
            if place == chain.shape[0]:
                break
            chain[place] = after
            if after == here:
                while place < chain.shape[0]:
                    chain[place] = after
                    place += 1
                break
            here = after
        while place + 1 < chain.shape[0] and length != FOREVER:
            place += 1
            chain[place] = 0
        registers[P_LOW], registers[P_HIGH], registers[P_WIDE], registers[P_LENGTH] = low, high, is_wide, length
        return np.int64(1)
    return np.int64(NO_CHAIN)


@kernel
def leave_chain_kernel(
    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, nodes, duplicates, exits,
    groups, characters, by_length, lengths, chain, path, touched, mask,
):  # fmt: skip
    """Allow what a chain allows, where ``mask`` holds the tokens that only have its bytes (``fsm.tokens.token_loops``).

    exits      : int32[E]   the nodes at which other tokens leave it;  groups : int32[257]  where each byte's begin
    characters : int16[N]   the characters before each node
    by_length  : int32[T]   tokens, those of the most characters first;  lengths : int32[L]  how many have more than i
    Returns 0, or FULL.
    """
    if registers[P_EXIT] == 0:
        if registers[P_LENGTH] < lengths.shape[0]:
            for i in range(lengths[registers[P_LENGTH]]):
                token = np.int64(by_length[i])
                mask[token >> 5] &= ~np.int32(1 << (token & 31))
        registers[P_EXIT] = 1
    while registers[P_EXIT] <= exits.shape[0]:
        node = np.int64(exits[registers[P_EXIT] - 1])
        source = chain[characters[node]]
        if source == 0 or delta[source, nodes[node, 0]] == 0:
            if source == chain[0] and source == chain[1]:
                registers[P_EXIT] = np.int64(groups[nodes[node, 0] + 1]) + 1
            else:
                registers[P_EXIT] += 1
            continue
        code = walk_positions_kernel(
            delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, nodes, duplicates,
            node, np.int64(nodes[node, 2]), source, path, touched, mask,
        )  # fmt: skip
        if code < 0:
            return code
        registers[P_EXIT] += 1
    registers[P_EXIT] = 0
    return np.int64(0)


@kernel
def fill_ahead_kernel(
    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, wide, labels, rows,
    duplicates, stack, chain, waiting, marks, most_seen, ends, touched, mask, firsts, words, values,
):  # fmt: skip
    """Fill the masks of states that a text meets next, as long as each takes few nodes of the trie.

    waiting : int64[M]      the first state, and out: the states met; those that have a chain are not filled, and
                            negative
    marks   : uint8[S]      1 at the first state, and out: at the states met; those beyond its end are not met
    ends    : int32[E]      the end tokens;  mask : int32[W]  scratch, 0 before and after
    firsts  : int32[M + 1]  out: where the words of each state that are not 0 begin
    words   : int64[R]      out;  values : int32[R]  out
    ``registers`` tell how many states were filled and met, 0 and 1 before. Returns 0, or FULL; stops where more than
    ``most_seen`` nodes were looked at, after a few chains, and where there is no more room.
    """
    count, place = registers[P_MET], registers[P_PLACE]
    num_chains, code = 0, np.int64(0)
    while place < count and registers[P_SEEN] < most_seen and num_chains < 4:
        number = waiting[place]
        size = firsts[place]
        firsts[place + 1] = size
        code = find_chain_kernel(
            delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, wide, number, chain
        )  # fmt: skip
        if code == NO_CHAIN:
            code = walk_tokens_kernel(
                delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, labels, rows,
                duplicates, stack, number, touched, mask,
            )  # fmt: skip
            if code == 0:
                num_touched = registers[P_TOUCHED]
                if items[spans[number]] == 0:
                    for token in ends:
                        if mask[token >> 5] == 0:
                            touched[num_touched] = token >> 5
                            num_touched += 1
                        mask[token >> 5] |= np.int32(1 << (token & 31))
                for i in range(num_touched):
                    word = touched[i]
                    if size < words.shape[0]:
                        words[size], values[size] = word, mask[word]
                    size += 1
                    mask[word] = 0
                registers[P_TOUCHED] = 0
                if size > words.shape[0]:
                    break
                firsts[place + 1] = size
        elif code == 1:
            waiting[place] = -number
            num_chains += 1 if chain[0] == chain[1] else 2
        if code < 0:
            break
        before = np.int64(0)
        for byte in range(128):
            after = np.int64(delta[number, byte])
            if after > 0 and after != before and count < waiting.shape[0]:
                before = after
                if after < marks.shape[0] and marks[after] == 0:
                    marks[after] = 1
                    waiting[count] = after
                    count += 1
        place += 1
    registers[P_MET], registers[P_PLACE] = count, place
    return np.int64(FULL) if code < 0 else np.int64(0)


@kernel
def count_characters_kernel(texts, nodes, duplicates, path, before, counts):
    """Count the characters that are whole before each node, and those of each token, a part of one counting as one.

    texts  : int32[S, 256]   an automaton of all texts, state 1 between characters
    path   : int32[depth, 2] scratch
    before : int16[N]        out
    counts : int16[V]        out; -1 for tokens that are no text
    """
    path[0, 0], path[0, 1] = 1, 0
    node = 0
    while node < nodes.shape[0]:
        depth = nodes[node, 1]
        state, count = path[depth - 1, 0], path[depth - 1, 1]
        following = texts[state, nodes[node, 0]]
        before[node] = count
        if following <= 0:
            node = nodes[node, 2]
            continue
        path[depth, 0] = following
        path[depth, 1] = count + 1 if following == 1 else count
        token = np.int64(nodes[node, 3])
        while token >= 0:
            counts[token] = count + 1
            token = np.int64(duplicates[token])
        node += 1


@kernel
def intern_first_entry(states, first):
    """Return the state of some items, or FULL."""
    scratch = carray(pointer(states[10]), (states[11],), np.int32)
    for i in range(first.shape[0]):
        scratch[i] = first[i]
    return intern_items_kernel(
        carray(pointer(states[0]), (states[1], 256), np.int32), carray(pointer(states[2]), (states[3],), np.int64),
        carray(pointer(states[4]), (states[5],), np.int32), carray(pointer(states[6]), (states[7],), np.int64),
        carray(pointer(states[8]), (states[9],), np.int64), scratch, first.shape[0],
    )  # fmt: skip


@kernel
def advance_positions_entry(states, number, text, first, last):
    """Call ``advance_positions_kernel`` with arrays named by their addresses (``fsm.addresses``)."""
    return advance_positions_kernel(
        carray(pointer(states[0]), (states[1], 256), np.int32), carray(pointer(states[2]), (states[3],), np.int64),
        carray(pointer(states[4]), (states[5],), np.int32), carray(pointer(states[6]), (states[7],), np.int64),
        carray(pointer(states[8]), (states[9],), np.int64), carray(pointer(states[10]), (states[11],), np.int32),
        carray(pointer(states[12]), (states[13], 256), np.uint16),
        carray(pointer(states[14]), (states[15], 2), np.int32),
        carray(pointer(states[16]), (states[17],), np.int32), carray(pointer(states[18]), (states[19],), np.int32),
        carray(pointer(states[20]), (states[21],), np.uint8),
        number, text, first, last,
    )  # fmt: skip


@kernel
def fill_positions_kernel(
    delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, wide, path, chain, nodes,
    duplicates, labels, rows, stack, characters, by_length, lengths, exits, groups, waiting, firsts, words, values,
    marks, ends, touched, mask, most_seen, mode,
):  # fmt: skip
    """Do what ``mode`` says for the state ``waiting[0]``; one kernel for all, because each alone compiles as long.

    WALK  : fill ``mask`` unless the state has a chain; returns 0, or 1 where it has one
    LEAVE : fill ``mask`` along the chain just found;  AHEAD : ``fill_ahead_kernel``
    Returns FULL where there is no more room.
    """
    if mode == LEAVE:
        return leave_chain_kernel(
            delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, nodes, duplicates,
            exits, groups, characters, by_length, lengths, chain, path, touched, mask,
        )  # fmt: skip
    if mode == AHEAD:
        return fill_ahead_kernel(
            delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, wide, labels, rows,
            duplicates, stack, chain, waiting, marks, most_seen, ends, touched, mask, firsts, words, values,
        )  # fmt: skip
    code = find_chain_kernel(
        delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, wide, waiting[0], chain
    )  # fmt: skip
    if code == NO_CHAIN:
        code = walk_tokens_kernel(
            delta, spans, items, table, registers, scratch, tables, bases, starts, follow, alike, labels, rows,
            duplicates, stack, waiting[0], touched, mask,
        )  # fmt: skip
    return code


@kernel
def fill_positions_entry(states, trie, exits, groups, ahead, ends, mask, most_seen, mode):
    """Call ``fill_positions_kernel`` with arrays named by their addresses (``fsm.addresses``)."""
    return fill_positions_kernel(
        carray(pointer(states[0]), (states[1], 256), np.int32), carray(pointer(states[2]), (states[3],), np.int64),
        carray(pointer(states[4]), (states[5],), np.int32), carray(pointer(states[6]), (states[7],), np.int64),
        carray(pointer(states[8]), (states[9],), np.int64), carray(pointer(states[10]), (states[11],), np.int32),
        carray(pointer(states[12]), (states[13], 256), np.uint16),
        carray(pointer(states[14]), (states[15], 2), np.int32),
        carray(pointer(states[16]), (states[17],), np.int32), carray(pointer(states[18]), (states[19],), np.int32),
        carray(pointer(states[20]), (states[21],), np.uint8), carray(pointer(states[22]), (states[23],), np.uint8),
        carray(pointer(states[24]), (states[25],), np.int64), carray(pointer(states[26]), (states[27],), np.int64),
        carray(pointer(trie[0]), (trie[1], 4), np.int32), carray(pointer(trie[14]), (trie[15],), np.int32),
        carray(pointer(trie[22]), (trie[23],), np.uint8), carray(pointer(trie[24]), (trie[25], 3), np.int32),
        carray(pointer(trie[26]), (trie[27], 3), np.int64), carray(pointer(trie[16]), (trie[17],), np.int16),
        carray(pointer(trie[18]), (trie[19],), np.int32), carray(pointer(trie[20]), (trie[21],), np.int32),
        exits, groups, carray(pointer(ahead[0]), (ahead[1],), np.int64),
        carray(pointer(ahead[2]), (ahead[3],), np.int32), carray(pointer(ahead[4]), (ahead[5],), np.int64),
        carray(pointer(ahead[6]), (ahead[7],), np.int32), carray(pointer(ahead[8]), (ahead[9],), np.uint8), ends,
        carray(pointer(states[28]), (states[29],), np.int32), mask, most_seen, mode,
    )  # fmt: skip
