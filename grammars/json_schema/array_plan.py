"""Say which item an array may have next.

Input: the array rules of one branch. Output: for a position (items so far), what the next item must meet, and whether
the array may close. The count of items saturates where it cannot matter any more.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from fsm.errors import LimitError
from fsm.expansion_time import check_expansion_time
from grammars.json_schema.branch import ArrayRules, Obligation
from grammars.json_schema.domains import Domain, can_finish, critical_values, domain_of, few_values, other_values
from grammars.json_schema.expand import Expander
from grammars.json_schema.oracle import Obligations, Oracle
from grammars.json_schema.values import canonical

__all__ = ["ArrayPlan", "ArrayPosition", "Item"]


@dataclass(frozen=True, slots=True)
class ArrayPosition:
    """Be a place between items.

    count : items so far, saturated; found : matching items so far per ``contains``, saturated.
    earlier : JSON texts of the items so far, where they must differ.
    unread : items whose texts are not among them yet: a mask looks past items without knowing them.
    """

    count: int
    found: tuple[int, ...]
    earlier: frozenset[str] = frozenset()
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """Be one way to go on: the obligations of the item, and the position after it."""

    obligations: Obligations
    after: ArrayPosition


class ArrayPlan:
    """Answer what may come next in an array."""

    def __init__(self, rules: ArrayRules, expander: Expander, oracle: Oracle) -> None:
        self.rules = rules
        self.expander = expander
        self.oracle = oracle
        self.start = ArrayPosition(0, (0,) * len(rules.contains))
        places = [len(group.prefix) for group in rules.groups] + [atom.first for atom in rules.contains]
        # From this index on every item is asked the same.
        self.steady = max(places, default=0)
        self.most = max(self.steady, rules.low, -1 if rules.high is None else rules.high)
        self._domains: dict[int, Domain | None] = {}
        self._few: dict[int, Domain | None] = {}
        self._base: dict[int, Obligations | None] = {}
        self._alive: dict[tuple[int, tuple[int, ...]], bool] = {}

    def base_of(self, index: int) -> Obligations | None:
        """Return what the item at an index must meet by its place; None where no value can."""
        index = min(index, self.steady)
        try:
            return self._base[index]
        except KeyError:
            obligations: set[Obligation] = set()
            for group in self.rules.groups:
                obligation = group.prefix[index] if index < len(group.prefix) else group.rest
                if obligation is not None:
                    obligations.add(obligation)
            obligations.discard((self.expander.references.true, True))
            found: Obligations | None = frozenset(obligations)
            if not self.oracle.is_satisfiable(frozenset(obligations)):
                found = None
            self._base[index] = found
            return found

    def may_close(self, position: ArrayPosition) -> bool:
        """Tell whether the array may end here."""
        return position.count >= self.rules.low and all(
            found >= atom.low for found, atom in zip(position.found, self.rules.contains, strict=True)
        )

    def items(self, position: ArrayPosition) -> list[Item]:
        """List the ways to go on with one more item."""
        if self.rules.high is not None and position.count >= self.rules.high:
            return []
        base = self.base_of(position.count)
        if base is None:
            return []
        if self.rules.is_unique:
            if position.unread and self._is_used_up(position):
                return []
            base = base | self._differing(position)
        count = min(position.count + 1, self.most) if self.rules.high is None else position.count + 1
        ways = self._ways(position, base)
        found = []
        for obligations, matches in ways:
            after = ArrayPosition(count, matches, position.earlier, position.unread + self.rules.is_unique)
            is_free = obligations is base and not self.rules.is_unique
            if (is_free or self.oracle.is_satisfiable(obligations)) and self.is_alive(after):
                found.append(Item(obligations, after))
        return found

    def listed(self, position: ArrayPosition) -> list[Any] | None:
        """Return the values of which the next item must be one, where they are few and must differ; None elsewhere."""
        if not self.rules.is_unique or self.rules.contains or position.unread:
            return None
        index = min(position.count, self.steady)
        if index not in self._few:
            base = self.base_of(index)
            self._few[index] = None if base is None else few_values(base, self.expander, self.oracle)
        few = self._few[index]
        if few is None:
            return None
        barred = {canonical(value) for value in self._values_taken(position)}
        return [value for key, value in few.items() if key not in barred]

    def domain(self, index: int) -> Domain | None:
        """Return the values an item may have by its place; None where they are many."""
        index = min(index, self.steady)
        if index not in self._domains:
            base = self.base_of(index)
            self._domains[index] = {} if base is None else domain_of(base, self.expander, self.oracle)
        return self._domains[index]

    def _is_used_up(self, position: ArrayPosition) -> bool:
        """Tell whether the items that were not read yet certainly took the last values that the next one may have."""
        seen = {canonical(_load(text)) for text in position.earlier}
        base = self.base_of(position.count)
        left = self._others(base, seen, position.unread)
        if left is None:
            return False
        # The count saturates at the end, so that what was not read may have had the last place's rules as well.
        unread = {self.base_of(index) for index in range(max(0, position.count - position.unread), position.count + 1)}
        taken = {*seen, *left}
        return all(one == base or self._others(one, taken, 0) is not None for one in unread)

    def _others(self, base: Obligations | None, but: set[Hashable], most: int) -> Domain | None:
        if base is None:
            return {}
        return other_values(base, self.expander, self.oracle, but=but, most=most)

    def _differing(self, position: ArrayPosition) -> Obligations:
        """Return what keeps the next item apart from earlier ones, and room for those that must follow."""
        constant = self.expander.references.synthetic
        return frozenset((constant({"const": value}), False) for value in self._values_taken(position))

    def _values_taken(self, position: ArrayPosition) -> list[Any]:
        """List the values of earlier items, and those without which the items that must follow could not differ."""
        values = [_load(text) for text in position.earlier]
        if self.rules.low > position.count + 1:
            values += critical_values(self, position.count, frozenset(map(canonical, values)))
        return values

    def after_value(self, position: ArrayPosition, text: str) -> ArrayPosition:
        """Return the position once the value of the last item is known."""
        return replace(position, earlier=position.earlier | {text}, unread=0)

    def _ways(self, position: ArrayPosition, base: Obligations) -> list[tuple[Obligations, tuple[int, ...]]]:
        """Branch over which ``contains`` the item matches; where that cannot matter it is not asked."""
        ways: list[tuple[Obligations, tuple[int, ...]]] = [(base, ())]
        for atom, found in zip(self.rules.contains, position.found, strict=True):
            node, holds = atom.obligation
            if position.count < atom.first:
                ways = [(obligations, (*matches, found)) for obligations, matches in ways]
            elif atom.high is None:
                wider = [(obligations, (*matches, found)) for obligations, matches in ways]
                if found < atom.low:
                    wider += [(o | {atom.obligation}, (*matches, found + 1)) for o, matches in ways]
                ways = wider
            else:
                narrow = [(o | {(node, not holds)}, (*matches, found)) for o, matches in ways]
                if found < atom.high:
                    narrow += [(o | {atom.obligation}, (*matches, found + 1)) for o, matches in ways]
                ways = narrow
        return ways

    def is_alive(self, position: ArrayPosition) -> bool:
        """Tell whether the array can still be closed from a position."""
        if self.rules.is_unique and position == self.start and not can_finish(self, 0, frozenset()):
            return False
        if not self.rules.contains:
            return self._reaches_low(position.count)
        key = (position.count, position.found)
        known = self._alive.get(key)
        if known is None:
            known = self._alive[key] = self._is_easily_alive(position) or self._search_alive(position)
        return known

    def _is_easily_alive(self, position: ArrayPosition) -> bool:
        """Tell whether items that match everything asked for certainly reach the end."""
        atoms = self.rules.contains
        if any(atom.high is not None for atom in atoms):
            return False
        missing = max(atom.low - found for atom, found in zip(atoms, position.found, strict=True))
        place = max(position.count, self.steady)
        if self.rules.high is not None and max(place + missing, self.rules.low) > self.rules.high:
            return False
        base = self.base_of(place)
        return (
            base is not None
            and all(self.base_of(i) is not None for i in range(position.count, self.steady))
            and self.oracle.is_satisfiable(base | {atom.obligation for atom in atoms if atom.low})
        )

    def _reaches_low(self, count: int) -> bool:
        low, high = self.rules.low, self.rules.high
        if high is not None and max(low, count) > high:
            return False
        return all(self.base_of(i) is not None for i in range(count, min(low, self.steady + 1))) and (
            low <= max(count, self.steady) or self.base_of(self.steady) is not None
        )

    def _search_alive(self, start: ArrayPosition) -> bool:
        """Search the positions after this one for one that may close."""
        if not self._reaches_low(start.count):
            return False
        seen, todo = {start}, [start]
        steps = 0
        while todo:
            position = todo.pop()
            steps += 1
            check_expansion_time()
            if self.may_close(position):
                return True
            if steps > self.expander.limits.max_steps:
                raise LimitError(
                    f'json schema: more than {steps - 1} steps to see whether an array can meet "contains"; '
                    "lower minContains, or raise SchemaLimits(max_steps=...)"
                )
            high = self.rules.high
            base = self.base_of(position.count)
            if base is None or (high is not None and position.count >= high):
                continue
            count = min(position.count + 1, self.most) if high is None else position.count + 1
            for obligations, matches in self._ways(position, base):
                after = ArrayPosition(count, matches)
                if after not in seen and (obligations is base or self.oracle.is_satisfiable(obligations)):
                    seen.add(after)
                    todo.append(after)
        return False

    def is_plain(self) -> bool:
        """Tell whether ``[]`` is certainly allowed."""
        return self.rules.low == 0 and all(atom.low == 0 for atom in self.rules.contains)


def _load(text: str) -> object:
    return json.loads(text, parse_float=Decimal)
