"""Answer questions about whole languages: emptiness, size, equality, a shortest text, some text, how many texts."""

from __future__ import annotations

import random

import numpy as np

from fsm.automata.texts import ALL_TEXTS
from fsm.compiled import Compiled
from fsm.dfa import Dfa, count_strings, intersect, shortest_string
from fsm.dfa import is_equivalent as are_equivalent
from fsm.dfa import is_finite as is_finite_dfa
from fsm.errors import UnsatisfiableError, UnsupportedFeatureError
from fsm.freezing.byte_automaton import ByteAutomaton
from fsm.network import Network
from fsm.position import REJECTED, Position
from fsm.pushdown import Pushdown
from grammars.algebra.operations import as_grammar
from grammars.algebra.probe import compile_bytes
from grammars.grammar import Grammar
from grammars.regular import RegularGrammar

__all__ = ["count_texts", "example_text", "is_empty", "is_equivalent", "is_finite", "shortest_text"]

_EXAMPLE_BYTES = 40
"""An example longer than this takes the shortest way to its end."""

_READABLE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def is_empty(grammar: Grammar) -> bool:
    """Tell whether no text fits."""
    if isinstance(grammar, RegularGrammar):
        return _texts(grammar).start == 0
    return compile_bytes(grammar) is None


def is_finite(grammar: Grammar) -> bool:
    """Tell whether finitely many texts fit: whether no place can come back to itself."""
    if isinstance(grammar, RegularGrammar):
        return is_finite_dfa(_texts(grammar))
    opened = _open(grammar)
    if opened is None:
        return True
    places, start = opened
    is_open: set[int] = set()
    done: set[int] = set()
    path = [(start, iter([start]))]
    while path:
        node, remaining = path[-1]
        following = next(remaining, None)
        if following is None:
            path.pop()
            is_open.discard(node)
            done.add(node)
        elif following in is_open or (following not in done and places.is_endless(following)):
            return False
        elif following not in done:
            is_open.add(following)
            inner = {inner for _, _, target, frames in places.moves(following) for inner in (target, *frames)}
            path.append((following, iter(sorted(inner))))
    return True


def is_equivalent(left: Grammar, right: Grammar | str) -> bool:
    """Tell whether two regular grammars have the same texts.

    Raises
    ------
    UnsupportedFeatureError : one of them is not regular.
    """
    other = as_grammar(right)
    if not isinstance(left, RegularGrammar) or not isinstance(other, RegularGrammar):
        kind = type(other if isinstance(left, RegularGrammar) else left).__name__
        raise UnsupportedFeatureError(
            f"equals: got a {kind}, expected two regular grammars; whether context-free languages are equal is "
            "undecidable; compare JSON Schemas by (a - b).is_empty() and (b - a).is_empty()"
        )
    return are_equivalent(_texts(left), _texts(other))


def shortest_text(grammar: Grammar) -> str | None:
    """Return a shortest text, None where there is none."""
    if isinstance(grammar, RegularGrammar):
        return shortest_string(_texts(grammar))
    compiled = compile_bytes(grammar)
    return None if compiled is None else _Walk(compiled).finish().decode()


def example_text(grammar: Grammar, *, seed: int) -> str | None:
    """Return some text, None where there is none."""
    compiled = None if is_empty(grammar) else compile_bytes(grammar)
    if compiled is None:
        return None
    walk, chance = _Walk(compiled), random.Random(seed)  # noqa: S311 - an example is no secret
    while len(walk.text) < _EXAMPLE_BYTES or walk.is_inside_character:
        if compiled.is_accepting(walk.position) and chance.random() < 0.25:
            break
        allowed = walk.next_bytes()
        readable = [byte for byte in allowed if byte in _READABLE]
        pool = readable if readable and chance.random() < 0.8 else allowed
        if not pool:
            break
        walk.read(chance.choice(pool))
    return walk.finish().decode()


def count_texts(grammar: Grammar, max_length: int) -> int:
    """Return how many texts of at most ``max_length`` characters fit.

    Raises
    ------
    LimitError : more states are met than ``ByteAutomaton`` holds.
    """
    if isinstance(grammar, RegularGrammar):
        return count_strings(_texts(grammar), max_length)
    opened = _open(grammar)
    if opened is None:
        return 0
    automaton = ByteAutomaton(*opened)
    ways = {automaton.start: 1}
    total = 0
    for length in range(max_length + 1):
        total += sum(count for state, count in ways.items() if automaton.is_accepting(state))
        if length < max_length:
            ways = _read_character(automaton, ways)
    return total


def _read_character(automaton: ByteAutomaton, ways: dict[int, int]) -> dict[int, int]:
    """Return in how many ways each state is reached by one more character of UTF-8."""
    left: list[dict[int, int]] = [{}, {}, {}, {}]
    for state, count in ways.items():
        for first, last, target in automaton.edges(state):
            for rest, low, high in ((0, 0, 0x7F), (1, 0xC0, 0xDF), (2, 0xE0, 0xEF), (3, 0xF0, 0xF7)):
                width = min(last, high) - max(first, low) + 1
                if width > 0:
                    left[rest][target] = left[rest].get(target, 0) + count * width
    for rest in (3, 2, 1):
        for state, count in left[rest].items():
            for first, last, target in automaton.edges(state):
                left[rest - 1][target] = left[rest - 1].get(target, 0) + count * (last - first + 1)
    return left[0]


def _texts(grammar: RegularGrammar) -> Dfa:
    return intersect(grammar.dfa, ALL_TEXTS())


def _open(grammar: Grammar) -> tuple[Pushdown, int] | None:
    network = Network()
    try:
        start = grammar.lay(network)
    except UnsatisfiableError:
        return None
    places = Pushdown(network)
    return places, places.node(start)


class _Walk:
    """Write a text byte by byte."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self.position: Position = compiled.start
        self.text = b""

    @property
    def is_inside_character(self) -> bool:
        """Whether the text ends inside a character."""
        try:
            self.text.decode()
        except UnicodeDecodeError:
            return True
        return False

    def next_bytes(self) -> list[int]:
        """Return the bytes that may come next."""
        return [int(byte) for byte in np.flatnonzero(self._compiled.next_bytes(self.position))]

    def read(self, byte: int) -> None:
        """Append a byte."""
        self.position = self._after(byte)
        self.text += bytes([byte])

    def finish(self) -> bytes:
        """Append the shortest way to an end; return the whole text."""
        while not self._compiled.is_accepting(self.position):
            self.read(min(self.next_bytes(), key=lambda byte: (self._compiled.shortest(self._after(byte)), byte)))
        return self.text

    def _after(self, byte: int) -> Position:
        text = self.text
        after = self._compiled.advance_bytes(self.position, bytes([byte]), lambda: text)
        assert after is not REJECTED
        return after
