"""Turn the rules of GBNF and EBNF into terminals and rules.

Rules that refer only to such rules are regular: each becomes one automaton, so that numbers, strings and white space
are read without a stack. Only what is recursive, or large, stays a rule.
"""

from __future__ import annotations

from collections.abc import Iterable

from fsm.automata.dfa import Dfa, Edge
from fsm.automata.expression import Expression, choice, repeat, sequence
from fsm.automata.expression_dfa import ExpressionDfa
from fsm.errors import LimitError
from grammars.context_free.grammar import ContextFreeGrammar
from grammars.context_free.symbols import Alternative, Debt, Futures, Star, Symbol, Terminal
from grammars.gbnf.errors import make_notation_error
from grammars.gbnf.nodes import Choice, Leaf, Node, Reference, Repeat, Sequence
from grammars.gbnf.parser import parse_notation

__all__ = ["MAX_RULES", "read_notation"]

MAX_RULES = 100_000
_MAX_REGULAR = 4_000
_START = 1 << 60


def read_notation(text: str, notation: str, start: str) -> ContextFreeGrammar:
    """Return the grammar.

    Raises
    ------
    GrammarError : the grammar is malformed or not compiled; the message points at line and column.
    """
    nodes = parse_notation(text, notation)
    if start not in nodes:
        raise make_notation_error("start_undefined", notation, text, place=0, got=start)
    for reference in _references(nodes.values()):
        if reference.name not in nodes:
            raise make_notation_error("undefined", notation, text, place=reference.place, got=reference.name)
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    return ContextFreeGrammar(_Writer(nodes).rules(start), start, source=f"{notation}({shown!r})")


def _references(nodes: Iterable[Node]) -> list[Reference]:
    found: list[Reference] = []
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Reference):
            found.append(node)
        else:
            waiting += _children(node)
    return sorted(found, key=lambda one: one.place)


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Sequence):
        return node.items
    if isinstance(node, Choice):
        return node.options
    return (node.body,) if isinstance(node, Repeat) else ()


