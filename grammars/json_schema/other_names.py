"""Divide the names that an object does not declare into classes whose members meet the same obligations.

Names are told apart by ``patternProperties``, by ``propertyNames``, and by what promises ask of names.
Cost: at most two classes per pattern and class so far; most of them are empty and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fsm.automata.dfa import Dfa
from fsm.dfa import complement, intersect, literals, string_lengths, union
from grammars.json_schema.branch import STRING, ObjectRules, Obligation, StringRule
from grammars.json_schema.expand import Expander
from grammars.json_schema.oracle import Obligations, Oracle
from grammars.json_schema.strings import string_language
from grammars.regex import regex_dfa

__all__ = ["OtherNames", "divide_names"]

Splitter = str | Obligation
"""What tells names apart: a pattern, or an obligation on the name itself."""


@dataclass(frozen=True, slots=True)
class OtherNames:
    """Be a class of names that are not declared, all with the same obligations.

    dfa : the names; None = every string.
    """

    dfa: Dfa | None
    patterns: frozenset[Splitter]


_ANY_NAME = OtherNames(None, frozenset())


def divide_names(rules: ObjectRules, expander: Expander, oracle: Oracle) -> list[tuple[OtherNames, Obligations]]:
    """List the classes of names that are not declared, with what their values must meet."""
    if not (rules.names or rules.some or any(group.patterns for group in rules.groups)):
        rest = {group.rest for group in rules.groups if group.rest is not None}
        rest.discard((expander.references.true, True))
        return [(_ANY_NAME, frozenset(rest))]
    return _Division(rules, expander, oracle).classes()


class _Division:
    def __init__(self, rules: ObjectRules, expander: Expander, oracle: Oracle) -> None:
        self._rules = rules
        self._expander = expander
        self._oracle = oracle
        self._true = (expander.references.true, True)

    def classes(self) -> list[tuple[OtherNames, Obligations]]:
        """Return the classes, with what their values must meet."""
        rules = self._rules
        splitters = {p: None for group in rules.groups for p, _ in group.patterns} | self._promised_splitters()
        allowed = self._language(frozenset(rules.names)) if rules.names else None
        classes: list[tuple[Dfa | None, frozenset[Splitter]]] = [(allowed, frozenset())]
        for pattern in splitters:
            inside = self._inside(pattern)
            split = []
            for dfa, matched in classes:
                both = inside if dfa is None else intersect(dfa, inside)
                split.append((both, matched | {pattern}))
                split.append((complement(inside) if dfa is None else intersect(dfa, complement(inside)), matched))
            classes = [(dfa, matched) for dfa, matched in split if dfa.start]
        some = [(dfa, matched) for dfa, matched in classes if dfa is None or dfa.start]
        return [(OtherNames(dfa, matched), self._matched_obligations(matched)) for dfa, matched in some]

    def _promised_splitters(self) -> dict[Splitter, None]:
        promised: dict[Splitter, None] = {}
        for promise in self._rules.some:
            for some in promise.members:
                if some.only is None:
                    promised.update(dict.fromkeys(some.but_patterns))
                    promised.update(dict.fromkeys(s for s in (some.pattern, some.name) if s is not None))
        return promised

    def _inside(self, splitter: Splitter) -> Dfa:
        if type(splitter) is str:
            return regex_dfa(splitter, "ecma", search=True)
        return self._language(frozenset([splitter]))  # type: ignore[list-item]

    def _matched_obligations(self, matched: frozenset[Splitter]) -> Obligations:
        obligations: set[Obligation] = set()
        for group in self._rules.groups:
            found = [obligation for pattern, obligation in group.patterns if pattern in matched]
            if found:
                obligations.update(found)
            elif group.rest is not None:
                obligations.add(group.rest)
        obligations.discard(self._true)
        return frozenset(obligations)

    def _language(self, obligations: Obligations) -> Dfa:
        """Return the names that meet obligations."""
        languages = []
        for branch in self._expander.branches(obligations):
            if branch.types & STRING:
                rules = branch.string.copy()
                if branch.candidates is not None:
                    fitting = (v for v in branch.candidates if self._oracle.meets_all(obligations, v))
                    texts = frozenset(v for v in fitting if type(v) is str)
                    rules.rules.add(StringRule("literals", texts, holds=True))
                language = string_language(rules)
                if language.is_counted:
                    languages.append(intersect(language.dfa, string_lengths(language.low, language.high)))
                else:
                    languages.append(language.dfa)
        return union(*languages) if languages else _nothing()


@lru_cache(maxsize=1)
def _nothing() -> Dfa:
    return literals([])
