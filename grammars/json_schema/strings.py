"""Turn rules on strings into one lazy automaton over their characters."""

from __future__ import annotations

from fsm.automata.dfa import Dfa
from fsm.automata.kept import keep_automata
from fsm.dfa import any_string, complement, has_gapless_lengths, intersect, literals, string_lengths
from grammars.json_schema.branch import StringRule, StringRules
from grammars.json_schema.lengths_of_automata import has_growing_lengths
from grammars.regex import regex_dfa

__all__ = ["CountedString", "is_known_format", "string_language"]


class CountedString:
    """Be an automaton and bounds on the length that a counter keeps beside it.

    dfa : the characters allowed; low, high : the length in code points (None: no bound).
    """

    __slots__ = ("dfa", "high", "low")

    def __init__(self, dfa: Dfa, low: int = 0, high: int | None = None) -> None:
        self.dfa = dfa
        self.low = low
        self.high = high

    @property
    def is_empty(self) -> bool:
        """Tell whether no string fits."""
        start = self.dfa.start
        if start == 0 or (self.high is not None and self.low > self.high):
            return True
        if self.high is not None and self.dfa.shortest(start) > self.high:
            return True
        longest = self.dfa.longest(start) if self.low else None
        return longest is not None and longest < self.low

    @property
    def is_counted(self) -> bool:
        """Tell whether a counter is needed."""
        return self.low > 0 or self.high is not None

    @property
    def shortest(self) -> int:
        """Return the fewest characters."""
        return max(self.low, self.dfa.shortest(self.dfa.start))

    def accepts(self, text: str) -> bool:
        """Tell whether a decoded string fits."""
        return self.low <= len(text) and (self.high is None or len(text) <= self.high) and self.dfa.accepts(text)


def string_language(rules: StringRules) -> CountedString:
    """Return the strings that meet every rule."""
    if not rules.rules:
        return CountedString(any_string(), rules.low, rules.high)
    ordered = sorted(_join_excluded(rules.rules), key=repr)
    dfas = [dfa for dfa in (_rule_dfa(rule) for rule in ordered) if dfa is not None]
    dfa = _intersect(tuple(dfas)) if dfas else any_string()
    if dfa.start == 0 or not (rules.low or rules.high is not None):
        return CountedString(dfa)
    lengths = dfa.lengths(dfa.start)
    if rules.low <= lengths.shortest and (
        rules.high is None or (lengths.longest is not None and lengths.longest <= rules.high)
    ):
        return CountedString(dfa)
    if _is_gapless(dfa):
        return CountedString(dfa, rules.low, rules.high)
    return CountedString(_intersect((dfa, string_lengths(rules.low, rules.high))))


def _join_excluded(rules: set[StringRule]) -> set[StringRule]:
    """Return the rules with all excluded texts in one, so that thousands of them take one automaton."""
    excluded = [rule for rule in rules if rule.kind == "literals" and not rule.holds]
    if len(excluded) < 2:
        return rules
    texts = frozenset().union(*[rule.value for rule in excluded])
    return rules.difference(excluded) | {StringRule("literals", texts, holds=False)}


def is_known_format(name: str, draft: str) -> bool:
    """Tell whether a draft defines a format; other names are annotations."""
    from grammars.json_schema.formats import format_dfa

    return format_dfa(name, draft) is not None


@keep_automata(2048)
def _is_gapless(dfa: Dfa) -> bool:
    """Tell whether a counter beside the automaton is exact."""
    return has_gapless_lengths(dfa) or has_growing_lengths(dfa)


@keep_automata(2048)
def _intersect(dfas: tuple[Dfa, ...]) -> Dfa:
    return dfas[0] if len(dfas) == 1 else intersect(*dfas)


@keep_automata(4096)
def _rule_dfa(rule: StringRule) -> Dfa | None:
    """Return the automaton of one rule; None where it asks nothing."""
    dfa: Dfa | None
    if rule.kind == "pattern":
        dfa = regex_dfa(rule.value, "ecma", search=True)
    elif rule.kind == "format":
        from grammars.json_schema.formats import format_dfa

        dfa = format_dfa(rule.value, rule.draft)
    else:
        dfa = literals(sorted(rule.value))
    if dfa is None or rule.holds:
        return dfa
    return complement(dfa)
