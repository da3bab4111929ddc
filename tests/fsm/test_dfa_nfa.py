"""Automata written state by state."""

from __future__ import annotations

import pytest

from fsm.dfa import count_strings, is_empty, is_equivalent
from fsm.errors import GrammarError
from fsm.nfa import Nfa, determinise
from grammars.regex import regex_dfa

A, B = ord("a"), ord("b")


def test_determinise_follows_all_ways_at_once() -> None:
    """A text is accepted when some way accepts it: here, those with an a two places before the end."""
    rows = [[(A, B, 0), (A, A, 1)], [(A, B, 2)], [(A, B, 3)], []]
    dfa = determinise(Nfa(transitions=rows, accepting=frozenset({3})))
    assert is_equivalent(dfa, regex_dfa("[ab]*a[ab]{2}"))
    assert dfa.shortest(dfa.start) == 3
    assert dfa.longest(dfa.start) is None


def test_determinise_follows_empty_transitions() -> None:
    """Empty transitions cost no symbol, cycles of them included."""
    rows = [[(A, A, 1)], [], [(B, B, 2)]]
    dfa = determinise(Nfa(transitions=rows, empty=[(), (2,), (1,)], accepting=frozenset({2})))
    assert is_equivalent(dfa, regex_dfa("ab*"))


def test_determinise_drops_states_that_lead_nowhere() -> None:
    """No edge leads to a dead end, and finite languages have a longest text."""
    rows = [[(A, A, 1), (B, B, 2)], [(A, A, 3)], [(A, B, 2)], []]
    dfa = determinise(Nfa(transitions=rows, accepting=frozenset({1, 3})))
    assert [edge[:2] for edge in dfa.edges(dfa.start)] == [(A, A)]
    assert dfa.longest(dfa.start) == 2
    assert count_strings(dfa, 5) == 2
    assert is_empty(determinise(Nfa(transitions=rows)))


def test_nfa_with_a_state_out_of_range_is_refused() -> None:
    """The message names the number."""
    with pytest.raises(GrammarError, match=r"got state \[7\]"):
        Nfa(transitions=[[(A, A, 7)]])
