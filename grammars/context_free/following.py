"""Rewrite rules so that what a terminal says about the text after it holds across the terminals that follow.

Where a terminal's first match ends may depend on what comes next: ``/a+/`` does not end before another "a". A look at
the next byte, which rows take, is usually all of it. Where it is not, because more than one character decides, or a
text could run into a place where nothing may follow, rules are split by what is still owed where they begin and where
they end: the product of the grammar with a finite automaton (Y. Bar-Hillel, M. Perles, E. Shamir, 1961), made only for
the pairs that occur.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fsm.automata.dfa import Edge
from fsm.automata.partition import iterate_partition
from fsm.automata.ranges import Ranges, complement_ranges, intersect_ranges, subtract_ranges, union_ranges
from fsm.distance import FAR
from grammars.context_free.analysis import Analysis, reachable
from grammars.context_free.symbols import Alternative, Debt, Debts, Futures, LookingAutomaton, Star, Symbol, Terminal
from grammars.context_free.token_bytes import lead_bytes

__all__ = ["can_be_paid", "carry_debts"]

_NOTHING: Debts = frozenset()
_ASCII = (1 << 128) - 1


def carry_debts(analysis: Analysis, ignored: Iterable[Terminal]) -> dict[str, list[Alternative]] | None:
    """Return rules in which no terminal is followed by what it forbids; None where rows see to that.

    ignored : terminals that may follow every terminal, and may be left out.
    """
    strict = _Strictness(analysis, [one for one in ignored if one in analysis.numbers]).find()
    return _Product(analysis, strict).rules() if strict else None


class _Strictness:
    """Find the terminals whose debts one look at the next byte cannot settle."""

    def __init__(self, analysis: Analysis, ignored: list[Terminal]) -> None:
        self.analysis = analysis
        self.ignored = ignored
        self._deep: dict[tuple[Debt, Terminal], bool] = {}

    def find(self) -> dict[Terminal, Ranges | None]:
        """Return the terminals with what they owe: all of it (None), or only after these first characters."""
        found: dict[Terminal, Ranges | None] = {}
        for number, terminal in enumerate(self.analysis.terminals):
            debts = self._possible_debts(number, terminal)
            others = self.analysis.follow(number) & ~self.analysis.mask(self.ignored)
            deep = [self._deep_characters(number, debt) for debt in debts]
            if any(self._is_strict(number, debt) for debt in debts):
                found[terminal] = None
            elif any(deep):
                is_separate = all(any(self._separates(one, debt, others) for one in self.ignored) for debt in debts)
                found[terminal] = union_ranges([pair for one in deep for pair in one]) if is_separate else None
        return found

    def _deep_characters(self, number: int, debt: Debt) -> Ranges:
        """Return the first characters after which what is owed may still forbid something."""
        follow = self.analysis.listed(self.analysis.follow(number))
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
        skipped = [one for one in self.ignored if not self._is_absorbed(number, debt, one)]
        forbidden = intersect_ranges(
            union_ranges([*others, *analysis.first_characters(analysis.mask(skipped))]), barred
        )
        if lead_bytes(intersect_ranges(others, allowed)) & lead_bytes(forbidden) & ~_ASCII:
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
            waiting = [(target, left) for _, _, target, left in _edges(terminal, start, frozenset([debt])) if left]
            known = self._deep[debt, terminal] = _restricts(terminal, waiting)
        return known

    def _separates(self, ignored: Terminal, debt: Debt, others: int) -> bool:
        """Tell whether one character of an ignored terminal may come in between, and then anything."""
        automaton = ignored.automaton
        for _, _, state, left in _edges(ignored, automaton.start, frozenset([debt])):
            if left or not automaton.is_accepting(state):
                continue
            after = automaton.debt(state)
            if after is None:
                return True
            starts = [(one, one.automaton.start) for one in self.analysis.listed(others)]
            if after.automaton.holds_at_end(after.follow) and not any(
                _restricts(one, [(start, frozenset([after]))]) for one, start in starts
            ):
                return True
        return False


def can_be_paid(analysis: Analysis, number: int, debt: Debt) -> bool:
    """Tell whether anything that follows a terminal may come where this is owed."""
    follow = analysis.follow(number)
    if analysis.may_end(follow) and debt.automaton.holds_at_end(debt.follow):
        return True
    allowed = tuple([(first, last) for first, last, _ in debt.automaton.follow_edges(debt.follow)])
    return bool(intersect_ranges(analysis.first_characters(follow), union_ranges(allowed)))


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
        for first, last, target, left in _edges(terminal, state, debts):
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


class _Product:
    """Split rules by the debts where they begin and end."""

    def __init__(self, analysis: Analysis, strict: dict[Terminal, Ranges | None]) -> None:
        self.analysis = analysis
        self.strict = strict
        self._explored: dict[tuple[Terminal, Debts], _Explored] = {}
        self._exits: dict[tuple[str, Debts], set[Debts]] = {}
        self._terminals: dict[tuple[Terminal, Debts, Debts], Terminal] = {}
        self._names: dict[Debts, str] = {_NOTHING: ""}
        self._rules: dict[str, list[Alternative]] = {}
        self._waiting: list[tuple[str, tuple[Alternative, ...], Debts, Debts]] = []

    def rules(self) -> dict[str, list[Alternative]]:
        start = self.analysis.start
        self._find_exits(start)
        alternatives: list[Alternative] = [
            (self._rule(start, _NOTHING, after),)
            for after in self._exits[start, _NOTHING]
            if all(debt.automaton.holds_at_end(debt.follow) for debt in after)
        ]
        while self._waiting:
            self._write(*self._waiting.pop())
        self._rules[start] = alternatives
        return self._rules

    # -- which debts a rule may end with ---------------------------------------------------------------------------

    def _find_exits(self, start: str) -> None:
        self._exits[start, _NOTHING] = set()
        is_changed = True
        while is_changed:
            is_changed = False
            size = len(self._exits)
            for name, before in list(self._exits):
                found: set[Debts] = set()
                for alternative in self.analysis.rules[name]:
                    found |= self._after_all(alternative, before)
                is_changed |= not found <= self._exits[name, before]
                self._exits[name, before] |= found
            is_changed |= len(self._exits) > size

    def _after_all(self, symbols: Alternative, before: Debts) -> set[Debts]:
        here = {before}
        for symbol in symbols:
            here = {after for debts in here for after in self._after(symbol, debts)}
        return here

    def _after(self, symbol: Symbol, before: Debts) -> set[Debts]:
        """Return what may be owed after a symbol."""
        if isinstance(symbol, Terminal):
            return set(self._explore(symbol, before).exits)
        if isinstance(symbol, str):
            return set(self._exits.setdefault((symbol, before), set()))
        found, waiting = {before}, [before]
        while waiting:
            more = self._after(symbol.name, waiting.pop()) - found
            found |= more
            waiting += more
        return found

    # -- split rules -----------------------------------------------------------------------------------------------

    def _name(self, name: str, before: Debts, after: Debts) -> str:
        for debts in (before, after):
            self._names.setdefault(debts, str(len(self._names)))
        if not before and not after:
            return name if name != self.analysis.start else f"{name} [>]"
        return f"{name} [{self._names[before]}>{self._names[after]}]"

    def _rule(self, name: str, before: Debts, after: Debts) -> str:
        return self._split(name, tuple(self.analysis.rules[name]), before, after)

    def _split(self, name: str, alternatives: tuple[Alternative, ...], before: Debts, after: Debts) -> str:
        split = self._name(name, before, after)
        if split not in self._rules:
            self._rules[split] = []
            self._waiting.append((split, alternatives, before, after))
        return split

    def _write(self, split: str, alternatives: tuple[Alternative, ...], before: Debts, after: Debts) -> None:
        ways: list[Alternative] = []
        for alternative in alternatives:
            ways += self._ways(alternative, before, after)
        self._rules[split] = ways

    def _ways(self, symbols: Alternative, before: Debts, after: Debts) -> list[Alternative]:
        """Return the ways through a sequence that begin and end with these debts."""
        done: list[Symbol] = []
        for place, symbol in enumerate(symbols):
            middles = self._after(symbol, before)
            if len(middles) != 1:
                rest = symbols[place + 1 :]
                return [
                    (*done, self._symbol(symbol, before, middle), *self._rest(rest, middle, after))
                    for middle in sorted(middles, key=self._order)
                    if after in self._after_all(rest, middle)
                ]
            middle = next(iter(middles))
            done.append(self._symbol(symbol, before, middle))
            before = middle
        return [tuple(done)] if before == after else []

    def _rest(self, symbols: Alternative, before: Debts, after: Debts) -> Alternative:
        if not symbols:
            return ()
        name = "rest " + " ".join([f"{symbol!r}" for symbol in symbols])
        return (self._split(name, (symbols,), before, after),)

    def _order(self, debts: Debts) -> int:
        return int(self._names.setdefault(debts, str(len(self._names))) or 0)

    def _symbol(self, symbol: Symbol, before: Debts, after: Debts) -> Symbol:
        if isinstance(symbol, Terminal):
            return self._terminal(symbol, before, after)
        if isinstance(symbol, str):
            return self._rule(symbol, before, after)
        if not before and self._after(symbol, before) == {before}:
            return Star(self._rule(symbol.name, before, before))
        repeated = self._name(f"{symbol.name} repeated", before, after)
        if repeated not in self._rules:
            self._rules[repeated] = []
            if before == after:
                self._rules[repeated].append(())
            for middle in sorted(self._after(symbol.name, before), key=self._order):
                if after in self._after(symbol, middle):
                    once = self._rule(symbol.name, before, middle)
                    again = self._symbol(symbol, middle, after)
                    self._rules[repeated].append((once, again))
        return repeated

    def _terminal(self, terminal: Terminal, before: Debts, after: Debts) -> Terminal:
        if not before and terminal not in self.strict:
            return terminal
        key = (terminal, before, after)
        known = self._terminals.get(key)
        if known is None:
            explored = self._explore(terminal, before)
            automaton = _SplitAutomaton(explored, before, after)
            known = self._terminals[key] = Terminal(terminal.name, automaton)
        return known

    def _dues(self, terminal: Terminal) -> Ranges | None:
        """Return the first characters after which a terminal's debts are carried; None: all of them are."""
        return self.strict.get(terminal, ())

    def _explore(self, terminal: Terminal, before: Debts) -> _Explored:
        key = (terminal, before)
        known = self._explored.get(key)
        if known is None:
            known = self._explored[key] = _Explored(terminal, before, self._dues(terminal))
        return known


