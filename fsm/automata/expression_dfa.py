"""Determinise a plain expression lazily, by subset construction over continuations.

A state is a set of continuations; it is expanded when its edges are first asked for. Every continuation can be
completed, so no search for live states is needed, and lengths come from the expression.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from functools import lru_cache
from operator import attrgetter

from fsm.automata.continuation import Continuation, Step, make_final
from fsm.automata.dfa import DEAD, EXPANSION_LOCK, Dfa, Edge, Lengths, Need, Ranges, make_key, shared_lengths
from fsm.automata.expression import ANY_SYMBOL, ANY_TEXT, EMPTY, NOTHING, Expression, are_lengths_joined, repeat
from fsm.automata.kept import KeptEdges, count_automata, keep_automata
from fsm.automata.narrowest import Narrowest
from fsm.automata.needs import Needs
from fsm.automata.partition import iterate_partition
from fsm.errors import LimitError
from fsm.expansion_time import check_expansion_time

__all__ = ["MAX_EXPRESSION_STATES", "ExpressionDfa", "any_string", "string_lengths"]

MAX_EXPRESSION_STATES = 250_000
_MAX_COMPARED = 64
_is_gapless, _is_every = attrgetter("is_gapless"), attrgetter("is_every")

Parts = Continuation | frozenset[Continuation]
"""A state: what is left to match, or several such ways, as a set; a set of one would be one more object to keep."""


class ExpressionDfa(Dfa):
    """Recognise a plain expression.

    Parameters
    ----------
    expression : without assertions; see `fsm.automata.expression`.
    max_states : how many states may be made before `LimitError` is raised.
    """

    def __init__(self, expression: Expression, *, max_states: int = MAX_EXPRESSION_STATES) -> None:
        self.key = make_key("expression")
        self.max_states = max_states
        self.expression = expression
        self._sets: list[Parts] = [frozenset()]
        self._edges = KeptEdges()
        self._numbers: dict[Parts, int] = {frozenset(): DEAD}
        self._lengths: dict[int, Lengths] = {}
        self._needs = Needs()
        self._narrowest: dict[Callable[[Ranges], int], Narrowest] = {}
        count_automata(self)
        final = make_final()
        self._any_text = final.push(ANY_TEXT)
        if expression is NOTHING:
            self.start = DEAD
        else:
            self.start = self._number(final if expression is EMPTY else final.push(expression))

    @property
    def num_states(self) -> int:
        """Count the states made."""
        return len(self._sets)

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        return any(map(Continuation.is_accepting, self._parts(state)))

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to live states."""
        found = self._edges.get(state)
        if found is None:
            with EXPANSION_LOCK:
                found = self._edges.get(state)
                if found is None:
                    found = self._edges.keep(state, self._expand(self._parts(state)))
        return found

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        return self.lengths(state).shortest

    def longest(self, state: int) -> int | None:
        """Return the most symbols from ``state`` to acceptance, None when there is no bound."""
        return self.lengths(state).longest

    def lengths(self, state: int) -> Lengths:
        """Return the lengths accepted from ``state``."""
        found = self._lengths.get(state)
        if found is None:
            found = self._lengths[state] = shared_lengths(self._measure(self._parts(state)))
        return found

    def narrowest(self, state: int, width_of: Callable[[Ranges], int]) -> int | None:
        """Return the fewest bytes from ``state`` to acceptance, None where a part is not built yet."""
        measure = self._narrowest.get(width_of)
        if measure is None:
            measure = self._narrowest[width_of] = Narrowest(width_of)
        widths = [measure.after(part) for part in self._parts(state)]
        known = [width for width in widths if width is not None]
        return min(known) if known and len(known) == len(widths) else None

    def need(self, state: int) -> Need:
        """Return what is known of the symbols that complete ``state``."""
        return self._needs.of(self._parts(state))

    @staticmethod
    def _measure(parts: Collection[Continuation]) -> Lengths:
        if len(parts) == 1:
            (part,) = parts
            return Lengths(part.shortest, part.longest, part.is_gapless, part.is_every)
        longest = [part.longest for part in parts]
        return Lengths(
            min([part.shortest for part in parts]),
            None if None in longest else max([length for length in longest if length is not None]),
            all(map(_is_gapless, parts)) and are_lengths_joined(parts),
            all(map(_is_every, parts)),
        )

    def takes_every_text(self, state: int) -> bool:
        """Tell whether acceptance can be reached from ``state`` after any text at all, as a search can."""
        return any(map(Continuation.takes_every_text, self._parts(state)))

    def near_key(self, state: int, num_symbols: int) -> Hashable:
        """Return a key such that states with equal keys accept and allow the same next ``num_symbols`` symbols."""
        return frozenset([part.near_key(num_symbols) for part in self._parts(state)])

    def _parts(self, state: int) -> Collection[Continuation]:
        parts = self._sets[state]
        return (parts,) if type(parts) is Continuation else parts  # type: ignore[return-value]

    def _expand(self, parts: Collection[Continuation]) -> tuple[Edge, ...]:
        steps: list[Step] = []
        for part in parts:  # of which there may be thousands, with thousands of steps each
            check_expansion_time()
            steps += part.steps()
        self.work += len(steps)
        if len(steps) == 1:
            ranges, after = steps[0]
            target = self._number(after)
            return tuple([(first, last, target) for first, last in ranges])
        return self._merge(steps)

    def _merge(self, steps: list[Step]) -> tuple[Edge, ...]:
        # Counters of one class lead on by the very same set, of which one bit is enough.
        groups: dict[int, list[Continuation]] = {}
        sets: list[Ranges] = []
        for ranges, after in steps:
            group = groups.get(id(ranges))
            if group is None:
                group = groups[id(ranges)] = []
                sets.append(ranges)
            group.append(after)
        parts = list(groups.values())
        targets: dict[int, int] = {}
        merged: list[Edge] = []
        before = (0, -2, 0)
        for first, last, members in iterate_partition(sets):
            target = targets.get(members)
            if target is None:
                chosen = frozenset([after for i, part in enumerate(parts) if members >> i & 1 for after in part])
                target = targets[members] = self._number(next(iter(chosen)) if len(chosen) == 1 else chosen)
            if before[1] + 1 == first and before[2] == target:
                before = merged[-1] = (before[0], last, target)
            else:
                before = (first, last, target)
                merged.append(before)
        return tuple(merged)

    def _number(self, parts: Parts) -> int:
        number = self._numbers.get(parts)
        if number is None:
            number = self._number_simplified(parts)
            self._numbers[parts] = number
        return number

    def _number_simplified(self, parts: Parts) -> int:
        if isinstance(parts, frozenset):
            is_any = any(part.accepts_every_text() for part in parts)
            kept = frozenset([self._any_text]) if is_any else drop_contained(parts)
            parts = next(iter(kept)) if len(kept) == 1 else kept
            number = self._numbers.get(parts)
            if number is not None:
                return number
        number = len(self._sets)
        if number > self.max_states:
            raise LimitError(
                f"regular expression: more than {self.max_states} states are needed (limit max_states of "
                "ExpressionDfa); shorten its repetitions"
            )
        self._sets.append(parts)
        self._numbers[parts] = number
        return number


