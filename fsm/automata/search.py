"""Find live states, shortest and longest texts by search, for automata whose structure does not tell them.

Searches are lazy: only what decides the question is expanded, the most promising state first, and what was found is
kept. A search that does more than ``max_work`` raises `LimitError`: work is counted in edges, or in threads stepped
over a symbol, so that the limit stands for about the same time everywhere (1 to 2 seconds).
"""

from __future__ import annotations

from abc import abstractmethod
from heapq import heappop, heappush

from fsm.automata.dfa import DEAD, EXPANSION_LOCK, Dfa, Edge, Lengths, make_key
from fsm.automata.kept import KeptEdges
from fsm.errors import LimitError
from fsm.expansion_time import check_expansion_time

__all__ = ["MAX_SEARCH_WORK", "SearchedDfa"]

MAX_SEARCH_WORK = 200_000
_SOON, _LATE = 4, 64


class SearchedDfa(Dfa):
    """Keep only the edges that lead to live states, by a memoised search.

    Parameters
    ----------
    kind : what the states are, for the key.
    max_work : how much one search may do before `LimitError` is raised.
    """

    def __init__(self, kind: str, *, max_work: int = MAX_SEARCH_WORK) -> None:
        self.key = make_key(kind)
        self.max_work = max_work
        self._kind = kind
        self._is_live: dict[int, bool] = {DEAD: False}
        self._live_edges = KeptEdges()
        self._shortest: dict[int, int] = {}
        self._longest: dict[int, int | None] = {}

    @property
    def num_states(self) -> int:
        """Count the states looked at."""
        return len(self._is_live)

    @abstractmethod
    def all_edges(self, state: int) -> tuple[Edge, ...]:
        """Return all edges, sorted and disjoint, dead ends included; memoised, and counted in ``work``."""

    @abstractmethod
    def lengths(self, state: int) -> Lengths:
        """Return what is known without a search about the lengths accepted from ``state``."""

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to live states."""
        found = self._live_edges.get(state)
        if found is None:
            with EXPANSION_LOCK:
                every = self.all_edges(state)
                live = [edge for edge in every if self.is_live(edge[2])]
                found = self._live_edges.keep(state, every if len(live) == len(every) else tuple(live))
        return found

    def is_live(self, state: int) -> bool:
        """Tell whether acceptance can be reached from ``state``."""
        known = self._is_live.get(state)
        if known is None:
            known = self._decide_quickly(state)
            if known is None:
                with EXPANSION_LOCK:
                    return self._search_live(state)
        return known

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance; ``state`` must be live."""
        known = self.lengths(state)
        if known.is_gapless:
            return known.shortest
        found = self._shortest.get(state)
        if found is None:
            with EXPANSION_LOCK:
                found = self._search_shortest(state)
        return found

    def longest(self, state: int) -> int | None:
        """Return the most symbols from ``state`` to acceptance, None when there is no bound; ``state`` must be live."""
        known = self.lengths(state)
        if known.is_gapless:
            return known.longest
        if state not in self._longest:
            with EXPANSION_LOCK:
                self._search_longest(state)
        return self._longest[state]

    def _decide_quickly(self, state: int) -> bool | None:
        known = self.lengths(state)
        decision: bool | None = None
        if known.longest is not None and known.longest < known.shortest:
            decision = False
        elif known.is_gapless or self.is_accepting(state):
            decision = True
        if decision is not None:
            self._is_live[state] = decision
        return decision

    def is_hopeless(self, state: int) -> bool:
        """Tell whether acceptance certainly cannot be reached from ``state``; False says nothing."""
        return False

    def rank(self, state: int) -> int:
        """Return how far acceptance seems; smaller is more promising. Any estimate will do."""
        return self.lengths(state).shortest

    def _search_live(self, start: int) -> bool:
        limit = self.work + self.max_work
        parents = {start: DEAD}
        waiting = [(self.rank(start), start)]
        num_opened = 0
        while waiting:
            state = heappop(waiting)[1]
            check_expansion_time()
            num_opened += 1
            if num_opened == _SOON and self.is_hopeless(start):  # most searches that find something are over by then
                break
            if num_opened > _LATE and self.is_hopeless(state):
                continue
            for _, _, target in self.all_edges(state):
                if target in parents:
                    continue
                parents[target] = state
                known = self._is_live.get(target)
                if known is None:
                    known = self._decide_quickly(target)
                if known:
                    self._mark_live(target, parents)
                    return True
                if known is None:
                    heappush(waiting, (self.rank(target), target))
            self._check_limit(limit)
        self._is_live.update(dict.fromkeys(parents, False))
        return False

    def _mark_live(self, state: int, parents: dict[int, int]) -> None:
        while state != DEAD:
            self._is_live[state] = True
            state = parents[state]

    def _search_shortest(self, start: int) -> int:
        """Search by A*: the lower bounds of `lengths` never overestimate."""
        limit = self.work + self.max_work
        distances = {start: 0}
        parents = {start: DEAD}
        waiting = [(self.lengths(start).shortest, 0, start)]
        while waiting:
            total, passed, state = heappop(waiting)
            if -passed > distances[state]:
                continue
            check_expansion_time()
            if self._is_end_known(state, total + passed):
                return self._keep_shortest(state, total + passed, parents)
            for _, _, target in self.edges(state):
                distance = 1 - passed
                if distance < distances.get(target, 1 << 62):
                    distances[target], parents[target] = distance, state
                    rest = self._shortest.get(target)
                    rest = self.lengths(target).shortest if rest is None else rest
                    heappush(waiting, (distance + rest, -distance, target))
            self._check_limit(limit)
        message = f"state {start} of {self.key} is not live"
        raise AssertionError(message)

    def _is_end_known(self, state: int, rest: int) -> bool:
        if state in self._shortest:
            return True
        return (rest == 0 and self.is_accepting(state)) or self.lengths(state).is_gapless

    def _keep_shortest(self, state: int, rest: int, parents: dict[int, int]) -> int:
        while True:
            self._shortest[state] = rest
            if parents[state] == DEAD:
                return rest
            state = parents[state]
            rest += 1

    def _search_longest(self, start: int) -> None:
        """Search depth first; a live state met again while it is open lies on a cycle, so there is no bound."""
        limit = self.work + self.max_work
        path = [(start, iter(self.edges(start)))]
        is_open = {start}
        best: dict[int, int] = {start: 0}
        while path:
            state, remaining = path[-1]
            target = next((edge[2] for edge in remaining), None)
            if target is None:
                path.pop()
                is_open.discard(state)
                self._longest[state] = best[state]
                if path:
                    parent = path[-1][0]
                    best[parent] = max(best[parent], best[state] + 1)
                continue
            known = self._known_longest(target)
            if target in is_open or known == _UNBOUNDED:
                self._longest.update(dict.fromkeys(is_open, None))
                return
            if known is not None:
                best[state] = max(best[state], known + 1)
                continue
            check_expansion_time()
            is_open.add(target)
            best[target] = 0
            path.append((target, iter(self.edges(target))))
            self._check_limit(limit)

    def _known_longest(self, state: int) -> int | None:
        """Return the longest text if known, `_UNBOUNDED` for no bound, None if not known."""
        if state in self._longest:
            found = self._longest[state]
        else:
            known = self.lengths(state)
            if not known.is_gapless:
                return None
            found = known.longest
        return _UNBOUNDED if found is None else found

    def _check_limit(self, limit: int) -> None:
        if self.work > limit:
            raise LimitError(
                f"{self._kind} automaton: no answer after looking at {self.max_work} edges (limit max_work); "
                "shorten repetitions, or combine fewer patterns, look-aheads and complements"
            )


_UNBOUNDED = -1
