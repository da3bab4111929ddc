"""List the values of sets of obligations that have few, to see whether items can all differ.

Cost: bounded by ``MAX_VALUES``; a set with more values, or whose values are not easily listed, counts as endless.
"""

from __future__ import annotations

import math
from collections.abc import Container, Hashable
from typing import TYPE_CHECKING, Any

from fsm.automata.dfa import Dfa
from grammars.json_schema.branch import ARRAY, FALSE, NULL, NUMBER, OBJECT, STRING, TRUE, Branch, Obligation
from grammars.json_schema.numbers import NumberConstraint
from grammars.json_schema.strings import string_language
from grammars.json_schema.values import canonical

if TYPE_CHECKING:
    from grammars.json_schema.array_plan import ArrayPlan
    from grammars.json_schema.expand import Expander
    from grammars.json_schema.oracle import Oracle

__all__ = ["Domain", "can_differ", "can_finish", "critical_values", "domain_of", "few_values", "other_values"]

MAX_VALUES, MAX_FEW = 256, 32
Domain = dict[Hashable, Any]
"""Values by their canonical form."""


def domain_of(obligations: frozenset[Obligation], expander: Expander, oracle: Oracle) -> Domain | None:
    """Return the values that meet obligations; None where they are many."""
    return other_values(obligations, expander, oracle, but=(), most=MAX_VALUES)


def few_values(obligations: frozenset[Obligation], expander: Expander, oracle: Oracle) -> Domain | None:
    """Return the values that meet obligations; None where more than ``MAX_FEW`` may do so."""
    found: Domain = {}
    for branch in expander.branches(obligations):
        values = _listed(branch)
        if values is None or len(values) > MAX_FEW:
            return None
        found |= {canonical(value): value for value in values}
        if len(found) > MAX_FEW:
            return None
    return {key: value for key, value in found.items() if oracle.meets_all(obligations, value)}


def other_values(
    obligations: frozenset[Obligation], expander: Expander, oracle: Oracle, *, but: Container[Hashable], most: int
) -> Domain | None:
    """Return the values that meet obligations, without some; None where there are, or may be, more than ``most``."""
    found: Domain = {}
    for branch in expander.branches(obligations):
        values = _listed(branch)
        if values is None:
            return None
        for value in values:
            key = canonical(value)
            if key not in but and key not in found and oracle.meets_all(obligations, value):
                found[key] = value
                if len(found) > most:
                    return None
    return found


def can_differ(domains: list[Domain]) -> bool:
    """Tell whether one value can be picked from each so that no two are the same (a bipartite matching)."""
    owner: dict[Hashable, int] = {}

    def place(i: int, tried: set[Hashable]) -> bool:
        for value in domains[i]:
            if value not in tried:
                tried.add(value)
                if value not in owner or place(owner[value], tried):
                    owner[value] = i
                    return True
        return False

    return all(place(i, set()) for i in range(len(domains)))


def _listed(branch: Branch) -> list[Any] | None:
    if branch.candidates is not None:
        return branch.candidates
    types = branch.types
    if types & OBJECT and branch.object.high != 0:
        return None
    if types & ARRAY and branch.array.high != 0:
        return None
    values: list[Any] = [value for bit, value in ((NULL, None), (TRUE, True), (FALSE, False)) if types & bit]
    values += [{}] if types & OBJECT else []
    values += [[]] if types & ARRAY else []
    if types & NUMBER:
        numbers = _numbers(branch.number)
        if numbers is None:
            return None
        values += numbers
    if types & STRING:
        language = string_language(branch.string)
        texts = [] if language.is_empty else _texts(language.dfa, language.high)
        if texts is None:
            return None
        values += texts
    return values


def _numbers(constraint: NumberConstraint) -> list[int] | None:
    """List the integers of a short range."""
    if constraint.values is not None or constraint.lower is None or constraint.upper is None:
        return None
    if constraint.step is None or constraint.step.as_fraction().denominator != 1:
        return None
    low, high = math.ceil(constraint.lower.as_fraction()), math.floor(constraint.upper.as_fraction())
    if high - low > MAX_VALUES:
        return None
    return [value for value in range(low, high + 1) if constraint.contains(value)]


def _texts(dfa: Dfa, high: int | None) -> list[str] | None:
    """List the texts of an automaton with few."""
    if high == 0:
        return [""]
    longest = dfa.longest(dfa.start)
    if longest is None or longest > MAX_VALUES:
        return None
    found: list[str] = []
    waiting = [(dfa.start, "")]
    while waiting:
        state, text = waiting.pop()
        if dfa.is_accepting(state):
            found.append(text)
        for first, last, target in dfa.edges(state):
            if len(waiting) + len(found) + last - first > MAX_VALUES:
                return None
            waiting += [(target, text + chr(symbol)) for symbol in range(first, last + 1)]
    return found


def critical_values(plan: ArrayPlan, count: int, earlier: frozenset[Hashable]) -> list[Any]:
    """List the values the item at a place must not take, or the items that must follow could not all differ."""
    later: Domain = {}
    last = [plan.steady] if plan.rules.low > count + 1 else []
    for i in {*range(count + 1, min(plan.rules.low, plan.steady)), *last}:
        later.update(plan.domain(i) or {})
    return [
        value for key, value in later.items() if key not in earlier and not can_finish(plan, count + 1, earlier | {key})
    ]


def can_finish(plan: ArrayPlan, count: int, earlier: frozenset[Hashable]) -> bool:
    """Tell whether the items that must still come from a place on can differ from each other and from earlier ones."""
    low, steady = plan.rules.low, plan.steady
    domains = [plan.domain(i) for i in range(count, min(low, steady))]
    num_steady = low - max(count, steady)
    if num_steady > 0:
        domain = plan.domain(steady)
        if domain is not None and num_steady > len(domain):
            return False
        if domain is not None:
            domains += [domain] * num_steady
    few = [{key: each[key] for key in each.keys() - earlier} for each in domains if each is not None]
    return can_differ(few)
