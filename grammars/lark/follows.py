"""Know what a text whose first match ended still says about the text after it."""

from __future__ import annotations

from fsm.automata.dfa import EXPANSION_LOCK, LAST_SYMBOL, Edge
from fsm.automata.ranges import Ranges, union_ranges
from fsm.expansion_time import check_expansion_time
from grammars.context_free.symbols import Futures
from grammars.lark.program import Program
from grammars.lark.threads import EARLIER, GOAL, Follow, Thread, Threads, ThreadSteps, are_met_at_end, prune_threads

__all__ = ["DEAD", "FREE", "FollowStates", "Follows", "settle"]

FREE: Follow = (((GOAL, frozenset()),), ())
"""Anything may follow."""
DEAD: Follow = ((), ())
"""Nothing may follow."""
FollowEdge = tuple[int, int, Follow]
_FREE_EDGES: tuple[FollowEdge, ...] = ((0, LAST_SYMBOL, FREE),)


class Follows(ThreadSteps):
    """Follow what is said after a match that ended, character by character.

    Parameters
    ----------
    program : the pattern, or several.
    """

    __slots__ = ("_follows", "_meanings")

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._follows: dict[Follow, tuple[FollowEdge, ...]] = {}
        self._meanings: dict[tuple[bool, Ranges], list[Follow]] = {}

    def is_free(self, follow: Follow) -> bool:
        """Tell whether anything may follow."""
        return follow == FREE

    def holds_at_end(self, follow: Follow) -> bool:
        """Tell whether the whole text may end."""
        return _holds_at_end(follow[0])

    def follow_edges(self, follow: Follow) -> tuple[FollowEdge, ...]:
        """Return sorted (first, last, what is still said after these characters); forbidden characters have none."""
        if follow == FREE:
            return _FREE_EDGES
        known = self._follows.get(follow)
        if known is None:
            with EXPANSION_LOCK:
                # Thousands of classes of characters lead to few places, each of them one object.
                settled: dict[int, tuple[Follow, Follow]] = {}
                found: list[FollowEdge] = []
                for first, last, after in self.step(follow):
                    if id(after) not in settled:
                        settled[id(after)] = after, settle(list(after[0]), after[1])
                    found.append((first, last, settled[id(after)][1]))
                known = self._follows[follow] = _joined([edge for edge in found if edge[2][0]])
        return known

    def futures_of(self, follow: Follow) -> Futures:
        """Return what may follow."""
        free: list[tuple[int, int]] = []
        pending: list[tuple[int, int]] = []
        for first, last, after in self.follow_edges(follow):
            (free if after == FREE else pending).append((first, last))
        return Futures(free=union_ranges(free), pending=union_ranges(pending), at_end=_holds_at_end(follow[0]))

    def canonical(self, follow: Follow) -> Follow:
        """Return the first known that means the same: what differs shows somewhere, side by side."""
        if follow in (FREE, DEAD):
            return follow
        if not self._meanings:
            self._meanings = {self._ends_soon(one): [one] for one in (FREE, DEAD)}
        alike = self._meanings.setdefault(self._ends_soon(follow), [])
        for other in alike:
            if follow == other or self._are_equal(follow, other):
                return other
        alike.append(follow)
        return follow

    def _ends_soon(self, follow: Follow) -> tuple[bool, Ranges]:
        """Tell whether the whole text may end here, and after which characters: different where the meaning is."""
        soon = [(first, last) for first, last, after in self.follow_edges(follow) if self.holds_at_end(after)]
        return self.holds_at_end(follow), union_ranges(soon)

    def _are_equal(self, left: Follow, right: Follow) -> bool:
        joined = {(left, right)}
        waiting = [(left, right)]
        while waiting:
            left, right = waiting.pop()
            if left == right:
                continue
            if self.holds_at_end(left) is not self.holds_at_end(right):
                return False
            for pair in _pairs(self.follow_edges(left), self.follow_edges(right)):
                if pair not in joined:
                    if self.holds_at_end(pair[0]) is not self.holds_at_end(pair[1]):
                        return False
                    joined.add(pair)
                    waiting.append(pair)
        return True


