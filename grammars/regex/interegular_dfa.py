"""Read automata of the ``interegular`` library, so that they serve wherever a regular expression does."""

from __future__ import annotations

from interegular.fsm import FSM, anything_else

from fsm.automata.dfa import Dfa
from fsm.automata.ranges import complement_ranges, union_ranges
from fsm.nfa import Nfa, determinise

__all__ = ["interegular_dfa"]


def interegular_dfa(fsm: FSM) -> Dfa:
    """Return the automaton of an ``interegular`` FSM.

    Examples
    --------
    >>> import interegular
    >>> interegular_dfa(interegular.parse_pattern("a+").to_fsm()).accepts("aaa")
    True
    """
    numbers = {state: number for number, state in enumerate(fsm.states)}
    named = union_ranges(
        [(ord(symbol), ord(symbol)) for symbol in fsm.alphabet if symbol != anything_else and len(symbol) == 1]
    )
    others = complement_ranges(named)
    by_class: dict[int, list[tuple[int, int]]] = {}
    for symbol, number in fsm.alphabet.items():
        ranges = others if symbol == anything_else else ((ord(symbol), ord(symbol)),)
        by_class.setdefault(number, []).extend(ranges)
    rows: list[list[tuple[int, int, int]]] = [[] for _ in numbers]
    for state, row in fsm.map.items():
        for number, target in row.items():
            ranges = union_ranges(by_class.get(number, ()))
            rows[numbers[state]] += [(first, last, numbers[target]) for first, last in ranges]
    return determinise(
        Nfa(
            transitions=rows,
            starts=frozenset({numbers[fsm.initial]}),
            accepting=frozenset(numbers[state] for state in fsm.finals),
        )
    )
