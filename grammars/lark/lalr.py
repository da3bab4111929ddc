"""Turn ``lark``'s LALR automaton into the tables of a parser, and say how what is open is completed.

Input: rules as ``lark`` compiled them. Output: ``fsm.parsing.token_tables.ParserTables``. Where a terminal could be
taken or a rule completed, it is taken, as ``lark`` decides. Cost: what ``lark`` takes, 0.8 s for its Python grammar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from lark.common import ParserConf
from lark.parsers.lalr_analysis import LALR_Analyzer, Shift
from numpy.typing import NDArray

from fsm.distance import FAR
from fsm.parsing._token_kernels import BRACKET_CLOSES, BRACKET_OPENS, IGNORED
from fsm.parsing.token_tables import ParserArrays, ParserItem, ParserTables, num_words_of, words_of
from grammars.lark.indenter import Indenter
from grammars.lark.spellings import Spellings
from grammars.lark.terminals import Terminals

__all__ = ["Automaton", "Symbols"]

analyzer: Any = LALR_Analyzer  # lark types neither this nor what it makes
configuration: Any = ParserConf

WIDTH_SUPPOSED = 16
"""Ways to complete a rule are compared for lines that are indented by so much."""

_END = "$END"
_Cost = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Symbols:
    """Number the terminals of a parser: those with a text, in order, then indentation, then the end.

    Parameters
    ----------
    terminals : in order.
    indenter : None = no indentation.
    """

    terminals: Terminals
    indenter: Indenter | None

    @property
    def num_texts(self) -> int:
        """Count the terminals with a text."""
        return len(self.terminals.names)

    @property
    def newline(self) -> int:
        """The terminal that ends lines; -1 = none."""
        return -1 if self.indenter is None else self.terminals.numbers[self.indenter.newline]

    @property
    def indent(self) -> int:
        """The terminal that begins a block; the one that ends it follows, then the end of the text."""
        return self.num_texts

    def number(self, name: str) -> int:
        """Return the number of a terminal."""
        if name == _END:
            return self.num_texts + 2
        if self.indenter is not None and name == self.indenter.indent:
            return self.num_texts
        if self.indenter is not None and name == self.indenter.dedent:
            return self.num_texts + 1
        return self.terminals.numbers[name]


class Automaton:
    """Hold the LALR automaton of some rules.

    Parameters
    ----------
    rules, start : as ``lark`` compiled them.
    symbols : the terminals.
    is_strict : refuse where a terminal could be taken or a rule completed, rather than take it.

    Raises
    ------
    lark.exceptions.GrammarError : rules collide: after some text two of them are complete, and what comes next does not
    tell which was meant.
    """

    def __init__(self, rules: list[Any], start: str, symbols: Symbols, *, is_strict: bool = False) -> None:
        found = analyzer(configuration(rules, {}, [start]), debug=True, strict=is_strict)
        found.compute_lalr()
        table = found.parse_table
        self.symbols = symbols
        self._states = {state: number for number, state in enumerate(table.states)}
        self._table = table.states
        self._rules = {rule: number for number, rule in enumerate(rules)}
        self._origins = {name: number for number, name in enumerate(dict.fromkeys([one.origin.name for one in rules]))}
        self.start = self._states[table.start_states[start]]
        self.end = self._states[table.end_states[start]]
        self.contexts, self.wanted, self.context_of = self._find_contexts()
        self.followers = self._find_followers()

    def _find_contexts(self) -> tuple[list[frozenset[int]], list[frozenset[int]], list[int]]:
        """Return what is tried in each context, what of it is wanted, and the context of each state."""
        symbols, numbers = self.symbols, self.symbols.terminals.numbers
        always = symbols.terminals.ignored | ({symbols.newline} if symbols.newline >= 0 else set())
        known: dict[frozenset[int], int] = {}
        wanted: list[frozenset[int]] = []
        context_of = []
        for actions in self._table.values():
            taken = frozenset([numbers[name] for name in actions if name in numbers])
            context_of.append(known.setdefault(taken | always, len(known)))
            if len(known) > len(wanted):
                wanted.append(frozenset())
            wanted[context_of[-1]] |= taken - symbols.terminals.ignored
        return list(known), wanted, context_of

    def _find_followers(self) -> dict[int, frozenset[int]]:
        """Return, by terminal, those that may come next to it; more where states merge what stacks would part."""
        numbers = self.symbols.terminals.numbers
        found: dict[int, frozenset[int]] = {}
        for actions in self._table.values():
            for name, (action, target) in actions.items():
                if action is Shift and name in numbers:
                    taken = [numbers[one] for one in self._table[target] if one in numbers]
                    found[numbers[name]] = found.get(numbers[name], frozenset()).union(taken)
        return found

    # -- tables ----------------------------------------------------------------------------------------------------

    def tables(self, spellings: Spellings) -> ParserTables:
        """Return the parser."""
        symbols = self.symbols
        texts = [
            tuple([text.encode() for text in spellings.texts_of(number)]) for number in range(symbols.num_texts + 2)
        ]
        costs = _Costs(list(self._rules), symbols, texts, len(spellings.separators[0].encode()))
        return ParserTables(
            arrays=self._arrays(spellings),
            start_state=self.start,
            names=tuple([self._shown(number) for number in range(symbols.num_texts)]),
            items=tuple([self._items(state, costs) for state in self._table]),
            texts=tuple(texts),
            separators=tuple([one.encode() for one in spellings.separators]),
            indentation_step=1
            if symbols.indenter is None or spellings.indentation == " "
            else symbols.indenter.tab_len,
        )

    def _shown(self, number: int) -> str:
        """Return a terminal's name, its pattern where ``lark`` made the name up."""
        term = self.symbols.terminals.terms[number]
        return str(term.pattern.raw or term.pattern.value) if term.name.startswith("__") else str(term.name)

    def _arrays(self, spellings: Spellings) -> ParserArrays:
        symbols = self.symbols
        num_texts, num_terminals = symbols.num_texts, symbols.num_texts + 3
        actions = np.zeros((len(self._table), num_terminals), np.int32)
        gotos = np.zeros((len(self._table), len(self._origins)), np.int32)
        for state, row in enumerate(self._table.values()):
            for name, (action, target) in row.items():
                if name in self._origins:
                    gotos[state, self._origins[name]] = self._states[target]
                else:
                    taken = self._states[target] + 1 if action is Shift else -self._rules[target] - 1
                    actions[state, symbols.number(name)] = taken
        num_words = num_words_of(num_terminals)
        ignored = sum([1 << one for one in symbols.terminals.ignored])
        newline = 1 << symbols.newline if symbols.newline >= 0 else 0
        return ParserArrays(
            actions=actions,
            gotos=gotos,
            rules=np.array([(self._origins[one.origin.name], len(one.expansion)) for one in self._rules], np.int32),
            contexts=np.array(self.context_of, np.int32),
            kinds=self._kinds(num_terminals),
            ignored=words_of(ignored, num_words),
            bound=words_of(sum([1 << one for one in spellings.nexts]), num_words),
            nexts=self._nexts(spellings, num_terminals, num_words),
            texts=words_of((1 << num_texts) - 1 & ~ignored, num_words),
            plain=words_of((1 << num_texts) - 1 & ~ignored & ~newline, num_words),
            numbers=np.array(
                [num_terminals - 1, num_texts + 2, self.end, symbols.newline, num_texts, num_texts + 1], np.int64
            ),
        )

    def _kinds(self, num_terminals: int) -> NDArray[np.uint8]:
        kinds = np.zeros(num_terminals, np.uint8)
        kinds[list(self.symbols.terminals.ignored)] |= IGNORED
        indenter, numbers = self.symbols.indenter, self.symbols.terminals.numbers
        if indenter is not None:
            kinds[[numbers[name] for name in indenter.open_parens if name in numbers]] |= BRACKET_OPENS
            kinds[[numbers[name] for name in indenter.close_parens if name in numbers]] |= BRACKET_CLOSES
        return kinds

    def _nexts(self, spellings: Spellings, num_terminals: int, num_words: int) -> NDArray[np.int64]:
        nexts = np.zeros((num_terminals, num_words), np.int64)
        for number, found in spellings.nexts.items():
            nexts[number] = words_of(sum([1 << one for one in found]), num_words)
        return nexts

    def _items(self, state: Any, costs: _Costs) -> tuple[ParserItem, ...]:
        """Return the ways to complete the rules that are begun in a state, the cheapest for each."""
        best: dict[tuple[int, int], _Cost] = {}
        for item in state:
            name = item.rule.origin.name
            if item.index or name not in self._origins:
                key = (self._origins.get(name, -1), item.index)
                cost = costs.of_symbols(item.rule.expansion[item.index :])
                best[key] = min(best.get(key, (FAR, 0)), cost, key=_weight)
        return tuple([ParserItem(*key, *cost) for key, cost in best.items() if cost[0] < FAR])


