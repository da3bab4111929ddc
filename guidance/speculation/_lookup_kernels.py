"""Find where the end of a text stood before, by one look over the text."""

from __future__ import annotations

from typing import Any

from fsm.kernel import kernel

__all__ = ["find_followers_kernel"]


@kernel(nogil=True)
def find_followers_kernel(
    tokens: Any, length: int, end: Any, num_end: int, mask: Any, has_mask: bool, found: Any
) -> int:
    """Find tokens that followed what the text now ends with: those behind its longest suffix first, the last first.

    tokens   : int64[C]     the text is the first `length` of them
    end      : int64[E]     the suffixes are the ends of its first `num_end`
    mask     : int32[W]     tokens that may be found; read only if has_mask
    found    : int64[N, 3]  the first count are written, with different tokens: where each stands in the text, the
                            length of the suffix before it, and whether others of the text came before it that may not
                            be found

    Returns count.
    """
    count = 0
    is_late = 0
    for size in range(num_end, 0, -1):
        for place in range(length - 1, size - 1, -1):
            same = 0
            while same < size and tokens[place - 1 - same] == end[num_end - 1 - same]:
                same += 1
            if same < size:
                continue
            token = tokens[place]
            if has_mask and (mask[token >> 5] >> (token & 31)) & 1 == 0:
                is_late = 1
                continue
            is_new = True
            for k in range(count):
                if tokens[found[k, 0]] == token:
                    is_new = False
            if is_new:
                found[count, 0], found[count, 1], found[count, 2] = place, size, is_late
                count += 1
                if count == found.shape[0]:
                    return count
    return count
