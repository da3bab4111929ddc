"""Compile a grammar of rules and their tokens: its places are sets of configurations, numbered as texts meet them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsm.compiled import Compiled, TextSource
from fsm.network import Network
from fsm.position import REJECTED, Position
from fsm.rules.set_masks import SetMask, SetMasks
from fsm.rules.state_sets import StateSets
from fsm.vocabulary import Vocabulary

__all__ = ["RulesCompiled"]


class RulesCompiled(Compiled):
    """Hold a grammar of rules and their tokens for one vocabulary.

    Parameters
    ----------
    network, start, vocabulary : as for ``Compiled``.
    """

    def __init__(self, network: Network, start: int, vocabulary: Vocabulary) -> None:
        super().__init__(network, start, vocabulary)
        self._sets = StateSets(self._runs, self._tables)
        self._shared = SetMasks(network)

    @property
    def memory_bytes(self) -> int:
        """Count the bytes this grammar holds; what it shares with others of the vocabulary is not counted."""
        return super().memory_bytes + self._sets.memory_bytes

    def fill(self, position: Position) -> None:
        """Compute the mask of a position."""
        with self._tables.lock:
            if position.base is None:
                row, position.stays = self._mask(position.configurations)
                position.base = self._with_ends(row) if self.is_accepting(position) else row

    def _advance(
        self, position: Position, data: NDArray[np.uint8], first: int, last: int, text: TextSource
    ) -> Position:
        """Return the position after ``data[first:last]``; no rule asks what was read before."""
        rows = self._sets.advance(position.configurations, data, first, last) if first < last else None
        return REJECTED if rows is None else self._intern(rows, is_noted=False)

    def _mask(self, configurations: NDArray[np.int64]) -> SetMask:
        """Return the mask of configurations without the end tokens, shared with those that look alike."""
        outline = self._shared.outline(configurations)
        mask = self._shared.find(outline)
        if mask is None:
            mask, lowest = self._sets.fill(configurations)
            self._shared.keep(outline, lowest, mask)
            self._position_bytes += mask.row.nbytes
        return mask

    def _with_ends(self, row: NDArray[np.int32]) -> NDArray[np.int32]:
        row = row.copy()
        for token in self.vocabulary.eos_token_ids:
            row[token >> 5] |= np.uint32(1 << (token & 31)).astype(np.int32)
        self._position_bytes += row.nbytes
        return row

    def _forget(self) -> None:
        """Drop what was remembered; matchers keep the positions they hold, and these stay right."""
        super()._forget()
        self._shared.clear()
