"""Evaluate the assertions at one state of an automaton with look-arounds, and step its threads over a symbol.

Conditions hold under alternative sets of obligations: none when they cannot hold here, the empty set when they hold
whatever follows.
"""

from __future__ import annotations

from fsm.automata.continuation import Continuation
from fsm.automata.expression import END, START, Expression, Look
from fsm.automata.expression_dfa import drop_contained
from fsm.automata.paths import Conditions, keep_minimal
from fsm.automata.ranges import Ranges
from fsm.automata.threads import FREE, Obligation, Obligations, Situation, Thread, Threads, ThreadStore, is_any_text
from fsm.expansion_time import check_expansion_time

__all__ = ["Place"]


class Place:
    """Evaluate assertions at one state, and step over one symbol; lives for one expansion.

    Parameters
    ----------
    store : makes the threads.
    situation : the state.
    """

    def __init__(self, store: ThreadStore, situation: Situation) -> None:
        self._store = store
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
            for conditions in self._store.find_paths(thread.after)[1]:
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
        check_expansion_time()
        ways: dict[Continuation, list[Obligations]] = {}
        for thread in threads:
            for path in self._store.find_paths(thread.after)[0]:
                if members >> self._bits[path.ranges] & 1:
                    for promised in self._evaluate(path.conditions):
                        kept = self._step_obligations(promised | thread.obligations, members)
                        if kept is not None:
                            ways.setdefault(path.after, []).append(kept)
        self._store.work += len(threads)
        found = self._join(ways)
        alone = next((frozenset([thread]) for thread in found if is_any_text(frozenset([thread]))), None)
        return frozenset(found) if alone is None else alone

    def _join(self, ways: dict[Continuation, list[Obligations]]) -> list[Thread]:
        """Return the threads of these ways, without those that another one makes superfluous."""
        by_obligations: dict[Obligations, list[Continuation]] = {}
        for after, options in ways.items():
            for kept in keep_minimal(options):
                by_obligations.setdefault(kept, []).append(after)
        return [
            self._store.make_thread(after, kept)
            for kept, afters in by_obligations.items()
            for after in (drop_contained(frozenset(afters)) if len(afters) > 1 else afters)
        ]

    def _step_obligations(self, obligations: Obligations, members: int) -> Obligations | None:
        """Return the obligations after the symbol, None when one is broken."""
        kept: list[Obligation] = []
        for obligation in obligations:
            threads = self._step(obligation.threads, members)
            if not threads or is_any_text(threads):
                if bool(threads) is obligation.is_negative:
                    return None
            else:
                kept.append(self._store.make_obligation(threads, is_negative=obligation.is_negative))
        return frozenset(kept) if kept else FREE

    def _evaluate(self, conditions: Conditions) -> list[Obligations]:
        """Return the alternative obligations under which all conditions hold here; none when they cannot."""
        found = self._alternatives.get(conditions)
        if found is None:
            found = [FREE]
            for condition in conditions:
                options = self._evaluate_one(condition)
                found = keep_minimal([left | right for left in found for right in options])
            self._alternatives[conditions] = found
        return found

    def _evaluate_one(self, condition: Expression) -> list[Obligations]:
        if condition is START:
            return [FREE] if self._situation.is_start else []
        if condition is END or (type(condition) is Look and condition.is_ahead):
            return [frozenset([self._store.make_promise(condition)])]
        assert type(condition) is Look
        matched = self._find_matched(self._store.find_number(condition))
        if not condition.is_negative:
            return matched
        found = [FREE]
        for promised in matched:
            options = [frozenset([self._negate(obligation)]) for obligation in promised]
            found = keep_minimal([left | right for left in found for right in options])
        return found

    def _negate(self, obligation: Obligation) -> Obligation:
        return self._store.make_obligation(obligation.threads, is_negative=not obligation.is_negative)

    def _find_matched(self, number: int) -> list[Obligations]:
        """Return the alternative obligations under which look-behind ``number`` has just matched."""
        found = self._matched.get(number)
        if found is None:
            options: list[Obligations] = []
            for thread in self._situation.behind[number]:
                for conditions in self._store.find_paths(thread.after)[1]:
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
            for path in self._store.find_paths(thread.after)[0]:
                self._bits.setdefault(path.ranges, len(self._bits))
                for promised in self._evaluate(path.conditions):
                    for obligation in promised:
                        self._collect_sets(obligation.threads)
