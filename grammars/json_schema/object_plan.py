"""Say which members an object may have next, whatever order they come in.

Input: the object rules of one branch. Output: for a position (members seen so far), which names are offered, what their
values must meet, and whether the object may close. No network here: the same plan serves states, lengths and emptiness.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from functools import cached_property

from fsm.automata.dfa import Dfa
from fsm.dfa import count_strings
from grammars.json_schema.branch import MemberGroup, ObjectRules, Obligation, SomeMember
from grammars.json_schema.expand import Expander
from grammars.json_schema.groups import DeclaredNames
from grammars.json_schema.meaning import meaning_beside
from grammars.json_schema.object_position import START, Member, ObjectPosition
from grammars.json_schema.oracle import Obligations, Oracle
from grammars.json_schema.other_names import OtherNames, divide_names
from grammars.regex import regex_dfa

__all__ = ["ObjectPlan"]


class ObjectPlan:
    """Answer what may come next in an object.

    Parameters
    ----------
    rules : the atoms of one branch.
    is_ordered : declared names come in the order of the schema, other names after them.
    """

    def __init__(self, rules: ObjectRules, expander: Expander, oracle: Oracle, *, is_ordered: bool) -> None:
        self.rules = rules
        self.oracle = oracle
        self.expander = expander
        self.is_ordered = is_ordered
        self.names = self._declared()
        self.start = START
        self._values: dict[str, Obligations | None] = {}
        self._others: list[tuple[OtherNames, Obligations]] | None = None
        self._asked: dict[str, dict[int, list[Obligation | None]]] = {}
        self._easy: list[frozenset[str]] | None = None
        self._completes: dict[ObjectPosition, bool] = {}
        self.is_simple = not (rules.some or rules.needs or rules.low or rules.high is not None)

    @cached_property
    def all_kept(self) -> int:
        """One bit per promise."""
        return (1 << len(self.rules.some)) - 1

    @cached_property
    def needed(self) -> set[str]:
        """The names that some other name needs."""
        return {other for _, needed in self.rules.needs for other in needed}

    @cached_property
    def _needs(self) -> dict[str, set[str]]:
        """The names that each name needs."""
        found: dict[str, set[str]] = {}
        for name, needed in self.rules.needs:
            found.setdefault(name, set()).update(needed)
        return found

    @cached_property
    def _generic(self) -> list[tuple[int, SomeMember]]:
        """The members of any name that keep promises, each with the promise's number."""
        return [(i, s) for i, promise in enumerate(self.rules.some) for s in promise.members if s.only is None]

    @cached_property
    def rank(self) -> dict[str, int]:
        """Where each declared name stands in the order."""
        return {name: i for i, name in enumerate(self.names)}

    def _declared(self) -> list[str]:
        names: dict[str, None] = {}
        for group in self.rules.groups:
            declared: dict[str, None] = dict.fromkeys(group.names)
            names = names | declared if names else declared
        names.update(dict.fromkeys(sorted(self.rules.required.difference(names))))
        for name, needed in self.rules.needs:
            names.setdefault(name)
            names.update(dict.fromkeys(n for n in needed if n not in names))
        for promise in self.rules.some:
            more = [some.only for some in promise.members if some.only is not None]
            more += sorted(promise.absent.union(*(some.but_names for some in promise.members)))
            names.update(dict.fromkeys(n for n in more if n not in names))
        return list(names)

    # -- obligations of values -------------------------------------------------------------------------------------

    def allows(self, name: str) -> bool:
        """Tell whether a declared name may come with some value; where its schema shows that, it is not opened."""
        return self._is_certain(name) or self.value_of(name) is not None

    def _is_certain(self, name: str) -> bool:
        names = self._alone
        return names is not None and name in names and self.oracle.is_certain(names.node, names.schemas[name])

    @cached_property
    def allowed(self) -> list[str]:
        """The declared names that may come with some value, in order."""
        return [name for name in self.names if self.allows(name)]

    @cached_property
    def _alone(self) -> DeclaredNames | None:
        """The names about whose values nothing else is asked."""
        groups = self.rules.groups
        if len(groups) != 1 or groups[0].patterns or self.rules.names:
            return None
        names = groups[0].names
        return names if isinstance(names, DeclaredNames) else None

    def kind_of(self, name: str) -> Hashable:
        """Return a key that only names have in common whose values must meet the same."""
        names = self._alone if self.expander.leniency is None else None
        schema = None if names is None else names.schemas.get(name)
        if type(schema) is not dict:
            return name
        meaning = meaning_beside(schema)
        return name if meaning is None else (meaning,)

    def value_of(self, name: str) -> Obligations | None:
        """Return what the value of a declared name must meet; None where no value can or the name is not allowed."""
        try:
            return self._values[name]
        except KeyError:
            found = self._values[name] = self._value_of(name)
            return found

    def _value_of(self, name: str) -> Obligations | None:
        if self._is_certain(name):
            return self.oracle.take_certain(self.rules.groups[0].names[name])
        obligations: set[Obligation] = set()
        for group in self.rules.groups:
            obligations.update(_obligations(group, name))
        obligations.discard((self.expander.references.true, True))
        if self.rules.names and not self.oracle.meets_all(frozenset(self.rules.names), name):
            return None
        found = frozenset(obligations)
        return found if self.oracle.is_satisfiable(found) else None

    def others(self) -> list[tuple[OtherNames, Obligations]]:
        """List the classes of names that are not declared, with what their values must meet; empty ones left out."""
        if self._others is None:
            self._others = [
                (other, obligations)
                for other, obligations in divide_names(self.rules, self.expander, self.oracle)
                if self.oracle.is_satisfiable(obligations)
            ]
        return self._others

    # -- positions -------------------------------------------------------------------------------------------------

    def required_at(self, position: ObjectPosition) -> set[str]:
        """Return the names that must still come."""
        required = self.rules.required - position.seen
        if self._needs:
            for name in position.seen:
                required |= self._needs.get(name, set()) - position.seen
            todo = list(required)
            while todo:
                for needed in self._needs.get(todo.pop(), ()):
                    if needed not in position.seen and needed not in required:
                        required.add(needed)
                        todo.append(needed)
        return required

    def may_close(self, position: ObjectPosition) -> bool:
        """Tell whether the object may end here."""
        return (
            position.count >= self.rules.low
            and (position.kept == self.all_kept or self._are_kept(position))
            and not self.required_at(position)
            and (self.rules.high is None or position.count <= self.rules.high)
        )

    def _are_kept(self, position: ObjectPosition) -> bool:
        """Tell whether every promise is kept by a member, or by a name that did not come."""
        return all(
            position.kept >> i & 1 or not promise.absent <= position.seen for i, promise in enumerate(self.rules.some)
        )

    def has_next(self, position: ObjectPosition) -> bool:
        """Tell whether another member may come."""
        if self.is_simple and not self.is_ordered and self._has_endless_names():
            return True
        if any(True for _ in self._iterate_offers(position)):
            return True
        num_unread = position.count - len(position.seen)  # a mask looks past names without knowing them
        return any(
            self.num_names(other, position, 1 + num_unread) > num_unread for other, _ in self.other_offers(position)
        )

    def _has_endless_names(self) -> bool:
        return any(other.dfa is None or other.dfa.longest(other.dfa.start) is None for other, _ in self.others())

    def offers(self, position: ObjectPosition) -> list[tuple[str, list[Member]]]:
        """List the declared names that may come next, in order, with the ways to go on."""
        return list(self._iterate_offers(position))

    def _iterate_offers(self, position: ObjectPosition) -> Iterator[tuple[str, list[Member]]]:
        required = self.required_at(position)
        for name in self.names[position.order :] if self.is_ordered else self.names:
            if name not in position.seen:
                value = self.value_of(name)
                if value is not None:
                    members = self._members(position, name, value, required)
                    if members:
                        yield name, members
            if self.is_ordered and name in required:
                break

    def other_offers(self, position: ObjectPosition) -> list[tuple[OtherNames, list[Member]]]:
        """List the classes of other names that may come next, with the ways to go on."""
        required = self.required_at(position)
        if self.is_ordered and required:
            return []
        found = []
        for other, obligations in self.others():
            members = self._other_members(position, other, obligations, required)
            if members:
                found.append((other, members))
        return found

    def after_other(self, position: ObjectPosition, name: str) -> ObjectPosition:
        """Return the position once the name of another member is known."""
        return replace(position, seen=position.seen | {name})

    def _members(self, position: ObjectPosition, name: str, value: Obligations, required: set[str]) -> list[Member]:
        order = self.rank[name] + 1 if self.is_ordered else 0
        after = ObjectPosition(order, position.seen | {name}, position.count + 1, position.kept)
        if self.is_simple:
            return [Member(value, after)]
        return self._with_promises(after, value, self._asked_of(name))

    def _other_members(
        self, position: ObjectPosition, other: OtherNames, value: Obligations, required: set[str]
    ) -> list[Member]:
        order = len(self.names) if self.is_ordered else 0
        after = ObjectPosition(order, position.seen, position.count + 1, position.kept)
        if self.is_simple:
            return [Member(value, after)]
        asked: dict[int, list[Obligation | None]] = {}
        for i, some in self._generic:
            if self.other_keeps(some, other):
                asked.setdefault(i, []).append(some.value)
        return self._with_promises(after, value, asked)

    def _asked_of(self, name: str) -> dict[int, list[Obligation | None]]:
        """Return for each promise that a member with a name may keep what its value must meet for that."""
        known = self._asked.get(name)
        if known is None:
            known = self._asked[name] = {}
            for i, promise in enumerate(self.rules.some):
                wanted = [some.value for some in promise.members if self.keeps(some, name)]
                if wanted:
                    known[i] = wanted
        return known

    def _with_promises(
        self, after: ObjectPosition, value: Obligations, asked: dict[int, list[Obligation | None]]
    ) -> list[Member]:
        """Branch over which open promises the member keeps; the ways exclude one another."""
        ways = [(value, after.kept)]
        for i, wanted in asked.items():
            if not after.kept >> i & 1:
                ways = [each for way in ways for each in self._split(way, wanted, 1 << i)]
        members = []
        for obligations, kept in ways:
            position = replace(after, kept=kept)
            if self.can_complete(position):
                members.append(Member(obligations, position))
        return members

    def _split(
        self, way: tuple[Obligations, int], asked: list[Obligation | None], bit: int
    ) -> list[tuple[Obligations, int]]:
        """Split a way by whether the value meets what keeps a promise."""
        obligations, kept = way
        if None in asked:
            return [(obligations, kept | bit)]
        wanted = [each for each in asked if each is not None]
        if any(each in obligations for each in wanted):
            return [(obligations, kept | bit)]
        failing = frozenset((node, not holds) for node, holds in wanted)
        found = []
        if self.oracle.is_satisfiable(obligations | failing):
            found.append((obligations | failing, kept))
            meeting = [obligations | {each} for each in wanted]
            found += [(each, kept | bit) for each in meeting if self.oracle.is_satisfiable(each)]
            return found if len(found) > 1 else [(obligations, kept)]
        return [(obligations, kept | bit)]

    def keeps(self, some: SomeMember, name: str) -> bool:
        """Tell whether a member with a name may keep a promise, as far as the name decides."""
        if some.only is not None:
            return some.only == name
        if some.pattern is not None and not _matches(some.pattern, name):
            return False
        if name in some.but_names or any(_matches(p, name) for p in some.but_patterns):
            return False
        return some.name is None or self.oracle.meets_all(frozenset([some.name]), name)

    def other_keeps(self, some: SomeMember, other: OtherNames) -> bool:
        """Tell whether a member of a class of names may keep a promise, as far as the name decides."""
        if some.only is not None or (some.pattern is not None and some.pattern not in other.patterns):
            return False
        if some.name is not None and some.name not in other.patterns:
            return False
        return not any(p in other.patterns for p in some.but_patterns)

    def can_complete(self, position: ObjectPosition) -> bool:
        """Tell whether the object can still be closed from a position."""
        if not self.rules.some:
            return self._can_complete(position)
        known = self._completes.get(position)
        if known is None:
            known = self._completes[position] = self._can_complete(position)
        return known

    def _can_complete(self, position: ObjectPosition) -> bool:
        required = self.required_at(position)
        high = self.rules.high
        if high is not None and max(position.count + len(required), self.rules.low) > high:
            return False
        for name in required:
            if not self.allows(name) or (self.is_ordered and self.rank[name] < position.order):
                return False
        if not self._can_reach_low(position):
            return False
        from grammars.json_schema.promises import can_keep_all

        return not self.rules.some or can_keep_all(self, position, required)

    def easy_names(self) -> list[frozenset[str]]:
        """Return for each promise the names whose absence keeps it at no cost to the others."""
        if self._easy is None:
            from grammars.json_schema.promises import find_easy_names

            self._easy = find_easy_names(self)
        return self._easy

    def left(self, position: ObjectPosition) -> list[str]:
        """List the declared names that may still come, whatever else must be kept."""
        return [n for n in self.names[position.order :] if n not in position.seen and self.allows(n)]

    def _can_reach_low(self, position: ObjectPosition) -> bool:
        missing = self.rules.low - position.count
        if missing <= 0:
            return True
        missing -= len(self.left(position))
        for other, _ in self.others() if missing > 0 else ():
            missing -= self.num_names(other, position, missing)
        return missing <= 0

    def num_names(self, other: OtherNames, position: ObjectPosition, enough: int) -> int:
        """Return how many names of a class may still come, or ``enough`` where there are at least as many."""
        if other.dfa is None:
            return enough
        taken = sum(other.dfa.accepts(name) for name in {*self.names, *position.seen})
        return _count_names(other.dfa, enough + taken) - taken

    def is_plain(self) -> bool:
        """Tell whether ``{}`` is certainly allowed."""
        rules = self.rules
        return not (rules.required or rules.low or rules.some) and (rules.high is None or rules.high >= 0)


def _obligations(group: MemberGroup, name: str) -> list[Obligation]:
    found = [group.names[name]] if name in group.names else []
    found += [obligation for pattern, obligation in group.patterns if _matches(pattern, name)]
    if not found and group.rest is not None:
        found = [group.rest]
    return found


def _count_names(dfa: Dfa, enough: int) -> int:
    """Return how many names an automaton accepts, or ``enough`` where it accepts at least as many."""
    longest = dfa.longest(dfa.start)
    if longest is None:
        return enough
    few = count_strings(dfa, min(longest, dfa.shortest(dfa.start) + 2))
    return enough if few >= enough else min(enough, count_strings(dfa, longest))


def _matches(pattern: str, name: str) -> bool:
    return regex_dfa(pattern, "ecma", search=True).accepts(name)