@lru_cache(maxsize=1)
def any_string() -> Dfa:
    """Return the automaton that accepts every text."""
    return ExpressionDfa(ANY_TEXT)


@keep_automata(1024)
def string_lengths(least: int, most: int | None) -> Dfa:
    """Return the automaton of all texts of ``least`` to ``most`` symbols (None: no bound).

    Examples
    --------
    >>> string_lengths(2, 3).accepts("abcd")
    False
    """
    if most is not None and most < least:
        return ExpressionDfa(NOTHING)
    return ExpressionDfa(repeat(ANY_SYMBOL, least, most))


def drop_contained(parts: frozenset[Continuation]) -> frozenset[Continuation]:
    """Drop continuations that accept no more than another one which differs only in its counters."""
    counted = [part for part in parts if part.is_counted]
    if len(counted) < 2:
        return parts
    groups: dict[object, list[tuple[tuple[int, ...], Continuation]]] = {}
    for part in counted:
        outline, counters = part.shape()
        groups.setdefault(outline, []).append((counters, part))
    dropped = [part for group in groups.values() if 1 < len(group) <= _MAX_COMPARED for part in _contained(group)]
    return parts.difference(dropped) if dropped else parts


def _contained(group: list[tuple[tuple[int, ...], Continuation]]) -> list[Continuation]:
    if len(group[0][0]) == 2:
        return _contained_in_pairs(group)
    kept: list[tuple[int, ...]] = []
    dropped: list[Continuation] = []
    for counters, part in sorted(group, key=_counters):
        if any(all(a <= b for a, b in zip(wide, counters, strict=True)) for wide in kept):
            dropped.append(part)
        else:
            kept.append(counters)
    return dropped


def _contained_in_pairs(group: list[tuple[tuple[int, ...], Continuation]]) -> list[Continuation]:
    """Do the same for one counter: sorted by one number, the least other number so far tells."""
    least = 1 << 62
    dropped: list[Continuation] = []
    for counters, part in sorted(group, key=_counters):
        if least <= counters[1]:
            dropped.append(part)
        else:
            least = counters[1]
    return dropped


def _counters(pair: tuple[tuple[int, ...], Continuation]) -> tuple[int, ...]:
    return pair[0]
