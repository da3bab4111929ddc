"""Say where in an object a text stands, and how it may go on."""

from __future__ import annotations

from dataclasses import dataclass

from grammars.json_schema.oracle import Obligations

__all__ = ["START", "Member", "ObjectPosition"]


@dataclass(frozen=True, slots=True)
class ObjectPosition:
    """Be a place between members.

    order : declared names before this index may not come any more (0 where any order is allowed).
    seen : names so far; count : members so far, also those whose name a mask has not read.
    kept : one bit per promise already kept.
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


START = ObjectPosition(0, frozenset(), 0, 0)
"""Before the first member."""
