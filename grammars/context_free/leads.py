"""Say which terminals may come next at a place in a rule, and where each returns to afterwards.

A place in a rule is the set of what may still come there: alternatives with a common beginning stay one place until
they part.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from grammars.context_free.analysis import Analysis
from grammars.context_free.symbols import Alternative, Star, Symbol, Terminal
from grammars.context_free.token_bytes import Node

__all__ = ["Item", "Leads", "Parting", "Place", "join_items"]


class Place(NamedTuple):
    """What may still come in a rule, and the terminals that may come after it; 0 where they make no difference."""

    suffixes: frozenset[Alternative]
    follow: int


class Parting(NamedTuple):
    """Where ways that began with the same terminal part: the places to return to on each."""

    chains: tuple[tuple[Place, ...], ...]


class Item(NamedTuple):
    """A terminal being read."""

    number: int
    node: Node
    chain: tuple[Place | Parting, ...]


class Leads:
    """Look through the rules that are called first.

    Parameters
    ----------
    analysis : of the rules.
    """

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._of_rules: dict[str, tuple[Item, ...]] = {}

    def at(self, place: Place) -> tuple[Item, ...]:
        """Return the terminals that may come next at a place, once for each way to them."""
        return self.of(self.closed(place.suffixes), place.follow)

    def closed(self, suffixes: frozenset[Alternative]) -> frozenset[Alternative]:
        """Add what comes next where a symbol that may be empty is."""
        found = set(suffixes)
        waiting = list(suffixes)
        while waiting:
            suffix = waiting.pop()
            if suffix and (isinstance(suffix[0], Star) or suffix[0] in self._analysis.nullable):
                rest = suffix[1:]
                if rest not in found:
                    found.add(rest)
                    waiting.append(rest)
        return frozenset(found)

    def of(self, suffixes: frozenset[Alternative], follow: int) -> tuple[Item, ...]:
        """Return the terminals that closed suffixes begin with, each with the places to return to after it."""
        groups: dict[Symbol, set[Alternative]] = {}
        for suffix in suffixes:
            if suffix:
                rest = suffix if isinstance(suffix[0], Star) else suffix[1:]
                groups.setdefault(suffix[0], set()).add(rest)
        items: dict[Item, None] = {}
        for symbol in sorted(groups, key=self._order):
            place = self._place(groups[symbol], follow)
            chain = () if place.suffixes == {()} else (place,)
            if isinstance(symbol, Terminal):
                start = symbol.automaton.start
                items[Item(self._analysis.numbers[symbol], start, chain)] = None
                continue
            for item in self._of_rule(symbol.name if isinstance(symbol, Star) else symbol):
                items[Item(item.number, item.node, chain + item.chain)] = None
        return tuple(items)

    def _place(self, suffixes: set[Alternative], follow: int) -> Place:
        """Return a place; where one way is left and must read its last symbol, what follows makes no difference."""
        if len(suffixes) == 1:
            (suffix,) = suffixes
            if suffix and not self._analysis.is_nullable(suffix[-1:]):
                follow = 0
        return Place(frozenset(suffixes), follow)

    def _of_rule(self, name: str) -> tuple[Item, ...]:
        known = self._of_rules.get(name)
        if known is None:
            suffixes = self.closed(frozenset(self._analysis.rules[name]))
            known = self._of_rules[name] = self.of(suffixes, self._analysis.follow_of_rule(name))
        return known

    def _order(self, symbol: Symbol) -> tuple[int, int, str]:
        if isinstance(symbol, Terminal):
            return 0, self._analysis.numbers[symbol], ""
        return (1, 0, symbol.name) if isinstance(symbol, Star) else (2, 0, symbol)


def join_items(items: Iterable[Item]) -> tuple[Item, ...]:
    """Read a terminal once for all ways that begin with it."""
    chains: dict[tuple[int, Node], list[tuple[Place, ...]]] = {}
    for item in items:
        chain = tuple([link for link in item.chain if isinstance(link, Place)])
        chains.setdefault((item.number, item.node), []).append(chain)
    return tuple(
        [
            Item(number, node, found[0] if len(found) == 1 else (Parting(tuple(found)),))
            for (number, node), found in chains.items()
        ]
    )
