"""Know what rules begin with, what follows them, and how short their texts can be.

Sets of terminals are the bits of an integer, by the terminal's number. Cost: a few passes over the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fsm.automata.ranges import Ranges, complement_ranges, intersect_ranges, union_ranges
from fsm.distance import FAR
from fsm.expansion_time import check_expansion_time
from grammars.context_free.rewriting import find_nullable, is_nullable
from grammars.context_free.symbols import Alternative, Futures, Rules, Star, Symbol, Terminal, TokenAutomaton
from grammars.context_free.token_bytes import TokenBytes

__all__ = ["Analysis", "all_futures", "reachable"]


class Analysis:
    """Answer questions about rules that have no left recursion.

    Parameters
    ----------
    rules, start : the grammar.
    ignored : terminals that may come after every terminal, and may be left out.
    """

    def __init__(self, rules: Rules, start: str, ignored: Iterable[Terminal] = ()) -> None:
        self.rules = rules
        self.start = start
        self.terminals = _find_terminals(rules)
        self.numbers = {terminal: number for number, terminal in enumerate(self.terminals)}
        self.ignored = self.mask(ignored)
        self.bytes = [TokenBytes(terminal.automaton) for terminal in self.terminals]
        self.nullable = find_nullable(rules)
        self._first = self._find_first()
        self._rule_follow, self._follow = self._find_follow()
        self._shortest: dict[str, int] | None = None
        self._parted: int | None = None
        self._first_bytes: dict[int, int] = {}
        self._first_characters: dict[int, Ranges] = {}
        self._settled: dict[int, bool] = {}
        self._runs: dict[int, bool] = {}

    def is_nullable(self, symbols: Alternative) -> bool:
        """Tell whether a sequence matches the empty text."""
        return is_nullable(symbols, self.nullable)

    def first(self, symbols: Alternative) -> int:
        """Return the terminals that a sequence begins with."""
        mask = 0
        for symbol in symbols:
            mask |= self._first_of(symbol)
            if not (isinstance(symbol, Star) or symbol in self.nullable):
                break
        return mask

    def follow_of_rule(self, name: str) -> int:
        """Return the terminals that may come after a rule."""
        return self._rule_follow[name]

    def follow(self, number: int) -> int:
        """Return the terminals that may come after a terminal."""
        return self._follow[number]

    def may_end(self, terminals: int) -> bool:
        """Tell whether the end of the text is among the terminals."""
        return bool(terminals >> len(self.terminals) & 1)

    def mask(self, terminals: Iterable[Terminal]) -> int:
        """Return a set of terminals."""
        return sum([1 << self.numbers[one] for one in terminals if one in self.numbers])

    def first_characters(self, terminals: int) -> Ranges:
        """Return the characters that some of the terminals begin with."""
        known = self._first_characters.get(terminals)
        if known is None:
            starts = [one.automaton.edges(one.automaton.start) for one in self.listed(terminals)]
            known = union_ranges([(first, last) for edges in starts for first, last, _ in edges])
            self._first_characters[terminals] = known
        return known

    def is_settled(self, number: int) -> bool:
        """Tell whether nothing that may come after a terminal could have been read on by it, wherever it ends.

        Then it ends where its rule says, and what it says about the text after it need not be asked.
        """
        known = self._settled.get(number)
        if known is None:
            terminal = self.terminals[number]
            automaton = terminal.automaton
            known = automaton.is_plain
            if not known and not automaton.looks:
                check_expansion_time()
                ends = [one for one in reachable(terminal) if automaton.is_accepting(one)]
                onward = union_ranges([(first, last) for one in ends for first, last, _ in automaton.edges(one)])
                known = not intersect_ranges(onward, self.first_characters(self._follow[number]))
            self._settled[number] = known
        return known

    def is_run(self, number: int) -> bool:
        """Tell whether a terminal is one or more characters of a set, none of which begins what else may come after it.

        Where it may come again, one after another says no more than one.
        """
        known = self._runs.get(number)
        if known is None:
            check_expansion_time()
            ranges = _repeated(self.terminals[number].automaton)
            others = self._follow[number] & ~(1 << number)
            known = bool(ranges) and not intersect_ranges(ranges, self.first_characters(others))
            self._runs[number] = known
        return known

    def first_bytes(self, terminals: int) -> int:
        """Return the bytes that some of the terminals begin with, as bits."""
        known = self._first_bytes.get(terminals)
        if known is None:
            known = 0
            for number in range(len(self.terminals)):
                if terminals >> number & 1:
                    known |= self._first_bytes_of(number)
            self._first_bytes[terminals] = known
        return known

    def _first_bytes_of(self, number: int) -> int:
        mask = 0
        for first, last, _ in self.bytes[number].edges(self.terminals[number].automaton.start):
            mask |= (2 << last) - (1 << first)
        return mask

    def shortest(self, symbols: Alternative) -> int:
        """Return the fewest bytes of a sequence."""
        return min(sum([self.shortest_of(symbol) for symbol in symbols]), FAR)

    def shortest_of(self, symbol: Symbol) -> int:
        """Return the fewest bytes of a symbol, and of what may have to part it from the terminal before."""
        if isinstance(symbol, Star):
            return 0
        if isinstance(symbol, Terminal):
            parting = self.parted >> self.numbers[symbol] & 1
            return symbol.automaton.shortest_bytes(symbol.automaton.start) + parting
        if self._shortest is None:
            self._shortest = self._find_shortest()
        return self._shortest[symbol]

    @property
    def parted(self) -> int:
        """The terminals that some terminal forbids to follow it directly, and ignored ones that forbid some."""
        if self._parted is None:
            self._parted = 0
            for number in range(len(self.terminals)):
                if not self.is_settled(number):
                    self._parted |= self._parted_by(number)
        return self._parted

    def _parted_by(self, number: int) -> int:
        forbidden: list[tuple[int, int]] = []
        for futures in all_futures(self.terminals[number]):
            forbidden += complement_ranges(union_ranges([*futures.free, *futures.pending]))
        barred = union_ranges(forbidden)
        others = self._follow[number] & ~self.ignored & ((1 << len(self.terminals)) - 1)
        found = sum([1 << one for one in range(len(self.terminals)) if others >> one & 1 and self._meets(one, barred)])
        return (1 << number if found else 0) if self.ignored >> number & 1 else found

    def _meets(self, number: int, ranges: Ranges) -> bool:
        return bool(intersect_ranges(self.first_characters(1 << number), ranges))

    def listed(self, terminals: int) -> list[Terminal]:
        """Return the terminals of a set."""
        found: list[Terminal] = []
        terminals &= (1 << len(self.terminals)) - 1
        while terminals:  # one step for each that is in the set, of thousands that may exist
            least = terminals & -terminals
            found.append(self.terminals[least.bit_length() - 1])
            terminals ^= least
        return found

    # -- fixpoints -------------------------------------------------------------------------------------------------

    def _first_of(self, symbol: Symbol) -> int:
        if isinstance(symbol, Terminal):
            return 1 << self.numbers[symbol]
        return self._first[symbol.name if isinstance(symbol, Star) else symbol]

    def _find_first(self) -> dict[str, int]:
        self._first = dict.fromkeys(self.rules, 0)
        backwards = list(self.rules.items())[::-1]  # rules mostly come before those they call
        is_changed = True
        while is_changed:
            is_changed = False
            for name, alternatives in backwards:
                mask = self._first[name]
                for alternative in alternatives:
                    mask |= self.first(alternative)
                if mask != self._first[name]:
                    self._first[name] = mask
                    is_changed = True
        return self._first

    def _find_follow(self) -> tuple[dict[str, int], list[int]]:
        rules = dict.fromkeys(self.rules, 0)
        rules[self.start] = 1 << len(self.terminals)
        tokens = [0] * len(self.terminals)
        is_changed = True
        while is_changed:
            is_changed = False
            for name, alternatives in self.rules.items():
                for alternative in alternatives:
                    is_changed |= self._pass_follow(alternative, rules[name], rules, tokens)
        return rules, tokens

    def _pass_follow(self, alternative: Alternative, after: int, rules: dict[str, int], tokens: list[int]) -> bool:
        """Add what follows each symbol of an alternative, from the last to the first; tell whether that was new."""
        is_changed = False
        for symbol in reversed(alternative):
            first = self._first_of(symbol)
            if isinstance(symbol, Terminal):
                number = self.numbers[symbol]
                is_changed |= tokens[number] | after != tokens[number]
                tokens[number] |= after
                after = first
                continue
            name, follow = symbol, after
            if isinstance(symbol, Star):
                name, follow = symbol.name, after | first
            assert isinstance(name, str)
            is_changed |= rules[name] | follow != rules[name]
            rules[name] |= follow
            after = after | first if isinstance(symbol, Star) or symbol in self.nullable else first
        return is_changed

    def _find_shortest(self) -> dict[str, int]:
        shortest = self._shortest = dict.fromkeys(self.rules, FAR)
        is_changed = True
        while is_changed:
            is_changed = False
            for name, alternatives in self.rules.items():
                fewest = min([self.shortest(one) for one in alternatives], default=FAR)
                if fewest < shortest[name]:
                    shortest[name] = fewest
                    is_changed = True
        return shortest


def _repeated(automaton: TokenAutomaton) -> Ranges:
    """Return the characters of which an automaton reads one or more, empty where it is not of that kind."""
    edges = automaton.edges(automaton.start)
    if automaton.looks or len({target for _, _, target in edges}) != 1:
        return ()
    after = edges[0][2]
    ranges = tuple([(first, last) for first, last, _ in edges])
    is_loop = automaton.is_accepting(after) and automaton.edges(after) == tuple([(*pair, after) for pair in ranges])
    return ranges if is_loop else ()


def all_futures(terminal: Terminal) -> Iterator[Futures]:
    """Yield what may follow the terminal, for every state it may end in."""
    automaton = terminal.automaton
    for state in reachable(terminal):
        futures = automaton.futures(state) if automaton.is_accepting(state) else None
        if futures is not None:
            yield futures


def reachable(terminal: Terminal) -> Iterator[int]:
    """Yield the states of a terminal."""
    seen, waiting = {terminal.automaton.start}, [terminal.automaton.start]
    while waiting:
        state = waiting.pop()
        yield state
        for _, _, target in terminal.automaton.edges(state):
            if target not in seen:
                seen.add(target)
                waiting.append(target)


def _find_terminals(rules: Rules) -> list[Terminal]:
    found: dict[Terminal, None] = {}
    for alternatives in rules.values():
        for alternative in alternatives:
            found.update(dict.fromkeys([symbol for symbol in alternative if isinstance(symbol, Terminal)]))
    return list(found)
