"""Find, character by character, where a pattern's first match ends: what ``re.match`` returns, not what it could.

A state is the ordered list of the threads that backtracking would try, the preferred one first; a thread that ends cuts
off all behind it. Look-aheads are obligations that a thread carries along. Where a match may end while a preferred
thread still runs, or an obligation is open, the text that follows decides: ``futures`` tells which may.

Source: R. Cox, "Regular Expression Matching: the Virtual Machine Approach" (2009), Pike's machine, made deterministic
here as in the lazy automata of RE2; obligations are alternation as in alternating automata.
"""

from __future__ import annotations

from collections.abc import Iterable

from fsm.automata.dfa import EXPANSION_LOCK, LAST_SYMBOL, Edge
from fsm.automata.partition import iterate_partition
from fsm.automata.ranges import ALL, union_ranges
from fsm.errors import LimitError
from grammars.context_free.symbols import Debt, Futures
from grammars.lark.program import Behind, Character, Look, Loop, Match, Program, Split

__all__ = ["FREE", "MAX_TERMINAL_STATES", "FirstMatch", "Follow"]

MAX_TERMINAL_STATES = 50_000

# A thread is (instruction, obligations); an obligation is (must it fail, threads). Ends are negative instructions.
EARLIER, NOW, GOAL = -1, -2, -3
Thread = tuple[int, frozenset["Obligation"]]
Obligation = tuple[bool, frozenset[Thread]]
Threads = tuple[Thread, ...]
Follow = tuple[Threads, tuple[frozenset[int], ...]]
"""What a text that ended still says about what follows: threads, and the look-behinds under way."""

_NONE: frozenset[Obligation] = frozenset()
FREE: Follow = (((GOAL, _NONE),), ())
"""Anything may follow."""
_DEAD: Follow = ((), ())
FollowEdge = tuple[int, int, Follow]
_FREE_EDGES: tuple[FollowEdge, ...] = ((0, LAST_SYMBOL, FREE),)


