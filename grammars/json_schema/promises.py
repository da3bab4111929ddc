"""Decide whether the promises of an object can all be kept together.

A promise is kept by a name that stays absent or by a member; members that keep several must meet all of what these ask.
Depth-first search over the ways to keep each; the first that works ends it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING

from fsm.errors import LimitError
from grammars.json_schema.branch import Obligation, Promise, SomeMember

if TYPE_CHECKING:
    from grammars.json_schema.object_plan import ObjectPlan
    from grammars.json_schema.object_position import ObjectPosition

__all__ = ["can_keep_all", "find_easy_names"]

MAX_STEPS = 20_000
_NAME = itemgetter(0)


@dataclass(frozen=True, slots=True)
class _Draft:
    """Hold what was decided: names that come with more obligations, names that stay absent, other members.

    others : per member that is not declared the number of its class of names, and what it must meet besides.
    """

    present: tuple[tuple[str, frozenset[Obligation]], ...]
    absent: frozenset[str]
    others: tuple[tuple[int, frozenset[Obligation]], ...]


def can_keep_all(plan: ObjectPlan, position: ObjectPosition, required: set[str]) -> bool:
    """Tell whether the promises still open at a position can be kept together."""
    waiting = [promise for i, promise in enumerate(plan.rules.some) if not position.kept >> i & 1]
    if plan.rules.low <= position.count + len(required):
        there = frozenset(position.seen | required)
        names = plan.easy_names()
        waiting = [p for i, p in enumerate(plan.rules.some) if not position.kept >> i & 1 and names[i] <= there]
    if waiting and plan.rules.low <= position.count + len(required):
        waiting = _without_easy(plan, position, required, waiting)
    if not waiting:
        return True
    present = tuple((name, frozenset[Obligation]()) for name in sorted(required))
    return _Search(plan, position).run(_Draft(present, frozenset(), ()), waiting)


def find_easy_names(plan: ObjectPlan) -> list[frozenset[str]]:
    """Return for each promise the names whose absence keeps it and that no other promise may want."""
    promises = plan.rules.some
    if any(some.only is None for promise in promises for some in promise.members):
        return [frozenset()] * len(promises)
    wanted = Counter(name for promise in promises for name in {some.only for some in promise.members})
    found = []
    for promise in promises:
        own = {some.only for some in promise.members}
        found.append(frozenset(n for n in promise.absent if wanted[n] <= (n in own) and n not in plan.needed))
    return found


def _without_easy(
    plan: ObjectPlan, position: ObjectPosition, required: set[str], waiting: list[Promise]
) -> list[Promise]:
    """Leave out promises kept by the absence of a name that no other promise may want."""
    if any(some.only is None for promise in waiting for some in promise.members):
        return waiting
    wanted = Counter(name for promise in waiting for name in {some.only for some in promise.members})
    return [promise for promise in waiting if not _is_easy(plan, promise, wanted, frozenset(position.seen | required))]


def _is_easy(plan: ObjectPlan, promise: Promise, wanted: Counter[str | None], there: frozenset[str]) -> bool:
    own = {some.only for some in promise.members}
    return any(
        name not in there and wanted[name] <= (name in own) and name not in plan.needed for name in promise.absent
    )


class _Search:
    def __init__(self, plan: ObjectPlan, position: ObjectPosition) -> None:
        self.plan = plan
        self.position = position
        self.left = plan.left(position)
        self.steps = 0
        self._needed: dict[str, set[str]] = {}

    def run(self, draft: _Draft, waiting: list[Promise]) -> bool:
        """Keep the promise with the fewest ways, then the others."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise LimitError(
                f"json schema: more than {MAX_STEPS} steps to see how an object can fail its alternatives; "
                "give them a property with distinct constants"
            )
        best: list[_Draft] = []
        rest: list[Promise] = []
        chosen: Promise | None = None
        for promise in waiting:
            ways = self._ways(draft, promise)
            if not ways:
                return False
            if ways[0] is draft:
                continue
            rest.append(promise)
            if chosen is None or len(ways) < len(best):
                chosen, best = promise, ways
        if chosen is None:
            return self._reaches_low(draft)
        rest = [promise for promise in rest if promise is not chosen]
        return any(self.run(way, rest) for way in best)

    def _reaches_low(self, draft: _Draft) -> bool:
        """Tell whether enough members can come beside the names that stay absent."""
        plan, count = self.plan, self.position.count
        missing = plan.rules.low - count - sum(name not in draft.absent for name in self.left)
        if missing <= 0:
            return True
        return sum(plan.num_names(other, self.position, missing) for other, _ in plan.others()) >= missing

    def _ways(self, draft: _Draft, promise: Promise) -> list[_Draft]:
        """List what may keep a promise; the draft itself alone where it does so already."""
        if promise.absent & draft.absent:
            return [draft]
        coming = dict(draft.present)
        members = self._members(draft, coming, promise)
        if members and members[0] is draft:
            return members
        return [
            _Draft(draft.present, draft.absent | {name}, draft.others)
            for name in sorted(promise.absent)
            if name not in self.position.seen and name not in coming
        ] + members

    def _members(self, draft: _Draft, coming: dict[str, frozenset[Obligation]], promise: Promise) -> list[_Draft]:
        """List what may keep a promise with a member."""
        plan, found = self.plan, []
        for some in promise.members:
            extra = frozenset() if some.value is None else frozenset([some.value])
            names = self.left if some.only is None else [some.only] if some.only in self.left else []
            for name in names:
                if name in draft.absent or (some.only is None and not plan.keeps(some, name)):
                    continue
                known = coming.get(name, frozenset())
                value = plan.value_of(name)
                assert value is not None
                if extra <= known | value and name in coming:
                    return [draft]
                if plan.oracle.is_satisfiable(value | known | extra):
                    grown = self._with(draft, coming, name, known | extra)
                    if grown is not None:
                        found.append(grown)
            if some.only is None:
                found += self._other_members(draft, some, extra)
        return found

    def _other_members(self, draft: _Draft, some: SomeMember, extra: frozenset[Obligation]) -> list[_Draft]:
        """List what may keep a promise with a member that is not declared: one already planned, or one more."""
        plan, found = self.plan, []
        classes = plan.others()
        for i, (number, known) in enumerate(draft.others):
            other, value = classes[number]
            if plan.other_keeps(some, other):
                if extra <= known | value:
                    return [draft]
                if plan.oracle.is_satisfiable(value | known | extra):
                    grown = (*draft.others[:i], (number, known | extra), *draft.others[i + 1 :])
                    found.append(_Draft(draft.present, draft.absent, grown))
        if self._has_room(draft, 1):
            for number, (other, value) in enumerate(classes):
                if plan.other_keeps(some, other) and plan.oracle.is_satisfiable(value | extra):
                    used = sum(each == number for each, _ in draft.others)
                    if plan.num_names(other, self.position, used + 1) > used:
                        found.append(_Draft(draft.present, draft.absent, (*draft.others, (number, extra))))
        return found

    def _with(
        self, draft: _Draft, coming: dict[str, frozenset[Obligation]], name: str, extra: frozenset[Obligation]
    ) -> _Draft | None:
        """Add a member, and the names that it needs; None where they cannot come."""
        grown = dict(coming)
        grown[name] = extra
        if name not in coming:
            needed = self._needed_beside(name)
            for other in needed:
                if other in draft.absent or other not in self.left:
                    return None
                grown.setdefault(other, frozenset())
            if not self._has_room(draft, len(grown) - len(coming)):
                return None
        return _Draft(tuple(sorted(grown.items(), key=_NAME)), draft.absent, draft.others)

    def _needed_beside(self, name: str) -> set[str]:
        """Return the names that must still come once this one has."""
        known = self._needed.get(name)
        if known is None:
            after = replace(self.position, seen=self.position.seen | {name})
            known = self._needed[name] = self.plan.required_at(after)
        return known

    def _has_room(self, draft: _Draft, more: int) -> bool:
        high = self.plan.rules.high
        return high is None or self.position.count + len(draft.present) + len(draft.others) + more <= high
