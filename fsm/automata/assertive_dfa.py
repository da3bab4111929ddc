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

from collections.abc import Iterator
from dataclasses import dataclass

from fsm.automata.continuation import Continuation, make_final
from fsm.automata.dfa import DEAD, LAST_SYMBOL, Edge, Lengths
from fsm.automata.expression import (
    ANY_TEXT,
    END,
    START,
    Choice,
    Expression,
    Look,
    Repeat,
    Sequence,
    are_lengths_joined,
)
from fsm.automata.partition import iterate_partition
from fsm.automata.paths import Conditions, PathFinder, keep_minimal
from fsm.automata.ranges import Ranges
from fsm.automata.search import MAX_SEARCH_WORK, SearchedDfa
from fsm.errors import LimitError

__all__ = ["MAX_ASSERTIVE_STATES", "AssertiveDfa", "Obligation", "Situation", "Thread"]

MAX_ASSERTIVE_STATES = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Thread:
    """One way on: match ``after``, while all ``obligations`` hold for the rest of the text.

    Equal threads of one automaton are one object, and so are equal obligations: sets of them hash fast.
    """

    after: Continuation
    obligations: frozenset[Obligation]


@dataclass(frozen=True, slots=True, eq=False)
class Obligation:
    """The rest of the text must be matched by some of ``threads``; by none of them when negative."""

    threads: frozenset[Thread]
    is_negative: bool


Threads = frozenset[Thread]
Obligations = frozenset[Obligation]
_FREE: Obligations = frozenset()


@dataclass(frozen=True, slots=True)
class Situation:
    """A state: whether the text starts here, where each look-behind stands, and the threads."""

    is_start: bool
    behind: tuple[Threads, ...]
    threads: Threads


