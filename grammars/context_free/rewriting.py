"""Rewrite rules without changing their language: no useless rules, no left recursion, no leading empty symbols there.

Left recursion: a set of rules that call each other first is turned inside out by left corners (M. Johnson, B. Roark,
"Compact non-left-recursive grammars using the selective left-corner transform and factoring", 2000): a rule first reads
what no rule of the set begins with, then climbs, by rules named ``goal < reached``, until the goal is complete. One
rule that calls itself becomes a repetition: ``sum: sum "+" product | product`` is ``product ("+" product)*``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from fsm.expansion_time import check_expansion_time
from grammars.context_free.symbols import Alternative, Rules, Star, Symbol, Terminal

__all__ = [
    "drop_aliases",
    "find_left_recursive",
    "find_nullable",
    "find_productive",
    "is_nullable",
    "keep_reachable",
    "remove_left_recursion",
    "remove_unproductive",
    "unused_name",
]

Table = dict[str, list[Alternative]]


def find_nullable(rules: Rules) -> set[str]:
    """Return the rules that match the empty text."""
    needs: dict[str, list[set[Symbol]]] = {}
    for name, alternatives in rules.items():
        # A repetition may be empty, a terminal is not.
        ways = [{*way} for way in alternatives if Terminal not in map(type, way)]
        if ways:
            needs[name] = [{one for one in way if type(one) is str} for way in ways]
    return _closure(needs)


def is_nullable(symbols: Alternative, nullable: Collection[Symbol]) -> bool:
    """Tell whether a sequence matches the empty text; ``nullable``: the rules that do."""
    return all(isinstance(symbol, Star) or symbol in nullable for symbol in symbols)


def find_productive(rules: Rules) -> set[str]:
    """Return the rules that match some text."""
    return _closure(
        {
            name: [{one for one in way if type(one) is str} for way in alternatives]
            for name, alternatives in rules.items()
        }
    )


def unused_name(name: str, rules: Rules) -> str:
    """Return a name that no rule has."""
    while name in rules:
        name += "'"
    return name


def remove_unproductive(rules: Rules) -> Table:
    """Drop rules that match no text, and alternatives that hold one."""
    productive = find_productive(rules)
    kept: Table = {}
    if len(productive) == len(rules):
        return {name: list(dict.fromkeys(alternatives)) for name, alternatives in rules.items()}
    for name, alternatives in rules.items():
        if name in productive:
            left = [_without_barren(one, productive) for one in alternatives]
            kept[name] = list(dict.fromkeys([one for one in left if one is not None]))
    return kept


def _without_barren(alternative: Alternative, productive: set[str]) -> Alternative | None:
    if any(isinstance(symbol, str) and symbol not in productive for symbol in alternative):
        return None
    return tuple([one for one in alternative if not isinstance(one, Star) or one.name in productive])


def keep_reachable(rules: Rules, start: str) -> Table:
    """Drop rules that the start never calls."""
    seen, waiting = {start}, [start]
    while waiting:
        for alternative in rules[waiting.pop()]:
            for symbol in alternative:
                name = _name(symbol)
                if name is not None and name not in seen:
                    seen.add(name)
                    waiting.append(name)
    return {name: list(alternatives) for name, alternatives in rules.items() if name in seen}


def drop_aliases(rules: Rules, start: str) -> Table:
    """Name rules that are nothing but another rule as that one, so that both are one place; the start stays.

    Examples
    --------
    >>> drop_aliases({"text": [("value",)], "value": [("list",)], "list": [(), ("value", "list")]}, "text")
    {'text': [('list',)], 'list': [(), ('list', 'list')]}
    """
    aliases = {}
    for name, alternatives in rules.items():
        if name != start and len(alternatives) == 1 and len(alternatives[0]) == 1 and type(alternatives[0][0]) is str:
            aliases[name] = alternatives[0][0]
    if not aliases:
        return {name: list(alternatives) for name, alternatives in rules.items()}
    ends: dict[str, str] = {}
    for first in list(aliases):
        name, way = first, dict[str, None]()
        while name in aliases and name not in ends and name not in way:
            way[name] = None
            name = aliases[name]
        ends |= dict.fromkeys(way, ends.get(name, name))
    # Where it ends in an alias, rules call each other in a circle and read nothing.
    meant = {name: end for name, end in ends.items() if end not in aliases}
    named: dict[Symbol, Symbol] = {Star(name): Star(end) for name, end in meant.items()}
    named.update(meant)
    return {
        name: list(dict.fromkeys([tuple([named.get(symbol, symbol) for symbol in one]) for one in alternatives]))
        for name, alternatives in rules.items()
        if name not in meant
    }


def remove_left_recursion(rules: Rules, start: str) -> Table:
    """Return equivalent rules, none of which calls itself before it has read a character."""
    table: Table = {name: list(dict.fromkeys(one)) for name, one in rules.items()}
    for _ in range(100):
        groups = find_left_recursive(table)
        if not groups:
            return keep_reachable(table, start)
        for group in groups:
            _Corners(table, group).rewrite()
        table = keep_reachable(remove_unproductive(table), start)
    raise AssertionError("left recursion is still there")


def find_left_recursive(rules: Rules) -> list[set[str]]:
    """Return the sets of rules that reach each other, or themselves, before any character is read."""
    nullable = find_nullable(rules)
    edges = {name: set(_first_names(alternatives, nullable)) for name, alternatives in rules.items()}
    return [group for group in _components(edges) if len(group) > 1 or next(iter(group)) in edges[next(iter(group))]]


def _first_names(alternatives: Iterable[Alternative], nullable: set[str]) -> Iterator[str]:
    for alternative in alternatives:
        for symbol in alternative:
            name = _name(symbol)
            if name is not None:
                yield name
            if not (isinstance(symbol, Star) or symbol in nullable):
                break


class _Corners:
    """Rewrite one left-recursive set of rules in place."""

    def __init__(self, table: Table, group: set[str]) -> None:
        self.table = table
        self.group = group
        self._open_stars()
        self.nullable = find_nullable(table)

    def rewrite(self) -> None:
        seeds: Table = {name: [] for name in self.group}
        # What follows where a rule of the set was reached: (what is read then, rule it makes complete).
        climbs: dict[str, list[tuple[Alternative, str]]] = {name: [] for name in self.group}
        units: dict[str, set[str]] = {name: set() for name in self.group}
        for name in sorted(self.group):
            for alternative in self.table[name]:
                self._sort(name, alternative, seeds, climbs, units)
        empty = {name for name in self.group if name in self.nullable}
        if len(self.group) == 1:
            self._repeat(next(iter(self.group)), seeds, climbs, is_nullable=bool(empty))
            return
        for goal in sorted(self.group):
            upward = {name: self._fresh(f"{goal} < {name}") for name in sorted(self.group)}
            self.table[goal] = [
                (*seed, upward[name]) for name in sorted(self.group) for seed in dict.fromkeys(seeds[name])
            ]
            if goal in empty:
                self.table[goal].append(())
            for name in sorted(self.group):
                reached = _reach(units, name)
                ways = [(*read, upward[above]) for one in reached for read, above in climbs[one]]
                self.table[upward[name]] = list(dict.fromkeys(ways + ([()] if goal in reached else [])))

    def _fresh(self, name: str) -> str:
        """Return a name that no rule has, and take it."""
        name = unused_name(name, self.table)
        self.table[name] = []
        return name

    def _repeat(
        self, name: str, seeds: Table, climbs: dict[str, list[tuple[Alternative, str]]], *, is_nullable: bool
    ) -> None:
        """Write a rule that calls only itself first as its beginnings and a repetition.

        Where a beginning or what is repeated ends with the rule itself, its own repetition there would only compete
        with the one around it: ``e: e "+" e | "n"`` is ``"n" ("+" "n")*``, read in one way.
        """
        once = self._fresh(f"{name} once")
        again = self._fresh(f"{name} again")
        self.table[once] = self._end_once(seeds[name], name, once)
        self.table[again] = self._end_once([read for read, _ in climbs[name]], name, once)
        whole: list[Alternative] = [(*seed, Star(again)) for seed in self.table[once]]
        self.table[name] = whole
        if is_nullable:
            self.table[f"{name} not empty"] = whole
            self.table[name] = [*whole, ()]

    def _end_once(self, ways: list[Alternative], name: str, once: str) -> list[Alternative]:
        found: list[Alternative] = []
        for way in ways:
            if way[-1] == name or way[-1] == f"{name} not empty":
                found.append((*way[:-1], once))
                if way[-1] == name and name in self.nullable:
                    found += self._non_empty(way[:-1])
            else:
                found.append(way)
        return list(dict.fromkeys(found))

    def _sort(
        self,
        name: str,
        alternative: Alternative,
        seeds: Table,
        climbs: dict[str, list[tuple[Alternative, str]]],
        units: dict[str, set[str]],
    ) -> None:
        """Sort an alternative, by which of its symbols is the first not empty, into seeds and climbs."""
        for place, symbol in enumerate(alternative):
            rest = alternative[place + 1 :]
            if symbol in self.group:
                assert isinstance(symbol, str)
                climbs[symbol] += [(read, name) for read in self._non_empty(rest)]
                if is_nullable(rest, self.nullable):
                    units[symbol].add(name)
            else:
                seeds[name] += [(*first, *rest) for first in self._first_non_empty(symbol)]
            if not (isinstance(symbol, Star) or symbol in self.nullable):
                return

    def _non_empty(self, symbols: Alternative) -> list[Alternative]:
        """Return alternatives for the texts of ``symbols`` without the empty one."""
        if not is_nullable(symbols, self.nullable):
            return [symbols]
        found = []
        for place, symbol in enumerate(symbols):
            found += [(*first, *symbols[place + 1 :]) for first in self._first_non_empty(symbol)]
        return found

    def _first_non_empty(self, symbol: Symbol) -> list[Alternative]:
        if isinstance(symbol, Star):
            return [(*first, symbol) for first in self._first_non_empty(symbol.name)]
        if isinstance(symbol, Terminal) or symbol not in self.nullable:
            return [(symbol,)]
        name = f"{symbol} not empty"
        if name not in self.table:
            self.table[name] = []
            for alternative in list(self.table[symbol]):
                self.table[name] += self._non_empty(alternative)
        return [(name,)]

    def _open_stars(self) -> None:
        """Write repetitions of the set's own rules as rules, so that only references are left."""
        for alternatives in list(self.table.values()):
            for place, alternative in enumerate(alternatives):
                if any(isinstance(symbol, Star) and symbol.name in self.group for symbol in alternative):
                    alternatives[place] = tuple([self._open(symbol) for symbol in alternative])

    def _open(self, symbol: Symbol) -> Symbol:
        if not isinstance(symbol, Star) or symbol.name not in self.group:
            return symbol
        name = f"{symbol.name} repeated"
        self.table.setdefault(name, [(), (symbol.name, name)])
        return name


