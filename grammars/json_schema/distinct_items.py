"""Find the shortest way out of an array whose items must differ.

Items are taken one after the other, each a narrowest value that is none of those before. An item that was written but
not read yet is taken to be the narrowest there is, so that what is left never grows when it is read. Items whose value
is not worked out, arrays and objects and long texts, count some bytes more than the narrowest: room enough to differ.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fsm.expansion_time import check_expansion_time
from fsm.text_widths import FAR
from grammars.json_schema.array_plan import ArrayPlan, ArrayPosition
from grammars.json_schema.branch import Obligation
from grammars.json_schema.oracle import Obligations

if TYPE_CHECKING:
    from grammars.json_schema.lengths import Lengths

__all__ = ["DistinctItems"]

MAX_ITEMS = 12
"""Items that are worked out one by one; what comes after them counts as what is not worked out."""

ROOM = 8


class DistinctItems:
    """Follow one way out of an array, from a place between items."""

    def __init__(self, lengths: Lengths, plan: ArrayPlan, position: ArrayPosition) -> None:
        self._lengths = lengths
        self._plan = plan
        self._position = position
        self._taken: list[Obligation] = []
        self._room = 0

    def close(self, *, is_first: bool) -> int:
        """Return the bytes to the closing bracket; ``FAR`` where this way does not lead there."""
        plan, position, total = self._plan, self._position, 0
        if plan.may_close(position):
            return 1
        self._take_unread()
        for _ in range(plan.rules.low + self._lengths.oracle.expander.limits.max_branches):
            check_expansion_time()
            width, obligations, position = self._next_item(position)
            if width >= FAR:
                return FAR
            total += width + self._room + (0 if is_first else self._lengths.comma)
            is_first = False
            if plan.may_close(position):
                return total + 1
            self._take(obligations)
        return FAR

    def _take_unread(self) -> None:
        """Keep apart what may have been written since items were last read: of each kind the narrowest."""
        plan, position = self._plan, self._position
        base = plan.base_of(position.count - 1) if position.count else None
        if base is None:
            return
        earlier = frozenset(self._differs(json.loads(text, parse_float=Decimal)) for text in position.earlier)
        for _ in range(position.count - len(position.earlier)):
            for kind in [frozenset[Obligation](), *({atom.obligation} for atom in plan.rules.contains)]:
                self._take(base | kind | earlier | frozenset(self._taken))

    def _next_item(self, position: ArrayPosition) -> tuple[int, Obligations, ArrayPosition]:
        """Return an item that keeps a promise, or else the narrowest: its bytes, obligations and what follows."""
        best: tuple[int, int, Obligations, ArrayPosition] = (0, FAR, frozenset(), position)
        for item in self._plan.items(position):
            obligations = item.obligations | frozenset(self._taken)
            width = self._lengths.shortest(obligations)
            if width < FAR and (best[1] >= FAR or (-sum(item.after.found), width) < best[:2]):
                best = (-sum(item.after.found), width, obligations, item.after)
        return best[1:]

    def _take(self, obligations: Obligations) -> None:
        """Keep a narrowest value apart from those that follow."""
        if self._lengths.shortest(obligations) >= FAR:
            return
        found = self._lengths.example(obligations) if len(self._taken) < MAX_ITEMS else None
        if found is None:
            self._room += ROOM
        else:
            self._taken.append(self._differs(found[0]))

    def _differs(self, value: Any) -> Obligation:
        return self._lengths.oracle.expander.references.synthetic({"const": value}), False
