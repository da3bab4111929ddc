"""Find the terminals whose debts, what they say about the text after them, one look at the next byte cannot settle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fsm.automata.partition import iterate_partition
from fsm.automata.ranges import Ranges, complement_ranges, intersect_ranges, subtract_ranges, union_ranges
from fsm.expansion_time import check_expansion_time
from grammars.context_free.analysis import Analysis, reachable
from grammars.context_free.debts import paid_edges
from grammars.context_free.symbols import Debt, Debts, Terminal
from grammars.context_free.token_bytes import lead_bytes

__all__ = ["Strictness", "can_be_paid", "divided_bytes"]

_ASCII = (1 << 128) - 1


class Strictness:
    """Find the terminals whose debts one look at the next byte cannot settle."""

    def __init__(self, analysis: Analysis, ignored: list[Terminal]) -> None:
        self.analysis = analysis
        self.ignored = ignored
        self._deep: dict[tuple[Debt, Terminal], bool] = {}
        self._idle: dict[tuple[Debt, int], bool] = {}
        self._open: dict[Debt, Ranges] = {}

    def find(self) -> dict[Terminal, Ranges | None]:
        """Return the terminals with what they owe: all of it (None), or only after these first characters."""
        found: dict[Terminal, Ranges | None] = {}
        divided: list[Terminal] = []
        for number, terminal in enumerate(self.analysis.terminals):
            if self.analysis.is_settled(number):
                continue
            debts = self._possible_debts(number, terminal)
            others = self.analysis.follow(number) & ~self.analysis.mask(self.ignored)
            deep = [self._deep_characters(number, debt) for debt in debts]
            if any(self._is_strict(number, debt) for debt in debts):
                found[terminal] = None
            elif any(deep):
                is_separate = all(any(self._separates(one, debt, others) for one in self.ignored) for debt in debts)
                found[terminal] = union_ranges([pair for one in deep for pair in one]) if is_separate else None
            elif any(divided_bytes(self.analysis, number, debt) for debt in debts):
                divided.append(terminal)
        # Rows read what is ignored after these at once, which they cannot where rules carry what that owes.
        return found | dict.fromkeys(divided) if found else found

    def _deep_characters(self, number: int, debt: Debt) -> Ranges:
        """Return the first characters after which what is owed may still forbid something."""
        after = self.analysis.follow(number)
        if not intersect_ranges(self._pending(debt), self.analysis.first_characters(after)):
            return ()
        follow = self.analysis.listed(after)
        deep = [one for one in follow if self._is_deep(debt, one) and not self._is_absorbed(number, debt, one)]
        return self.analysis.first_characters(self.analysis.mask(deep))

    def _is_absorbed(self, number: int, debt: Debt, after: Terminal) -> bool:
        """Tell whether both terminals are ignored, and what is owed only forbids to cut one ignored text in two."""
        terminal = self.analysis.terminals[number]
        if terminal not in self.ignored or after not in self.ignored:
            return False
        automaton = terminal.automaton
        states = [one for one in reachable(terminal) if automaton.is_accepting(one) and automaton.debt(one) == debt]
        return all(_reads_on(terminal, state, debt, after) for state in states)

    def _possible_debts(self, number: int, terminal: Terminal) -> set[Debt]:
        """Return what may be owed, without what nothing that follows can pay, where the terminal has other ends."""
        debts = _debts(terminal)
        payable = {debt for debt in debts if can_be_paid(self.analysis, number, debt)}
        if len(payable) == len(debts) or not _can_all_end(terminal, payable):
            return debts
        return payable

    def _is_strict(self, number: int, debt: Debt) -> bool:
        analysis = self.analysis
        follow = analysis.follow(number)
        if analysis.may_end(follow) and not debt.automaton.holds_at_end(debt.follow):
            return True
        allowed = union_ranges([(a, b) for a, b, _ in debt.automaton.follow_edges(debt.follow)])
        barred = complement_ranges(allowed)
        # What is ignored may always be left out, so that it is forbidden stops nothing.
        others = analysis.first_characters(follow & ~analysis.mask(self.ignored))
        skipped = analysis.first_characters(
            analysis.mask([one for one in self.ignored if not self._is_absorbed(number, debt, one)])
        )
        forbidden = intersect_ranges(union_ranges([*others, *skipped]), barred)
        if lead_bytes(intersect_ranges(others, allowed)) & lead_bytes(forbidden) & ~_ASCII:
            return True
        # Of what is ignored, too, a first byte may begin what may come next and what must not.
        if lead_bytes(intersect_ranges(skipped, allowed)) & lead_bytes(intersect_ranges(skipped, barred)) & ~_ASCII:
            return True
        if not intersect_ranges(others, barred):
            return False
        required = follow & ~analysis.mask(self.ignored)
        return not any(self._separates(one, debt, required) for one in self.ignored)

    def _is_deep(self, debt: Debt, terminal: Terminal) -> bool:
        """Tell whether what is owed may forbid something after the first character of a terminal."""
        known = self._deep.get((debt, terminal))
        if known is None:
            start = terminal.automaton.start
            waiting = [(target, left) for _, _, target, left in paid_edges(terminal, start, frozenset([debt])) if left]
            known = self._deep[debt, terminal] = _restricts(terminal, waiting)
        return known

    def _pending(self, debt: Debt) -> Ranges:
        """Return the characters after which something is still owed."""
        pending = self._open.get(debt)
        if pending is None:
            automaton = debt.automaton
            edges = automaton.follow_edges(debt.follow)
            pending = self._open[debt] = union_ranges([(a, b) for a, b, c in edges if not automaton.is_free(c)])
        return pending

    def _separates(self, ignored: Terminal, debt: Debt, others: int) -> bool:
        """Tell whether one character of an ignored terminal may come in between, and then anything."""
        automaton = ignored.automaton
        for _, _, state, left in paid_edges(ignored, automaton.start, frozenset([debt])):
            if left or not automaton.is_accepting(state):
                continue
            after = automaton.debt(state)
            if after is None:
                return True
            if self._stops_nothing(after, others):
                return True
        return False

    def _stops_nothing(self, debt: Debt, terminals: int) -> bool:
        """Tell whether the text may end and every text of some terminals may come where this is owed."""
        known = self._idle.get((debt, terminals))
        if known is None:
            owed = frozenset([debt])
            known = self._idle[debt, terminals] = debt.automaton.holds_at_end(debt.follow) and not any(
                _restricts(one, [(one.automaton.start, owed)]) for one in self.analysis.listed(terminals)
            )
        return known


def can_be_paid(analysis: Analysis, number: int, debt: Debt) -> bool:
    """Tell whether anything that follows a terminal may come where this is owed."""
    follow = analysis.follow(number)
    if analysis.may_end(follow) and debt.automaton.holds_at_end(debt.follow):
        return True
    allowed = tuple([(first, last) for first, last, _ in debt.automaton.follow_edges(debt.follow)])
    return bool(intersect_ranges(analysis.first_characters(follow), union_ranges(allowed)))


def divided_bytes(analysis: Analysis, number: int, debt: Debt) -> int:
    """Return the bytes that begin both a character that is ignored here and one that must not follow.

    Which it is shows later, so before them ignored text is read at once, instead of whatever follows.
    """
    if not analysis.ignored:
        return 0
    follow = analysis.follow(number)
    allowed = union_ranges([(first, last) for first, last, _ in debt.automaton.follow_edges(debt.follow)])
    ignored = analysis.first_characters(follow & analysis.ignored)
    forbidden = subtract_ranges(analysis.first_characters(follow & ~analysis.ignored), allowed)
    return lead_bytes(intersect_ranges(ignored, allowed)) & lead_bytes(forbidden) & ~_ASCII


def _can_all_end(terminal: Terminal, debts: set[Debt]) -> bool:
    """Tell whether every state can still end with one of the debts, or none."""
    automaton = terminal.automaton
    sources: dict[int, list[int]] = {}
    states = list(reachable(terminal))
    for state in states:
        for _, _, target in automaton.edges(state):
            sources.setdefault(target, []).append(state)
    waiting = [one for one in states if automaton.is_accepting(one) and (automaton.debt(one) or None) in {*debts, None}]
    live = set(waiting)
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source not in live:
                live.add(source)
                waiting.append(source)
    return len(live) == len(states)


def _reads_on(terminal: Terminal, state: int, debt: Debt, after: Terminal) -> bool:
    """Tell whether a terminal, read on from a state where it ended, ends wherever the next one ends too early."""
    first: tuple[int, int, tuple[Any, ...]] = (after.automaton.start, state, (debt.follow,))
    seen, waiting = {first}, [first]
    while waiting:
        check_expansion_time()
        place, own, owed = waiting.pop()
        ends = place != after.automaton.start and after.automaton.is_accepting(place)
        if ends and not terminal.automaton.is_accepting(own):
            return False
        lists = [after.automaton.edges(place), terminal.automaton.edges(own)]
        lists.append(debt.automaton.follow_edges(owed[0]) if owed else ())
        for members in _side_by_side(lists):
            target, onward, left = members
            if not target or (left and debt.automaton.is_free(left)):
                continue
            step = (target, onward or 0, (left,) if left else ())
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return True


def _side_by_side(lists: list[Any]) -> Iterator[list[Any]]:
    """Yield where the edges of several lists lead for the same characters, None where one has no edge."""
    sets = [((first, last),) for edges in lists for first, last, _ in edges]
    targets = [(place, after) for place, edges in enumerate(lists) for _, _, after in edges]
    for _, _, members in iterate_partition(sets):
        found: list[Any] = [None] * len(lists)
        for bit, (place, after) in enumerate(targets):
            if members >> bit & 1:
                found[place] = after
        yield found


def _restricts(terminal: Terminal, begin: Iterable[tuple[int, Debts]]) -> bool:
    """Tell whether debts forbid some text of a terminal, or are left when it ends."""
    seen = set(begin)
    waiting = list(seen)
    while waiting:
        state, debts = waiting.pop()
        if terminal.automaton.is_accepting(state):
            return True
        covered = 0
        for first, last, target, left in paid_edges(terminal, state, debts):
            covered += last - first + 1
            if left and (target, left) not in seen:
                seen.add((target, left))
                waiting.append((target, left))
        if covered != sum([last - first + 1 for first, last, _ in terminal.automaton.edges(state)]):
            return True
    return False


def _debts(terminal: Terminal) -> set[Debt]:
    """Return what may be owed after the terminal."""
    automaton = terminal.automaton
    if automaton.is_plain:
        return set()
    states = [state for state in reachable(terminal) if automaton.is_accepting(state)]
    return {debt for debt in map(automaton.debt, states) if debt is not None}
