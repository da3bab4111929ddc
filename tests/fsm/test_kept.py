"""What automata keep is bounded, and what was dropped is found again."""

from __future__ import annotations

import gc
import random

import pytest

import fsm.automata.kept
from fsm.automata.dfa import Dfa
from fsm.automata.kept import KeptEdges
from fsm.dfa import complement, intersect
from grammars.regex import regex_dfa

PATTERNS = [r"(\w{1,5}é?){3}", r"(?:\w(?=\S{2})|\W{1,3}){1,9}", r"[ab]*a[ab]{9}"]


def walk(dfa: Dfa, seed: int) -> list[tuple[object, ...]]:
    """Return what is found at the states of a random text: edges, acceptance and distances."""
    source, state, found = random.Random(seed), dfa.start, list[tuple[object, ...]]()
    for _ in range(30):
        edges = dfa.edges(state)
        found.append((state, edges, dfa.is_accepting(state), dfa.shortest(state)))
        if not edges:
            break
        state = source.choice(edges)[2]
    return found


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", ["alone", "product"])
def test_edges_that_were_dropped_are_found_again(monkeypatch: pytest.MonkeyPatch, pattern: str, kind: str) -> None:
    """The same states, in the same places, whatever is kept."""
    monkeypatch.setattr(fsm.automata.kept, "MAX_KEPT_EDGES", 5)
    dfa = regex_dfa(pattern + "|(few)")
    if kind == "product":
        dfa = intersect(dfa, complement(regex_dfa("few|é+")))
    walk(dfa, 1)
    before = [walk(dfa, seed) for seed in range(6)]
    assert [walk(dfa, seed) for seed in range(6)] == before


def test_few_edges_are_kept_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound holds for all but the last state's."""
    monkeypatch.setattr(fsm.automata.kept, "MAX_KEPT_EDGES", 10)
    edges, most = KeptEdges(), 0
    for state in range(100):
        edges.keep(state, ((0, 1, 2),) * (state % 4))
        most = max(most, sum(map(len, edges.values())))
    assert 5 < most <= 10


def test_caches_let_go_of_large_automata(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is asked for one huge pattern after another does not keep them all."""
    monkeypatch.setattr(fsm.automata.kept, "MAX_KEPT_STATES", 2000)
    alive = [reference for reference in fsm.automata.kept._census.alive if reference() is not None]
    for number in range(100):
        dfa = regex_dfa(f"[ab]*a[ab]{{8}}{number}")
        for seed in range(8):
            walk(dfa, seed)
    del dfa
    gc.collect()
    held = [one for one in (reference() for reference in fsm.automata.kept._census.alive) if one is not None]
    assert len(held) < len(alive) + 80
