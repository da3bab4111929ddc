"""Determinise an expression with anchors, look-aheads and look-behinds anywhere, lazily and exactly.

What comes before a place is known when we get there: every look-behind runs beside the text from its start, and a
state remembers where those stand. What comes after is a promise: a thread that passes a look-ahead carries the
obligation that the look-ahead, run over the rest of the text, accepts (or does not). A state is

    where the look-behinds stand, and a set of threads; a thread is a continuation and its set of obligations;
    an obligation is a sign and a set of threads again.

There are finitely many of each, so this is an automaton; in the worst case its size is doubly exponential in the
number of looks, hence the limits. Looks may hold looks: a look-behind that ends in look-aheads passes their
obligations on.
"""

from __future__ import annotations

from fsm.automata.dfa import DEAD, LAST_SYMBOL, Edge, Lengths
from fsm.automata.expression import Expression, are_lengths_joined
from fsm.automata.kept import KeptEdges, count_automata
from fsm.automata.partition import iterate_partition
from fsm.automata.place import Place
from fsm.automata.search import MAX_SEARCH_WORK, SearchedDfa
from fsm.automata.threads import Situation, ThreadStore, is_any_text
from fsm.errors import LimitError

__all__ = ["MAX_ASSERTIVE_STATES", "AssertiveDfa"]

MAX_ASSERTIVE_STATES = 100_000


class AssertiveDfa(SearchedDfa):
    """Recognise an expression with assertions.

    Parameters
    ----------
    expression : any; plain ones are served faster by `ExpressionDfa`.
    max_work : how much one search may do before `LimitError` is raised.
    """

    def __init__(self, expression: Expression, *, max_work: int = MAX_SEARCH_WORK) -> None:
        super().__init__("assertive", max_work=max_work)
        self._store = ThreadStore(expression)
        self._situations: list[Situation] = [Situation(is_start=False, behind=(), threads=frozenset())]
        self._numbers: dict[Situation, int] = {}
        count_automata(self)
        self._all_edges = KeptEdges()
        start = self._number(self._store.start)
        self.start = start if self.is_live(start) else DEAD

    @property
    def num_states(self) -> int:
        """Count the states made."""
        return len(self._situations)

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        situation = self._situations[state]
        return Place(self._store, situation).accepts(situation.threads)

    def all_edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges, also those to states from which nothing is accepted."""
        found = self._all_edges.get(state)
        if found is None:
            found = self._all_edges.keep(state, self._expand(self._situations[state]))
        return found

    def lengths(self, state: int) -> Lengths:
        """Return what is known without a search about the lengths accepted from ``state``."""
        threads = self._situations[state].threads
        parts = [thread.after for thread in threads]
        longest = [part.longest for part in parts]
        is_exact = self._is_free(state) and all(part.is_gapless for part in parts) and are_lengths_joined(parts)
        return Lengths(
            min([part.shortest for part in parts], default=1),
            None if None in longest else max([length for length in longest if length is not None], default=0),
            is_exact,
            is_exact and all(part.is_every for part in parts),
        )

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        return self.lengths(state).shortest if self._is_free(state) else super().shortest(state)

    def longest(self, state: int) -> int | None:
        """Return the most symbols from ``state`` to acceptance, None when there is no bound."""
        return self.lengths(state).longest if self._is_free(state) else super().longest(state)

    def _is_free(self, state: int) -> bool:
        """Tell whether no assertion is left to check on any way on."""
        return all(thread.is_free for thread in self._situations[state].threads)

    def _decide_quickly(self, state: int) -> bool | None:
        threads = self._situations[state].threads
        if any(thread.is_free for thread in threads):
            self._is_live[state] = True
            return True
        return super()._decide_quickly(state)

    def rank(self, state: int) -> int:
        """Return the bound on the length plus the fewest obligations left: ways that keep promises come first."""
        fewest = min([len(thread.obligations) for thread in self._situations[state].threads], default=0)
        return self.lengths(state).shortest + fewest

    def _expand(self, situation: Situation) -> tuple[Edge, ...]:
        if is_any_text(situation.threads):
            return ((0, LAST_SYMBOL, self._number(situation)),)
        place = Place(self._store, situation)
        targets: dict[int, int] = {}
        merged: list[Edge] = []
        for first, last, members in iterate_partition(place.symbol_sets):
            target = targets.get(members)
            if target is None:
                target = targets[members] = self._number(place.advance(members))
            if target == DEAD:
                continue
            if merged and merged[-1][1] + 1 == first and merged[-1][2] == target:
                merged[-1] = (merged[-1][0], last, target)
            else:
                merged.append((first, last, target))
        self.work = self._store.work
        return tuple(merged)

    def _number(self, situation: Situation) -> int:
        number = self._numbers.get(situation)
        if number is not None:
            return number
        if not situation.threads:
            return DEAD
        kept = self._forget(situation)
        number = self._numbers.get(kept)
        if number is None:
            number = len(self._situations)
            if number > MAX_ASSERTIVE_STATES:
                raise LimitError(
                    f"regular expression: more than {MAX_ASSERTIVE_STATES} states are needed "
                    "(limit MAX_ASSERTIVE_STATES); use fewer look-arounds or shorter repetitions"
                )
            self._situations.append(kept)
            self._numbers[kept] = number
        self._numbers[situation] = number
        return number

    def _forget(self, situation: Situation) -> Situation:
        """Forget where look-behinds stand that no thread can meet any more, so that fewer states differ."""
        if is_any_text(situation.threads):
            return self._store.anything
        needed = self._store.find_needs(situation.threads)
        for number in reversed(range(len(situation.behind))):
            if number in needed:
                needed |= self._store.find_needs(situation.behind[number])
        behind = [threads if i in needed else frozenset() for i, threads in enumerate(situation.behind)]
        return Situation(situation.is_start, tuple(behind), situation.threads)