class _Writer:
    """Write rules; owned by `read_notation`."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes
        self.table: dict[str, list[Alternative]] = {}
        self._regular = _find_regular(nodes)
        self._expressions: dict[str, Expression] = {}
        self._terminals: dict[str | Expression, Alternative | None] = {}

    def rules(self, start: str) -> dict[str, list[Alternative]]:
        for name in self.nodes:
            self.table[name] = [self._write(Reference(name, 0), name)] if name in self._regular else []
        for name, node in self.nodes.items():
            if name not in self._regular:
                options = node.options if isinstance(node, Choice) else (node,)
                self.table[name] = [self._write(option, name) for option in options]
        return self.table

    def _write(self, node: Node, name: str) -> Alternative:
        """Return symbols for a node; parts that need it get rules of their own."""
        if self._is_regular(node):
            return self._terminal(node)
        if isinstance(node, Reference):
            return (node.name,)
        if isinstance(node, Sequence):
            return tuple([symbol for item in _grouped(node.items, self._is_flat) for symbol in self._write(item, name)])
        if isinstance(node, Choice):
            return (self._rule(name, [self._write(option, name) for option in node.options]),)
        assert isinstance(node, Repeat)
        return self._repeat(self._write(node.body, name), node.least, node.most, name)

    def _repeat(self, body: Alternative, least: int, most: int | None, name: str) -> Alternative:
        once: Symbol = body[0] if len(body) == 1 and isinstance(body[0], str) else self._rule(name, [body])
        assert isinstance(once, str)
        if most is None:
            return (*[once] * least, Star(once))
        rest: Alternative = ()
        for _ in range(most - least):
            rest = (self._rule(name, [(), (once, *rest)]),)
        return (*[once] * least, *rest)

    def _rule(self, name: str, alternatives: list[Alternative]) -> str:
        if len(self.table) >= MAX_RULES:
            raise LimitError(f"grammar: more than {MAX_RULES} rules are needed (limit MAX_RULES); shorten repetitions")
        fresh = f"{name} {len(self.table)}"
        self.table[fresh] = alternatives
        return fresh

    # -- regular parts ---------------------------------------------------------------------------------------------

    def _is_flat(self, node: Node) -> bool:
        """Tell whether a node may join its neighbours in one terminal: what is named keeps a terminal of its own."""
        return not isinstance(node, Reference) and self._is_regular(node)

    def _is_regular(self, node: Node) -> bool:
        if isinstance(node, Reference):
            return node.name in self._regular
        return all(self._is_regular(child) for child in _children(node))

    def _terminal(self, node: Node) -> Alternative:
        """Return one terminal for a regular node, made optional where it may be empty; none for the empty text."""
        expression = self._expression(node)
        key: str | Expression = node.name if isinstance(node, Reference) else expression
        if key not in self._terminals:
            dfa = ExpressionDfa(expression)
            shown = node.name if isinstance(node, Reference) else "text"
            self._terminals[key] = None if not dfa.edges(dfa.start) else (Terminal(shown, _Texts(dfa)),)
        terminal = self._terminals[key]
        if expression.is_nullable and terminal is not None:
            return (self._rule(f"{terminal[0]!r} or not", [terminal, ()]),)
        if terminal is None and not expression.is_nullable:
            return (self._rule("nothing", []),)
        return terminal or ()

    def _expression(self, node: Node) -> Expression:
        if isinstance(node, Leaf):
            return node.expression
        if isinstance(node, Reference):
            known = self._expressions.get(node.name)
            if known is None:
                known = self._expressions[node.name] = self._expression(self.nodes[node.name])
            return known
        parts = [self._expression(child) for child in _children(node)]
        if isinstance(node, Repeat):
            return repeat(parts[0], node.least, node.most)
        return sequence(parts) if isinstance(node, Sequence) else choice(parts)


def _find_regular(nodes: dict[str, Node]) -> set[str]:
    """Return the rules that refer to no recursive rule and are not too large as one expression."""
    sizes: dict[str, int] = {}
    is_changed = True
    while is_changed:
        is_changed = False
        for name, node in nodes.items():
            if name not in sizes:
                size = _size(node, sizes)
                if size is not None and size <= _MAX_REGULAR:
                    sizes[name] = size
                    is_changed = True
    return set(sizes)


def _size(node: Node, sizes: dict[str, int]) -> int | None:
    if isinstance(node, Leaf):
        return 1 + node.expression.shortest
    if isinstance(node, Reference):
        return sizes.get(node.name)
    total = 1
    for child in _children(node):
        size = _size(child, sizes)
        if size is None:
            return None
        total += size
    return total


def _grouped(items: tuple[Node, ...], is_flat: object) -> list[Node]:
    """Join neighbours that may share a terminal."""
    grouped: list[Node] = []
    run: list[Node] = []
    for item in (*items, None):
        if item is not None and is_flat(item):  # type: ignore[operator]
            run.append(item)
            continue
        if run:
            grouped.append(run[0] if len(run) == 1 else Sequence(tuple(run)))
            run = []
        if item is not None:
            grouped.append(item)
    return grouped


class _Texts:
    """Recognise the texts of an automaton but the empty one; anything may follow."""

    __slots__ = ("_dfa", "is_plain", "looks", "start")

    def __init__(self, dfa: Dfa) -> None:
        self._dfa = dfa
        self.is_plain, self.looks = True, False
        self.start = _START

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges."""
        return self._dfa.edges(self._dfa.start if state == _START else state)

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        return state != _START and self._dfa.is_accepting(state)

    def futures(self, state: int) -> Futures | None:
        """Return None: anything may follow."""
        return None

    def debt(self, state: int) -> Debt | None:
        """Return None: anything may follow."""
        return None

    def shortest_bytes(self, state: int) -> int:
        """Return the fewest bytes from ``state`` to where the text may end."""
        if state != _START and self._dfa.is_accepting(state):
            return 0
        edges = self.edges(state)
        nearest = min([self._dfa.shortest(target) for _, _, target in edges])
        ways = [
            len(chr(first).encode("utf-8", "surrogatepass")) + self.shortest_bytes(target)
            for first, _, target in edges
            if self._dfa.shortest(target) == nearest
        ]
        return min(ways)
