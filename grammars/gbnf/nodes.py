"""Define what the right side of a rule is read into: trees of expressions and references."""

from __future__ import annotations

from dataclasses import dataclass

from fsm.automata.expression import Expression

__all__ = ["Choice", "Leaf", "Node", "Reference", "Repeat", "Sequence"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A literal or a class."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Reference:
    """The rule ``name``, used at ``place`` of the grammar's text."""

    name: str
    place: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Between ``least`` and ``most`` times; None: no bound."""

    body: Node
    least: int
    most: int | None


Node = Leaf | Reference | Sequence | Choice | Repeat
