"""Step the threads of a program character by character, as backtracking would try them, the preferred one first.

A thread that ends cuts off all behind it. Look-aheads are obligations that a thread carries along; what look-behinds
ask for is followed beside the threads.

Source: R. Cox, "Regular Expression Matching: the Virtual Machine Approach" (2009), Pike's machine, made deterministic
here as in the lazy automata of RE2; obligations are alternation as in alternating automata.
"""

from __future__ import annotations

from collections.abc import Iterable

from fsm.automata.partition import iterate_partition
from fsm.automata.ranges import ALL
from grammars.lark.program import Behind, Character, Look, Loop, Match, Program, Split

__all__ = ["EARLIER", "GOAL", "NOW", "Follow", "Thread", "ThreadSteps", "Threads", "are_met_at_end", "prune_threads"]

# A thread is (instruction, obligations); an obligation is (must it fail, threads). Ends are negative instructions: an
# end some characters ago, the end that is asked about, and ends just here, by their number: NOW - number.
EARLIER, GOAL, NOW = -1, -2, -3
Thread = tuple[int, frozenset["Obligation"]]
Obligation = tuple[bool, frozenset[Thread]]
Threads = tuple[Thread, ...]
Follow = tuple[Threads, tuple[frozenset[int], ...]]
"""Threads, and the look-behinds under way."""

_NONE: frozenset[Obligation] = frozenset()


class ThreadSteps:
    """Step the threads of one program.

    Parameters
    ----------
    program : the pattern, or several.

    looks : whether some pattern looks ahead or behind.
    """

    __slots__ = ("_followed", "looks", "program")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.looks = program.has_looks
        self._followed: dict[int, tuple[list[Thread], bool]] = {}

    def begin(self, starts: Iterable[int]) -> Follow:
        """Return the threads that begin at some instructions, the first one preferred."""
        behind = tuple([self._restart(start) for start in self.program.behind])
        threads: list[Thread] = []
        for start in starts:
            if self._follow(start, _NONE, behind, threads):
                break
        return prune_threads(threads), behind

    def step(self, follow: Follow) -> Iterable[tuple[int, int, Follow]]:
        """Yield (first, last, threads and look-behinds afterwards) for every class of characters."""
        threads, past = follow
        if self.looks:
            places = sorted(_places(threads) | {pc for group in past for pc in group if pc >= 0})
        else:
            places = [pc for pc, _ in threads if pc >= 0]
        code = self.program.code
        sets = [one.ranges for pc in places if isinstance(one := code[pc], Character)]
        known: dict[int, Follow] = {}
        for first, last, members in iterate_partition([ALL, *sets]):
            after = known.get(members)
            if after is None:
                accepted = {pc for bit, pc in enumerate(places, 1) if members >> bit & 1}
                advance = self._advance if self.looks else self._advance_plain
                after = known[members] = advance(threads, past, accepted)
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
        return prune_threads(out), behind

    def _advance_plain(self, threads: Threads, past: tuple[frozenset[int], ...], accepted: set[int]) -> Follow:
        """Do the same where nothing looks: no thread owes anything, and one that ended is the last."""
        out: list[Thread] = []
        for pc, _ in threads:
            if pc in accepted:
                one = self.program.code[pc]
                assert isinstance(one, Character)
                if self._follow(one.after, _NONE, (), out):
                    break
            elif pc < 0:
                if pc == GOAL:
                    out.append((GOAL, _NONE))
                break
        return tuple(dict.fromkeys(out)), past

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
        if obligations or behind or not is_cut:
            return self._walk(start, obligations, behind, out, is_cut=is_cut)
        known = self._followed.get(start)
        if known is None:
            found: list[Thread] = []
            known = self._followed[start] = found, self._walk(start, _NONE, (), found, is_cut=True)
        out += known[0]
        return known[1]

    def _walk(
        self,
        start: int,
        obligations: frozenset[Obligation],
        behind: tuple[frozenset[int], ...],
        out: list[Thread],
        *,
        is_cut: bool,
    ) -> bool:
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
                out.append((place if isinstance(one, Character) else NOW - one.number, owed))
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


def prune_threads(threads: Iterable[Thread]) -> Threads:
    """Drop threads that cannot come first: one before them has ended, and owes no more than they do."""
    kept: dict[Thread, None] = {}
    ended: list[frozenset[Obligation]] = []
    for thread in threads:
        if not any(owed <= thread[1] for owed in ended):
            kept[thread] = None
            if thread[0] < 0:
                ended.append(thread[1])
    return tuple(kept)


def _places(threads: Iterable[Thread]) -> set[int]:
    found: set[int] = set()
    for pc, obligations in threads:
        if pc >= 0:
            found.add(pc)
        for _, inner in obligations:
            found |= _places(inner)
    return found


def are_met_at_end(obligations: frozenset[Obligation]) -> bool:
    """Tell whether obligations are met where the text ends."""
    for is_negative, threads in obligations:
        matches = any(pc < 0 and are_met_at_end(inner) for pc, inner in threads)
        if matches is is_negative:
            return False
    return True
