"""Rewrite rules so that what a terminal says about the text after it holds across the terminals that follow.

Where a terminal's first match ends may depend on what comes next: ``/a+/`` does not end before another "a". A look at
the next byte, which rows take, is usually all of it. Where it is not, because more than one character decides, or a
text could run into a place where nothing may follow, rules are split by what is still owed where they begin and where
they end: the product of the grammar with a finite automaton (Y. Bar-Hillel, M. Perles, E. Shamir, 1961), made only for
the pairs that occur.
"""

from __future__ import annotations

from collections.abc import Iterable

from fsm.automata.ranges import Ranges
from fsm.expansion_time import check_expansion_time
from grammars.context_free.analysis import Analysis
from grammars.context_free.debts import Explored, SplitAutomaton
from grammars.context_free.strictness import Strictness
from grammars.context_free.symbols import Alternative, Debts, Star, Symbol, Terminal

__all__ = ["carry_debts"]

_NOTHING: Debts = frozenset()


def carry_debts(analysis: Analysis, ignored: Iterable[Terminal]) -> dict[str, list[Alternative]] | None:
    """Return rules in which no terminal is followed by what it forbids; None where rows see to that.

    ignored : terminals that may follow every terminal, and may be left out.
    """
    strict = Strictness(analysis, [one for one in ignored if one in analysis.numbers]).find()
    return _Product(analysis, strict).rules() if strict else None


class _Product:
    """Split rules by the debts where they begin and end."""

    def __init__(self, analysis: Analysis, strict: dict[Terminal, Ranges | None]) -> None:
        self.analysis = analysis
        self.strict = strict
        self._explored: dict[tuple[Terminal, Debts], Explored] = {}
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
            check_expansion_time()
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
                check_expansion_time()
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
            automaton = SplitAutomaton(explored, before, after)
            known = self._terminals[key] = Terminal(terminal.name, automaton)
        return known

    def _dues(self, terminal: Terminal) -> Ranges | None:
        """Return the first characters after which a terminal's debts are carried; None: all of them are."""
        return self.strict.get(terminal, ())

    def _explore(self, terminal: Terminal, before: Debts) -> Explored:
        key = (terminal, before)
        known = self._explored.get(key)
        if known is None:
            known = self._explored[key] = Explored(terminal, before, self._dues(terminal))
        return known
