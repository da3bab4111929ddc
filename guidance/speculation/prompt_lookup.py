"""Draft by copying: what followed the last words where they stood before (Saxena 2023; Yang et al. 2023).

Texts that repeat their prompt, as extraction and summaries do, are drafted well without a network. Under a grammar a
copy goes on after what is forced, and illegal tokens are never proposed.
"""

from __future__ import annotations

from collections.abc import Sequence

from guidance.decoding.proposal import Proposal
from guidance.decoding.row import Row
from guidance.decoding.writing import Writer
from guidance.speculation.ahead import Ahead
from guidance.speculation.drafting import MeasuredDrafter
from guidance.speculation.pace import Costs

__all__ = ["PromptLookup"]

_LONGEST_GRAM = 3


class PromptLookup(MeasuredDrafter):
    """Copy what followed the longest suffix, of up to three tokens, where it last occurred.

    Parameters
    ----------
    writer : of the batch whose rows are followed.
    costs, num_tokens, most : as for every drafter.

    Cost: one look-up for each token, three entries of a table for each token of the text.
    """

    def __init__(self, writer: Writer, costs: Costs, *, num_tokens: int | None, most: int) -> None:
        super().__init__(costs, num_tokens=num_tokens, most=most)
        self._writer = writer
        self._texts: dict[int, _Text] = {}

    def _draft(self, rows: Sequence[Row], rooms: Sequence[int], num_tokens: int) -> list[Proposal]:
        known = self._texts
        self._texts = {id(row): known.get(id(row)) or _Text(row) for row in rows}
        return [self._copy(row, room, num_tokens) for row, room in zip(rows, rooms, strict=True)]

    def _copy(self, row: Row, room: int, num_tokens: int) -> Proposal:
        text = self._texts[id(row)]
        text.follow()
        ahead = Ahead(row, room, self._writer)
        proposed = ahead.proposal
        source = -1
        while ahead.is_open and proposed.num_drafted < num_tokens:
            if not 0 <= source < len(text.token_ids):
                source = text.find(proposed.token_ids)
                if source < 0:
                    break
            before = len(proposed.token_ids)
            if not ahead.extend(text.token_ids[source]):
                break
            source = source + 1 if len(proposed.token_ids) == before + 1 else -1
        return ahead.close()


class _Text:
    """Index one row's tokens: where each run of one to three tokens was last followed by another token."""

    __slots__ = ("_followers", "_row", "token_ids")

    def __init__(self, row: Row) -> None:
        self._row = row  # kept alive, so that no other row can have its identity while this is remembered
        self.token_ids: list[int] = []
        self._followers: dict[tuple[int, ...], int] = {}

    def follow(self) -> None:
        """Take in what the row has gained."""
        row = self._row
        first = len(self.token_ids)
        if not self.token_ids:
            self.token_ids = list(row.request.prompt_ids)
        self.token_ids += row.token_ids[len(self.token_ids) - len(row.request.prompt_ids) :]
        for place in range(max(first, 1), len(self.token_ids)):
            for size in range(1, min(_LONGEST_GRAM, place) + 1):
                self._followers[tuple(self.token_ids[place - size : place])] = place

    def find(self, ahead: Sequence[int]) -> int:
        """Return where what followed the text's end, `ahead` included, stands; -1 where it never occurred."""
        end = [*self.token_ids[-_LONGEST_GRAM:], *ahead][-_LONGEST_GRAM:]
        for size in range(len(end), 0, -1):
            place = self._followers.get(tuple(end[-size:]))
            if place is not None:
                return place
        return -1
