"""Remember which tokens begin a number, for the automata of numbers that most grammars have.

A vocabulary may spell a thousand numbers of up to three digits. Wherever a number may begin or go on they all fit, so
they are found once per automaton state, not once per place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from fsm.vocabulary import Vocabulary

__all__ = ["Numerals", "numerals_of"]

Row = NDArray[np.int32]

MAX_ROWS = 256


class Numerals:
    """Keep rows of tokens by the states that read them; the least recently used are dropped."""

    __slots__ = ("_rows", "_wider")

    def __init__(self) -> None:
        self._rows: OrderedDict[Hashable, Row] = OrderedDict()
        self._wider: OrderedDict[tuple[Hashable, int], tuple[Row, Row]] = OrderedDict()

    def get(self, key: Hashable) -> Row | None:
        """Return the tokens known for a key."""
        return self._rows.get(key)

    def add(self, key: Hashable, row: Row) -> None:
        """Remember the tokens of a key."""
        self._rows[key] = row
        if len(self._rows) > MAX_ROWS:
            self._rows.popitem(last=False)

    def widen(self, key: Hashable, base: Row) -> Row:
        """Return a shared row with the tokens of a key added."""
        place = (key, id(base))
        kept = self._wider.get(place)
        if kept is None:
            kept = self._wider[place] = (base, base | self._rows[key])
            if len(self._wider) > MAX_ROWS:
                self._wider.popitem(last=False)
        return kept[1]


def numerals_of(vocabulary: Vocabulary) -> Numerals:
    """Return the numerals kept with a vocabulary."""
    numerals: Numerals | None = vocabulary.__dict__.get("_numerals")
    if numerals is None:
        numerals = vocabulary.__dict__["_numerals"] = Numerals()
    return numerals
