"""Hold what a grammar of tokens is as tables: how tokens are read, byte by byte, and what the parser does with them.

Input: a reader that writes rows where a text gets to, and a parser's actions. Output: the arrays that the kernels of
``fsm.parsing._token_kernels`` walk. Cost: a row is 1.3 KB; nothing is written that no text reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fsm.errors import LimitError
from fsm.parsing._token_kernels import UNKNOWN, WORD_BITS

__all__ = [
    "MAX_TOKEN_ROWS",
    "ParserArrays",
    "ParserItem",
    "ParserTables",
    "TokenArrays",
    "TokenEnd",
    "TokenReader",
    "TokenTables",
    "num_words_of",
    "words_of",
]

MAX_TOKEN_ROWS = 1 << 18
"""The most states inside tokens that one grammar may need before ``LimitError``; a state takes 1.3 KB."""


class TokenArrays(NamedTuple):
    """Give the kernels the states inside tokens.

    delta    : int32[S, 256]  next state by byte, 0 = dead, -1 in column 0 = not written yet
    leaves   : uint8[S, 256]  whether a token may end before this byte
    places   : int32[S, 2]    where the ways to end begin in ``ends``, and how many there are
    ends     : int32[E, 4]    terminal, number of what is owed afterwards, width of the last line, may the text end
    possible : int64[S, K]    the terminals that a token may still become, ``WORD_BITS`` in a word
    marks    : uint8[S]       ``BOUNDARY``: before a token, and nothing is owed at the end; ``RESETS``: a line may begin
    widths   : int32[S]       columns since the last line end inside the token; below 0: there was none
    starts   : int32[C, F]    state before a token, by context and what is owed; -1 = not known yet
    """

    delta: NDArray[np.int32]
    leaves: NDArray[np.uint8]
    places: NDArray[np.int32]
    ends: NDArray[np.int32]
    possible: NDArray[np.int64]
    marks: NDArray[np.uint8]
    widths: NDArray[np.int32]
    starts: NDArray[np.int32]


class ParserArrays(NamedTuple):
    """Give the kernels the parser.

    actions  : int32[Q, T]  by state and terminal: 0 = refused, state + 1 = take it, -(rule + 1) = reduce
    gotos    : int32[Q, N]  state after a symbol of rules
    rules    : int32[R, 2]  symbol, length
    contexts : int32[Q]     which terminals are looked for where this state is on top
    kinds    : uint8[T]     ``IGNORED``, ``BRACKET_OPENS``, ``BRACKET_CLOSES``
    ignored  : int64[K]     the terminals that are skipped
    texts    : int64[K]     those that stand for a text themselves; plain : without the one that ends lines
    bound    : int64[K]     those after which, but for the end, only some may come (comments): ``nexts``
    nexts    : int64[T, K]
    numbers  : int64[6]     ``N_TERMINALS`` and so on
    """

    actions: NDArray[np.int32]
    gotos: NDArray[np.int32]
    rules: NDArray[np.int32]
    contexts: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    ignored: NDArray[np.int64]
    texts: NDArray[np.int64]
    plain: NDArray[np.int64]
    bound: NDArray[np.int64]
    nexts: NDArray[np.int64]
    numbers: NDArray[np.int64]


class ParserItem(NamedTuple):
    """Say how a rule may be completed: its symbol, how much of it was read, and the bytes that are left.

    Where lines are indented by W, that takes ``fixed + by_width * W`` bytes at most.
    """

    symbol: int
    num_read: int
    fixed: int
    by_width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParserTables:
    """Hold a parser.

    Parameters
    ----------
    arrays : for the kernels.
    start_state : the state that a text begins in.
    names : of the terminals, for messages.
    items : by state, the ways to complete the rules begun there; symbol -1 is the whole text.
    texts : a text, or more, of each terminal that is read as such wherever it may come, before a separator at least.
    separators : texts that are ignored between any two tokens, each of them after some; or an empty one, where none is
        needed.
    indentation_step : the columns by which one more character indents a line.
    """

    arrays: ParserArrays
    start_state: int
    names: tuple[str, ...]
    items: tuple[tuple[ParserItem, ...], ...]
    texts: tuple[tuple[bytes, ...], ...]
    separators: tuple[bytes, ...]
    indentation_step: int


class TokenEnd(NamedTuple):
    """Say how a token may end in a state."""

    terminal: int
    debts: int
    width: int
    may_end_text: bool


class TokenReader(Protocol):
    """Know how tokens are read: write rows of states, and find the states before tokens."""

    def write_row(self, tables: TokenTables, state: int) -> None:
        """Write the row of a state."""

    def find_start(self, tables: TokenTables, context: int, debts: int) -> int:
        """Return the state before a token."""


class TokenTables:
    """Hold the states inside tokens in growable arrays; owned by one grammar, shared by what it is compiled for.

    Parameters
    ----------
    reader : writes rows.
    num_terminals, num_contexts : how many there are.
    """

    def __init__(self, reader: TokenReader, num_terminals: int, num_contexts: int) -> None:
        self.reader = reader
        self.num_states, self.num_ends = 1, 0
        num_words = num_words_of(num_terminals)
        self.arrays = TokenArrays(
            delta=np.zeros((64, 256), np.int32),
            leaves=np.zeros((64, 256), np.uint8),
            places=np.zeros((64, 2), np.int32),
            ends=np.zeros((64, 4), np.int32),
            possible=np.zeros((64, num_words), np.int64),
            marks=np.zeros(64, np.uint8),
            widths=np.zeros(64, np.int32),
            starts=np.full((num_contexts, 4), UNKNOWN, np.int32),
        )

    @property
    def memory_bytes(self) -> int:
        """Count the bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays)

    def add_state(self, possible: int, *, marks: int, width: int) -> int:
        """Add a state whose row is not written yet.

        Raises
        ------
        LimitError : there would be more than ``MAX_TOKEN_ROWS``.
        """
        if self.num_states >= MAX_TOKEN_ROWS:
            raise LimitError(
                f"tokens: more than {MAX_TOKEN_ROWS} states are needed (limit "
                "fsm.parsing.token_tables.MAX_TOKEN_ROWS), as where lines are indented by thousands of columns; "
                "shorten what was read, or raise the limit"
            )
        state = self.num_states
        self.num_states += 1
        if self.num_states > len(self.arrays.marks):
            self._grow("delta", "leaves", "places", "possible", "marks", "widths")
        arrays = self.arrays
        arrays.delta[state, 0] = UNKNOWN
        arrays.possible[state] = words_of(possible, arrays.possible.shape[1])
        arrays.marks[state] = marks
        arrays.widths[state] = width
        return state

    def set_row(self, state: int, edges: Iterable[tuple[int, int, int]], ends: Sequence[TokenEnd], leaves: int) -> None:
        """Write a row: edges by byte, the ways to end, and the bytes before which one may, as bits."""
        while self.num_ends + len(ends) > len(self.arrays.ends):
            self._grow("ends")
        self._widen(max([end.debts for end in ends], default=0))
        arrays = self.arrays
        arrays.places[state] = self.num_ends, len(ends)
        for end in ends:
            arrays.ends[self.num_ends] = end
            self.num_ends += 1
        bits = np.frombuffer(leaves.to_bytes(32, "little"), np.uint8)
        arrays.leaves[state] = np.unpackbits(bits, bitorder="little")
        row = np.zeros(256, np.int32)
        for first, last, target in edges:
            row[first : last + 1] = target
        arrays.delta[state] = row

    def set_start(self, context: int, debts: int, state: int) -> None:
        """Note the state before a token."""
        self._widen(debts)
        self.arrays.starts[context, debts] = state

    def _widen(self, debts: int) -> None:
        """Make room for a number of what is owed: kernels look for its start as soon as a row names it."""
        starts = self.arrays.starts
        if debts >= starts.shape[1]:
            wider = np.full((len(starts), 2 * debts), UNKNOWN, np.int32)
            wider[:, : starts.shape[1]] = starts
            self.arrays = self.arrays._replace(starts=wider)

    def _grow(self, *names: str) -> None:
        for name in names:
            array = getattr(self.arrays, name)
            bigger = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
            bigger[: len(array)] = array
            self.arrays = self.arrays._replace(**{name: bigger})


def num_words_of(num_terminals: int) -> int:
    """Return how many words a set of terminals takes."""
    return max(1, -(-num_terminals // WORD_BITS))


def words_of(terminals: int, num_words: int) -> NDArray[np.int64]:
    """Return a set of terminals, given as bits, as words."""
    mask = (1 << WORD_BITS) - 1
    return np.array([terminals >> WORD_BITS * word & mask for word in range(num_words)], np.int64)
