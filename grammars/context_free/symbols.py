"""Define what rules are made of: terminals, references to rules, repetitions of rules.

A rule is a list of alternatives; an alternative is a tuple of symbols. A reference is the rule's name.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fsm.automata.dfa import Edge
from fsm.automata.ranges import Ranges

__all__ = [
    "Alternative",
    "Debt",
    "Debts",
    "Futures",
    "LookingAutomaton",
    "Rules",
    "Star",
    "Symbol",
    "Terminal",
    "TokenAutomaton",
]


@dataclass(frozen=True, slots=True)
class Futures:
    """Say what may follow a text that ended, for a terminal that looks at what comes after it.

    Parameters
    ----------
    free : the next characters after which anything may follow.
    pending : the next characters after which it is still open.
    at_end : whether the whole text may end here.
    """

    free: Ranges
    pending: Ranges
    at_end: bool


class TokenAutomaton(Protocol):
    """Read the texts of a terminal, character by character; states count from 1, 0 is dead.

    ``is_plain`` : anything may follow wherever the terminal ends.
    ``looks`` : what may follow may depend on more than how the terminal could have read on where it ends.
    """

    start: int
    is_plain: bool
    looks: bool

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to states from which the terminal can still end."""

    def is_accepting(self, state: int) -> bool:
        """Tell whether the terminal may end in ``state``."""

    def futures(self, state: int) -> Futures | None:
        """Return what may follow where the terminal ends in ``state``; None: anything."""

    def shortest_bytes(self, state: int) -> int:
        """Return the fewest bytes from ``state`` to where the terminal may end."""

    def debt(self, state: int) -> Debt | None:
        """Return what a text that ends in ``state`` says about what follows; None: anything may follow."""


class LookingAutomaton(Protocol):
    """Know what a text that ended still says about what follows."""

    def follow_edges(self, follow: Any) -> tuple[tuple[int, int, Any], ...]:
        """Return sorted (first, last, what is still said after these characters)."""

    def is_free(self, follow: Any) -> bool:
        """Tell whether anything may follow."""

    def holds_at_end(self, follow: Any) -> bool:
        """Tell whether the whole text may end."""


@dataclass(frozen=True, slots=True)
class Debt:
    """What a text before still says about what follows."""

    automaton: LookingAutomaton
    follow: Hashable


Debts = frozenset[Debt]


@dataclass(frozen=True, slots=True, eq=False)
class Terminal:
    """One kind of token; compared by identity.

    Parameters
    ----------
    name : its name, for messages.
    automaton : its texts, none of them empty.
    """

    name: str
    automaton: TokenAutomaton

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Star:
    """Any number of times the rule ``name``."""

    name: str


Symbol = str | Terminal | Star
Alternative = tuple[Symbol, ...]
Rules = Mapping[str, Sequence[Alternative]]