class _Explored:
    """Read a terminal and the debts of the text before it side by side.

    pairs : (state of the terminal, debts left) by number
    edges : by number; exits : the debts that may be left at the end, with the numbers where they are
    """

    def __init__(self, terminal: Terminal, before: Debts, dues: Ranges | None) -> None:
        self.terminal = terminal
        self.dues = dues
        self.pairs: list[tuple[int, Debts]] = [(0, _NOTHING), (terminal.automaton.start, before)]
        self.edges: list[list[Edge]] = [[]]
        self.exits: dict[Debts, set[int]] = {}
        numbers = {pair: number for number, pair in enumerate(self.pairs)}
        number = 1
        while number < len(self.pairs):
            state, debts = self.pairs[number]
            self.edges.append([])
            for first, last, target, left in _edges(terminal, state, debts):
                after = numbers.get((target, left))
                if after is None:
                    after = numbers[target, left] = len(self.pairs)
                    self.pairs.append((target, left))
                self.edges[number].append((first, last, after))
            self._note_exit(number, state, debts)
            number += 1

    def _note_exit(self, number: int, state: int, debts: Debts) -> None:
        automaton = self.terminal.automaton
        if not automaton.is_accepting(state):
            return
        own = automaton.debt(state)
        if own is None or self.dues is not None:
            self.exits.setdefault(debts, set()).add(number)
        if own is None:
            return
        if self.dues is None:
            self.exits.setdefault(debts | {own}, set()).add(number)
        elif any(
            intersect_ranges(self.dues, ((first, last),))
            for first, last, after in own.automaton.follow_edges(own.follow)
            if not own.automaton.is_free(after)
        ):
            due = Debt(_Due(own.automaton, self.dues), (True, own.follow))
            self.exits.setdefault(debts | {due}, set()).add(number)


