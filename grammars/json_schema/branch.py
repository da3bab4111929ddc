"""Collect what one alternative asks of a value: a conjunction of atoms, sorted by JSON type.

A value position is a set of obligations (subschema, must hold or must fail). Opening the operators turns it into
branches; a branch has no operators left, only atoms on numbers, strings, arrays and objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from grammars.json_schema.numbers import NumberConstraint
from grammars.json_schema.references import Subschema

__all__ = [
    "ANY_TYPE",
    "ARRAY",
    "BOOLEAN",
    "FALSE",
    "NULL",
    "NUMBER",
    "OBJECT",
    "STRING",
    "TRUE",
    "ArrayRules",
    "Branch",
    "Contains",
    "ItemGroup",
    "MemberGroup",
    "ObjectRules",
    "Obligation",
    "Promise",
    "SomeMember",
    "StringRule",
    "StringRules",
    "type_of",
]

NULL, TRUE, FALSE, NUMBER, STRING, ARRAY, OBJECT = 1, 2, 4, 8, 16, 32, 64
BOOLEAN = TRUE | FALSE
ANY_TYPE = 127

Obligation = tuple[Subschema, bool]
"""A subschema, and whether it must hold or must fail."""


def type_of(value: Any) -> int:
    """Return the type bit of a decoded JSON value."""
    if value is None:
        return NULL
    if value is True:
        return TRUE
    if value is False:
        return FALSE
    return _BITS[type(value)]


_BITS = {int: NUMBER, float: NUMBER, Decimal: NUMBER, str: STRING, list: ARRAY, dict: OBJECT}


@dataclass(frozen=True, slots=True)
class StringRule:
    """Ask that a string matches a pattern, a format, or is one of some texts; or that it does not.

    kind : "pattern" (ECMA, search), "format" or "literals"; value : the pattern, the name, or a frozenset of texts.
    """

    kind: str
    value: Any
    holds: bool = field(kw_only=True)
    draft: str = field(kw_only=True, default="draft2020-12")


@dataclass(slots=True)
class StringRules:
    """Conjoin rules on strings and bounds on their length in code points."""

    rules: set[StringRule] = field(default_factory=set)
    low: int = 0
    high: int | None = None

    def copy(self) -> StringRules:
        """Return an independent copy."""
        return StringRules(self.rules.copy(), self.low, self.high)


@dataclass(frozen=True, slots=True)
class ItemGroup:
    """Ask something of each item by its place: ``prefix[i]``, else ``rest`` (None: nothing)."""

    prefix: tuple[Obligation, ...]
    rest: Obligation | None


@dataclass(frozen=True, slots=True)
class Contains:
    """Ask how many items from ``first`` on meet an obligation: ``low`` to ``high`` (None: no bound)."""

    obligation: Obligation
    low: int
    high: int | None
    first: int = 0


@dataclass(slots=True)
class ArrayRules:
    """Conjoin rules on arrays."""

    groups: list[ItemGroup] = field(default_factory=list)
    contains: list[Contains] = field(default_factory=list)
    low: int = 0
    high: int | None = None
    is_unique: bool = False

    def copy(self) -> ArrayRules:
        """Return an independent copy."""
        return ArrayRules(self.groups.copy(), self.contains.copy(), self.low, self.high, self.is_unique)


@dataclass(frozen=True, slots=True)
class MemberGroup:
    """Ask something of each member by its name: ``names``, ``patterns`` (all that match), else ``rest``."""

    names: Mapping[str, Obligation]
    patterns: tuple[tuple[str, Obligation], ...] = ()
    rest: Obligation | None = None


@dataclass(frozen=True, slots=True)
class SomeMember:
    """Describe a member whose name lies in a set and whose name or value meets an obligation.

    The names: ``only`` if given; else those that match ``pattern`` if one is given, and that none of ``but_names`` and
    ``but_patterns`` takes.
    """

    pattern: str | None
    but_names: frozenset[str]
    but_patterns: tuple[str, ...]
    name: Obligation | None
    value: Obligation | None
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """Ask that one of some names is absent, or that one of some members is there."""

    absent: frozenset[str]
    members: tuple[SomeMember, ...]


@dataclass(slots=True)
class ObjectRules:
    """Conjoin rules on objects."""

    groups: list[MemberGroup] = field(default_factory=list)
    required: set[str] = field(default_factory=set)
    names: list[Obligation] = field(default_factory=list)
    some: list[Promise] = field(default_factory=list)
    needs: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    low: int = 0
    high: int | None = None

    def copy(self) -> ObjectRules:
        """Return an independent copy."""
        return ObjectRules(
            self.groups.copy(), self.required.copy(), self.names.copy(), self.some.copy(), self.needs.copy(),
            self.low, self.high,
        )  # fmt: skip


class Branch:
    """Hold one conjunction while it is collected.

    types : the JSON types still possible.
    number, string, array, object : the atoms of each type.
    candidates : the only values possible, where ``enum`` or ``const`` lists them.
    plan : what the objects may have next, once it was asked for.
    seen : the obligations opened so far.
    taken : the choices already made otherwise, each a subschema and the keyword that asks for it.
    failing : subschemas that must fail and were not opened yet.
    facts : what is certain of the subschemas that hold; ``held`` : those not yet added to it.
    """

    __slots__ = (
        "_array", "_object", "_string", "candidates", "facts", "failing", "held", "number", "plan", "seen", "taken",
        "types",
    )  # fmt: skip

    def __init__(self) -> None:
        self.types = ANY_TYPE
        self.number = _ANY_NUMBER
        self._string: StringRules | None = None
        self._array: ArrayRules | None = None
        self._object: ObjectRules | None = None
        self.plan: Any = None
        self.candidates: list[Any] | None = None
        self.seen: set[Obligation] = set()
        self.taken: frozenset[tuple[Subschema, str]] = frozenset()
        self.failing: list[Subschema] = []
        self.held: list[Subschema] = []
        self.facts: Any = None

    @property
    def string(self) -> StringRules:
        """The atoms of strings, made when first asked for."""
        if self._string is None:
            self._string = StringRules()
        return self._string

    @property
    def array(self) -> ArrayRules:
        """The atoms of arrays, made when first asked for."""
        if self._array is None:
            self._array = ArrayRules()
        return self._array

    @property
    def object(self) -> ObjectRules:
        """The atoms of objects, made when first asked for."""
        if self._object is None:
            self._object = ObjectRules()
        return self._object

    def copy(self) -> Branch:
        """Return an independent copy."""
        twin = Branch.__new__(Branch)
        twin.types, twin.number = self.types, self.number
        twin._string = None if self._string is None else self._string.copy()
        twin._array = None if self._array is None else self._array.copy()
        twin._object = None if self._object is None else self._object.copy()
        twin.plan = None
        twin.candidates = self.candidates
        twin.seen = self.seen.copy()
        twin.taken, twin.facts = self.taken, self.facts
        twin.failing, twin.held = self.failing.copy(), self.held.copy()
        return twin


_ANY_NUMBER = NumberConstraint()
