"""Draft by copying: what followed the last words where they stood before (Saxena 2023; Yang et al. 2023).

Texts that repeat their prompt, as extraction and summaries do, are drafted well without a network. Under a grammar a
copy goes on after what is forced, and only legal tokens are looked for. Which copies pay is learned for each kind of
them: those that go on with a copy are right more often than those that begin one behind a single token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from guidance.decoding.proposal import Proposal
from guidance.decoding.row import Row
from guidance.decoding.writing import Writer
from guidance.speculation._lookup_kernels import find_followers_kernel
from guidance.speculation.ahead import Ahead
from guidance.speculation.drafting import MeasuredDrafter, Plan
from guidance.speculation.pace import Costs, pays
from guidance.speculation.trust import Trust, kind_of

__all__ = ["PromptLookup"]

_LONGEST_SUFFIX = 3
_FIRST_CAPACITY = 256
_NO_MASK = np.zeros(0, dtype=np.int32)


class PromptLookup(MeasuredDrafter):
    """Copy what followed the longest suffix, of up to three tokens, where it last occurred.

    In a tree, what followed it where it occurred before is proposed beside. Where the number of drafts is not given, a
    line ends where one more draft would not pay by what was measured: its own chance, not the mean of all.

    Parameters
    ----------
    writer : of the batch whose rows are followed.
    costs, plan : as for every drafter.
    trust : how often copies were right so far.

    Cost: a look over the text for each copy that begins, some 0.1 us for 100 tokens.
    """

    def __init__(self, writer: Writer, costs: Costs, plan: Plan, trust: Trust) -> None:
        super().__init__(costs, plan)
        self._writer = writer
        self._trust = trust
        self._texts: dict[int, _Text] = {}
        self._given: list[_Given] = []
        self._is_choosy = False
        self._cost_ratio = 0.0

    def _choose(self) -> int:
        """Return the most that may be drafted where each draft is judged by itself."""
        costs = self.pace.costs
        is_free = self._plan.num_tokens is None and not self._plan.tree
        self._is_choosy = is_free and costs.is_known and costs.is_settled and not costs.is_probing
        self._cost_ratio = costs.ratio if self._is_choosy else 0.0
        return self._plan.most if self._is_choosy else super()._choose()

    def _draft(self, rows: Sequence[Row], rooms: Sequence[int], widths: Sequence[int]) -> list[Proposal]:
        known = self._texts
        self._texts = {id(row): known.get(id(row)) or _Text(row) for row in rows}
        self._given = [self._copy(row, room, widths) for row, room in zip(rows, rooms, strict=True)]
        return [given.proposal for given in self._given]

    def _copy(self, row: Row, room: int, widths: Sequence[int]) -> _Given:
        text = self._texts[id(row)]
        text.follow()
        ahead = Ahead(row, room, self._writer)
        given = _Given(row=row, start=len(row.token_ids), proposal=ahead.proposal)
        following = {0: -1}  # for places, what the copy that led there would go on with
        for width in widths:
            for place in ahead.take_frontier():
                for source, kind in self._sources(text, ahead, following[place], place=place, width=width):
                    chance = given.chances[place] * self._trust.share(kind)
                    if self._is_choosy and not pays(chance, given.expected, self._cost_ratio, len(given.kinds)):
                        continue
                    end = ahead.extend(place, int(text.tokens[source]))
                    if end:
                        first = ahead.proposal.path(end)[ahead.proposal.depths[place]]
                        following[end] = source + 1 if end == first else -1
                        given.note(first, end, kind=kind, chance=chance)
        ahead.close()
        return given

    def _sources(self, text: _Text, ahead: Ahead, following: int, *, place: int, width: int) -> list[tuple[int, int]]:
        """Return up to `width` places of the text with different legal tokens, and the kind of copy each would be.

        That which the copy goes on with stands first. A copy from the prompt does not go on into what was written.
        """
        mask = ahead.note_mask(place)
        goes_on = 0 <= following < text.length and following != text.num_prompt
        goes_on = goes_on and (mask is None or _is_allowed(mask, int(text.tokens[following])))
        found = []
        if goes_on:
            found.append((following, self._kind(text, following, suffix=0, is_late=False)))
            if width == 1:
                return found
        written = [ahead.proposal.token_ids[passed - 1] for passed in ahead.proposal.path(place)]
        for source, suffix, is_late in text.find(written, mask, width + len(found)):
            if not goes_on or text.tokens[source] != text.tokens[following]:
                found.append((source, self._kind(text, source, suffix=suffix, is_late=bool(is_late))))
        return found[:width]

    def _kind(self, text: _Text, source: int, *, suffix: int, is_late: bool) -> int:
        token_bytes = self._writer.token_bytes[text.tokens[source]]
        return kind_of(token_bytes, suffix=suffix, is_late=is_late, is_own=source >= text.num_prompt)

    def _count_outcomes(self) -> None:
        super()._count_outcomes()
        for given in self._given:
            for kind, is_right in given.outcomes():
                self._trust.learn(kind, is_right=is_right)
        self._given = []


@dataclass(slots=True, kw_only=True)
class _Given:
    """Hold what was proposed to one row, to learn from what became of it.

    start : how many tokens the row had.
    kinds : for places that a copied token leads to, its kind.
    chances : for places that more may be proposed at, the chance that the row gets there.
    expected : how many tokens a step with this proposal draws, the row's own after it included.
    """

    row: Row
    start: int
    proposal: Proposal
    kinds: dict[int, int] = field(default_factory=dict)
    chances: dict[int, float] = field(default_factory=lambda: {0: 1.0})
    expected: float = 1.0

    def note(self, first: int, end: int, *, kind: int, chance: float) -> None:
        """Note a copied token, which leads to the place `first`, and over what is forced behind it to `end`."""
        self.kinds[first] = kind
        self.chances[end] = chance
        self.expected += chance

    def outcomes(self) -> list[tuple[int, bool]]:
        """Return the kinds that were right, and those at the place where the row wrote something else."""
        proposal, written = self.proposal, self.row.token_ids[self.start :]
        reached = proposal.follow(0, written)
        found = [(self.kinds[place], True) for place in proposal.path(reached) if place in self.kinds]
        if len(written) > proposal.depths[reached] or not self.row.is_running:
            found += [(kind, False) for place, kind in self.kinds.items() if proposal.parents[place - 1] == reached]
        return found


class _Text:
    """Hold one row's tokens, prompt and output, in one array that grows.

    tokens : int64[C]   the first `length` are written, of which `num_prompt` are the prompt's
    """

    __slots__ = ("_row", "length", "num_prompt", "tokens")

    def __init__(self, row: Row) -> None:
        self._row = row  # kept alive, so that no other row can have its identity while this is remembered
        prompt = row.request.prompt_ids
        self.num_prompt = self.length = len(prompt)
        self.tokens: NDArray[np.int64] = np.zeros(len(prompt) + _FIRST_CAPACITY, dtype=np.int64)
        self.tokens[: len(prompt)] = prompt

    def follow(self) -> None:
        """Take in what the row has gained."""
        gained = self._row.token_ids[self.length - self.num_prompt :]
        if self.length + len(gained) > self.tokens.size:
            self.tokens = np.concatenate([self.tokens, np.zeros_like(self.tokens)])
        self.tokens[self.length : self.length + len(gained)] = gained
        self.length += len(gained)

    def find(self, ahead: Sequence[int], mask: NDArray[np.int32] | None, count: int) -> list[list[int]]:
        """Return up to `count` places with different tokens that followed the text's end, `ahead` included.

        Those behind its longest suffix come first, and of them the last. With each place comes the suffix's length,
        and whether tokens that the mask forbids came first.
        """
        before = max(min(_LONGEST_SUFFIX - len(ahead), self.length), 0)
        end = [*self.tokens[self.length - before : self.length].tolist(), *ahead][-_LONGEST_SUFFIX:]
        found = np.empty((count, 3), dtype=np.int64)
        num_found = find_followers_kernel(
            self.tokens,
            self.length,
            np.array(end, dtype=np.int64),
            len(end),
            _NO_MASK if mask is None else mask,
            mask is not None,
            found,
        )
        rows: list[list[int]] = found[:num_found].tolist()
        return rows


def _is_allowed(mask: NDArray[np.int32], token_id: int) -> bool:
    return bool(int(mask[token_id >> 5]) >> (token_id & 31) & 1)
