"""Recognise the substrings of a document: quotations, copied word for word.

The automaton is built where a text goes. A state is a stretch of the document's places that begin with what was read;
its edges sort that stretch by the next symbol, in place, so the document is never indexed as a whole. Memory: 17 bytes
for each character of the document, and what was visited.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fsm.automata.dfa import EXPANSION_LOCK, Dfa, Edge, Lengths, make_key
from fsm.compiled import Compiled
from fsm.errors import GrammarError
from fsm.network import Network
from fsm.vocabulary import Vocabulary
from grammars._kernels import split_places_kernel
from grammars.regular import RegularGrammar

__all__ = ["SubstringDfa", "SubstringGrammar", "substring"]

Unit = Literal["characters", "words"]


class SubstringDfa(Dfa):
    """Recognise what stands somewhere in a document, the empty text included.

    Parameters
    ----------
    document : the text.
    by : ``"characters"``: any stretch of characters; ``"words"``: from the beginning of a word to the end of one, where
        words are what white space separates.
    """

    is_document = True

    def __init__(self, document: str, *, by: Unit = "characters") -> None:
        self.key = make_key("substring")
        text = document if by == "characters" else document.rstrip()
        codes = np.frombuffer(text.encode("utf-32-le"), np.int32)
        alphabet, ranks = np.unique(codes, return_inverse=True)
        self._codes = codes
        self._alphabet = alphabet.astype(np.int64)
        self._ranks = np.append(ranks.astype(np.int32) + 1, np.int32(0))
        self._ends = _word_ends(codes) if by == "words" else None
        starts = np.arange(len(codes), dtype=np.int32) if by == "characters" else _word_starts(codes)
        self._places = starts
        self._scratch = np.empty(len(starts), np.int32)
        self._counts = np.empty(len(alphabet) + 2, np.int64)
        self._symbols, self._begins = np.empty_like(self._counts), np.empty_like(self._counts)
        self._states: list[tuple[int, int, int]] = [(0, 0, 0), (0, len(starts), 0)]
        self._edges: list[tuple[Edge, ...] | None] = [(), None]
        self._single: dict[int, int] = {}
        self.start = 1

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        begin, end, depth = self._states[state]
        if self._ends is None or state == self.start:
            return state != 0
        return bool((self._ends[self._places[begin:end] + depth] == 0).any())

    def edges(self, state: int) -> tuple[Edge, ...]:
        """Return sorted, disjoint edges to live states."""
        found = self._edges[state]
        if found is None:
            with EXPANSION_LOCK:
                found = self._edges[state]
                if found is None:
                    found = self._edges[state] = self._expand(*self._states[state])
        return found

    def shortest(self, state: int) -> int:
        """Return the fewest symbols from ``state`` to acceptance."""
        begin, end, depth = self._states[state]
        if self._ends is None or state == self.start:
            return 0
        return int(self._ends[self._places[begin:end] + depth].min())

    def longest(self, state: int) -> int:
        """Return the most symbols from ``state`` to acceptance."""
        begin, end, depth = self._states[state]
        return len(self._codes) - int(self._places[begin:end].min()) - depth if end > begin else 0

    def lengths(self, state: int) -> Lengths:
        """Return the lengths accepted from ``state``."""
        return Lengths(self.shortest(state), self.longest(state), is_gapless=self._ends is None)

    def _expand(self, begin: int, end: int, depth: int) -> tuple[Edge, ...]:
        if end == begin + 1:
            place = int(self._places[begin]) + depth
            if place == len(self._codes):
                return ()
            code = int(self._codes[place])
            return ((code, code, self._number(begin, end, depth + 1)),)
        count = split_places_kernel(
            self._ranks, self._places, begin, end, depth, self._counts, self._scratch, self._symbols, self._begins
        )
        codes = self._alphabet[self._symbols[:count] - 1].tolist()
        begins = self._begins[: count + 1].tolist()
        return tuple([(code, code, self._number(begins[i], begins[i + 1], depth + 1)) for i, code in enumerate(codes)])

    def _number(self, begin: int, end: int, depth: int) -> int:
        """Return the state of a stretch; where one place is left, all that reach it are one state."""
        place = int(self._places[begin]) + depth if end == begin + 1 else -1
        known = self._single.get(place)
        if known is None:
            known = len(self._states)
            self._states.append((begin, end, depth))
            self._edges.append(None)
            if place >= 0:
                self._single[place] = known
        return known


class SubstringGrammar(RegularGrammar):
    """Be what stands somewhere in a document; made by ``substring``."""

    __slots__ = ()

    def compile(self, vocabulary: Vocabulary) -> Compiled:
        """Return the grammar ready for matching.

        Its automaton has a state for each place of the document: walked by the kernels, each is visited once, where
        tables over bytes would be written for all that a mask meets.
        """
        network = Network()
        return Compiled(network, self.add_to(network), vocabulary)


def substring(document: str, *, by: Unit = "characters") -> SubstringGrammar:
    """Return the grammar of what stands somewhere in a document, the empty text included.

    Cost: a few milliseconds per megabyte; the first mask visits what the vocabulary and the document share.

    Parameters
    ----------
    document : the text to quote from.
    by : ``"characters"``, or ``"words"``: from the beginning of a word to the end of one.

    Raises
    ------
    GrammarError : the document is not a text that UTF-8 can write, or ``by`` is none of the two.

    Examples
    --------
    >>> grammar = substring("to be or not to be", by="words")
    >>> grammar.dfa.accepts("or not to"), grammar.dfa.accepts("r not")
    (True, False)
    """
    if by not in ("characters", "words"):
        raise GrammarError(f"substring: got by={by!r}, expected 'characters' or 'words'")
    if not isinstance(document, str):
        raise GrammarError(f"substring: got {type(document).__name__}, expected a string; decode the document first")
    try:
        dfa = SubstringDfa(document, by=by)
    except UnicodeEncodeError as error:
        raise GrammarError(
            f"substring: character {error.start} is the lone surrogate {document[error.start]!r}, which UTF-8 cannot "
            "write; replace it"
        ) from error
    shown = document if len(document) <= 60 else f"{document[:57]}..."
    return SubstringGrammar(dfa, f"substring({shown!r}, by={by!r})")


def _is_space(codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    alphabet, ranks = np.unique(codes, return_inverse=True)
    return np.array([chr(code).isspace() for code in alphabet.tolist()], np.bool_)[ranks]


def _word_starts(codes: NDArray[np.int32]) -> NDArray[np.int32]:
    if not len(codes):
        return np.empty(0, np.int32)
    is_space = _is_space(codes)
    return np.flatnonzero(~is_space & np.append(True, is_space[:-1])).astype(np.int32)


def _word_ends(codes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return for each place how far the next end of a word is: int32[N + 1]; 0 = a word ends just before it."""
    size = len(codes)
    distance = np.zeros(size + 1, np.int32)
    if size:
        is_space = np.append(_is_space(codes), True)
        is_end = is_space & np.append(False, ~is_space[:-1])
        ends = np.flatnonzero(is_end)
        places = np.arange(size + 1)
        distance = (ends[np.searchsorted(ends, places)] - places).astype(np.int32)
    return distance
