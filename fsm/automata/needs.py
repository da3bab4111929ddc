"""Tell without a search which symbols the rest of a text must contain, and which it can contain at most.

Where one automaton must still read a ``T`` and another one can read digits only, no text meets both: a search need not
look at every state to find that out. Input: a continuation of a plain expression. Output: `Need`. Cost: each part of
the expression once; what would be long is left out, so that less is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from fsm.automata.continuation import Continuation
from fsm.automata.dfa import NO_NEED, Need
from fsm.automata.expression import Choice, Deferred, Expression, Repeat, Sequence, Symbols
from fsm.automata.ranges import ALL, Ranges, intersect_ranges, union_ranges

__all__ = ["Needs", "are_at_odds"]

MAX_REQUIRED, MAX_ITEMS = 32, 256


class Needs:
    """Find what the continuations of one automaton need, and keep it.

    Examples
    --------
    >>> from fsm.automata.continuation import make_final
    >>> from fsm.automata.expression import repeat, sequence, text
    >>> need = Needs().of([make_final().push(sequence([repeat(text("a"), 0, None), text("bc")]))])
    >>> sorted(need.required), need.most
    ([((98, 98),), ((99, 99),)], ((97, 99),))
    """

    def __init__(self) -> None:
        self._rests: dict[Continuation, Need] = {}
        self._parts: dict[Expression, Need] = {}
        self._ends: dict[Sequence, list[Need]] = {}

    def of(self, parts: Iterable[Continuation]) -> Need:
        """Return what a text needs that completes one of these plain continuations."""
        return _one_of([self._after(part) for part in parts])

    def _after(self, start: Continuation) -> Need:
        waiting: list[Continuation] = []
        here: Continuation | None = start
        need = _NOTHING
        while here is not None and here.head is not None:
            known = self._rests.get(here)
            if known is not None:
                need = known
                break
            waiting.append(here)
            here = here.rest
        for part in reversed(waiting):
            assert part.head is not None
            head = self._end(part.head, part.place) if type(part.head) is Sequence else self._of_part(part.head)
            need = self._rests[part] = _all_of([need, head])
        return need

    def _end(self, node: Sequence, place: int) -> Need:
        """Return what the items from a place on need."""
        if len(node.items) > MAX_ITEMS:
            return NO_NEED
        ends = self._ends.get(node)
        if ends is None:
            ends = [_NOTHING]
            for item in reversed(node.items):
                ends.append(_all_of([ends[-1], self._of_part(item)]))
            ends = self._ends[node] = ends[::-1]
        return ends[place]

    def _of_part(self, node: Expression) -> Need:
        if type(node) is Repeat:  # of which each count is a node of its own
            body = self._of_part(node.body)
            return body if node.least else Need(frozenset(), body.most)
        found = self._parts.get(node)
        if found is None:
            found = self._parts[node] = self._find(node)
        return found

    def _find(self, node: Expression) -> Need:
        if type(node) is Symbols:
            return Need(frozenset([node.ranges]), node.ranges)
        if type(node) is Sequence:
            return self._end(node, 0)
        if type(node) is Choice and len(node.options) <= MAX_ITEMS:
            return _one_of([self._of_part(option) for option in node.options])
        return Need(frozenset(), node.ranges) if type(node) is Deferred else NO_NEED


def are_at_odds(needs: list[Need]) -> bool:
    """Tell whether no text can meet all of these needs, each of another automaton.

    Examples
    --------
    >>> letter, digits = ((84, 84),), ((48, 57),)
    >>> are_at_odds([Need(frozenset([letter]), letter + digits), Need(frozenset(), digits)])
    True
    """
    return any(
        other is not need and other.most != ALL and any(_are_apart(ranges, other.most) for ranges in need.required)
        for need in needs
        for other in needs
    )


@lru_cache(maxsize=4096)
def _are_apart(one: Ranges, other: Ranges) -> bool:
    return not intersect_ranges(one, other)


_NOTHING = Need(frozenset(), ())


def _all_of(needs: list[Need]) -> Need:
    """Return what one text after the other needs."""
    required = frozenset().union(*[need.required for need in needs])
    if len(required) > MAX_REQUIRED:
        required = needs[0].required
    return Need(required, _union([need.most for need in needs]))


def _one_of(needs: list[Need]) -> Need:
    """Return what a text needs that is one of several."""
    if len(needs) == 1:
        return needs[0]
    if not 0 < len(needs) <= MAX_ITEMS:
        return NO_NEED if needs else _NOTHING
    first, *others = [need.required for need in needs]
    return Need(first.intersection(*others), _union([need.most for need in needs]))


def _union(sets: list[Ranges]) -> Ranges:
    distinct = set(sets)
    if ALL in distinct:
        return ALL
    return (
        next(iter(distinct)) if len(distinct) == 1 else union_ranges([pair for ranges in distinct for pair in ranges])
    )
