"""Watch a text for several triggers at once (Aho and Corasick, 1975)."""

from __future__ import annotations

from collections import deque

from fsm.automata.dfa import LAST_SYMBOL, Dfa, Edge, Lengths, make_key
from fsm.errors import GrammarError

__all__ = ["TriggerFreeDfa", "TriggerMachine", "check_triggers"]


class TriggerMachine:
    """Follow a text until it has written one of the triggers.

    A state is the longest end of the text that begins a trigger; 0 is the empty one. Completing trigger k leads to
    ``~k``, and the machine stops there: no trigger stands inside another, so one is completed at a time.

    Parameters
    ----------
    triggers : non-empty, and none inside another (`check_triggers`).

    Examples
    --------
    >>> machine = TriggerMachine(("<a>", "<b"))
    >>> state = machine.step(0, ord("<"))
    >>> machine.step(state, ord("b")), machine.step(state, ord("x"))
    (-2, 0)
    """

    def __init__(self, triggers: tuple[str, ...]) -> None:
        self.triggers = triggers
        self._next: list[dict[int, int]] = [{}]
        self._depth = [0]
        for number, trigger in enumerate(triggers):
            self._insert(number, trigger)
        self._link()
        self._symbols = sorted({ord(symbol) for trigger in triggers for symbol in trigger})
        self._distances: list[int] | None = None

    def step(self, state: int, symbol: int) -> int:
        """Return the state after a symbol, ``~k`` where it completes trigger k."""
        return self._next[state].get(symbol, 0)

    def edges(self, state: int) -> list[tuple[int, int, int]]:
        """Return (first, last, state or ``~k``), sorted and disjoint, over all symbols."""
        found = []
        begin = 0
        for symbol in self._symbols:
            target = self.step(state, symbol)
            if not target:
                continue
            if begin < symbol:
                found.append((begin, symbol - 1, 0))
            found.append((symbol, symbol, target))
            begin = symbol + 1
        if begin <= LAST_SYMBOL:
            found.append((begin, LAST_SYMBOL, 0))
        return found

    def distance(self, state: int, trigger: int) -> int:
        """Return the fewest bytes that complete a trigger from a state, others not completed on the way."""
        depth = self._depth[state]
        ends = [size for size in range(depth + 1) if self._prefix(state).endswith(self.triggers[trigger][:size])]
        return len(self.triggers[trigger][max(ends) :].encode())

    def _prefix(self, state: int) -> str:
        return self._prefixes[state]

    def _insert(self, number: int, trigger: str) -> None:
        state = 0
        for symbol in trigger[:-1]:
            known = self._next[state].get(ord(symbol))
            if known is None:
                known = self._next[state][ord(symbol)] = len(self._next)
                self._next.append({})
                self._depth.append(self._depth[state] + 1)
            state = known
        self._next[state][ord(trigger[-1])] = ~number

    def _link(self) -> None:
        """Complete the transitions, nearest states first: what a state lacks, its longest proper end has."""
        fails = [0] * len(self._next)
        self._prefixes = [""] * len(self._next)
        waiting = deque([0])
        while waiting:
            state = waiting.popleft()
            below = self._next[fails[state]] if state else {}
            for symbol, target in list(self._next[state].items()):
                if target > 0:
                    fails[target] = below.get(symbol, 0)
                    self._prefixes[target] = self._prefixes[state] + chr(symbol)
                    waiting.append(target)
            self._next[state] = {**below, **self._next[state]}


class TriggerFreeDfa(Dfa):
    """Recognise the texts in which no trigger is completed; state ``s + 1`` is the machine's state s."""

    def __init__(self, machine: TriggerMachine) -> None:
        self.key = make_key("free of triggers")
        self.start = 1
        self._machine = machine
        self._edges: dict[int, tuple[Edge, ...]] = {}

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        return state != 0

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to live states."""
        found = self._edges.get(state)
        if found is None:
            edges = self._machine.edges(state - 1)
            found = self._edges[state] = tuple([(f, last, target + 1) for f, last, target in edges if target >= 0])
        return found

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        return 0

    def longest(self, state: int) -> None:
        """Return that there is no bound."""

    def lengths(self, state: int) -> Lengths:
        """Return that every length occurs."""
        return Lengths(0, None, is_gapless=True)


def check_triggers(triggers: tuple[str, ...], what: str) -> None:
    """Refuse triggers that can never fire.

    Raises
    ------
    GrammarError : one is empty, or stands inside another, which would fire first or not at all.
    """
    for trigger in triggers:
        if not trigger:
            raise GrammarError(f"{what}: got an empty text, expected one that tells where to stop; write it out")
        other = next((other for other in triggers if other != trigger and trigger in other), None)
        if other is not None:
            raise GrammarError(
                f"{what}: {trigger!r} stands inside {other!r}, which could then never be told apart; "
                f"keep one of them, or pass triggers=[{trigger!r}] for both"
            )