@dataclass(frozen=True, slots=True)
class _Due:
    """Owe what a text owes, where one of some characters comes first."""

    automaton: LookingAutomaton
    dues: Ranges

    def follow_edges(self, follow: tuple[bool, Any]) -> tuple[tuple[int, int, tuple[bool, Any]], ...]:
        """Return sorted (first, last, what is still owed after these characters)."""
        is_first, inner = follow
        edges = self.automaton.follow_edges(inner)
        if not is_first:
            return tuple([(first, last, (False, after)) for first, last, after in edges])
        return tuple(
            [
                (low, high, (False, after))
                for first, last, after in edges
                if not self.automaton.is_free(after)
                for low, high in intersect_ranges(self.dues, ((first, last),))
            ]
        )

    def is_free(self, follow: tuple[bool, Any]) -> bool:
        """Tell whether nothing is owed."""
        return not follow[0] and self.automaton.is_free(follow[1])

    def holds_at_end(self, follow: tuple[bool, Any]) -> bool:
        """Tell whether the whole text may end."""
        return not follow[0] and self.automaton.holds_at_end(follow[1])


def _is_due(debt: Debt) -> bool:
    follow: Any = debt.follow
    return isinstance(debt.automaton, _Due) and bool(follow[0])


def _edges(terminal: Terminal, state: int, debts: Debts) -> Iterator[tuple[int, int, int, Debts]]:
    """Yield (first, last, state, debts left) for the characters that fit both."""
    edges = terminal.automaton.edges(state)
    if not debts:
        for first, last, target in edges:
            yield first, last, target, debts
        return
    owed = [(debt, debt.automaton.follow_edges(debt.follow)) for debt in debts]
    sets = [((first, last),) for first, last, _ in edges]
    lists = [(debt, after) for debt, found in owed for _, _, after in found]
    sets += [((first, last),) for _, found in owed for first, last, _ in found]
    for first, last, members in iterate_partition(sets):
        taken = members & ((1 << len(edges)) - 1)
        kept = [lists[bit - len(edges)] for bit in range(len(edges), len(sets)) if members >> bit & 1]
        if taken and len(kept) == len(debts):
            left = frozenset([Debt(debt.automaton, after) for debt, after in kept if not debt.automaton.is_free(after)])
            yield first, last, edges[taken.bit_length() - 1][2], left


