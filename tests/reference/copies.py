"""Find what followed the end of a text where it stood before, the slow and obvious way."""

from __future__ import annotations


def followers(text, end, allowed, count):
    """Return up to `count` (place, suffix length, whether others came first that are not allowed)."""
    found, is_late = [], False
    for size in range(len(end), 0, -1):
        for place in range(len(text) - 1, size - 1, -1):
            if text[place - size : place] != end[-size:]:
                continue
            if allowed is not None and text[place] not in allowed:
                is_late = True
            elif text[place] not in [text[known] for known, _, _ in found]:
                found.append((place, size, is_late))
                if len(found) == count:
                    return found
    return found
