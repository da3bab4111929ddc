"""Remember how often copies of each kind were right, so that those that are not are left out."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["NUM_KINDS", "Trust", "kind_of"]

NUM_KINDS = 48

_MOST_REMEMBERED = 128.0


def kind_of(token_bytes: bytes, *, suffix: int, is_late: bool, is_own: bool) -> int:
    """Return the number of a kind of copy.

    Parameters
    ----------
    token_bytes : what is copied: words, spaces and marks are told apart, for copies often end where a word does.
    suffix : how many tokens before it, up to three, are those at the text's end; 0 where it goes on with the copy
        before it.
    is_late : whether tokens that the grammar forbids came first.
    is_own : whether it is copied from what was written, not from the prompt.

    Examples
    --------
    >>> kind_of(b"an", suffix=0, is_late=False, is_own=False), kind_of(b", ", suffix=3, is_late=True, is_own=True)
    (0, 47)
    """
    first = token_bytes[:1]
    look = 1 if first.isspace() else 0 if first.isalnum() or first >= b"\x80" else 2
    return 16 * look + 4 * suffix + 2 * is_late + is_own


@dataclass(slots=True)
class Trust:
    """Count right and wrong copies of each kind, the last ones for more; kept by its `Speculation` for later calls.

    Examples
    --------
    >>> trust = Trust()
    >>> before = trust.share(0)
    >>> trust.learn(0, is_right=True)
    >>> round(before, 2), trust.share(0)
    (0.67, 0.75)
    """

    right: list[float] = field(default_factory=lambda: [2.0] * NUM_KINDS)
    wrong: list[float] = field(default_factory=lambda: [1.0] * NUM_KINDS)

    def share(self, kind: int) -> float:
        """Return the share of right ones; two in three before any was examined."""
        return self.right[kind] / (self.right[kind] + self.wrong[kind])

    def learn(self, kind: int, *, is_right: bool) -> None:
        """Count one more; what is long past counts for half, again and again."""
        if is_right:
            self.right[kind] += 1.0
        else:
            self.wrong[kind] += 1.0
        if self.right[kind] + self.wrong[kind] > _MOST_REMEMBERED:
            self.right[kind] /= 2.0
            self.wrong[kind] /= 2.0
