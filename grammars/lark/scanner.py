"""Read tokens byte by byte as ``lark``'s lexers would: write the rows of a grammar's ``TokenTables``.

A place inside a token is what the patterns tried have read so far, what the tokens before still say about the text
after them, the strings that it may yet turn out to be, and the width of the line that it began.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fsm.automata.dfa import Edge
from fsm.automata.partition import iterate_partition
from fsm.automata.ranges import ALL, Ranges, intersect_ranges
from fsm.parsing._token_kernels import BOUNDARY, RESETS
from fsm.parsing.token_tables import TokenEnd, TokenTables
from grammars.context_free.debts import pay_debts
from grammars.context_free.symbols import Debt, Debts
from grammars.context_free.token_bytes import Node, TokenBytes, lead_bytes
from grammars.lark.every_token import EveryToken
from grammars.lark.first_token import FirstToken
from grammars.lark.terminals import Context, Terminals

__all__ = ["Scanner"]

_NOTHING: Debts = frozenset()
_EVERY_BYTE = (1 << 256) - 1
_LINE_END, _TAB, _SPACE = 0x0A, 0x09, 0x20
# Widths of a token that has no line end yet, and of one that cannot become the end of a line.
_NO_LINE, _NOT_COUNTED = -1, -2


class _Place(NamedTuple):
    """A place inside a token.

    state, debts : of the patterns tried, and of what is owed by tokens before.
    strings, length : those strings that begin like what was read, and how much that is.
    width : columns since the last line end.
    is_before : nothing was read yet.
    """

    state: int
    debts: Debts
    strings: tuple[int, ...]
    length: int
    width: int
    is_before: bool = False


class Scanner:
    """Write rows of tokens; the ``TokenReader`` of a grammar.

    Parameters
    ----------
    terminals : in order.
    token : their patterns.
    contexts : what is tried where.
    newline : the terminal whose lines are counted; -1 = none.
    tab_len : columns of a tab.
    """

    start = 0  # Where a token begins depends on its context.
    is_plain = False

    def __init__(
        self,
        terminals: Terminals,
        token: FirstToken | EveryToken,
        contexts: Sequence[Context],
        *,
        newline: int,
        tab_len: int,
    ) -> None:
        self.terminals = terminals
        self.token = token
        self.contexts = contexts
        self._newline = newline
        self._tab_len = tab_len
        self._resets = 1 << len(terminals.names)
        self._debts: list[Debts] = [_NOTHING]
        self._debt_numbers: dict[Debts, int] = {_NOTHING: 0}
        self._places: list[_Place] = [_Place(0, _NOTHING, (), 0, _NOT_COUNTED)]
        self._place_numbers: dict[_Place, int] = {}
        self._states: dict[Node, int] = {}
        self._nodes: dict[int, Node] = {}
        self._allowed: dict[Debts, int] = {_NOTHING: _EVERY_BYTE}
        self._edges: dict[int, tuple[Edge, ...]] = {}
        self._reach: dict[tuple[int, Debts], int] = {}
        self._bytes = TokenBytes(self)  # type: ignore[arg-type]  # it asks for edges only

    # -- rows ------------------------------------------------------------------------------------------------------

    def find_start(self, tables: TokenTables, context: int, debts: int) -> int:
        """Return the state before a token."""
        tried = self.contexts[context]
        owed = self._debts[debts]
        place = self._place(_Place(self.token.start(tried.patterns), owed, tried.strings, 0, _NO_LINE, is_before=True))
        state = self._state(tables, place)
        if all(debt.automaton.holds_at_end(debt.follow) for debt in owed):
            tables.arrays.marks[state] |= BOUNDARY
        tables.set_start(context, debts, state)
        return state

    def write_row(self, tables: TokenTables, state: int) -> None:
        """Write the row of a state."""
        node = self._nodes[state]
        edges = [(first, last, self._state(tables, target)) for first, last, target in self._bytes.edges(node)]
        ends: list[TokenEnd] = []
        leaves = 0
        if isinstance(node, int):
            for terminal, debts in self._ends(self._places[node]):
                at_end = all(debt.automaton.holds_at_end(debt.follow) for debt in debts)
                ends.append(TokenEnd(terminal, self._debt_number(debts), self._places[node].width, at_end))
                leaves |= self._bytes_allowed(debts)
        tables.set_row(state, edges, ends, leaves)

    def _bytes_allowed(self, debts: Debts) -> int:
        """Return the bytes that may follow, as bits."""
        known = self._allowed.get(debts)
        if known is None:
            allowed: Ranges = ALL
            for debt in debts:
                allowed = intersect_ranges(allowed, _first_characters(debt))
            known = self._allowed[debts] = lead_bytes(allowed)
        return known

    def _state(self, tables: TokenTables, node: Node) -> int:
        state = self._states.get(node)
        if state is None:
            possible = self._possible(node)
            marks = RESETS if possible & self._resets else 0
            width = self._places[node].width if isinstance(node, int) else _NOT_COUNTED
            state = self._states[node] = tables.add_state(possible & ~self._resets, marks=marks, width=width)
            self._nodes[state] = node
        return state

    def _debt_number(self, debts: Debts) -> int:
        number = self._debt_numbers.get(debts)
        if number is None:
            number = self._debt_numbers[debts] = len(self._debts)
            self._debts.append(debts)
        return number

    # -- places ----------------------------------------------------------------------------------------------------

    def _place(self, place: _Place) -> int:
        """Return the number of a place, of which only what matters is kept."""
        if self._newline < 0 or not self._reached(place.state, place.debts) >> self._newline & 1:
            place = place._replace(width=_NOT_COUNTED)
        if not place.strings:
            place = place._replace(length=0)
        number = self._place_numbers.get(place)
        if number is None:
            number = self._place_numbers[place] = len(self._places)
            self._places.append(place)
        return number

    def edges(self, number: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to the places after one more character."""
        known = self._edges.get(number)
        if known is None:
            known = self._edges[number] = tuple(self._find_edges(self._places[number]))
        return known

    def _find_edges(self, place: _Place) -> list[Edge]:
        paid = list(self._paid_edges(place.state, place.debts))
        spelled = self._next_letters(place)
        sets: list[Ranges] = [((first, last),) for first, last, _, _ in paid]
        sets += [ranges for _, ranges in spelled]
        if place.width != _NOT_COUNTED:
            sets += [((one, one),) for one in (_LINE_END, _TAB, _SPACE)]
        # Most ranges of letters lead to the same place, which is made once.
        targets: dict[tuple[int, Debts, int, int], int] = {}
        edges: list[Edge] = []
        for first, last, members in iterate_partition(sets):
            taken = members & ((1 << len(paid)) - 1)
            if not taken:
                continue
            _, _, state, debts = paid[taken.bit_length() - 1]
            key = (
                state,
                debts,
                members >> len(paid) & ((1 << len(spelled)) - 1),
                self._width_after(place.width, first),
            )
            target = targets.get(key)
            if target is None:
                strings = tuple([one for bit, (one, _) in enumerate(spelled) if key[2] >> bit & 1])
                target = targets[key] = self._place(_Place(state, debts, strings, place.length + 1, key[3]))
            if edges and edges[-1][1] + 1 == first and edges[-1][2] == target:
                edges[-1] = (edges[-1][0], last, target)
            else:
                edges.append((first, last, target))
        return edges

    def _next_letters(self, place: _Place) -> list[tuple[int, Ranges]]:
        """Return the strings that may go on, each with its next character."""
        letters = [(one, self.terminals.letters[one]) for one in place.strings]
        return [(one, all_[place.length]) for one, all_ in letters if place.length < len(all_)]

    def _paid_edges(self, state: int, debts: Debts) -> Iterator[tuple[int, int, int, Debts]]:
        """Yield the edges along which a token can still end."""
        for first, last, target, left in pay_debts(self.token.edges(state), debts):
            if self._reached(target, left):
                yield first, last, target, left

    def _width_after(self, width: int, character: int) -> int:
        if character == _LINE_END and width != _NOT_COUNTED:
            return 0
        if width < 0:
            return width
        return width + (1 if character == _SPACE else self._tab_len if character == _TAB else 0)

    def _ends(self, place: _Place) -> Iterator[tuple[int, Debts]]:
        """Yield the terminals that a token may end as, with what is owed then."""
        for number, debt in self.token.ends(place.state):
            yield self._named(number, place), place.debts if debt is None else place.debts | {debt}

    def _named(self, pattern: int, place: _Place) -> int:
        """Return the terminal that a pattern's match is: itself, or a string's."""
        if pattern not in self.terminals.ignored:
            for one in self.terminals.strings.get(pattern, ()):
                if one in place.strings and len(self.terminals.letters[one]) == place.length:
                    return one
        return pattern

    # -- what a token may become -----------------------------------------------------------------------------------

    def _possible(self, node: Node) -> int:
        """Return the terminals that a token may still become, as bits, and ``_resets``."""
        if not isinstance(node, int):
            return self._possible_inside(*node)
        place = self._places[node]
        found = self._reached(place.state, place.debts)
        for pattern, strings in self.terminals.strings.items():
            if found >> pattern & 1 and pattern not in self.terminals.ignored:
                more = [one for one in strings if one in place.strings]
                if not self.token.edges(place.state) and self._named(pattern, place) != pattern:
                    found &= ~(1 << pattern)
                found |= sum([1 << one for one in more])
        return found

    def _possible_inside(self, number: int, bits: int, num: int) -> int:
        """Return the same inside a character, of which ``num`` bytes are to come."""
        if number == 0:
            return self._possible(bits)
        # What a lead byte promises at least, the next byte has to keep; later places keep it anyway.
        low = max(bits << 6 * num, (0, 0, 0x800, 0x10000)[num] if bits == 0 else 0)
        high = (bits << 6 * num) + (1 << 6 * num) - 1
        found = 0
        edges, reached = self.edges(number), set()
        for first, _, target in edges[bisect_left(edges, low, key=_last_character) :]:
            if first > high:
                break
            reached.add(target)
        for target in reached:
            found |= self._possible(target)
        return found

    def _reached(self, state: int, debts: Debts) -> int:
        """Return the patterns that a token may still match, as bits, and ``_resets`` where a line may begin in it."""
        known = self._reach.get((state, debts))
        if known is None:
            self._explore((state, debts))
            known = self._reach[state, debts]
        return known

    def _explore(self, first: tuple[int, Debts]) -> None:
        """Find what can be reached from a place, and from all that it leads to."""
        edges: dict[tuple[int, Debts], list[tuple[bool, tuple[int, Debts]]]] = {}
        waiting = [first]
        while waiting:
            pair = waiting.pop()
            if pair in edges or pair in self._reach:
                continue
            steps = pay_debts(self.token.edges(pair[0]), pair[1])
            edges[pair] = list(dict.fromkeys([(a <= _LINE_END <= b, (target, left)) for a, b, target, left in steps]))
            waiting += [target for _, target in edges[pair]]
        for pair in edges:
            self._reach[pair] = sum([1 << number for number, _ in self.token.ends(pair[0])])
        is_changed = True
        while is_changed:
            is_changed = False
            for pair in reversed(edges):
                found = self._reach[pair]
                for is_line_end, target in edges[pair]:
                    found |= self._reach[target]
                    if is_line_end and self._newline >= 0 and self._reach[target] >> self._newline & 1:
                        found |= self._resets
                if found != self._reach[pair]:
                    self._reach[pair], is_changed = found, True


def _last_character(edge: Edge) -> int:
    return edge[1]


def _first_characters(debt: Debt) -> Ranges:
    return tuple([(first, last) for first, last, _ in debt.automaton.follow_edges(debt.follow)])