def _reach(units: dict[str, set[str]], name: str) -> list[str]:
    seen, waiting = {name}, [name]
    while waiting:
        more = units[waiting.pop()] - seen
        seen |= more
        waiting += more
    return sorted(seen)


def _closure(needs: dict[str, list[set[Symbol]]]) -> set[str]:
    """Return the least set of rules with an alternative all of whose needs are in it."""
    found: set[Symbol] = set()
    open_rules = dict(reversed(needs.items()))  # rules mostly come before those they call
    while True:
        check_expansion_time()
        left: dict[str, list[set[Symbol]]] = {}
        for name, ways in open_rules.items():
            for need in ways:
                if need <= found:
                    found.add(name)
                    break
            else:
                left[name] = ways
        if len(left) == len(open_rules):
            return found  # type: ignore[return-value]
        open_rules = left


def _name(symbol: Symbol) -> str | None:
    if isinstance(symbol, Star):
        return symbol.name
    return symbol if isinstance(symbol, str) else None


def _components(edges: dict[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components (Tarjan 1972, without recursion)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[set[str]] = []
    for root, first in edges.items():
        if root in order:
            continue
        work = [(root, iter(sorted(first)))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == order[name]:
                    place = stack.index(name)
                    found.append(set(stack[place:]))
                    on_stack -= found[-1]
                    del stack[place:]
            elif target not in order:
                order[target] = low[target] = len(order)
                stack.append(target)
                on_stack.add(target)
                work.append((target, iter(sorted(edges[target]))))
            elif target in on_stack:
                low[name] = min(low[name], order[target])
    return found
