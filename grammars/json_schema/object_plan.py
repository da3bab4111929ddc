"""Say which members an object may have next, whatever order they come in.

Input: the object rules of one branch. Output: for a position (members seen so far), which names are offered, what their
values must meet, and whether the object may close. No network here: the same plan serves states, lengths and emptiness.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from fsm.automata.dfa import Dfa
from fsm.dfa import complement, intersect, union
from grammars.json_schema.branch import MemberGroup, ObjectRules, Obligation, SomeMember
from grammars.json_schema.expand import Expander
from grammars.json_schema.strings import string_language
from grammars.regex import regex_dfa

__all__ = ["Member", "ObjectPlan", "ObjectPosition", "Oracle", "OtherNames"]

Obligations = frozenset[Obligation]


class Oracle(Protocol):
    """Tell whether some value meets obligations, and whether a value does."""

    def is_satisfiable(self, obligations: Obligations) -> bool: ...

    def meets_all(self, obligations: Obligations, value: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class ObjectPosition:
    """Be a place between members.

    order : declared names before this index may not come any more (0 where any order is allowed).
    seen : names so far; count : members so far, also those whose name a mask has not read.
    kept : one bit per promise (``SomeMember``) already kept.
    """

    order: int
    seen: frozenset[str]
    count: int
    kept: int


@dataclass(frozen=True, slots=True)
class Member:
    """Be one way to go on: the obligations of the value, and the position after it."""

    obligations: Obligations
    after: ObjectPosition


@dataclass(frozen=True, slots=True)
class OtherNames:
    """Be a class of names that are not declared, all with the same obligations.

    dfa : the names; None = every string.
    """

    dfa: Dfa | None
    groups: tuple[tuple[int, tuple[int, ...]], ...]
    patterns: frozenset[str]


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
        self.rank = {name: i for i, name in enumerate(self.names)}
        self.start = ObjectPosition(0, frozenset(), 0, 0)
        self.all_kept = (1 << len(rules.some)) - 1
        self._needs: dict[str, set[str]] = {}
        for name, needed in rules.needs:
            self._needs.setdefault(name, set()).update(needed)
        self._values: dict[str, Obligations | None] = {}
        self._others: list[tuple[OtherNames, Obligations]] | None = None
        self._is_simple = not (rules.some or rules.needs or rules.low or rules.high is not None)

    def _declared(self) -> list[str]:
        names: dict[str, None] = {}
        for group in self.rules.groups:
            names.update(dict.fromkeys(group.names))
        for name in sorted(self.rules.required):
            names.setdefault(name)
        for name, needed in self.rules.needs:
            names.setdefault(name)
            names.update(dict.fromkeys(n for n in needed if n not in names))
        for promise in self.rules.some:
            names.update(dict.fromkeys(n for n in sorted(promise.but_names) if n not in names))
        return list(names)

    # -- obligations of values -------------------------------------------------------------------------------------

    def value_of(self, name: str) -> Obligations | None:
        """Return what the value of a declared name must meet; None where no value can or the name is not allowed."""
        try:
            return self._values[name]
        except KeyError:
            found = self._values[name] = self._value_of(name)
            return found

    def _value_of(self, name: str) -> Obligations | None:
        obligations: set[Obligation] = set()
        for group in self.rules.groups:
            obligations.update(_obligations(group, name))
        if self.rules.names and not self.oracle.meets_all(frozenset(self.rules.names), name):
            return None
        found = frozenset(obligations)
        return found if self.oracle.is_satisfiable(found) else None

    def others(self) -> list[tuple[OtherNames, Obligations]]:
        """List the classes of names that are not declared, with what their values must meet; empty ones left out."""
        if self._others is None:
            self._others = [
                (other, obligations)
                for other, obligations in self._classes()
                if self.oracle.is_satisfiable(obligations)
            ]
        return self._others

    def _classes(self) -> list[tuple[OtherNames, Obligations]]:
        rules = self.rules
        patterns = sorted({p for group in rules.groups for p, _ in group.patterns} | self._promised_patterns())
        if not patterns and not rules.names:
            rest = frozenset(group.rest for group in rules.groups if group.rest is not None)
            return [(OtherNames(None, (), frozenset()), rest)]
        classes: list[tuple[Dfa | None, frozenset[str]]] = [(self._name_language(), frozenset())]
        for pattern in patterns:
            inside = regex_dfa(pattern, "ecma", search=True)
            split = []
            for dfa, matched in classes:
                both = inside if dfa is None else intersect(dfa, inside)
                split.append((both, matched | {pattern}))
                split.append((complement(inside) if dfa is None else intersect(dfa, complement(inside)), matched))
            classes = [(dfa, matched) for dfa, matched in split if dfa is None or dfa.start]
        return [
            (OtherNames(dfa, (), matched), self._matched_obligations(matched))
            for dfa, matched in classes
        ]

    def _promised_patterns(self) -> set[str]:
        promised: set[str] = set()
        for promise in self.rules.some:
            promised.update(promise.but_patterns)
            if promise.pattern is not None:
                promised.add(promise.pattern)
        return promised

    def _matched_obligations(self, matched: frozenset[str]) -> Obligations:
        obligations: set[Obligation] = set()
        for group in self.rules.groups:
            found = [obligation for pattern, obligation in group.patterns if pattern in matched]
            if found:
                obligations.update(found)
            elif group.rest is not None:
                obligations.add(group.rest)
        return frozenset(obligations)

    def _name_language(self) -> Dfa | None:
        """Return the names that ``propertyNames`` allows; None = all."""
        if not self.rules.names:
            return None
        from grammars.json_schema.branch import STRING

        languages = []
        for branch in self.expander.branches(frozenset(self.rules.names)):
            if branch.types & STRING:
                rules = branch.string.copy()
                if branch.candidates is not None:
                    from grammars.json_schema.branch import StringRule

                    texts = frozenset(v for v in branch.candidates if type(v) is str)
                    rules.rules.add(StringRule("literals", texts, True))
                language = string_language(rules)
                if language.is_counted:
                    from fsm.dfa import string_lengths

                    languages.append(intersect(language.dfa, string_lengths(language.low, language.high)))
                else:
                    languages.append(language.dfa)
        return union(*languages) if languages else _nothing()

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
            and position.kept == self.all_kept
            and not self.required_at(position)
            and (self.rules.high is None or position.count <= self.rules.high)
        )

    def has_next(self, position: ObjectPosition) -> bool:
        """Tell whether another member may come."""
        if self._is_simple and not self.is_ordered and self.others():
            return True
        return bool(self.offers(position)) or bool(self.other_offers(position))

    def offers(self, position: ObjectPosition) -> list[tuple[str, list[Member]]]:
        """List the declared names that may come next, in order, with the ways to go on."""
        required = self.required_at(position)
        found = []
        for name in self.names[position.order :] if self.is_ordered else self.names:
            if name not in position.seen:
                value = self.value_of(name)
                if value is not None:
                    members = self._members(position, name, value, required)
                    if members:
                        found.append((name, members))
            if self.is_ordered and name in required:
                break
        return found

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

    def _members(
        self, position: ObjectPosition, name: str, value: Obligations, required: set[str]
    ) -> list[Member]:
        order = self.rank[name] + 1 if self.is_ordered else 0
        after = ObjectPosition(order, position.seen | {name}, position.count + 1, position.kept)
        if self._is_simple:
            return [Member(value, after)]
        return self._with_promises(after, value, lambda promise: self._keeps(promise, name))

    def _other_members(
        self, position: ObjectPosition, other: OtherNames, value: Obligations, required: set[str]
    ) -> list[Member]:
        order = len(self.names) if self.is_ordered else 0
        after = ObjectPosition(order, position.seen, position.count + 1, position.kept)
        if self._is_simple:
            return [Member(value, after)]
        return self._with_promises(after, value, lambda promise: self._other_keeps(promise, other))

    def _with_promises(self, after: ObjectPosition, value: Obligations, keeps: object) -> list[Member]:
        """Branch over which open promises the member keeps."""
        ways = [(value, after.kept)]
        for i, promise in enumerate(self.rules.some):
            if not after.kept >> i & 1 and keeps(promise):  # type: ignore[operator]
                extra = frozenset() if promise.value is None else frozenset([promise.value])
                ways += [(obligations | extra, kept | 1 << i) for obligations, kept in ways]
        members = []
        for obligations, kept in ways:
            position = replace(after, kept=kept)
            if self.can_complete(position) and (obligations == value or self.oracle.is_satisfiable(obligations)):
                members.append(Member(obligations, position))
        return members

    def _keeps(self, promise: SomeMember, name: str) -> bool:
        if promise.pattern is not None and not _matches(promise.pattern, name):
            return False
        if name in promise.but_names or any(_matches(p, name) for p in promise.but_patterns):
            return False
        return promise.name is None or self.oracle.meets_all(frozenset([promise.name]), name)

    def _other_keeps(self, promise: SomeMember, other: OtherNames) -> bool:
        if promise.pattern is not None and promise.pattern not in other.patterns:
            return False
        return promise.name is None and not any(p in other.patterns for p in promise.but_patterns)

    def can_complete(self, position: ObjectPosition) -> bool:
        """Tell whether the object can still be closed from a position."""
        required = self.required_at(position)
        high = self.rules.high
        if high is not None and position.count + len(required) > high:
            return False
        for name in required:
            if self.value_of(name) is None or (self.is_ordered and self.rank[name] < position.order):
                return False
        left = [n for n in self.names[position.order :] if n not in position.seen and self.value_of(n) is not None]
        if position.count + len(left) < self.rules.low and not self.others():
            return False
        for i, promise in enumerate(self.rules.some):
            if not position.kept >> i & 1 and not self._can_keep(promise, left, position, required):
                return False
        return True

    def _can_keep(
        self, promise: SomeMember, left: list[str], position: ObjectPosition, required: set[str]
    ) -> bool:
        extra = frozenset() if promise.value is None else frozenset([promise.value])
        high = self.rules.high
        is_full = high is not None and position.count + len(required) >= high
        for name in left:
            value = self.value_of(name)
            if value is not None and self._keeps(promise, name) and (not is_full or name in required):
                if self.oracle.is_satisfiable(value | extra):
                    return True
        return not is_full and any(
            self._other_keeps(promise, other) and self.oracle.is_satisfiable(value | extra)
            for other, value in self.others()
        )

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


def _matches(pattern: str, name: str) -> bool:
    return regex_dfa(pattern, "ecma", search=True).accepts(name)


@lru_cache(maxsize=1)
def _nothing() -> Dfa:
    from fsm.dfa import literals

    return literals([])
