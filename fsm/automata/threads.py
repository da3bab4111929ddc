"""Hold the threads of an automaton with assertions: ways on, and what the rest of the text has promised.

Equal threads of one automaton are one object, and so are equal obligations, so that sets of them hash fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fsm.automata.continuation import Continuation, make_final
from fsm.automata.expression import ANY_TEXT, Choice, Expression, Look, Repeat, Sequence
from fsm.automata.paths import Conditions, Path, PathFinder

__all__ = ["FREE", "Obligation", "Obligations", "Situation", "Thread", "ThreadStore", "Threads", "is_any_text"]


@dataclass(frozen=True, slots=True, eq=False)
class Thread:
    """One way on: match ``after``, while all ``obligations`` hold for the rest of the text."""

    after: Continuation
    obligations: frozenset[Obligation]

    @property
    def is_free(self) -> bool:
        """Tell whether no assertion is left to check on this way."""
        return self.after.is_plain and not self.obligations


@dataclass(frozen=True, slots=True, eq=False)
class Obligation:
    """The rest of the text must be matched by some of ``threads``; by none of them when negative."""

    threads: frozenset[Thread]
    is_negative: bool


Threads = frozenset[Thread]
Obligations = frozenset[Obligation]
FREE: Obligations = frozenset()


@dataclass(frozen=True, slots=True)
class Situation:
    """A state: whether the text starts here, where each look-behind stands, and the threads."""

    is_start: bool
    behind: tuple[Threads, ...]
    threads: Threads


class ThreadStore:
    """Make and keep the threads of one automaton; owned by it.

    ``looks`` : the look-behinds, inner ones before those that hold them. ``work`` : see `fsm.automata.dfa.Dfa`.
    """

    def __init__(self, expression: Expression) -> None:
        self.work = 0
        self.looks: list[Look] = []
        self._paths = PathFinder()
        self._threads: dict[tuple[Continuation, Obligations], Thread] = {}
        self._obligations: dict[tuple[Threads, bool], Obligation] = {}
        self._final = make_final()
        self._rest = self._final.push(ANY_TEXT)
        self._needs: dict[Continuation, frozenset[int]] = {}
        for look in iterate_looks(expression):
            if not look.is_ahead and not any(look is other for other in self.looks):
                self.looks.append(look)
        self.start = Situation(
            is_start=True,
            behind=tuple([self.make_threads(make_final().push(look.body).push(ANY_TEXT)) for look in self.looks]),
            threads=self.make_threads(self._final.push(expression)),
        )
        self.anything = Situation(
            is_start=False, behind=(frozenset(),) * len(self.looks), threads=self.make_threads(self._rest)
        )

    def find_paths(self, after: Continuation) -> tuple[list[Path], list[Conditions]]:
        """Return the paths out of ``after`` and the alternative conditions under which nothing more is needed."""
        return self._paths.find(after)

    def find_number(self, look: Look) -> int:
        """Return the number of a look-behind."""
        return next(number for number, other in enumerate(self.looks) if other is look)

    def make_promise(self, node: Expression) -> Obligation:
        """Return the obligation of a look-ahead, or of the end of the text."""
        if type(node) is Look:
            return self.make_obligation(self.make_threads(self._rest.push(node.body)), is_negative=node.is_negative)
        return self.make_obligation(self.make_threads(self._final), is_negative=False)

    def make_thread(self, after: Continuation, obligations: Obligations) -> Thread:
        """Return the one thread with these parts."""
        found = self._threads.get((after, obligations))
        if found is None:
            found = self._threads[after, obligations] = Thread(after, obligations)
        return found

    def make_obligation(self, threads: Threads, *, is_negative: bool) -> Obligation:
        """Return the one obligation with these parts."""
        found = self._obligations.get((threads, is_negative))
        if found is None:
            found = self._obligations[threads, is_negative] = Obligation(threads, is_negative)
        return found

    def make_threads(self, after: Continuation) -> Threads:
        """Return the set of one thread without obligations."""
        return frozenset([self.make_thread(after, FREE)])

    def find_needs(self, threads: Threads) -> frozenset[int]:
        """Return the numbers of the look-behinds that ``threads`` can still meet."""
        needed: frozenset[int] = frozenset()
        for thread in threads:
            needed |= self._find_continuation_needs(thread.after)
            for obligation in thread.obligations:
                needed |= self.find_needs(obligation.threads)
        return needed

    def _find_continuation_needs(self, after: Continuation) -> frozenset[int]:
        if after.is_plain or after.head is None or after.rest is None:
            return frozenset()
        found = self._needs.get(after)
        if found is None:
            here = {self.find_number(look) for look in iterate_looks(after.head) if not look.is_ahead}
            found = self._needs[after] = self._find_continuation_needs(after.rest) | here
        return found


def iterate_looks(node: Expression) -> Iterator[Look]:
    """Yield the looks in ``node``, inner ones before those that hold them."""
    if node.is_plain:
        return
    if type(node) is Look:
        yield from iterate_looks(node.body)
        yield node
    elif type(node) is Repeat:
        yield from iterate_looks(node.body)
    elif type(node) is Sequence:
        for part in node.items:
            yield from iterate_looks(part)
    elif type(node) is Choice:
        for part in node.options:
            yield from iterate_looks(part)


def is_any_text(threads: Threads) -> bool:
    """Tell whether the threads certainly match any rest of the text; such a thread stands alone in its set."""
    return len(threads) == 1 and all(not t.obligations and t.after.accepts_every_text() for t in threads)
