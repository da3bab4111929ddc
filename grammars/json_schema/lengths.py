"""Find the shortest JSON text that meets obligations, which also decides whether there is any.

A memoised least fixpoint over the same expansion as the automata: recursion that never ends has no text. Cost: nothing
for subschemas that are certainly satisfiable; else the reachable obligations once.
"""

from __future__ import annotations

import json
from typing import Any

from fsm.dfa import shortest_string
from grammars.json_schema.array_plan import ArrayPlan
from grammars.json_schema.branch import ARRAY, BOOLEAN, FALSE, NULL, NUMBER, OBJECT, STRING, TRUE, Branch
from grammars.json_schema.certainty import Certainty
from grammars.json_schema.evaluate import Evaluator
from grammars.json_schema.expand import Expander
from grammars.json_schema.numbers import NumberSpelling, number_dfa
from grammars.json_schema.object_plan import ObjectPlan, Obligations
from grammars.json_schema.spaces import Spaces
from grammars.json_schema.strings import string_language

__all__ = ["Lengths"]


class Lengths:
    """Know the shortest text of every set of obligations asked for.

    Parameters
    ----------
    expander, evaluator : the document's.
    spaces : the white space policy, for the width of separators.
    """

    def __init__(
        self, expander: Expander, evaluator: Evaluator, spaces: Spaces, spelling: NumberSpelling, *, is_ordered: bool
    ) -> None:
        self.expander = expander
        self.evaluator = evaluator
        self.spelling = spelling
        self.is_ordered = is_ordered
        self.certainty = Certainty(expander)
        self.comma = len(spaces.comma)
        self.colon = len(spaces.colon)
        self._known: dict[Obligations, int | None] = {}
        self._running: dict[Obligations, int] = {}
        self._lowest_hit = 1 << 60

    def is_satisfiable(self, obligations: Obligations) -> bool:
        """Tell whether some value meets all obligations."""
        if not obligations:
            return True
        if len(obligations) == 1:
            ((node, holds),) = obligations
            if holds and self.certainty.holds(node):
                return True
        return self.shortest(obligations) is not None

    def meets_all(self, obligations: Obligations, value: object) -> bool:
        """Tell whether a value meets all obligations."""
        return self.evaluator.meets_all(obligations, value)

    def shortest(self, obligations: Obligations) -> int | None:
        """Return the bytes of the shortest text, None where there is none."""
        if obligations in self._known:
            return self._known[obligations]
        depth = self._running.get(obligations)
        if depth is not None:  # recursion: a shortest text never contains itself
            self._lowest_hit = min(self._lowest_hit, depth)
            return None
        here = len(self._running)
        self._running[obligations] = here
        outer, self._lowest_hit = self._lowest_hit, 1 << 60
        try:
            found = self._measure(obligations)
        finally:
            del self._running[obligations]
            hit, self._lowest_hit = self._lowest_hit, min(outer, self._lowest_hit)
        if hit >= here:  # the result leaned on nothing that is still open above
            self._known[obligations] = found
            if hit == here:
                self._lowest_hit = outer
        return found

    def _measure(self, obligations: Obligations) -> int | None:
        best: int | None = None
        for branch in self.expander.branches(obligations):
            found = self._measure_branch(branch, obligations)
            if found is not None and (best is None or found < best):
                best = found
        return best

    def _measure_branch(self, branch: Branch, obligations: Obligations) -> int | None:
        if branch.candidates is not None:
            fitting = [v for v in branch.candidates if self.evaluator.meets_all(obligations, v)]
            return min((self._width(value) for value in fitting), default=None)
        widths = []
        types = branch.types
        if types & (NULL | TRUE):
            widths.append(4)
        if types & BOOLEAN == FALSE:
            widths.append(5)
        if types & NUMBER:
            dfa = number_dfa(branch.number, self.spelling)
            if dfa.start:
                widths.append(dfa.shortest(dfa.start))
        if types & STRING:
            language = string_language(branch.string)
            if not language.is_empty:
                widths.append(2 + _string_width(language))
        if types & ARRAY:
            widths.append(self._measure_array(ArrayPlan(branch.array, self.expander, self)))
        if types & OBJECT:
            plan = ObjectPlan(branch.object, self.expander, self, is_ordered=self.is_ordered)
            widths.append(self._measure_object(plan))
        return min((width for width in widths if width is not None), default=None)

    def _width(self, value: Any) -> int:
        return len(json.dumps(value, ensure_ascii=False, separators=(" " * self.comma, " " * self.colon)).encode())

    def _measure_array(self, plan: ArrayPlan) -> int | None:
        if plan.is_plain():
            return 2
        if not plan.is_alive(plan.start):
            return None
        total, position = 1, plan.start
        for _ in range(self.expander.limits.max_steps):
            if plan.may_close(position):
                return total + 1
            ways = [(self.shortest(item.obligations), item.after) for item in plan.items(position)]
            known = [(width, after) for width, after in ways if width is not None]
            if not known:
                return None
            # Items that keep a promise come first, so that the way is short, if not always the shortest.
            width, position = max(known, key=lambda way: (sum(way[1].found), -way[0]))
            total += width + (self.comma if total > 1 else 0)
        return total + 1

    def _measure_object(self, plan: ObjectPlan) -> int | None:
        if plan.is_plain():
            return 2
        if not plan.can_complete(plan.start):
            return None
        total, position = 1, plan.start
        for _ in range(self.expander.limits.max_steps):
            if plan.may_close(position):
                return total + 1
            required = plan.required_at(position)
            best: tuple[tuple[bool, int, int], Any] | None = None
            for name, members in plan.offers(position):
                if required and name not in required:
                    continue
                for member in members:
                    width = self.shortest(member.obligations)
                    if width is not None:
                        width += self._width(name) + self.colon
                        rank = (name not in required, -member.after.kept, width)
                        if best is None or rank < best[0]:
                            best = (rank, (width, member.after))
            if best is None and not required:
                best = self._cheapest_other(plan, position)
            if best is None:
                return None
            width, position = best[1]
            total += width + (self.comma if total > 1 else 0)
        return None

    def _cheapest_other(self, plan: ObjectPlan, position: Any) -> tuple[tuple[bool, int, int], Any] | None:
        best: tuple[tuple[bool, int, int], Any] | None = None
        for other, members in plan.other_offers(position):
            for member in members:
                width = self.shortest(member.obligations)
                if width is not None:
                    width += 3 + self.colon + (0 if other.dfa is None else other.dfa.shortest(other.dfa.start))
                    rank = (True, -member.after.kept, width)
                    if best is None or rank < best[0]:
                        best = (rank, (width, member.after))
        return best


def _string_width(language: Any) -> int:
    shortest: int = language.shortest
    if shortest == 0:
        return 0
    lengths = language.dfa.lengths(language.dfa.start)
    if lengths.is_every:
        return shortest
    text = shortest_string(language.dfa) or ""
    return max(shortest, len(json.dumps(text, ensure_ascii=False).encode()) - 2)
