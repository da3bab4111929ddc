"""Find the shortest way out of an object that is half written.

Without promises the members that must come are known: those required, and the narrowest others up to
``minProperties``; their bytes add up. Where promises are open, members are taken one after the other, those first that
are required or keep a promise: a way that works, not always the very shortest. A name that was written but not read yet
is taken to be the narrowest, so that what is left never grows when it is read.
Cost: the declared names, once per position.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsm.dfa import any_string
from fsm.errors import LimitError
from fsm.expansion_time import check_expansion_time
from fsm.text_widths import FAR, text_widths, written_width
from grammars.json_schema.object_plan import ObjectPlan
from grammars.json_schema.object_position import ObjectPosition
from grammars.json_schema.other_names import OtherNames

if TYPE_CHECKING:
    from grammars.json_schema.lengths import Lengths

__all__ = ["MAX_FILLERS", "MemberLengths"]

MAX_FILLERS = 10_000
"""The most members besides the listed ones whose names are found one by one, the narrowest first."""


@dataclass(frozen=True, slots=True, order=True)
class _Way:
    """Be a member that may come next; the least is the one worth taking.

    optional : 0 where it is required, else 1; kept : minus the promises kept then; width : its bytes.
    """

    optional: int
    kept: int
    width: int
    after: ObjectPosition = field(compare=False)


class MemberLengths:
    """Know for the positions of one plan the bytes to the closing brace."""

    def __init__(self, lengths: Lengths, plan: ObjectPlan) -> None:
        self._lengths = lengths
        self._plan = plan
        self._known: dict[ObjectPosition, int] = {}
        self._declared: dict[str, int] = {}

    def close(self, position: ObjectPosition, *, is_first: bool) -> int:
        """Return the bytes from a place between members to the closing brace."""
        if self._plan.may_close(position):
            return 1
        if position not in self._known:
            self._measure(position)
        return min(self._known[position] + (0 if is_first else self._lengths.comma), FAR)

    def next_member(self, position: ObjectPosition) -> tuple[int, ObjectPosition]:
        """Return the bytes of a member that leads towards the closing brace, and the position after it."""
        check_expansion_time()
        plan = self._plan
        required = self._required(position)
        if required is None:
            way = min(self._ways(position), default=None)
            return (FAR, position) if way is None else (way.width, way.after)
        last = len(plan.names)
        members = [(self._declared[name], plan.rank[name]) for name in required] + self._fillers(position, required)
        width, rank = min(members, key=lambda member: member[plan.is_ordered])
        seen = position.seen if rank == last else position.seen | {plan.names[rank]}
        return width, ObjectPosition(min(rank + 1, last) if plan.is_ordered else 0, seen, position.count + 1, 0)

    def _measure(self, position: ObjectPosition) -> None:
        """Note the bytes to the closing brace, here and at every place on the way."""
        required = self._required(position)
        if required is not None:
            widths = [width for width, _ in self._fillers(position, required)]
            total = sum(map(self._declared.__getitem__, required)) + sum(widths)
            self._known[position] = min(total + (len(required) + len(widths) - 1) * self._lengths.comma + 1, FAR)
            return
        plan, path, here = self._plan, list[tuple[ObjectPosition, int]](), position
        most = len(plan.names) + plan.rules.low + len(plan.rules.some) + 1
        while here not in self._known and not plan.may_close(here) and len(path) <= most:
            width, after = self.next_member(here)
            path.append((here, width))
            here = after
        total = 1 if plan.may_close(here) else self._known.get(here, FAR) + self._lengths.comma
        for place, width in reversed(path):
            total += width
            self._known[place] = min(total, FAR)
            total += self._lengths.comma

    def _required(self, position: ObjectPosition) -> set[str] | None:
        """Return the names that must come, their widths known; None where it takes a search to tell what must."""
        plan = self._plan
        if plan.rules.some:
            return None
        required = plan.required_at(position)
        if plan.rules.needs and plan.rules.low > position.count + len(required):
            return None
        for name in required - self._declared.keys():
            self._width(name)
        return required

    def _fillers(self, position: ObjectPosition, required: set[str]) -> list[tuple[int, int]]:
        """List the narrowest members that must come besides the required ones: bytes, and the number of the name."""
        plan, lengths = self._plan, self._lengths
        most = max(plan.rules.low - position.count - len(required), 0 if required else 1)
        if not most:
            return []
        if most > MAX_FILLERS:
            raise LimitError(
                f'json schema: "minProperties" asks for {most} members that are not listed, of which at most '
                f"{MAX_FILLERS} are measured (limit MAX_FILLERS of grammars.json_schema.member_lengths); lower it"
            )
        members = [(self._width(name), plan.rank[name]) for name in plan.left(position) if name not in required]
        undeclared = len(plan.names)
        for other, value in plan.others():
            rest = lengths.colon + lengths.shortest(value)
            names = (self._other_width(other, position, number) for number in range(1, most + 1))
            members += [(name + rest, undeclared) for name in names]
        return (sorted(members) + [(FAR, undeclared)] * most)[:most]

    def _ways(self, position: ObjectPosition) -> Iterator[_Way]:
        """List the members that may come next."""
        plan, lengths = self._plan, self._lengths
        required = plan.required_at(position)
        offers = [(written_width(name) + 2, name not in required, members) for name, members in plan.offers(position)]
        if all(is_optional for _, is_optional, _ in offers):
            offers += [(self._other_width(o, position, 1), True, members) for o, members in plan.other_offers(position)]
        for name_width, is_optional, members in offers:
            for member in members:
                width = name_width + lengths.colon + lengths.shortest(member.obligations)
                if width < FAR:
                    yield _Way(int(is_optional), -member.after.kept.bit_count(), width, member.after)

    def _width(self, name: str) -> int:
        """Return the bytes of a declared member."""
        known = self._declared.get(name)
        if known is None:
            check_expansion_time()
            value = self._plan.value_of(name)
            rest = FAR if value is None else self._lengths.shortest(value)
            known = self._declared[name] = min(written_width(name) + 2 + self._lengths.colon + rest, FAR)
        return known

    def _other_width(self, other: OtherNames, position: ObjectPosition, number: int) -> int:
        """Return the bytes of the narrowest names of a class that do not stand yet: the first, the second, ..."""
        check_expansion_time()
        unread = position.count - len(position.seen)
        names = text_widths(other.dfa or any_string())
        return names.nth(number + unread, {*self._plan.names, *position.seen}) + 2
