"""Sort stretches of a document's places by their next symbol."""

from __future__ import annotations

from fsm.kernel import kernel

__all__ = ["split_places_kernel"]

FEW = 24


@kernel
def split_places_kernel(ranks, places, begin, end, depth, counts, scratch, symbols, begins):
    """Sort ``places[begin:end]`` by the symbol ``depth`` further on, and list where each symbol's stretch begins.

    ranks   : int32[N + 1]  the text, its symbols numbered from 1; 0 ends it
    places  : int32[P]      changed in place; where the stretch's texts begin
    counts  : int64[A + 2]  scratch for A symbols; scratch : int32[P]
    symbols, begins : int64[A + 2]  out: number of each symbol found, ascending, and where its stretch begins; behind
              the last of them, ``begins`` holds ``end``
    Returns how many symbols were found; places where the text ends come first and are not listed.
    """
    if end - begin <= FEW:
        for i in range(begin + 1, end):
            place = places[i]
            rank = ranks[place + depth]
            j = i
            while j > begin and ranks[places[j - 1] + depth] > rank:
                places[j] = places[j - 1]
                j -= 1
            places[j] = place
    else:
        for a in range(counts.shape[0]):
            counts[a] = 0
        for i in range(begin, end):
            counts[ranks[places[i] + depth] + 1] += 1
            scratch[i] = places[i]
        for a in range(1, counts.shape[0]):
            counts[a] += counts[a - 1]
        for i in range(begin, end):
            rank = ranks[scratch[i] + depth]
            places[begin + counts[rank]] = scratch[i]
            counts[rank] += 1
    found = 0
    last = 0
    for i in range(begin, end):
        rank = ranks[places[i] + depth]
        if rank != last:
            symbols[found] = rank
            begins[found] = i
            found += 1
            last = rank
    begins[found] = end
    return found
