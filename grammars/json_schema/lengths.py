"""Find the shortest JSON text that meets obligations, and the shortest way out of a container that is half written.

Cost: the reachable obligations once. Limit: where several ``contains`` or existential promises meet, the way found is
one that works, not always the very shortest.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from fsm.dfa import shortest_string
from fsm.expansion_time import check_expansion_time
from fsm.text_widths import FAR, text_widths
from grammars.json_schema.array_plan import ArrayPlan, ArrayPosition
from grammars.json_schema.branch import ARRAY, BOOLEAN, FALSE, NULL, NUMBER, OBJECT, STRING, TRUE, Branch
from grammars.json_schema.distinct_items import DistinctItems
from grammars.json_schema.member_lengths import MemberLengths
from grammars.json_schema.numbers import number_dfa
from grammars.json_schema.object_plan import ObjectPlan
from grammars.json_schema.object_position import Member, ObjectPosition
from grammars.json_schema.oracle import Obligations
from grammars.json_schema.satisfiable import Satisfiability, too_deep
from grammars.json_schema.spaces import Spaces
from grammars.json_schema.strings import CountedString, string_language

__all__ = ["Lengths"]

MAX_EXAMPLE = 256
_CONSTANTS: tuple[tuple[int, bool | None], ...] = ((NULL, None), (TRUE, True), (FALSE, False))


class Lengths:
    """Know the bytes of the shortest text of every set of obligations; ``FAR`` where there is none."""

    def __init__(self, oracle: Satisfiability, spaces: Spaces) -> None:
        self.oracle = oracle
        self.comma = len(spaces.comma)
        self.colon = len(spaces.colon)
        self._known: dict[Obligations, int] = {}
        self._members: dict[ObjectPlan, MemberLengths] = {}
        self._open: set[Obligations] = set()
        self._leaned = False

    def shortest(self, obligations: Obligations) -> int:
        """Return the bytes of the shortest text."""
        known = self._known.get(obligations)
        if known is not None:
            return known
        if obligations in self._open:  # a shortest text never contains itself
            self._leaned = True
            return FAR
        check_expansion_time()
        outer, self._leaned = self._leaned, False
        try:
            self._open.add(obligations)
            branches = self.oracle.expander.branches(obligations)
            found = min((self._measure(branch, obligations) for branch in branches), default=FAR)
        except RecursionError as error:
            if len(self._open) > 1:
                raise
            raise too_deep(obligations) from error
        finally:
            self._open.discard(obligations)
        if not self._leaned or not self._open:
            self._known[obligations] = found
        self._leaned = (self._leaned or outer) and bool(self._open)
        return found

    def _measure(self, branch: Branch, obligations: Obligations) -> int:
        if branch.candidates is not None:
            fitting = [value for value in branch.candidates if self.oracle.meets_all(obligations, value)]
            return min((self.width(value) for value in fitting), default=FAR)
        types, best = branch.types, FAR
        if types & (NULL | TRUE):
            best = 4
        elif types & BOOLEAN == FALSE:
            best = 5
        if types & NUMBER:
            dfa = number_dfa(branch.number, self.oracle.spelling)
            best = min(best, dfa.shortest(dfa.start) if dfa.start else FAR)
        if types & STRING:
            language = string_language(branch.string)
            best = min(best, FAR if language.is_empty else 2 + _string_width(language))
        if types & ARRAY and best > 2:
            plan = ArrayPlan(branch.array, self.oracle.expander, self.oracle)
            best = min(best, 1 + self.close_array(plan, plan.start, is_first=True))
        if types & OBJECT and best > 2:
            rules = self.oracle.object_plan(branch)
            best = min(best, 1 + MemberLengths(self, rules).close(rules.start, is_first=True))
        return best

    def width(self, value: Any) -> int:
        """Return the bytes of a value with this policy's separators."""
        separators = (" " * self.comma, " " * self.colon)
        return len(json.dumps(value, ensure_ascii=False, separators=separators).encode("utf-8", "surrogatepass"))

    def example(self, obligations: Obligations) -> tuple[Any] | None:
        """Return a value with one of the shortest texts, in a tuple; None for arrays, objects and very long texts."""
        best, found = FAR, None
        for branch in self.oracle.expander.branches(obligations):
            width = self._measure(branch, obligations)
            if width < best:
                best, found = width, branch
        return None if found is None else self._example_of(found, obligations, best)

    def _example_of(self, branch: Branch, obligations: Obligations, width: int) -> tuple[Any] | None:
        if branch.candidates is not None:
            return (min((v for v in branch.candidates if self.oracle.meets_all(obligations, v)), key=self.width),)
        for kind, value in _CONSTANTS:
            if branch.types & kind and len(json.dumps(value)) == width:
                return (value,)
        if branch.types & NUMBER:
            dfa = number_dfa(branch.number, self.oracle.spelling)
            if dfa.start and dfa.shortest(dfa.start) == width:
                return (json.loads(shortest_string(dfa) or "0", parse_float=Decimal),)
        if branch.types & STRING:
            language = string_language(branch.string)
            if not language.is_empty and 2 + _string_width(language) == width <= MAX_EXAMPLE:
                text = text_widths(language.dfa).example(language.low if language.is_counted else None)
                return None if text is None else (text,)
        return None

    def close_array(self, plan: ArrayPlan, position: ArrayPosition, *, is_first: bool) -> int:
        """Return the bytes from a place between items to the closing bracket."""
        total = 0
        if not (plan.is_plain() or plan.is_alive(position)):
            return FAR
        if plan.rules.is_unique:
            total = DistinctItems(self, plan, position).close(is_first=is_first)
            if total < FAR:
                return total
            total = 0
        for _ in range(plan.rules.low + self.oracle.expander.limits.max_branches):
            if plan.may_close(position):
                return total + 1
            check_expansion_time()
            if position.count >= plan.steady and not plan.rules.contains:  # all that is missing is asked the same
                base, missing = plan.base_of(position.count), plan.rules.low - position.count
                width = FAR if base is None else self.shortest(base)
                return min(total + missing * (width + self.comma) - (self.comma if is_first else 0) + 1, FAR)
            ways = [(self.shortest(item.obligations), item.after) for item in plan.items(position)]
            # An item that keeps a promise comes first; of those the shortest.
            nearest = min(ways, key=lambda way: (way[0] >= FAR, -sum(way[1].found), way[0]), default=(FAR, position))
            width, position = nearest
            total += width + (0 if is_first else self.comma)
            is_first = False
            if total >= FAR:
                return FAR
        return FAR

    def close_object(self, plan: ObjectPlan, position: ObjectPosition, *, is_first: bool) -> int:
        """Return the bytes from a place between members to the closing brace."""
        return self._members_of(plan).close(position, is_first=is_first)

    def next_member(self, plan: ObjectPlan, position: ObjectPosition) -> tuple[int, ObjectPosition]:
        """Return the bytes of a member that leads towards the closing brace, and the position after it."""
        return self._members_of(plan).next_member(position)

    def after_members(self, plan: ObjectPlan, members: list[Member]) -> int:
        """Return the bytes from after a key to the closing brace."""
        return min(
            self.colon + self.shortest(member.obligations) + self.close_object(plan, member.after, is_first=False)
            for member in members
        )

    def _members_of(self, plan: ObjectPlan) -> MemberLengths:
        known = self._members.get(plan)
        if known is None:
            known = self._members[plan] = MemberLengths(self, plan)
        return known


def _string_width(language: CountedString) -> int:
    widths, start = text_widths(language.dfa), language.dfa.start
    return widths.at_least(start, language.low) if language.is_counted else widths.shortest(start)
