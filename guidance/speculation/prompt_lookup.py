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
from guidance.speculation.drafting import MeasuredDrafter, Plan
from guidance.speculation.pace import Costs

__all__ = ["PromptLookup"]

_LONGEST_GRAM = 3
_MOST_OCCURRENCES = 32


class PromptLookup(MeasuredDrafter):
    """Copy what followed the longest suffix, of up to three tokens, where it last occurred.

    In a tree, what followed it where it occurred before is proposed beside.

    Parameters
    ----------
    writer : of the batch whose rows are followed.
    costs, plan : as for every drafter.

    Cost: one look-up for each token, three entries of a table for each token of the text.
    """

    def __init__(self, writer: Writer, costs: Costs, plan: Plan) -> None:
        super().__init__(costs, plan)
        self._writer = writer
        self._texts: dict[int, _Text] = {}

    def _draft(self, rows: Sequence[Row], rooms: Sequence[int], widths: Sequence[int]) -> list[Proposal]:
        known = self._texts
        self._texts = {id(row): known.get(id(row)) or _Text(row) for row in rows}
        return [self._copy(row, room, widths) for row, room in zip(rows, rooms, strict=True)]

    def _copy(self, row: Row, room: int, widths: Sequence[int]) -> Proposal:
        text = self._texts[id(row)]
        text.follow()
        ahead = Ahead(row, room, self._writer)
        proposed = ahead.proposal
        following = {0: -1}  # for places, what the copy that led there would go on with
        for width in widths:
            for place in ahead.take_frontier():
                for source in self._sources(text, ahead, following[place], place=place, width=width):
                    end = ahead.extend(place, text.token_ids[source])
                    if end:
                        is_copy = proposed.depths[end] == proposed.depths[place] + 1
                        following[end] = source + 1 if is_copy else -1
        return ahead.close()

    def _sources(self, text: _Text, ahead: Ahead, following: int, *, place: int, width: int) -> list[int]:
        """Return up to `width` places of the text with different tokens, that which the copy goes on with first."""
        goes_on = 0 <= following < len(text.token_ids)
        if goes_on and width == 1:
            return [following]
        written = [ahead.proposal.token_ids[passed - 1] for passed in ahead.proposal.path(place)]
        found = ([following] if goes_on else []) + text.find(written, width)
        tokens: dict[int, int] = {}
        for source in found:
            tokens.setdefault(text.token_ids[source], source)
        return list(tokens.values())[:width]


class _Text:
    """Index one row's tokens: where each run of one to three tokens was followed by another token, the last first."""

    __slots__ = ("_followers", "_row", "token_ids")

    def __init__(self, row: Row) -> None:
        self._row = row  # kept alive, so that no other row can have its identity while this is remembered
        self.token_ids: list[int] = []
        self._followers: dict[tuple[int, ...], list[int]] = {}

    def follow(self) -> None:
        """Take in what the row has gained."""
        row = self._row
        first = len(self.token_ids)
        if not self.token_ids:
            self.token_ids = list(row.request.prompt_ids)
        self.token_ids += row.token_ids[len(self.token_ids) - len(row.request.prompt_ids) :]
        for place in range(max(first, 1), len(self.token_ids)):
            for size in range(1, min(_LONGEST_GRAM, place) + 1):
                self._followers.setdefault(tuple(self.token_ids[place - size : place]), []).append(place)

    def find(self, ahead: Sequence[int], count: int) -> list[int]:
        """Return up to `count` places with different tokens that followed the text's end, `ahead` included.

        Those behind its longest suffix come first, and of them the last; the search ends after some occurrences.
        """
        end = [*self.token_ids[-_LONGEST_GRAM:], *ahead][-_LONGEST_GRAM:]
        found: dict[int, int] = {}
        for size in range(len(end), 0, -1):
            for place in self._followers.get(tuple(end[-size:]), [])[: -_MOST_OCCURRENCES - 1 : -1]:
                found.setdefault(self.token_ids[place], place)
                if len(found) == count:
                    return list(found.values())
        return list(found.values())
