"""Combine automata by and, or, not: what a formula over their states accepts, and how long the texts are.

A formula is evaluated over a tuple with one state per leaf automaton; state 0 of a leaf accepts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsm.automata.dfa import DEAD, Dfa, Lengths
from fsm.automata.expression import are_lengths_joined

__all__ = ["And", "Formula", "Leaf", "Not", "Or"]

States = tuple[int, ...]

_ANYTHING = Lengths(0, None, is_gapless=True, is_every=True)
_NOTHING = Lengths(1, 0)
_UNKNOWN = Lengths(0, None)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The texts that automaton number ``place`` accepts."""

    place: int
    dfa: Dfa

    def accepts(self, states: States) -> bool:
        """Tell whether the text may end here."""
        state = states[self.place]
        return state != DEAD and self.dfa.is_accepting(state)

    def needed(self) -> frozenset[int]:
        """Return the places of the leaves without which nothing is accepted."""
        return frozenset([self.place])

    def lengths(self, states: States) -> Lengths:
        """Return what is known about the accepted lengths."""
        state = states[self.place]
        return _NOTHING if state == DEAD else self.dfa.lengths(state)

    def moved(self, places: tuple[int, ...]) -> Formula:
        """Return the same formula over renumbered leaves."""
        return Leaf(places[self.place], self.dfa)


@dataclass(frozen=True, slots=True)
class Not:
    """The texts that ``part`` does not accept."""

    part: Formula

    def accepts(self, states: States) -> bool:
        """Tell whether the text may end here."""
        return not self.part.accepts(states)

    def needed(self) -> frozenset[int]:
        """Return the places of the leaves without which nothing is accepted: none."""
        return frozenset()

    def lengths(self, states: States) -> Lengths:
        """Return what is known about the accepted lengths."""
        inner = self.part.lengths(states)
        if _is_empty(inner):
            return _ANYTHING
        if not (inner.is_every and inner.is_gapless):
            return _UNKNOWN if inner.longest is None else Lengths(0, None, is_gapless=inner.shortest > inner.longest)
        if inner.shortest == 0:
            if inner.longest is None:
                return _NOTHING
            return Lengths(inner.longest + 1, None, is_gapless=True, is_every=True)
        if inner.longest is None:
            return Lengths(0, inner.shortest - 1, is_gapless=True, is_every=True)
        return _UNKNOWN

    def moved(self, places: tuple[int, ...]) -> Formula:
        """Return the same formula over renumbered leaves."""
        return Not(self.part.moved(places))


@dataclass(frozen=True, slots=True)
class And:
    """The texts that all parts accept."""

    parts: tuple[Formula, ...]

    def accepts(self, states: States) -> bool:
        """Tell whether the text may end here."""
        return all(part.accepts(states) for part in self.parts)

    def needed(self) -> frozenset[int]:
        """Return the places of the leaves without which nothing is accepted."""
        return frozenset().union(*[part.needed() for part in self.parts])

    def lengths(self, states: States) -> Lengths:
        """Return what is known about the accepted lengths."""
        shortest, longest, partial, gapless = 0, None, 0, True
        for part in self.parts:
            inner = part.lengths(states)
            if _is_empty(inner):
                return _NOTHING
            shortest = max(shortest, inner.shortest)
            longest = inner.longest if longest is None else min(longest, _or_large(inner.longest))
            partial += not inner.is_every
            gapless = gapless and inner.is_gapless
        if longest is not None and longest < shortest:
            return _NOTHING
        return Lengths(shortest, longest, gapless and partial <= 1, partial == 0)

    def moved(self, places: tuple[int, ...]) -> Formula:
        """Return the same formula over renumbered leaves."""
        return And(tuple([part.moved(places) for part in self.parts]))


@dataclass(frozen=True, slots=True)
class Or:
    """The texts that some part accepts."""

    parts: tuple[Formula, ...]

    def accepts(self, states: States) -> bool:
        """Tell whether the text may end here."""
        return any(part.accepts(states) for part in self.parts)

    def needed(self) -> frozenset[int]:
        """Return the places of the leaves without which nothing is accepted."""
        first, *others = [part.needed() for part in self.parts]
        return first.intersection(*others)

    def lengths(self, states: States) -> Lengths:
        """Return what is known about the accepted lengths."""
        found = [inner for inner in [part.lengths(states) for part in self.parts] if not _is_empty(inner)]
        if not found:
            return _NOTHING
        if _ANYTHING in found:
            return _ANYTHING
        bounds = [inner.longest for inner in found]
        return Lengths(
            min(inner.shortest for inner in found),
            None if None in bounds else max(_or_large(bound) for bound in bounds),
            all(inner.is_gapless for inner in found) and are_lengths_joined(found),
            all(inner.is_every for inner in found),
        )

    def moved(self, places: tuple[int, ...]) -> Formula:
        """Return the same formula over renumbered leaves."""
        return Or(tuple([part.moved(places) for part in self.parts]))


Formula = Leaf | Not | And | Or


def _is_empty(lengths: Lengths) -> bool:
    return lengths.longest is not None and lengths.longest < lengths.shortest


def _or_large(length: int | None) -> int:
    return 1 << 62 if length is None else length
