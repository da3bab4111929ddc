"""Show that from every state of an automaton all lengths from some one on are accepted.

Then a counter beside the automaton checks ``minLength`` and ``maxLength`` exactly. The states that accept in exactly
k more symbols follow from those for k - 1; where they only ever grow, and stop growing, the claim is proved.
Cost: quadratic in the states, of which ``MAX_STATES`` are looked at.
"""

from __future__ import annotations

import numpy as np

from fsm.automata.dfa import Dfa

__all__ = ["has_growing_lengths"]

MAX_STATES = 512


def has_growing_lengths(dfa: Dfa) -> bool:
    """Tell whether from every state, with each accepted length all greater ones are accepted; False when unknown."""
    order = _reach(dfa)
    if order is None:
        return False
    place = {state: i for i, state in enumerate(order)}
    steps = np.zeros((len(order), len(order)), bool)
    for state in order:
        for _, _, target in dfa.edges(state):
            steps[place[state], place[target]] = True
    accepts = np.array([dfa.is_accepting(state) for state in order])
    for _ in range(2 * len(order) + 2):
        longer = (steps & accepts).any(axis=1)
        if (accepts & ~longer).any():
            return False
        if (accepts == longer).all():
            return bool(accepts.all())
        accepts = longer
    return False


def _reach(dfa: Dfa) -> list[int] | None:
    """List the states that can be reached, None where they are too many."""
    order = [dfa.start]
    seen = {dfa.start}
    for state in order:
        for _, _, target in dfa.edges(state):
            if target not in seen:
                if len(order) >= MAX_STATES:
                    return None
                seen.add(target)
                order.append(target)
    return order
