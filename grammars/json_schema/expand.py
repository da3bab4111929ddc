"""Open the operators of JSON Schema: a set of obligations becomes branches of atoms.

``allOf`` adds obligations, ``anyOf`` branches, ``not`` flips, ``oneOf`` branches to "this one holds and the others
fail", ``if`` to "holds, and then" or "fails, and else"; a subschema that must fail branches over its keywords by
De Morgan. Atoms are guarded by their type: ``minLength: 3`` is "not a string, or at least 3 long".
Choices are made one at a time, the one with the fewest alternatives left first; alternatives that the facts of the
branch exclude are left out, and what must fail waits until nothing else is open, because most of it fails by then.
Cost: linear in the keywords where nothing branches; bounded by ``SchemaLimits``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fsm.errors import LimitError
from fsm.expansion_time import check_expansion_time
from grammars.json_schema.branch import OBJECT, Branch, MemberGroup, Obligation, Promise, type_of
from grammars.json_schema.choice import Choice, Item
from grammars.json_schema.facts import FactFinder, Facts
from grammars.json_schema.negative import Negatives
from grammars.json_schema.positive import Positives
from grammars.json_schema.references import References, Subschema
from grammars.json_schema.values import canonical

if TYPE_CHECKING:
    from grammars.json_schema.leniency import Leniency
    from grammars.json_schema.satisfiable import Satisfiability

__all__ = ["Expander"]


class Expander:
    """Turn sets of obligations into branches, once each.

    Parameters
    ----------
    references : the document.
    leniency : where to note what is not enforced; None refuses it.
    """

    def __init__(self, references: References, leniency: Leniency | None = None) -> None:
        self.references = references
        self.leniency = leniency
        self.limits = references.limits
        self.oracle: Satisfiability | None = None
        self.facts = FactFinder(self)
        self.overlaps: dict[tuple[Subschema, Subschema], int] = {}
        self._positives = Positives(self)
        self._negatives = Negatives(self)
        self._known: dict[frozenset[Obligation], list[Branch]] = {}

    def release(self) -> None:
        """Let go of everything; nothing can be asked any more."""
        self.__dict__.clear()

    def skips(self, pattern: str, node: Subschema, keyword: str) -> bool:
        """Tell whether a pattern is left unchecked, because it cannot be compiled and the grammar is lenient."""
        return self.leniency is not None and self.leniency.skips(pattern, f"{node.pointer}/{keyword}")

    def branches(self, obligations: frozenset[Obligation]) -> list[Branch]:
        """Return the branches of a set of obligations; branches that cannot hold by type or by value are left out."""
        known = self._known.get(obligations)
        if known is None:
            known = self._known[obligations] = self._straight(obligations) or list(self._expand(obligations))
        return known

    def _straight(self, obligations: frozenset[Obligation]) -> list[Branch]:
        """Return the only branch where nothing is chosen and nothing must fail; nothing where there may be others."""
        branch = Branch()
        choices: list[Choice] = []
        is_alive = self._open(branch, list(obligations), choices)
        return [branch] if is_alive and not choices and not branch.failing else []

    def iterate(self, obligations: frozenset[Obligation]) -> Iterator[Branch]:
        """Yield the branches one by one, for who needs only the first that suits."""
        known = self._known.get(obligations)
        return iter(known) if known is not None else self._expand(obligations)

    def _expand(self, obligations: frozenset[Obligation]) -> Iterator[Branch]:
        """Open obligations until only atoms are left, depth first; an only branch is remembered."""
        done = steps = 0
        open_branches: list[tuple[Branch, list[Item]]] = [(Branch(), list(obligations))]
        while open_branches:
            branch, todo = open_branches.pop()
            steps += 1
            check_expansion_time()
            choice, rest = self._settle(branch, todo)
            if choice is not None:
                open_branches.extend((branch.copy(), [*rest, *alternative]) for alternative in reversed(choice))
            elif branch.types:
                done += 1
                if done == 1 and not open_branches and steps <= self.limits.max_steps:
                    self._known[obligations] = [branch]
                yield branch
            if done + len(open_branches) > self.limits.max_branches or steps > self.limits.max_steps:
                raise self._too_many(obligations)

    def _settle(self, branch: Branch, todo: list[Item]) -> tuple[list[list[Item]] | None, list[Choice]]:
        """Take what leaves no choice; return the alternatives to branch over and the choices that wait.

        Neither where the branch is done; it is dead where it has no types.
        """
        choices: list[Choice] = []
        while True:
            if not self._open(branch, todo, choices):
                branch.types = 0
                return None, []
            if choices:
                best = self._choose(branch, choices, todo)
                if todo:
                    continue
                if best is not None:
                    return best, choices
                if branch.types == 0:
                    return None, []
            elif not branch.failing:
                return None, []
            else:
                self._open_failing(branch, todo)

    def _choose(self, branch: Branch, choices: list[Choice], todo: list[Item]) -> list[list[Item]] | None:
        """Take the choice with the fewest alternatives out of the list; what leaves no choice goes to ``todo``."""
        facts = self._facts_of(branch)
        kept: list[Choice] = []
        for choice in choices:
            if choice.asked is not None and choice.asked in branch.taken:
                continue
            alive = [a for a in choice.alternatives if self._is_alive(branch, facts, a)]
            if not alive:
                branch.types = 0
                choices.clear()
                return None
            if any(self._is_taken(branch, alternative) for alternative in alive):
                continue
            if len(alive) == 1:
                todo.extend(alive[0])
                continue
            kept.append(Choice(alive, choice.asked))
        choices[:] = kept
        if todo or not kept:
            return None
        place = min(range(len(kept)), key=lambda i: len(kept[i].alternatives))
        return choices.pop(place).alternatives

    def _facts_of(self, branch: Branch) -> Facts:
        facts: Facts = branch.facts or self.facts.nothing
        for node in branch.held:
            facts = self.facts.join(facts, self.facts.of(node))
        branch.held = []
        if not branch.object.required <= facts.required:
            facts = self.facts.join(facts, self.facts.requiring(branch.object.required))
        branch.facts = facts
        branch.types &= facts.types
        return facts

    def _is_alive(self, branch: Branch, facts: Facts, alternative: list[Item]) -> bool:
        """Tell whether an alternative is not excluded by what the branch has taken."""
        for item in alternative:
            kind = type(item)
            if kind is tuple:
                node, holds = item  # type: ignore[misc]
                if (node, not holds) in branch.seen:
                    return False
                if holds and not self.facts.join(facts, self.facts.of(node)).types & branch.types:
                    return False
            elif kind is int:
                if not branch.types & item:  # type: ignore[operator]
                    return False
            elif kind is Promise and not branch.types & OBJECT:
                return False
        return True

    @staticmethod
    def _is_taken(branch: Branch, alternative: list[Item]) -> bool:
        return all(type(item) is tuple and item in branch.seen for item in alternative)

    def _open_failing(self, branch: Branch, todo: list[Item]) -> None:
        """Open what must fail, without what cannot hold anyway."""
        facts = self._facts_of(branch)
        failing, branch.failing = branch.failing, []
        for node in failing:
            may_hold = self.facts.join(facts, self.facts.of(node)).types & branch.types
            if may_hold and not self._negatives.open(branch, node, todo):
                branch.types = 0
                todo.clear()
                return

    def _open(self, branch: Branch, todo: list[Item], choices: list[Choice]) -> bool:
        """Take every item that is not a choice into the branch; False where that kills it."""
        while todo:
            item = todo.pop()
            kind = type(item)
            if kind is tuple:
                if item not in branch.seen and not self._take_obligation(branch, item, todo):  # type: ignore[arg-type]
                    return False
            elif kind is Choice:
                choices.append(item)  # type: ignore[arg-type]
            elif kind is int:
                branch.types &= item  # type: ignore[operator]
            elif kind is Promise:
                self._take_promise(branch, item)  # type: ignore[arg-type]
            elif not item(branch):  # type: ignore[operator]
                return False
            if branch.types == 0:
                return False
        return True

    def _take_obligation(self, branch: Branch, item: Obligation, todo: list[Item]) -> bool:
        """Open what must hold, keep for later what must fail in several ways; False where that kills the branch."""
        node, holds = item
        if (node, not holds) in branch.seen:
            return False
        branch.seen.add(item)
        if holds:
            branch.held.append(node)
            return self._positives.open(branch, node, todo)
        unit = self._negatives.unit(node)
        if unit is None:
            branch.failing.append(node)
        else:
            todo.extend(unit)
        return True

    def _take_promise(self, branch: Branch, promise: Promise) -> None:
        """Keep a promise for later, or take it at once where there is one way to keep it."""
        branch.types &= OBJECT
        rules = branch.object
        if not promise.members and len(promise.absent) == 1:
            rules.groups.append(MemberGroup(dict.fromkeys(promise.absent, (self.references.false, True))))
        elif not promise.absent and len(promise.members) == 1 and promise.members[0].only is not None:
            some = promise.members[0]
            assert some.only is not None
            rules.required.add(some.only)
            if some.value is not None:
                rules.groups.append(MemberGroup({some.only: some.value}))
        elif promise not in rules.some:
            rules.some.append(promise)

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