class FollowStates(Follows):
    """Number what texts lead to, as the states of an automaton; 0 is dead.

    Parameters
    ----------
    program : the pattern, or several.
    """

    __slots__ = ("_edges", "_numbers", "_states")

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._states: list[Follow] = [DEAD]
        self._numbers: dict[Follow, int] = {DEAD: 0}
        self._edges: dict[int, tuple[Edge, ...]] = {0: ()}

    @property
    def num_states(self) -> int:
        """Count the states made."""
        return len(self._states)

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to the states after one more character."""
        found = self._edges.get(state)
        if found is None:
            with EXPANSION_LOCK:
                found = self._edges[state] = self._expand(state)
        return found

    def _expand(self, state: int) -> tuple[Edge, ...]:
        check_expansion_time()
        merged: list[Edge] = []
        numbers: dict[int, tuple[Follow, int]] = {}
        for first, last, after in self.step(self._states[state]):
            if id(after) not in numbers:
                is_over = all(pc == EARLIER for pc, _ in after[0])
                numbers[id(after)] = after, 0 if is_over else self._number(after)
            target = numbers[id(after)][1]
            if not target:
                continue
            if merged and merged[-1][1] + 1 == first and merged[-1][2] == target:
                merged[-1] = (merged[-1][0], last, target)
            else:
                merged.append((first, last, target))
        return tuple(merged)

    def _number(self, follow: Follow) -> int:
        """Return the state that stands for what was read."""
        number = self._numbers.get(follow)
        if number is None:
            number = len(self._states)
            self._check_size(number)
            self._states.append(follow)  # first, so that an interruption leaves no number without a state
            self._numbers[follow] = number
        return number

    def _check_size(self, number: int) -> None:
        """Refuse to make more states than may be.

        Raises
        ------
        LimitError : ``number`` states are too many.
        """
        raise NotImplementedError


def settle(threads: list[Thread], behind: tuple[frozenset[int], ...]) -> Follow:
    """Cut a list after what certainly ends; a list without a goal is dead, one with nothing else is free."""
    kept = list(prune_threads(threads))
    while kept and kept[-1][0] != GOAL:
        kept.pop()
    if not kept:
        return (), ()
    if kept[0] == FREE[0][0]:
        return FREE
    return tuple(kept), behind


def _joined(edges: list[FollowEdge]) -> tuple[FollowEdge, ...]:
    """Join neighbours that say the same."""
    joined: list[FollowEdge] = []
    for first, last, after in edges:
        if joined and joined[-1][1] + 1 == first and joined[-1][2] == after:
            joined[-1] = (joined[-1][0], last, after)
        else:
            joined.append((first, last, after))
    return tuple(joined)


def _pairs(left: tuple[FollowEdge, ...], right: tuple[FollowEdge, ...]) -> set[tuple[Follow, Follow]]:
    """Return what two lists of edges say side by side, dead where one has no edge."""
    found: dict[tuple[int, int], tuple[Follow, Follow]] = {}  # by identity: hashing them takes longer than all else
    place = i = j = 0
    while place <= LAST_SYMBOL:
        while i < len(left) and left[i][1] < place:
            i += 1
        while j < len(right) and right[j][1] < place:
            j += 1
        here, end = [], LAST_SYMBOL
        for edges, k in ((left, i), (right, j)):
            if k < len(edges) and edges[k][0] <= place:
                here.append(edges[k][2])
                end = min(end, edges[k][1])
            else:
                here.append(DEAD)
                end = min(end, edges[k][0] - 1) if k < len(edges) else end
        found[id(here[0]), id(here[1])] = here[0], here[1]
        place = end + 1
    return set(found.values())


def _holds_at_end(threads: Threads) -> bool:
    """Tell whether, when the text ends here, the goal is what the first match ends at."""
    for pc, obligations in threads:
        if pc < 0 and are_met_at_end(obligations):
            return pc == GOAL
    return False
