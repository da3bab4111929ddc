"""Open the operators of JSON Schema: a set of obligations becomes branches of atoms.

``allOf`` adds obligations, ``anyOf`` branches, ``not`` flips, ``oneOf`` branches to "this one holds and the others
fail", ``if`` to "holds, and then" or "fails, and else"; a subschema that must fail branches over its keywords by
De Morgan. Atoms are guarded by their type: ``minLength: 3`` is "not a string, or at least 3 long".
Cost: linear in the keywords where nothing branches; bounded by ``SchemaLimits``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fsm.errors import LimitError
from grammars.json_schema.branch import Branch, Obligation, type_of
from grammars.json_schema.references import References, Subschema
from grammars.json_schema.values import canonical

if TYPE_CHECKING:
    from grammars.json_schema.satisfiable import Satisfiability

__all__ = ["Action", "Choice", "Expander", "Item"]


class Choice:
    """Ask that one of several lists of items holds."""

    __slots__ = ("alternatives",)

    def __init__(self, alternatives: list[list[Item]]) -> None:
        self.alternatives = alternatives


Action = Callable[[Branch], bool]
"""Add atoms to a branch; False where the branch is dead."""
Item = Obligation | Choice | Action


class Expander:
    """Turn sets of obligations into branches, once each.

    Parameters
    ----------
    references : the document.
    """

    def __init__(self, references: References) -> None:
        from grammars.json_schema.negative import Negatives
        from grammars.json_schema.positive import Positives

        self.references = references
        self.limits = references.limits
        self.clashes: list[str] = []
        self.oracle: Satisfiability | None = None
        self._positives = Positives(self)
        self._negatives = Negatives(self)
        self._known: dict[frozenset[Obligation], list[Branch]] = {}

    def branches(self, obligations: frozenset[Obligation]) -> list[Branch]:
        """Return the branches of a set of obligations; branches that cannot hold by type or by value are left out."""
        known = self._known.get(obligations)
        if known is None:
            known = self._known[obligations] = list(self._expand(obligations))
        return known

    def iterate(self, obligations: frozenset[Obligation]) -> Iterator[Branch]:
        """Yield the branches one by one, for who needs only the first that suits."""
        known = self._known.get(obligations)
        return iter(known) if known is not None else self._expand(obligations)

    def _expand(self, obligations: Iterable[Obligation]) -> Iterator[Branch]:
        """Open obligations until only atoms are left, depth first."""
        done = 0
        open_branches: list[tuple[Branch, list[Item]]] = [(Branch(), list(obligations))]
        steps = 0
        while open_branches:
            branch, todo = open_branches.pop()
            choices: list[Choice] = []
            steps += 1
            alive = self._open(branch, todo, choices)
            if not alive:
                continue
            if not choices:
                done += 1
                yield branch
            else:
                choices.sort(key=lambda choice: -len(choice.alternatives))
                chosen = choices.pop()
                for alternative in reversed(chosen.alternatives):
                    open_branches.append((branch.copy(), [*choices, *alternative]))
            if done + len(open_branches) > self.limits.max_branches or steps > self.limits.max_steps:
                raise self._too_many(obligations)

    def _open(self, branch: Branch, todo: list[Item], choices: list[Choice]) -> bool:
        """Take every item that is not a choice into the branch; False where that kills it."""
        while todo:
            item = todo.pop()
            if type(item) is tuple:
                if item in branch.seen:
                    continue
                node, holds = item
                if (node, not holds) in branch.seen:
                    self.clashes.append(node.pointer)
                    return False
                branch.seen.add(item)
                opener = self._positives if holds else self._negatives
                if not opener.open(branch, node, todo):
                    self.clashes.append(node.pointer)
                    return False
            elif type(item) is Choice:
                choices.append(item)
            elif not item(branch):  # type: ignore[operator]
                return False
            if branch.types == 0:
                if type(item) is tuple:
                    self.clashes.append(item[0].pointer)
                return False
        return True

    def _too_many(self, obligations: Iterable[Obligation]) -> LimitError:
        where = ", ".join(sorted({node.pointer for node, _ in obligations})[:3])
        return LimitError(
            f"json schema at {where}: more than {self.limits.max_branches} alternatives must be held apart; "
            "give alternatives a property with distinct constants, or raise SchemaLimits(max_branches=...)"
        )

    # -- atoms that positive and negative keywords share -------------------------------------------------------------

    def restrict(self, branch: Branch, values: list[Any]) -> bool:
        """Keep only listed values."""
        if branch.candidates is None:
            branch.candidates = values
        else:
            keys = {canonical(value) for value in values}
            branch.candidates = [value for value in branch.candidates if canonical(value) in keys]
        bits = 0
        for value in branch.candidates:
            bits |= type_of(value)
        branch.types &= bits
        return bool(branch.types)

    def child(self, node: Subschema, *path: str | int) -> Subschema:
        """Return a subschema below a node."""
        return self.references.child(node, *path)
