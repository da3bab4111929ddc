"""Know how many bytes complete a text of a grammar of tokens: a way that is sure, and nearly the shortest.

What is open is completed rule by rule, by their shortest texts, with a separator after every token whether or not one
is needed there, so the number is a bound that can be kept: some next byte always brings it down. Cost: a search down
the stack, remembered for the parts that stacks share.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import EXPANSION_LOCK
from fsm.distance import FAR
from fsm.parsing._token_kernels import (
    IGNORED,
    N_INDENT,
    N_NEWLINE,
    N_TERMINALS,
    R_BRACKETS,
    R_STACK,
    R_WIDTHS,
    UNKNOWN,
    WORD_BITS,
    end_token_kernel,
    viable_tokens_kernel,
)
from fsm.parsing.token_arena import Arena
from fsm.parsing.token_tables import TokenTables

if TYPE_CHECKING:
    from fsm.parsing.token_tables import ParserTables

__all__ = ["TokenDistances"]

MOST_KNOWN = 100_000
"""More answers than these are forgotten."""

Row = tuple[int, int, int, int]
"""A configuration: state inside a token, stack, widths of indentation, open brackets (``_token_kernels``)."""


class TokenDistances:
    """Measure configurations of one compiled grammar.

    Parameters
    ----------
    tokens, parser : the grammar.
    arena : the stacks.
    """

    def __init__(self, tokens: TokenTables, parser: ParserTables, arena: Arena) -> None:
        self._tokens = tokens
        self._parser = parser
        self._arena = arena
        self._left: dict[tuple[int, int], int] = {}
        self._endings: dict[tuple[int, int], tuple[tuple[int, int, int], ...]] = {}
        self._kinds: list[int] = parser.arrays.kinds.tolist()
        numbers: list[int] = parser.arrays.numbers.tolist()
        self._num_terminals, self._newline, self._indent = (
            numbers[N_TERMINALS], numbers[N_NEWLINE], numbers[N_INDENT],
        )  # fmt: skip

    def forget(self) -> None:
        """Forget what was remembered of stacks, whose numbers change."""
        self._left.clear()

    def of_configuration(self, row: Row) -> int:
        """Return the bytes that complete the text from a configuration on."""
        best = FAR
        for terminal in self._possible(row):
            for size, state, width in self._endings_of(row[0], terminal):
                best = min(best, size + self._after_token(row, terminal, state, width))
        return best

    def terminals_at(self, row: Row) -> Iterator[tuple[int, list[int]]]:
        """Yield the terminals that the token under way may be, with those that may come after it if it ends now."""
        for terminal in self._possible(row):
            after: list[int] = []
            for size, _, width in self._endings_of(row[0], terminal):
                ended = row if self._is_skipped(row, terminal) else self._taken(row, terminal, max(0, width))
                if size == 0 and ended is not None:
                    texts = self._parser.texts
                    after += [
                        one for one in range(self._num_terminals) if texts[one] and self._is_viable(ended[1], one)
                    ]
            yield terminal, after

    def _possible(self, row: Row) -> list[int]:
        """Return the terminals that the token under way may become and that may come."""
        words = self._tokens.arrays.possible[row[0]].tolist()
        listed = [one for one in range(self._num_terminals) if words[one // WORD_BITS] >> (one % WORD_BITS) & 1]
        return [one for one in listed if self._is_skipped(row, one) or self._is_viable(row[1], one)]

    def _is_skipped(self, row: Row, terminal: int) -> bool:
        return bool(self._kinds[terminal] & IGNORED) or (terminal == self._newline and row[3] > 0)

    def _is_viable(self, stack: int, terminal: int) -> bool:
        self._arena.run(lambda arrays: viable_tokens_kernel(self._parser.arrays, arrays, stack))
        word, bit = divmod(terminal, WORD_BITS)
        return bool(int(self._arena.arrays.viable[stack, word]) >> bit & 1)

    # -- one token -------------------------------------------------------------------------------------------------

    def _endings_of(self, state: int, terminal: int) -> tuple[tuple[int, int, int], ...]:
        """Return the nearest ways to end a token: bytes, the state, the width of its last line."""
        known = self._endings.get((state, terminal))
        if known is None:
            if len(self._endings) > MOST_KNOWN:
                self._endings.clear()
            known = self._endings[state, terminal] = tuple(self._find_endings(state, terminal))
        return known

    def _find_endings(self, state: int, terminal: int) -> Iterator[tuple[int, int, int]]:
        """Yield the nearest ending; of a line end, also the nearest after which the line is not indented."""
        seen, level, size = {state}, [state], 0
        is_found = False
        while level:
            after: list[int] = []
            for here in level:
                for width in self._widths_at_end(here, terminal):
                    if not is_found or width == 0:
                        yield size, here, width
                    is_found = True
                    if terminal != self._newline or width == 0:
                        return
                after += [one for one in self._targets(here, terminal) if one not in seen]
                seen.update(after)
            level, size = after, size + 1

    def _widths_at_end(self, state: int, terminal: int) -> list[int]:
        if self._tokens.arrays.delta[state, 0] == UNKNOWN:
            with EXPANSION_LOCK:
                self._tokens.reader.write_row(self._tokens, state)
        arrays = self._tokens.arrays
        first, count = arrays.places[state].tolist()
        ends = arrays.ends[first : first + count].tolist()
        return [width for number, _, width, _ in ends if number == terminal and (number != self._newline or width >= 0)]

    def _targets(self, state: int, terminal: int) -> list[int]:
        arrays = self._tokens.arrays
        word, bit = divmod(terminal, WORD_BITS)
        targets = dict.fromkeys(arrays.delta[state].tolist())
        return [one for one in targets if one and int(arrays.possible[one, word]) >> bit & 1]

    # -- what follows ----------------------------------------------------------------------------------------------

    def _after_token(self, row: Row, terminal: int, state: int, width: int) -> int:
        """Return the bytes after a token that ends in a state."""
        if self._is_skipped(row, terminal):
            return min(self._parted(row, state), self._next_token(row, state))
        if terminal == self._newline:
            return min([more + self._left_of(after) for more, after in self._lines(row, width)], default=FAR)
        after = self._taken(row, terminal, width)
        if after is None:
            return FAR
        found = self._parted(after, state)
        return found if found < FAR else self._next_token(after, state)

    def _parted(self, row: Row, state: int) -> int:
        """Return the bytes left where a separator follows on a token that ends in a state."""
        fitting = [len(one) for one in self._parser.separators if not one or self._leaves(state, one)]
        return min(fitting) + self._left_of(row) if fitting else FAR

    def _lines(self, row: Row, width: int) -> Iterator[tuple[int, Row]]:
        """Yield how many more characters indent the next line as it may be, and the configuration then."""
        nodes, widths = self._arena.arrays.nodes, row[2]
        step = self._parser.indentation_step
        wanted = [-int(nodes[widths, 0]) - 1 + step]
        while widths:
            wanted.append(-int(nodes[widths, 0]) - 1)
            widths = int(nodes[widths, 1])
        for one in wanted:
            if one >= width:
                after = self._taken(row, self._newline, one)
                if after is not None:
                    yield -(-(one - width) // step), after

    def _next_token(self, row: Row, state: int) -> int:
        """Return the bytes left where the next token must follow directly on one that ends in a state."""
        texts = self._parser.texts
        viable = [one for one in range(self._num_terminals) if texts[one] and self._is_viable(row[1], one)]
        if all(self._leaves(state, texts[one][0]) for one in viable):
            return self._left_of(row)
        best = FAR
        for terminal in viable:
            fitting = [len(text) for text in texts[terminal] if self._leaves(state, text)]
            indented = self._width_of(row[2]) if terminal == self._newline else 0
            after = self._taken(row, terminal, indented) if fitting else None
            if after is not None:
                gap = 0 if terminal == self._newline else len(self._parser.separators[0])
                best = min(best, min(fitting) + indented + gap + self._left_of(after))
        return best

    def _leaves(self, state: int, text: bytes) -> bool:
        return bool(self._tokens.arrays.leaves[state, text[0]])

    def _width_of(self, widths: int) -> int:
        return -int(self._arena.arrays.nodes[widths, 0]) - 1

    def _taken(self, row: Row, terminal: int, width: int) -> Row | None:
        """Return the configuration after a token; None where the parser refuses it."""
        source: NDArray[np.int64] = np.array(row, np.int64)
        if not self._arena.run(lambda one: end_token_kernel(self._parser.arrays, one, source, terminal, width)):
            return None
        regs = self._arena.arrays.regs
        return 0, int(regs[R_STACK]), int(regs[R_WIDTHS]), int(regs[R_BRACKETS])

    # -- the stack -------------------------------------------------------------------------------------------------

    def _left_of(self, row: Row) -> int:
        """Return the bytes that complete what is open on a stack, lines indented as they are."""
        width = self._width_of(row[2])
        known = self._left.get((row[1], width))
        if known is None:
            if len(self._left) > MOST_KNOWN:
                self._left.clear()
            known = self._left[row[1], width] = self._search(row[1], width)
        return known

    def _search(self, stack: int, width: int) -> int:
        """Complete rule after rule, the cheapest way first."""
        best, waiting, seen = FAR, [(0, stack)], set()
        while waiting:
            cost, node = heapq.heappop(waiting)
            if cost >= best:
                break
            if node in seen:
                continue
            seen.add(node)
            known = self._left.get((node, width))
            if known is not None:
                best = min(best, cost + known)
                continue
            for more, after in self._ways(node, width):
                if after:
                    heapq.heappush(waiting, (cost + more, after))
                else:
                    best = min(best, cost + more)
        return best

    def _ways(self, node: int, width: int) -> Iterator[tuple[int, int]]:
        """Yield the ways to complete a rule on top of a stack: bytes, and the stack afterwards; 0 where it is done."""
        nodes, gotos = self._arena.arrays.nodes, self._parser.arrays.gotos
        for item in self._parser.items[int(nodes[node, 0])]:
            cost, below = item.fixed + item.by_width * width, node
            if item.symbol < 0:
                yield cost, 0
                continue
            for _ in range(item.num_read):
                below = int(self._arena.arrays.nodes[below, 1])
            state = int(gotos[int(self._arena.arrays.nodes[below, 0]), item.symbol])
            yield cost, self._arena.push(state, below)