class FirstMatch:
    """Recognise the texts at whose end the first match of a program ends, given what follows.

    Parameters
    ----------
    program : the pattern.
    """

    __slots__ = (
        "_accepting",
        "_edges",
        "_ends",
        "_follows",
        "_live",
        "_meanings",
        "_numbers",
        "_states",
        "is_plain",
        "program",
        "start",
    )

    def __init__(self, program: Program) -> None:
        self.program = program
        self.is_plain = False
        self._states: list[Follow] = [_DEAD]
        self._numbers: dict[Follow, int] = {_DEAD: 0}
        self._edges: list[tuple[Edge, ...] | None] = [()]
        self._follows: dict[Follow, tuple[FollowEdge, ...]] = {}
        self._ends: dict[int, Follow] = {}
        self._meanings: list[Follow] = []
        self._live: set[int] | None = None
        behind = tuple([self._restart(start) for start in program.behind])
        threads: list[Thread] = []
        self._follow(program.start, _NONE, behind, threads)
        self.start = self._number((_pruned(threads), behind))
        if program.has_looks:
            self._explore()

    # -- the automaton ---------------------------------------------------------------------------------------------

    def is_accepting(self, state: int) -> bool:
        """Tell whether the match may end in ``state``, whatever follows."""
        return any(thread[0] == NOW for thread in self._states[state][0]) and bool(self.follow(state)[0])

    def follow(self, state: int) -> Follow:
        """Return what a text that ends in ``state`` says about what follows; equal where it means the same."""
        known = self._ends.get(state)
        if known is None:
            with EXPANSION_LOCK:
                threads, behind = self._states[state]
                ended = [(GOAL if pc == NOW else pc, obligations) for pc, obligations in threads]
                known = self._ends[state] = self._canonical(_settle(ended, behind))
        return known

    def _canonical(self, follow: Follow) -> Follow:
        """Return the first known that means the same: what differs shows somewhere, side by side."""
        if follow in (FREE, _DEAD) or follow in self._meanings:
            return follow
        for other in (FREE, _DEAD, *self._meanings):
            if self._are_equal(follow, other):
                return other
        self._meanings.append(follow)
        return follow

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
                    joined.add(pair)
                    waiting.append(pair)
        return True

    def futures(self, state: int) -> Futures | None:
        """Return what may follow where the match ends in ``state``; None: anything."""
        follow = self.follow(state)
        return None if follow == FREE else self.futures_of(follow)

    def futures_of(self, follow: Follow) -> Futures:
        """Return what may follow."""
        free: list[tuple[int, int]] = []
        pending: list[tuple[int, int]] = []
        for first, last, after in self.follow_edges(follow):
            (free if after == FREE else pending).append((first, last))
        return Futures(free=union_ranges(free), pending=union_ranges(pending), at_end=_holds_at_end(follow[0]))

    def debt(self, state: int) -> Debt | None:
        """Return what a text that ends in ``state`` says about what follows; None: anything may follow."""
        follow = self.follow(state)
        return None if follow == FREE else Debt(self, follow)

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
                found = [(a, b, _settle(list(t), past)) for a, b, (t, past) in self._steps(follow)]
                known = self._follows[follow] = _joined([edge for edge in found if edge[2][0]])
        return known

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to states from which the match can still end."""
        found = self._edges[state]
        if found is None:
            with EXPANSION_LOCK:
                found = self._edges[state] = self._expand(state)
        if self._live is not None:
            return tuple([edge for edge in found if edge[2] in self._live])
        return found

    def shortest_bytes(self, state: int) -> int:
        """Return the fewest bytes from ``state`` to where the match may end (with looks: at least so many)."""
        threads, _ = self._states[state]
        distances = self.program.distances
        return min((0 if pc < 0 else distances[pc] for pc, _ in threads if pc != EARLIER), default=1 << 40)

    # -- states ----------------------------------------------------------------------------------------------------

    def _number(self, follow: Follow) -> int:
        number = self._numbers.get(follow)
        if number is None:
            number = self._numbers[follow] = len(self._states)
            if number > MAX_TERMINAL_STATES:
                raise LimitError(
                    f"terminal: more than {MAX_TERMINAL_STATES} states are needed (limit MAX_TERMINAL_STATES); "
                    "shorten its repetitions"
                )
            self._states.append(follow)
            self._edges.append(None)
        return number

    def _expand(self, state: int) -> tuple[Edge, ...]:
        merged: list[Edge] = []
        for first, last, after in self._steps(self._states[state]):
            if all(pc == EARLIER for pc, _ in after[0]):
                continue
            target = self._number(after)
            if merged and merged[-1][1] + 1 == first and merged[-1][2] == target:
                merged[-1] = (merged[-1][0], last, target)
            else:
                merged.append((first, last, target))
        return tuple(merged)

    def _explore(self) -> None:
        """Find the states from which the match can end; looks may leave some that cannot."""
        sources: dict[int, list[int]] = {}
        state = 1
        while state < len(self._states):
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

    # -- steps -----------------------------------------------------------------------------------------------------

    def _steps(self, follow: Follow) -> Iterable[tuple[int, int, Follow]]:
        """Yield (first, last, threads and look-behinds afterwards) for every class of characters."""
        threads, past = follow
        places = sorted(_places(threads) | {pc for group in past for pc in group if pc >= 0})
        code = self.program.code
        sets = [one.ranges for pc in places if isinstance(one := code[pc], Character)]
        known: dict[int, Follow] = {}
        for first, last, members in iterate_partition([ALL, *sets]):
            after = known.get(members)
            if after is None:
                accepted = {pc for bit, pc in enumerate(places, 1) if members >> bit & 1}
                after = known[members] = self._advance(threads, past, accepted)
            if after[0]:
                yield first, last, after

    def _advance(self, threads: Threads, past: tuple[frozenset[int], ...], accepted: set[int]) -> Follow:
        starts = self.program.behind
        behind = tuple([self._advance_behind(group, starts[i], accepted) for i, group in enumerate(past)])
        out: list[Thread] = []
        for pc, obligations in threads:
            if pc >= 0 and pc not in accepted:
                continue
            kept = self._advance_obligations(obligations, behind, accepted)
            if kept is None:
                continue
            if pc >= 0:
                one = self.program.code[pc]
                assert isinstance(one, Character)
                if self._follow(one.after, kept, behind, out):
                    break
            elif pc == GOAL or kept:
                out.append((GOAL if pc == GOAL else EARLIER, kept))
                if not kept:
                    break
            else:
                break  # it ended earlier for certain: whatever is less preferred is cut off
        return _pruned(out), behind

    def _advance_obligations(
        self, obligations: frozenset[Obligation], behind: tuple[frozenset[int], ...], accepted: set[int]
    ) -> frozenset[Obligation] | None:
        """Return what is still owed after a character, None where an obligation failed."""
        if not obligations:
            return obligations
        kept: set[Obligation] = set()
        for is_negative, threads in obligations:
            after = self._advance_inner(threads, behind, accepted)
            verdict = _verdict(after)
            if verdict is None:
                kept.add((is_negative, frozenset(after)))
            elif verdict is is_negative:
                return None
        return frozenset(kept)

    def _advance_inner(
        self, threads: frozenset[Thread], behind: tuple[frozenset[int], ...], accepted: set[int]
    ) -> Threads:
        out: list[Thread] = []
        for pc, obligations in threads:
            if pc >= 0 and pc not in accepted:
                continue
            kept = self._advance_obligations(obligations, behind, accepted)
            if kept is None:
                continue
            if pc >= 0:
                one = self.program.code[pc]
                assert isinstance(one, Character)
                self._follow(one.after, kept, behind, out)
            else:
                out.append((EARLIER, kept))
        return tuple(out)

    def _advance_behind(self, group: frozenset[int], start: int, accepted: set[int]) -> frozenset[int]:
        found: set[int] = set(self._restart(start))
        for pc in group:
            if pc in accepted:
                one = self.program.code[pc]
                assert isinstance(one, Character)
                found |= self._restart(one.after)
        return frozenset(found)

    def _restart(self, start: int) -> frozenset[int]:
        """Return the places that a plain program reaches from ``start`` without consuming."""
        threads: list[Thread] = []
        self._follow(start, _NONE, (), threads, is_cut=False)
        return frozenset([pc for pc, _ in threads])

    def _follow(
        self,
        start: int,
        obligations: frozenset[Obligation],
        behind: tuple[frozenset[int], ...],
        out: list[Thread],
        *,
        is_cut: bool = True,
    ) -> bool:
        """Append the threads from an instruction on, in order; tell whether one ended for certain."""
        code = self.program.code
        waiting: list[tuple[int, frozenset[Obligation], frozenset[int]]] = [(start, obligations, frozenset())]
        seen = set()
        while waiting:
            visit = waiting.pop()
            if visit in seen:
                continue
            seen.add(visit)
            place, owed, entered = visit
            one = code[place]
            if isinstance(one, Character | Match):
                out.append((place if isinstance(one, Character) else NOW, owed))
                if is_cut and isinstance(one, Match) and not owed:
                    return True
            elif isinstance(one, Split):
                waiting += ((one.second, owed, entered), (one.first, owed, entered))
            elif isinstance(one, Loop):
                waiting += _enter(one, owed, entered)
            else:
                more = self._look(one, behind)
                if more is not None:
                    waiting.append((one.after, owed | more, entered))
        return False

    def _look(self, one: Look | Behind, behind: tuple[frozenset[int], ...]) -> frozenset[Obligation] | None:
        """Return what a look obliges to, None where it fails at once."""
        if isinstance(one, Behind):
            return _NONE if (NOW in behind[one.body]) is not one.is_negative else None
        threads: list[Thread] = []
        self._follow(one.body, _NONE, behind, threads)
        verdict = _verdict(tuple(threads))
        if verdict is None:
            return frozenset([(one.is_negative, frozenset(threads))])
        return None if verdict is one.is_negative else _NONE


def _enter(
    loop: Loop, owed: frozenset[Obligation], entered: frozenset[int]
) -> list[tuple[int, frozenset[Obligation], frozenset[int]]]:
    """List where a loop continues, the preferred way last; entered without progress, it does not begin again."""
    after = (loop.after, owed, entered)
    if loop.repetition in entered:
        return [after]
    body = (loop.body, owed, entered | {loop.repetition})
    return [body, after] if loop.is_lazy else [after, body]


def _verdict(threads: Threads) -> bool | None:
    """Tell whether a look-ahead certainly matches (True), certainly does not (False), or is open (None)."""
    if not threads:
        return False
    if any(pc < 0 and not owed for pc, owed in threads):
        return True
    return None


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
    found: set[tuple[Follow, Follow]] = set()
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
                here.append(_DEAD)
                end = min(end, edges[k][0] - 1) if k < len(edges) else end
        found.add((here[0], here[1]))
        place = end + 1
    return found


def _pruned(threads: Iterable[Thread]) -> Threads:
    """Drop threads that cannot come first: one before them has ended, and owes no more than they do."""
    kept: dict[Thread, None] = {}
    ended: list[frozenset[Obligation]] = []
    for thread in threads:
        if not any(owed <= thread[1] for owed in ended):
            kept[thread] = None
            if thread[0] < 0:
                ended.append(thread[1])
    return tuple(kept)


def _settle(threads: list[Thread], behind: tuple[frozenset[int], ...]) -> Follow:
    """Cut a list after what certainly ends; a list without a goal is dead, one with nothing else is free."""
    kept = list(_pruned(threads))
    while kept and kept[-1][0] != GOAL:
        kept.pop()
    if not kept:
        return (), ()
    if kept[0] == FREE[0][0]:
        return FREE
    return tuple(kept), behind


def _places(threads: Iterable[Thread]) -> set[int]:
    found: set[int] = set()
    for pc, obligations in threads:
        if pc >= 0:
            found.add(pc)
        for _, inner in obligations:
            found |= _places(inner)
    return found


def _holds_at_end(threads: Threads) -> bool:
    """Tell whether, when the text ends here, the goal is what the first match ends at."""
    for pc, obligations in threads:
        if pc < 0 and _are_met_at_end(obligations):
            return pc == GOAL
    return False


def _are_met_at_end(obligations: frozenset[Obligation]) -> bool:
    for is_negative, threads in obligations:
        matches = any(pc < 0 and _are_met_at_end(inner) for pc, inner in threads)
        if matches is is_negative:
            return False
    return True
