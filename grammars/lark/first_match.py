"""Find, character by character, where a pattern's first match ends: what ``re.match`` returns, not what it could.

A state is the ordered list of the threads that backtracking would try (``grammars.lark.threads``). Where a match may
end while a preferred thread still runs, or an obligation is open, the text that follows decides: ``futures`` tells
which may.
"""

from __future__ import annotations

from fsm.automata.dfa import EXPANSION_LOCK, Edge
from fsm.automata.kept import count_automata, keep_automata
from fsm.errors import LimitError
from fsm.expansion_time import check_expansion_time
from grammars.context_free.symbols import Debt, Futures
from grammars.lark.follows import FREE, FollowStates, settle
from grammars.lark.program import Program
from grammars.lark.threads import EARLIER, GOAL, NOW, Follow

__all__ = ["FREE", "MAX_TERMINAL_STATES", "FirstMatch", "Follow", "first_match"]

MAX_TERMINAL_STATES = 50_000


class FirstMatch(FollowStates):
    """Recognise the texts at whose end the first match of a program ends, given what follows.

    Parameters
    ----------
    program : the pattern.
    """

    __slots__ = ("__weakref__", "_accepts", "_ends", "_live", "is_plain", "start")

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.is_plain = False
        self._accepts: dict[int, bool] = {}
        self._ends: dict[int, Follow] = {}
        self._live: set[int] | None = None
        self.start = self._number(self.begin([program.start]))
        if self.looks:
            self._explore()
        count_automata(self)

    def is_accepting(self, state: int) -> bool:
        """Tell whether the match may end in ``state``, whatever follows."""
        known = self._accepts.get(state)
        if known is None:
            has_ended = any(thread[0] == NOW for thread in self._states[state][0])
            known = self._accepts[state] = has_ended and (not self.looks or bool(self.follow(state)[0]))
        return known

    def follow(self, state: int) -> Follow:
        """Return what a text that ends in ``state`` says about what follows; equal where it means the same."""
        known = self._ends.get(state)
        if known is None:
            with EXPANSION_LOCK:
                threads, behind = self._states[state]
                ended = [(GOAL if pc == NOW else pc, obligations) for pc, obligations in threads]
                known = self._ends[state] = self.canonical(settle(ended, behind))
        return known

    def futures(self, state: int) -> Futures | None:
        """Return what may follow where the match ends in ``state``; None: anything."""
        follow = self.follow(state)
        return None if follow == FREE else self.futures_of(follow)

    def debt(self, state: int) -> Debt | None:
        """Return what a text that ends in ``state`` says about what follows; None: anything may follow."""
        follow = self.follow(state)
        return None if follow == FREE else Debt(self, follow)

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to states from which the match can still end."""
        found = super().edges(state)
        if self._live is not None:
            return tuple([edge for edge in found if edge[2] in self._live])
        return found

    def shortest_bytes(self, state: int) -> int:
        """Return the fewest bytes from ``state`` to where the match may end (with looks: at least so many)."""
        threads, _ = self._states[state]
        distances = self.program.distances
        return min((0 if pc < 0 else distances[pc] for pc, _ in threads if pc != EARLIER), default=1 << 40)

    def _check_size(self, number: int) -> None:
        if number > MAX_TERMINAL_STATES:
            raise LimitError(
                f"terminal: more than {MAX_TERMINAL_STATES} states are needed (limit MAX_TERMINAL_STATES); "
                "shorten its repetitions"
            )

    def _explore(self) -> None:
        """Find the states from which the match can end; looks may leave some that cannot."""
        sources: dict[int, list[int]] = {}
        state = 1
        while state < len(self._states):
            check_expansion_time()
            for _, _, target in self.edges(state):
                sources.setdefault(target, []).append(state)
            state += 1
        waiting = [one for one in range(1, state) if self.is_accepting(one) and self.follow(one)[0]]
        live = set(waiting)
        while waiting:
            for source in sources.get(waiting.pop(), ()):
                if source not in live:
                    live.add(source)
                    waiting.append(source)
        self._live = live
        if self.start not in live:
            self.start = 0


@keep_automata(1024)
def first_match(pattern: str) -> FirstMatch:
    """Return the automaton of a pattern, shared by the terminals of all grammars that have it.

    Raises
    ------
    Untranslatable, re.error, OverflowError : the pattern cannot be read.
    """
    return FirstMatch(Program(pattern))
