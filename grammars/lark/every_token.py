"""Read a token as every one of some patterns at once: how a parser without a lexer tries terminals.

Each pattern goes its own way and ends where its own first match does; those that read the same text stay together.
"""

from __future__ import annotations

from collections.abc import Iterable

from fsm.automata.dfa import Edge
from fsm.automata.partition import iterate_partition
from grammars.context_free.symbols import Debt
from grammars.lark.first_token import FirstToken

__all__ = ["EveryToken"]


class EveryToken:
    """Read one token side by side; states are sets of the patterns' own, counted from 1, 0 is dead.

    Parameters
    ----------
    token : the patterns.
    """

    def __init__(self, token: FirstToken) -> None:
        self._token = token
        self._sets: list[tuple[int, ...]] = [()]
        self._numbers: dict[tuple[int, ...], int] = {(): 0}
        self._edges: dict[int, tuple[Edge, ...]] = {0: ()}

    def start(self, patterns: Iterable[int]) -> int:
        """Return the state before a token, for these patterns."""
        return self._number({self._token.start([one]) for one in patterns})

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to the states after one more character."""
        known = self._edges.get(state)
        if known is None:
            listed = [edge for one in self._sets[state] for edge in self._token.edges(one)]
            targets: dict[frozenset[int], int] = {}
            found: list[Edge] = []
            for first, last, members in iterate_partition([((a, b),) for a, b, _ in listed]):
                reached = frozenset([listed[bit][2] for bit in _bits(members)])
                target = targets.setdefault(reached, -1)
                if target < 0:
                    target = targets[reached] = self._number(reached)
                if found and found[-1][1] + 1 == first and found[-1][2] == target:
                    found[-1] = (found[-1][0], last, target)
                else:
                    found.append((first, last, target))
            known = self._edges[state] = tuple(found)
        return known

    def ends(self, state: int) -> tuple[tuple[int, Debt | None], ...]:
        """Return the patterns whose match may end in a state, each with what it says about the text after it."""
        return tuple([end for one in self._sets[state] for end in self._token.ends(one)])

    def _number(self, states: Iterable[int]) -> int:
        kept = tuple(sorted(states))
        number = self._numbers.get(kept)
        if number is None:
            number = self._numbers[kept] = len(self._sets)
            self._sets.append(kept)
        return number


def _bits(members: int) -> list[int]:
    found = []
    while members:
        lowest = members & -members
        found.append(lowest.bit_length() - 1)
        members ^= lowest
    return found