class _SplitAutomaton:
    """Recognise the texts of a terminal after which exactly these debts are left."""

    __slots__ = ("_accepting", "_distances", "_explored", "_is_settled", "is_plain", "start")

    def __init__(self, explored: _Explored, before: Debts, after: Debts) -> None:
        self._explored = explored
        self._accepting = explored.exits[after]
        self._is_settled = explored.dues is not None and not any(_is_due(debt) for debt in after)
        self.is_plain = not self._is_settled or explored.terminal.automaton.is_plain
        self._distances = _measure(explored.edges, self._accepting)
        self.start = 1

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to states from which the terminal can still end."""
        return tuple([edge for edge in self._explored.edges[state] if self._distances[edge[2]] < FAR])

    def is_accepting(self, state: int) -> bool:
        """Tell whether the terminal may end in ``state``."""
        return state in self._accepting

    def futures(self, state: int) -> Futures | None:
        """Return what may follow; None: anything, or rules see to it."""
        if not self._is_settled:
            return None
        futures = self._explored.terminal.automaton.futures(self._explored.pairs[state][0])
        dues = self._explored.dues
        if futures is None or not dues:
            return futures
        return replace(futures, pending=subtract_ranges(futures.pending, dues))

    def shortest_bytes(self, state: int) -> int:
        """Return the fewest bytes from ``state`` to where the terminal may end."""
        return self._distances[state]

    def debt(self, state: int) -> Debt | None:
        """Return nothing: rules carry what is owed."""
        return None


def _measure(edges: list[list[Edge]], accepting: set[int]) -> list[int]:
    distances = [0 if number in accepting else FAR for number in range(len(edges))]
    is_changed = True
    while is_changed:
        is_changed = False
        for number in range(len(edges) - 1, 0, -1):
            for first, _, target in edges[number]:
                way = len(chr(first).encode("utf-8", "surrogatepass")) + distances[target]
                if way < distances[number]:
                    distances[number] = way
                    is_changed = True
    return distances
