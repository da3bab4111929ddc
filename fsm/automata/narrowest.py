"""Count the bytes of the shortest texts of an expression, as the expression tells without a search.

Input: how many bytes the cheapest symbol of a set takes. Output: for a continuation, the fewest bytes to its end. Cost:
each part of the expression once, however often it is repeated.
"""

from __future__ import annotations

from collections.abc import Callable

from fsm.automata.continuation import Continuation
from fsm.automata.expression import Choice, Expression, Repeat, Sequence, Symbols
from fsm.automata.ranges import Ranges

__all__ = ["Narrowest"]


class Narrowest:
    """Measure the parts of one automaton's expression, and keep what was found.

    Parameters
    ----------
    width_of : the fewest bytes of one symbol out of a set.

    Examples
    --------
    >>> from fsm.automata.continuation import make_final
    >>> from fsm.automata.expression import repeat, text
    >>> Narrowest(lambda ranges: 2).after(make_final().push(repeat(text("ab"), 3, None)))
    12
    """

    def __init__(self, width_of: Callable[[Ranges], int]) -> None:
        self._width_of = width_of
        self._parts: dict[Expression, int | None] = {}
        self._rests: dict[Continuation, int | None] = {}

    def after(self, start: Continuation) -> int | None:
        """Return the fewest bytes that complete a plain continuation; None where a part of it is not built yet."""
        waiting: list[Continuation] = []
        here: Continuation | None = start
        total: int | None = 0
        while here is not None:
            if here in self._rests:
                total = self._rests[here]
                break
            waiting.append(here)
            here = here.rest
        for part in reversed(waiting):
            total = self._rests[part] = None if total is None else self._add(part, total)
        return total

    def _add(self, part: Continuation, rest: int) -> int | None:
        if part.head is None:
            return rest
        if type(part.head) is not Sequence:
            width = self._measure(part.head)
            return None if width is None else rest + width
        widths = [self._measure(item) for item in part.head.items[part.place :]]
        return None if None in widths else rest + sum([width for width in widths if width is not None])

    def _measure(self, node: Expression) -> int | None:
        if node not in self._parts:
            self._parts[node] = self._find(node)
        return self._parts[node]

    def _find(self, node: Expression) -> int | None:
        if type(node) is Symbols:
            return self._width_of(node.ranges)
        if type(node) is Repeat:
            once = self._measure(node.body) if node.least else 0
            return None if once is None else node.least * once
        if type(node) not in (Sequence, Choice):
            return None
        parts = node.items if type(node) is Sequence else node.options  # type: ignore[attr-defined]
        widths = [self._measure(part) for part in parts]
        known = [width for width in widths if width is not None]
        if len(known) < len(widths):
            return None
        return sum(known) if type(node) is Sequence else min(known)
