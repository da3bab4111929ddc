"""Write an automaton state by state, with several ways on per symbol, and determinise it lazily.

For automata that come from elsewhere (another library's, or one built from a document). Regular expressions do not pass
here: see ``fsm/automata/expression_dfa.py``, which copies nothing for a counted repetition.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fsm.automata.dfa import DEAD, EXPANSION_LOCK, Dfa, Edge, make_key
from fsm.automata.partition import iterate_partition
from fsm.errors import GrammarError

__all__ = ["Nfa", "NfaDfa", "determinise"]

Transition = tuple[int, int, int]
"""First symbol, last symbol (inclusive), target state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nfa:
    """States 0 to n - 1, each with transitions on symbol ranges and with empty transitions.

    Parameters
    ----------
    transitions : for each state its ``(first, last, target)``, in any order, overlapping or not.
    empty : for each state the states reached without a symbol; left out, there are none.
    starts : where a text may start.
    accepting : where a text may end.

    Raises
    ------
    GrammarError : a state number is out of range.
    """

    transitions: Sequence[Sequence[Transition]]
    empty: Sequence[Iterable[int]] = ()
    starts: frozenset[int] = frozenset({0})
    accepting: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        size = len(self.transitions)
        targets = [target for row in self.transitions for _, _, target in row]
        wrong = [state for state in (*targets, *self.starts, *self.accepting) if not 0 <= state < size]
        if wrong or len(self.empty) not in (0, size):
            raise GrammarError(
                f"nfa: got state {wrong[:1] or len(self.empty)}, expected numbers from 0 to {size - 1} and a row of "
                "empty transitions for each; add the missing states"
            )


class NfaDfa(Dfa):
    """Recognise what an `Nfa` does; a state is a set of its states."""

    def __init__(self, nfa: Nfa) -> None:
        self.key = make_key("nfa")
        self._closures = _close(nfa)
        self._rows = nfa.transitions
        self._accepting = nfa.accepting
        self._shortest = _find_shortest(nfa, self._closures)
        self._longest: dict[int, int | None] = {}
        self._sets: list[frozenset[int]] = [frozenset()]
        self._numbers: dict[frozenset[int], int] = {frozenset(): DEAD}
        self._edges: dict[int, tuple[Edge, ...]] = {DEAD: ()}
        self.start = self._number(nfa.starts)

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        return not self._accepting.isdisjoint(self._sets[state])

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to live states."""
        found = self._edges.get(state)
        if found is None:
            with EXPANSION_LOCK:
                found = self._edges[state] = self._edges.get(state) or tuple(self._expand(self._sets[state]))
        return found

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        return min(self._shortest[member] for member in self._sets[state])

    def longest(self, state: int) -> int | None:
        """Return the most symbols from ``state`` to acceptance, None when there is no bound."""
        with EXPANSION_LOCK:
            found = [self._find_longest(member) for member in self._sets[state]]
        return None if None in found else max(length for length in found if length is not None)

    def _expand(self, members: frozenset[int]) -> list[Edge]:
        steps = [row for member in sorted(members) for row in self._rows[member] if row[2] in self._shortest]
        edges: list[Edge] = []
        for first, last, bits in iterate_partition([((first, last),) for first, last, _ in steps]):
            targets = frozenset(step[2] for place, step in enumerate(steps) if bits >> place & 1)
            edges.append((first, last, self._number(targets)))
        return edges

    def _number(self, states: frozenset[int]) -> int:
        live = frozenset(member for state in states for member in self._closures[state] if member in self._shortest)
        number = self._numbers.get(live)
        if number is None:
            number = self._numbers[live] = len(self._sets)
            self._sets.append(live)
        return number

    def _find_longest(self, start: int) -> int | None:
        """Return the longest way from one state: depth first; a state met again while open closes a cycle."""
        path = [(start, iter(self._find_following(start)))]
        is_open = {start}
        best: dict[int, int] = {start: 0}
        while path and start not in self._longest:
            state, remaining = path[-1]
            target = next(remaining, None)
            if target is None:
                path.pop()
                is_open.discard(state)
                self._longest[state] = best[state]
                if path:
                    best[path[-1][0]] = max(best[path[-1][0]], best[state] + 1)
            elif target in is_open or self._longest.get(target, 0) is None:
                self._longest.update(dict.fromkeys(is_open, None))
            elif target in self._longest:
                best[state] = max(best[state], (self._longest[target] or 0) + 1)
            else:
                is_open.add(target)
                best[target] = 0
                path.append((target, iter(self._find_following(target))))
        return self._longest[start]

    def _find_following(self, state: int) -> list[int]:
        """Return the live states one symbol further, empty transitions included."""
        direct = {target for _, _, target in self._rows[state]}
        closed = {member for target in direct for member in self._closures[target]}
        return [member for member in sorted(closed) if member in self._shortest]


def determinise(nfa: Nfa) -> Dfa:
    """Return the lazy automaton of ``nfa``.

    Examples
    --------
    >>> nfa = Nfa(transitions=[[(97, 98, 0), (97, 97, 1)], []], accepting=frozenset({1}))
    >>> determinise(nfa).accepts("aba")
    True
    """
    return NfaDfa(nfa)


def _close(nfa: Nfa) -> list[frozenset[int]]:
    """Return, for each state, the states reached by empty transitions, itself included."""
    if not nfa.empty:
        return [frozenset([state]) for state in range(len(nfa.transitions))]
    return [_close_one(nfa, state) for state in range(len(nfa.transitions))]


def _close_one(nfa: Nfa, state: int) -> frozenset[int]:
    found, waiting = {state}, [state]
    while waiting:
        for target in nfa.empty[waiting.pop()]:
            if target not in found:
                found.add(target)
                waiting.append(target)
    return frozenset(found)


def _find_shortest(nfa: Nfa, closures: list[frozenset[int]]) -> dict[int, int]:
    """Return the fewest symbols to acceptance for each state from which it can be reached."""
    before: dict[int, list[int]] = {}
    for state, row in enumerate(nfa.transitions):
        for _, _, target in row:
            for member in closures[target]:
                before.setdefault(member, []).append(state)
    found = {state: 0 for state in range(len(nfa.transitions)) if not nfa.accepting.isdisjoint(closures[state])}
    waiting = deque(found)
    while waiting:
        state = waiting.popleft()
        for previous in before.get(state, ()):
            if previous not in found:
                found[previous] = found[state] + 1
                waiting.append(previous)
    return found
