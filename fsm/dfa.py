"""Import deterministic automata and their algebra from one place; ``fsm/automata`` holds the parts.

Everything is lazy: a state exists once its edges are asked for, and edges only lead to states that can be completed.
"""

from __future__ import annotations

from fsm.automata.boolean_dfa import complement, difference, intersect, union
from fsm.automata.dfa import DEAD, LAST_SYMBOL, Dfa, Edge, Lengths, make_key
from fsm.automata.expression_dfa import any_string, string_lengths
from fsm.automata.literals import literals
from fsm.automata.queries import (
    count_strings,
    has_gapless_lengths,
    is_empty,
    is_equivalent,
    is_finite,
    is_subset,
    shortest_string,
    typical_string,
)

__all__ = [
    "DEAD",
    "LAST_SYMBOL",
    "Dfa",
    "Edge",
    "Lengths",
    "any_string",
    "complement",
    "count_strings",
    "difference",
    "has_gapless_lengths",
    "intersect",
    "is_empty",
    "is_equivalent",
    "is_finite",
    "is_subset",
    "literals",
    "make_key",
    "shortest_string",
    "string_lengths",
    "typical_string",
    "union",
]
