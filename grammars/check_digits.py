"""Recognise numbers that end in a check digit: the books' ISBN, in both lengths."""

from __future__ import annotations

from fsm.automata.dfa import DEAD, Edge, Lengths
from fsm.automata.search import SearchedDfa

__all__ = ["IsbnDfa"]

_ZERO, _HYPHEN, _X = ord("0"), ord("-"), ord("X")
_FRESH, _READ, _HYPHENATED = range(3)

# Digits read, hyphens read, what was read last, weighted sum.
_State = tuple[int, int, int, int]


class IsbnDfa(SearchedDfa):
    """Recognise ISBN-10 or ISBN-13 (ISO 2108), check digit included, written without hyphens or with all of them.

    Where the hyphens between group, publisher and title stand is free, for that changes as publishers register; the
    one before the check digit and the one after 978 or 979 must be there where any is.

    Parameters
    ----------
    num_digits : 10 or 13.
    """

    def __init__(self, num_digits: int) -> None:
        super().__init__(f"ISBN-{num_digits}")
        self._size = num_digits
        self._num_hyphens = 3 if num_digits == 10 else 4
        self._modulus = 11 if num_digits == 10 else 10
        self._states: list[_State] = [(0, 0, _FRESH, 0), (0, 0, _FRESH, 0)]
        self._numbers: dict[_State, int] = {self._states[1]: 1}
        self._edges: dict[int, tuple[Edge, ...]] = {}
        self.start = 1

    def is_accepting(self, state: int) -> bool:
        """Tell whether the text may end in ``state``."""
        count, hyphens, _, total = self._states[state]
        return state != DEAD and count == self._size and hyphens in (0, self._num_hyphens) and total == 0

    def lengths(self, state: int) -> Lengths:
        """Return bounds on what is still to come."""
        count, hyphens, _, _ = self._states[state]
        return Lengths(self._size - count, self._size - count + self._num_hyphens - hyphens)

    def all_edges(self, state: int) -> tuple[Edge, ...]:
        """Return all edges, dead ends included."""
        found = self._edges.get(state)
        if found is None:
            found = self._edges[state] = tuple(self._expand(*self._states[state]))
            self.work += len(found)
        return found

    def _expand(self, count: int, hyphens: int, last: int, total: int) -> list[Edge]:
        if count == self._size:
            return []
        found = []
        if last == _READ and hyphens < self._num_hyphens and self._may_part(count, hyphens):
            found.append((_HYPHEN, _HYPHEN, self._number((count, hyphens + 1, _HYPHENATED, total))))
        is_last = count == self._size - 1
        if is_last and hyphens and (hyphens < self._num_hyphens or last != _HYPHENATED):
            return found
        if hyphens == self._num_hyphens and not is_last:
            return found
        found += [
            (_ZERO + digit, _ZERO + digit, self._read(count, hyphens, total, digit)) for digit in self._digits(count)
        ]
        if is_last and self._size == 10:
            found.append((_X, _X, self._read(count, hyphens, total, 10)))
        return found

    def _may_part(self, count: int, hyphens: int) -> bool:
        """Tell whether a hyphen may stand after so many digits and hyphens."""
        is_before_check = count == self._size - 1
        if is_before_check != (hyphens == self._num_hyphens - 1):
            return False
        return self._size == 10 or (hyphens == 0) == (count == 3)

    def _digits(self, count: int) -> tuple[int, ...]:
        if self._size == 13 and count < 3:
            return ((9,), (7,), (8, 9))[count]
        return tuple(range(10))

    def _read(self, count: int, hyphens: int, total: int, digit: int) -> int:
        weight = 10 - count if self._size == 10 else 1 + 2 * (count % 2)
        return self._number((count + 1, hyphens, _READ, (total + weight * digit) % self._modulus))

    def _number(self, state: _State) -> int:
        number = self._numbers.get(state)
        if number is None:
            number = self._numbers[state] = len(self._states)
            self._states.append(state)
        return number
