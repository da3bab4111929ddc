"""Share the positions of texts that end alike."""

from __future__ import annotations

from fsm.kernel import kernel

__all__ = ["share_endings_kernel"]


@kernel
def share_endings_kernel(classes, sizes, begin, table, class_of, after, firsts):
    """Give the symbols of texts positions, the same one to symbols that are followed by the same to the end.

    classes : int32[N]    the class of each symbol, text by text;  sizes : int32[K]  how many symbols each text has
    begin   : the first position
    table   : int32[2^n]  scratch, 0; more than twice N
    class_of, after : int32[N]  out: the class of each position from ``begin`` on, and what follows it, 0 = the end
    firsts  : int32[K]    out: where each text begins
    Returns how many positions there are.
    """
    count, last = 0, 0
    for text in range(sizes.shape[0]):
        following, last = 0, last + sizes[text]
        for place in range(last - 1, last - sizes[text] - 1, -1):
            slot = (classes[place] * 40503 + following * 30011) & (table.shape[0] - 1)
            while table[slot] != 0:
                found = table[slot] - begin
                if class_of[found] == classes[place] and after[found] == following:
                    break
                slot = (slot + 1) & (table.shape[0] - 1)
            if table[slot] == 0:
                table[slot] = begin + count
                class_of[count], after[count] = classes[place], following
                count += 1
            following = table[slot]
        firsts[text] = following
    return count