class AssertiveDfa(SearchedDfa):
    """Recognise an expression with assertions.

    Parameters
    ----------
    expression : any; plain ones are served faster by `ExpressionDfa`.
    max_work : how much one search may do before `LimitError` is raised.
    """

    def __init__(self, expression: Expression, *, max_work: int = MAX_SEARCH_WORK) -> None:
        super().__init__("assertive", max_work=max_work)
        self._paths = PathFinder()
        self._threads: dict[tuple[Continuation, Obligations], Thread] = {}
        self._obligations: dict[tuple[Threads, bool], Obligation] = {}
        self._final = make_final()
        self._rest = self._final.push(ANY_TEXT)
        self._looks: list[Look] = []
        self._find_looks_behind(expression)
        self._needs: dict[Continuation, frozenset[int]] = {}
        self._situations: list[Situation] = [Situation(is_start=False, behind=(), threads=frozenset())]
        self._numbers: dict[Situation, int] = {}
        self._all_edges: dict[int, tuple[Edge, ...]] = {}
        behind = tuple([self._make_threads(make_final().push(look.body).push(ANY_TEXT)) for look in self._looks])
        start = self._number(
            Situation(is_start=True, behind=behind, threads=self._make_threads(self._final.push(expression)))
        )
        self.start = start if self.is_live(start) else DEAD

    # --- what the search needs ---

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        situation = self._situations[state]
        return _Place(self, situation).accepts(situation.threads)

    def all_edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges, also those to states from which nothing is accepted."""
        found = self._all_edges.get(state)
        if found is None:
            found = self._all_edges[state] = self._expand(self._situations[state])
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
        return all(thread.after.is_plain and not thread.obligations for thread in self._situations[state].threads)

    def _decide_quickly(self, state: int) -> bool | None:
        threads = self._situations[state].threads
        if any(thread.after.is_plain and not thread.obligations for thread in threads):
            self._is_live[state] = True
            return True
        return super()._decide_quickly(state)

    def rank(self, state: int) -> int:
        """Return the bound on the length plus the fewest obligations left: ways that keep promises come first."""
        fewest = min([len(thread.obligations) for thread in self._situations[state].threads], default=0)
        return self.lengths(state).shortest + fewest

    # --- states ---

    def _expand(self, situation: Situation) -> tuple[Edge, ...]:
        if _is_any(situation.threads):
            return ((0, LAST_SYMBOL, self._number(situation)),)
        place = _Place(self, situation)
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
            number = self._numbers[kept] = len(self._situations)
            self._situations.append(kept)
            if number > MAX_ASSERTIVE_STATES:
                raise LimitError(
                    f"regular expression: more than {MAX_ASSERTIVE_STATES} states are needed "
                    "(limit MAX_ASSERTIVE_STATES); use fewer look-arounds or shorter repetitions"
                )
        self._numbers[situation] = number
        return number

    def _forget(self, situation: Situation) -> Situation:
        """Forget where look-behinds stand that no thread can meet any more, so that fewer states differ."""
        if _is_any(situation.threads):
            nowhere: tuple[Threads, ...] = (frozenset(),) * len(self._looks)
            return Situation(is_start=False, behind=nowhere, threads=self._make_threads(self._rest))
        needed = self._find_needs(situation.threads)
        for number in reversed(range(len(self._looks))):
            if number in needed:
                needed |= self._find_needs(situation.behind[number])
        behind = [threads if i in needed else frozenset() for i, threads in enumerate(situation.behind)]
        return Situation(situation.is_start, tuple(behind), situation.threads)

    def _find_needs(self, threads: Threads) -> frozenset[int]:
        needed: frozenset[int] = frozenset()
        for thread in threads:
            needed |= self._find_continuation_needs(thread.after)
            for obligation in thread.obligations:
                needed |= self._find_needs(obligation.threads)
        return needed

    def _find_continuation_needs(self, after: Continuation) -> frozenset[int]:
        if after.is_plain or after.head is None or after.rest is None:
            return frozenset()
        found = self._needs.get(after)
        if found is None:
            here = {self.find_number(look) for look in iterate_looks(after.head) if not look.is_ahead}
            found = self._needs[after] = self._find_continuation_needs(after.rest) | here
        return found

    # --- what a place needs ---

    def find_paths(self, after: Continuation) -> tuple[list[tuple[Conditions, Ranges, Continuation]], list[Conditions]]:
        """Return the paths out of ``after`` and the alternative conditions under which nothing more is needed."""
        paths, ends = self._paths.find(after)
        return [(path.conditions, path.ranges, path.after) for path in paths], ends

    def find_number(self, look: Look) -> int:
        """Return the number of a look-behind."""
        return next(number for number, other in enumerate(self._looks) if other is look)

    def make_promise(self, node: Expression) -> Obligation:
        """Return the obligation of a look-ahead, or of the end of the text."""
        if type(node) is Look:
            return self.make_obligation(self._make_threads(self._rest.push(node.body)), is_negative=node.is_negative)
        return self.make_obligation(self._make_threads(self._final), is_negative=False)

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

    def _make_threads(self, after: Continuation) -> Threads:
        return frozenset([self.make_thread(after, _FREE)])

    def _find_looks_behind(self, expression: Expression) -> None:
        """Number the look-behinds, inner ones first, so that outer ones can ask for them."""
        for look in iterate_looks(expression):
            if not look.is_ahead and not any(look is other for other in self._looks):
                self._looks.append(look)


class _Place:
    """Evaluate assertions at one state, and step over one symbol; lives for one expansion."""

    def __init__(self, dfa: AssertiveDfa, situation: Situation) -> None:
        self._dfa = dfa
        self._situation = situation
        self._matched: dict[int, list[Obligations]] = {}
        self._alternatives: dict[Conditions, list[Obligations]] = {}
        self._bits: dict[Ranges, int] = {}
        self._steps: dict[tuple[Threads, int], Threads] = {}
        self._seen: set[Threads] = set()

    @property
    def symbol_sets(self) -> list[Ranges]:
        """Every symbol set that decides how some thread here goes on."""
        for threads in (self._situation.threads, *self._situation.behind):
            self._collect_sets(threads)
        return list(self._bits)

    def accepts(self, threads: Threads) -> bool:
        """Tell whether some thread matches the empty rest of the text."""
        for thread in threads:
            for conditions in self._dfa.find_paths(thread.after)[1]:
                for promised in self._evaluate(conditions):
                    if all(
                        self.accepts(obligation.threads) is not obligation.is_negative
                        for obligation in promised | thread.obligations
                    ):
                        return True
        return False

    def advance(self, members: int) -> Situation:
        """Return the state after a symbol that lies in the sets ``members``."""
        behind = [self._step(threads, members) for threads in self._situation.behind]
        threads = self._step(self._situation.threads, members)
        return Situation(is_start=False, behind=tuple(behind), threads=threads)

    def _step(self, threads: Threads, members: int) -> Threads:
        found = self._steps.get((threads, members))
        if found is None:
            found = self._steps[threads, members] = self._step_all(threads, members)
        return found

    def _step_all(self, threads: Threads, members: int) -> Threads:
        ways: dict[Continuation, list[Obligations]] = {}
        for thread in threads:
            for conditions, ranges, after in self._dfa.find_paths(thread.after)[0]:
                if members >> self._bits[ranges] & 1:
                    for promised in self._evaluate(conditions):
                        kept = self._step_obligations(promised | thread.obligations, members)
                        if kept is not None:
                            ways.setdefault(after, []).append(kept)
        self._dfa.work += len(threads)
        found = [
            self._dfa.make_thread(after, kept) for after, options in ways.items() for kept in keep_minimal(options)
        ]
        return next((frozenset([thread]) for thread in found if _is_free_to_end(thread)), frozenset(found))

    def _step_obligations(self, obligations: Obligations, members: int) -> Obligations | None:
        """Return the obligations after the symbol, None when one is broken."""
        kept: list[Obligation] = []
        for obligation in obligations:
            threads = self._step(obligation.threads, members)
            if not threads or _is_any(threads):
                if bool(threads) is obligation.is_negative:
                    return None
            else:
                kept.append(self._dfa.make_obligation(threads, is_negative=obligation.is_negative))
        return frozenset(kept) if kept else _FREE

    def _evaluate(self, conditions: Conditions) -> list[Obligations]:
        """Return the alternative obligations under which all conditions hold here; none when they cannot."""
        found = self._alternatives.get(conditions)
        if found is None:
            found = [_FREE]
            for condition in conditions:
                options = self._evaluate_one(condition)
                found = keep_minimal([left | right for left in found for right in options])
            self._alternatives[conditions] = found
        return found

    def _evaluate_one(self, condition: Expression) -> list[Obligations]:
        if condition is START:
            return [_FREE] if self._situation.is_start else []
        if condition is END or (type(condition) is Look and condition.is_ahead):
            return [frozenset([self._dfa.make_promise(condition)])]
        assert type(condition) is Look
        matched = self._find_matched(self._dfa.find_number(condition))
        if not condition.is_negative:
            return matched
        found = [_FREE]
        for promised in matched:
            options = [frozenset([self._negate(obligation)]) for obligation in promised]
            found = keep_minimal([left | right for left in found for right in options])
        return found

    def _negate(self, obligation: Obligation) -> Obligation:
        return self._dfa.make_obligation(obligation.threads, is_negative=not obligation.is_negative)

    def _find_matched(self, number: int) -> list[Obligations]:
        """Return the alternative obligations under which look-behind ``number`` has just matched."""
        found = self._matched.get(number)
        if found is None:
            options: list[Obligations] = []
            for thread in self._situation.behind[number]:
                for conditions in self._dfa.find_paths(thread.after)[1]:
                    options += [promised | thread.obligations for promised in self._evaluate(conditions)]
            found = self._matched[number] = keep_minimal(options)
        return found

    def _collect_sets(self, threads: Threads) -> None:
        if threads in self._seen:
            return
        self._seen.add(threads)
        for thread in threads:
            for obligation in thread.obligations:
                self._collect_sets(obligation.threads)
            for conditions, ranges, _ in self._dfa.find_paths(thread.after)[0]:
                self._bits.setdefault(ranges, len(self._bits))
                for promised in self._evaluate(conditions):
                    for obligation in promised:
                        self._collect_sets(obligation.threads)


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


def _is_any(threads: Threads) -> bool:
    return len(threads) == 1 and all(_is_free_to_end(thread) for thread in threads)


def _is_free_to_end(thread: Thread) -> bool:
    return not thread.obligations and thread.after.accepts_every_text()
