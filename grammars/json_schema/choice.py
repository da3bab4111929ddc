"""Name what a branch may still have to take: obligations, choices between lists of items, promises, types, actions."""

from __future__ import annotations

from collections.abc import Callable

from grammars.json_schema.branch import Branch, Obligation, Promise
from grammars.json_schema.references import Subschema

__all__ = ["Action", "Choice", "Item"]


class Choice:
    """Ask that one of several lists of items holds.

    asked : the subschema and the keyword that ask, where another choice may answer for it.
    """

    __slots__ = ("alternatives", "asked")

    def __init__(self, alternatives: list[list[Item]], asked: tuple[Subschema, str] | None = None) -> None:
        self.alternatives = alternatives
        self.asked = asked


Action = Callable[[Branch], bool]
"""Add atoms to a branch; False where the branch is dead."""
Item = Obligation | Choice | Promise | int | Action
"""What a branch may still have to take; an integer is the types to keep."""
