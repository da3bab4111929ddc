"""Take expressions with assertions apart one symbol at a time, listing what must hold where each step starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from fsm.automata.continuation import Continuation, Step, collect_steps
from fsm.automata.expression import Choice, Expression, Repeat, Sequence
from fsm.automata.ranges import Ranges
from fsm.errors import LimitError

__all__ = ["MAX_ALTERNATIVES", "NO_CONDITION", "Conditions", "Path", "PathFinder", "keep_minimal"]

MAX_ALTERNATIVES = 4096

Item = TypeVar("Item")
Conditions = frozenset[Expression]
NO_CONDITION: Conditions = frozenset()


@dataclass(frozen=True, slots=True)
class Path:
    """One symbol out of ``ranges``, then ``after``, if all ``conditions`` (assertions) hold before the symbol."""

    conditions: Conditions
    ranges: Ranges
    after: Continuation


class PathFinder:
    """Find and keep the paths out of continuations; owned by one automaton."""

    def __init__(self) -> None:
        self._found: dict[Continuation, tuple[list[Path], list[Conditions]]] = {}
        self._empties: dict[Expression, list[Conditions]] = {}
        self._relaxed: dict[Repeat, Repeat] = {}

    def find(self, start: Continuation) -> tuple[list[Path], list[Conditions]]:
        """Return the paths out of ``start``, and the alternative conditions under which nothing more is needed."""
        found = self._found.get(start)
        if found is None:
            found = self._found[start] = self._expand(start)
        return found

    def _expand(self, start: Continuation) -> tuple[list[Path], list[Conditions]]:
        paths: list[Path] = []
        alternatives = [NO_CONDITION]
        here: Continuation | None = start
        while here is not None and alternatives:
            if here.head is None or here.rest is None:
                return paths, alternatives
            if type(here.head) is Sequence:
                alternatives = self._collect_sequence(here.head, here.place, here.rest, alternatives, paths)
            else:
                for conditions in alternatives:
                    self._collect(here.head, here.rest, conditions, paths)
                alternatives = self._pass(here.head, alternatives)
            here = here.rest
        return paths, []

    def _collect(self, node: Expression, rest: Continuation, conditions: Conditions, paths: list[Path]) -> None:
        if node.is_plain:
            steps: list[Step] = []
            collect_steps(node, rest, steps)
            paths += [Path(conditions, ranges, after) for ranges, after in steps]
        elif type(node) is Sequence:
            self._collect_sequence(node, 0, rest, [conditions], paths)
        elif type(node) is Choice:
            for option in node.options:
                self._collect(option, rest, conditions, paths)
        elif type(node) is Repeat and node.most != 0:
            self._collect_repeat(node, rest, conditions, paths)

    def _collect_repeat(self, node: Repeat, rest: Continuation, conditions: Conditions, paths: list[Path]) -> None:
        after = node.after_one()
        self._collect(node.body, rest if after.most == 0 else rest.push(after), conditions, paths)
        if after.least > 0:
            # Empty rounds, where the assertions in the body allow them, count towards the least number of rounds.
            relaxed = self._relaxed.setdefault(after, Repeat(after.body, 0, after.most))
            for empty in self._empty(node.body):
                self._collect(node.body, rest.push(relaxed), conditions | empty, paths)

    def _collect_sequence(
        self, node: Sequence, place: int, rest: Continuation, alternatives: list[Conditions], paths: list[Path]
    ) -> list[Conditions]:
        last = len(node.items) - 1
        while place <= last and alternatives:
            item = node.items[place]
            after = rest if place == last else rest.push(node, place + 1)
            for conditions in alternatives:
                self._collect(item, after, conditions, paths)
            alternatives = self._pass(item, alternatives)
            place += 1
        return alternatives

    def _pass(self, node: Expression, alternatives: list[Conditions]) -> list[Conditions]:
        """Return the alternatives under which ``node`` can be passed without a symbol as well."""
        empties = self._empty(node)
        if empties == [NO_CONDITION]:
            return alternatives
        return keep_minimal([before | empty for before in alternatives for empty in empties])

    def _empty(self, node: Expression) -> list[Conditions]:
        """Return the alternative conditions under which ``node`` matches the empty text."""
        found = self._empties.get(node)
        if found is None:
            found = self._empties[node] = self._find_empty(node)
        return found

    def _find_empty(self, node: Expression) -> list[Conditions]:
        if node.is_nullable:
            return [NO_CONDITION]
        if node.is_plain:
            return []
        if type(node) is Sequence:
            alternatives = [NO_CONDITION]
            for item in node.items:
                alternatives = self._pass(item, alternatives)
            return alternatives
        if type(node) is Choice:
            return keep_minimal([empty for option in node.options for empty in self._empty(option)])
        if type(node) is Repeat:
            return self._empty(node.body)
        return [frozenset([node])]


def keep_minimal(alternatives: list[frozenset[Item]]) -> list[frozenset[Item]]:
    """Drop alternatives that ask for more than another one does."""
    if len(alternatives) < 2:
        return alternatives
    if len(alternatives) > MAX_ALTERNATIVES:
        raise LimitError(
            f"regular expression: one place combines {len(alternatives)} cases of look-arounds, expected at most "
            f"{MAX_ALTERNATIVES} (limit MAX_ALTERNATIVES); use fewer look-arounds in a row"
        )
    kept: list[frozenset[Item]] = []
    for candidate in sorted(set(alternatives), key=len):
        if not any(other <= candidate for other in kept):
            kept.append(candidate)
    return kept