class _Costs:
    """Know the fewest bytes of symbols: so many, and so many more for each column that lines are indented."""

    def __init__(self, rules: list[Any], symbols: Symbols, texts: list[tuple[bytes, ...]], gap: int) -> None:
        self._symbols = symbols
        self._texts = texts
        self._gap = gap
        self._known: dict[str, _Cost] = {}
        is_changed = True
        while is_changed:
            is_changed = False
            for rule in rules:
                cost = self.of_symbols(rule.expansion)
                if _weight(cost) < _weight(self._known.get(rule.origin.name, (FAR, 0))):
                    self._known[rule.origin.name], is_changed = cost, True

    def of_symbols(self, symbols: Iterable[Any]) -> _Cost:
        """Return the cost of a sequence; what stands in a block is indented by one more column."""
        fixed = by_width = depth = 0
        for symbol in symbols:
            if symbol.is_term:
                number = self._symbols.number(symbol.name)
                step = {self._symbols.indent: 1, self._symbols.indent + 1: -1}.get(number, 0)
                depth = max(0, depth + step)
                cost = (1, 0) if step > 0 else (0, 0) if step else self._of_terminal(number)
            else:
                cost = self._known.get(symbol.name, (FAR, 0))
            fixed += cost[0] + cost[1] * depth
            by_width += cost[1]
        return min(fixed, FAR), by_width

    def _of_terminal(self, number: int) -> _Cost:
        if not self._texts[number]:
            return FAR, 0
        if number == self._symbols.newline:
            return len(self._texts[number][0]), 1
        return len(self._texts[number][0]) + self._gap, 0


def _weight(cost: _Cost) -> int:
    return cost[0] + cost[1] * WIDTH_SUPPOSED
