"""Follow one text through a compiled grammar, token by token.

Input: token ids. Output: masks, and whether the text fits. Cost: in the steady state a mask is a row copy and an
advance is a dictionary look-up; rollback and fork copy references.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsm.compiled import Compiled
from fsm.errors import TokenRejected, VocabularyError
from fsm.explanation import Explanation, explain_token
from fsm.forced_tokens import split_forced
from fsm.lent_row import MOST_UNDONE, LentRow, read_only
from fsm.mask import MASK_DTYPE, check_token_bitmask
from fsm.parts.regions import Region, regions_of
from fsm.parts.way_out import find_way
from fsm.position import REJECTED, Position
from fsm.vocabulary import Vocabulary

__all__ = ["Matcher"]

_NO_ROW = np.zeros(0, np.int32)
_ALL = slice(None)
_ZERO = np.array(0, np.int32)
"""PERF: written to some words in 0.07 µs, where 0 takes 0.16."""


class Matcher:
    """Follow one text; the only mutable object of the engine, owned by whoever decodes the text.

    Examples
    --------
    >>> from fsm import Vocabulary, allocate_token_bitmask
    >>> from grammars import regex
    >>> matcher = regex("ab*").compile(Vocabulary([b"</s>", b"a", b"b"], eos_token_ids=[0])).matcher()
    >>> matcher.try_advance(2), matcher.try_advance(1), matcher.is_accepting
    (False, True, True)
    """

    __slots__ = (
        "_cells",
        "_compiled",
        "_eos",
        "_index",
        "_lent",
        "_mask",
        "_num_read",
        "_path",
        "_position",
        "_read",
        "_row",
        "_size",
        "_special",
        "_tokens",
        "_words",
        "is_terminated",
    )

    def __init__(self, compiled: Compiled) -> None:
        vocabulary = compiled.vocabulary
        self._compiled = compiled
        self._position = compiled.start
        self._path: list[Position] = [compiled.start]
        self._tokens: list[int] = []
        self._read, self._num_read = b"", 0
        self._eos = vocabulary.eos_set
        self._special = vocabulary.special_set
        self._size = size = vocabulary.size
        self._words = (size + 31) // 32
        self._mask: NDArray[np.int32] | None = None
        self._index = 0
        self._row: Any = _NO_ROW  # of int32[W]; its type would forbid values that may be None
        self._cells = _NO_ROW.data
        self._lent = compiled.take_spare_row()
        self.is_terminated = False

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary the grammar was compiled for."""
        return self._compiled.vocabulary

    @property
    def num_tokens(self) -> int:
        """Count the tokens advanced over, the end token included."""
        return len(self._path) - 1 + self.is_terminated

    @property
    def is_accepting(self) -> bool:
        """Tell whether the text so far is complete."""
        return self._compiled.is_accepting(self._position)

    @property
    def is_complete(self) -> bool:
        """Tell whether the text is complete and nothing but white space or the end may follow."""
        return self.is_terminated or self._compiled.is_complete(self._position)

    def fill_next_token_bitmask(self, mask: NDArray[np.int32], index: int = 0) -> None:
        """Write which tokens may come next into one row.

        Parameters
        ----------
        mask : int32[B, W]   W = ceil(V / 32) or more; bit j of word w is token 32*w + j; 1 = allowed; changed in place
        index : the row to write.

        Raises
        ------
        MaskError : the mask is too small for the vocabulary, or has no such row.
        """
        # PERF: 0.6 instead of 1.0 µs, half of it the copy of 16 KB: a row that was looked at before is written through
        # its buffer, which costs half of what numpy takes (python -m benchmarks.grammars --only any_text).
        if (mask is not self._mask or index != self._index) and not self._look_at(mask, index):
            self._fill_slowly(mask[index])
            return
        position = self._position
        self._cells[_ALL] = position.cells or self._filled(position)
        words = position.words
        if words is not None:
            self._row[words] = position.values

    def next_token_bitmask(self) -> NDArray[np.int32]:
        """Lend the mask of what may come next.

        Returns
        -------
        mask : int32[W]   W = ceil(V / 32); bit j of word w is token 32*w + j; 1 = allowed. Not to be written, and good
            until the next call; ``fill_next_token_bitmask`` writes one to keep.
        """
        # PERF: a row that many positions share is handed out as it is; of one's own row only the words are written in
        # which the mask differs from the last one: 0.1 and 0.3 instead of 0.5 µs (python -m benchmarks.grammars).
        position = self._position
        row = position.lent
        if row is not None and not self.is_terminated:
            return row
        lent, base, words = self._lent, position.base, position.words
        if lent is None or base is None or words is None or self.is_terminated:
            return self._lend(position)
        own, before, lent.words = lent.row, lent.words, None  # until all is written
        if lent.base is base and before is not None and len(before) <= MOST_UNDONE:
            own[before] = _ZERO if lent.is_empty else base[before]
        else:
            lent.begin(base, position.cells or self._filled(position), is_empty=base is self._compiled.empty_row)
        own[words] = position.values
        lent.words = words
        return lent.view

    def _lend(self, position: Position) -> NDArray[np.int32]:
        """Return the mask of a position: the shared row where that is all of it, else this matcher's."""
        if not self.is_terminated:
            if position.base is None:
                self._compiled.fill(position)
            assert position.base is not None
            if position.words is None:
                position.lent = read_only(position.base)
                return position.lent
        lent = self._lent
        if lent is None:
            lent = self._lent = LentRow(self._words)
        if not self.is_terminated:
            return self.next_token_bitmask()
        lent.base = None
        self._fill_end(lent.row)
        return lent.view

    def __del__(self) -> None:
        """Leave the row that was lent to the next matcher."""
        lent = getattr(self, "_lent", None)  # which is not there where making the matcher was interrupted
        if lent is not None:
            self._compiled.spare_rows.append(lent)

    def _filled(self, position: Position) -> memoryview:
        """Return the buffer of a position's mask, which is filled where it was not yet."""
        if position.base is None:
            self._compiled.fill(position)
        assert position.base is not None
        position.cells = cells = self._compiled.cells_of(position.base)
        return cells

    def _look_at(self, mask: NDArray[np.int32], index: int) -> bool:
        """Refuse a mask without room; remember a row that has exactly as many words as there are, and tell of it."""
        shape = mask.shape
        is_exact = len(shape) == 2 and shape[1] == self._words and mask.dtype is MASK_DTYPE and 0 <= index < shape[0]
        if not is_exact:
            check_token_bitmask(mask, index, self._size)
        if self.is_terminated or shape[1] != self._words:
            self._mask = None
            return False
        self._mask, self._index = mask, index
        self._row = mask[index]
        self._cells = self._row.data
        return True

    def _fill_slowly(self, row: NDArray[np.int32]) -> None:
        """Fill a row that has more words than the vocabulary, or where the text has ended."""
        row[self._words :] = 0
        row = row[: self._words]
        if self.is_terminated:
            self._fill_end(row)
            return
        position = self._position
        row[:] = np.frombuffer(self._filled(position), np.int32)
        if position.words is not None and position.values is not None:
            row[position.words] = position.values

    def try_advance(self, token_id: int) -> bool:
        """Read one token; return False, and change nothing, where the grammar forbids it.

        Raises
        ------
        VocabularyError : the id lies outside the vocabulary.
        """
        position = self._position
        after = position.after if position.token == token_id else position.next.get(token_id)
        if after is None:
            after = self._first_advance(token_id)
            if after is None:
                return True
        if after is REJECTED or self.is_terminated:
            return False
        self._path.append(after)
        self._tokens.append(token_id)
        self._position = after
        return True

    def advance(self, token_id: int) -> None:
        """Read one token.

        Raises
        ------
        TokenRejected : the grammar forbids it here; nothing changed.
        VocabularyError : the id lies outside the vocabulary.
        """
        if not self.try_advance(token_id):
            raise TokenRejected(
                f"token {token_id} ({self.vocabulary.token_bytes[token_id]!r}) is not allowed after "
                f"{self.num_tokens} tokens; sample from the mask, or ask explain({token_id})",
                token_id=token_id,
            )

    def shortest_completion(self) -> int:
        """Return the fewest bytes that complete the text; as many tokens always suffice where every byte is a token."""
        return 0 if self.is_terminated else self._compiled.shortest(self._position)

    def forced_bytes(self) -> bytes:
        """Return the bytes that must come next, empty where there is a choice or the text may end."""
        return b"" if self.is_terminated else self._compiled.forced_bytes(self._position, self.text)

    def bytes_after(self, run: bytes) -> bytes:
        """Return the bytes that may follow a run of forced bytes."""
        position = self._compiled.advance_bytes(self._position, run, self.text) if run else self._position
        return np.flatnonzero(self._compiled.next_bytes(position)).astype(np.uint8).tobytes()

    def forced_tokens(self) -> list[int]:
        """Return tokens that spell the forced bytes, the longest first; what a longer token might swallow is left out.

        A tokenizer may split the same bytes otherwise; where it is at hand, tokenise ``forced_bytes`` with it.
        """
        return split_forced(self._compiled.vocabulary, self.forced_bytes())

    def explain(self, token_id: int) -> Explanation:
        """Say whether a token is allowed here, and if not, which of its bytes is the first that does not fit.

        Raises
        ------
        VocabularyError : the id lies outside the vocabulary.
        """
        return explain_token(self, self._compiled, self._position, token_id)

    def regions(self) -> tuple[tuple[Region, int], ...]:
        """Return the regions that what comes next lies in, outermost first, and the fewest bytes until each ends."""
        return () if self.is_terminated else regions_of(self._compiled).at(self._position)

    def every_region(self) -> list[tuple[Region, int]]:
        """List all regions of the grammar and the fewest bytes each takes."""
        return regions_of(self._compiled).every()

    def num_tokens_inside(self, region: Region) -> int:
        """Count the last tokens that were read inside a region; occurrences with nothing between count as one."""
        regions = regions_of(self._compiled)
        count = 0
        for position in reversed(self._path[:-1]):
            if all(found is not region for found, _ in regions.at(position)):
                break
            count += 1
        return count

    def way_out(self, region: Region | None = None) -> bytes:
        """Return bytes of a shortest way to the end of a region, or of the whole text: as many as a token may have."""
        regions = regions_of(self._compiled)

        def measure(position: Position) -> int:
            if region is None:
                return self._compiled.shortest(position)
            return next((distance for found, distance in regions.at(position) if found is region), 0)

        return find_way(self._compiled, self._position, self.text, measure)

    def rollback(self, num_tokens: int) -> None:
        """Take back the last tokens.

        Raises
        ------
        ValueError : more tokens than were read.
        """
        if not 0 <= num_tokens <= self.num_tokens:
            raise ValueError(f"rollback: got {num_tokens} tokens, expected 0 to {self.num_tokens}")
        if num_tokens and self.is_terminated:
            self.is_terminated = False
            num_tokens -= 1
        if num_tokens:
            del self._path[-num_tokens:]
            del self._tokens[-num_tokens:]
            if self._num_read > len(self._tokens):
                self._read, self._num_read = b"", 0
            self._position = self._path[-1]

    def fork(self) -> Matcher:
        """Return an independent matcher at the same place; cost: one list of references."""
        twin = Matcher.__new__(Matcher)
        twin._lent = None
        for name in _FORKED:
            setattr(twin, name, getattr(self, name))
        twin._path = self._path.copy()
        twin._tokens = self._tokens.copy()
        return twin

    def reset(self) -> None:
        """Return to the beginning of a text."""
        self._position = self._compiled.start
        self._path = [self._position]
        self._tokens = []
        self._read, self._num_read = b"", 0
        self.is_terminated = False

    def _first_advance(self, token_id: int) -> Position | None:
        """Advance where the position has no memo yet; None stands for "the end token was read"."""
        if not 0 <= token_id < self._size:
            raise VocabularyError(f"token id {token_id} lies outside the vocabulary 0..{self._size - 1}")
        if self.is_terminated or token_id in self._special:
            if self.is_terminated:
                return REJECTED
            if token_id in self._eos and self.is_accepting:
                self.is_terminated = True
                self._mask = None  # what comes next is not what the position says
                return None
            return REJECTED
        return self._compiled.advance(self._position, token_id, self.text)

    def text(self) -> bytes:
        """Join the bytes of the tokens read; the end token stands for nothing."""
        token_bytes, tokens = self._compiled.vocabulary.token_bytes, self._tokens
        if self._num_read != len(tokens):
            self._read += b"".join([token_bytes[token] for token in tokens[self._num_read :]])
            self._num_read = len(tokens)
        return self._read

    def _fill_end(self, row: NDArray[np.int32]) -> None:
        row[:] = 0
        for token in self._eos:
            row[token >> 5] |= np.uint32(1 << (token & 31)).astype(np.int32)


_FORKED = tuple(name for name in Matcher.__slots__ if name != "_lent")
