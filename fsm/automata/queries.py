"""Answer questions about whole languages: emptiness, containment, equality, size, an example."""

from __future__ import annotations

from fsm.automata.boolean_dfa import difference
from fsm.automata.dfa import DEAD, Dfa

__all__ = [
    "count_strings",
    "has_gapless_lengths",
    "is_empty",
    "is_equivalent",
    "is_finite",
    "is_subset",
    "shortest_string",
    "typical_string",
]

_READABLE = tuple(map(ord, "aA0 _-."))
_SURROGATES = (0xD800, 0xDFFF)


def is_empty(dfa: Dfa) -> bool:
    """Tell whether ``dfa`` accepts nothing."""
    return dfa.start == DEAD


def is_finite(dfa: Dfa) -> bool:
    """Tell whether ``dfa`` accepts finitely many texts."""
    return is_empty(dfa) or dfa.longest(dfa.start) is not None


def has_gapless_lengths(dfa: Dfa, *, max_states: int = 64) -> bool:
    """Tell whether from every state every length between the shortest and the longest occurs.

    Then a counter beside the automaton checks bounds on the length exactly, and no product is needed. False when that
    is not certain, or there are more than ``max_states`` states.
    """
    if is_empty(dfa):
        return True
    seen, waiting = {dfa.start}, [dfa.start]
    while waiting:
        state = waiting.pop()
        if not dfa.lengths(state).is_gapless:
            return False
        for _, _, target in dfa.edges(state):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
        if len(seen) > max_states:
            return False
    return True


def is_subset(left: Dfa, right: Dfa) -> bool:
    """Tell whether ``right`` accepts every text that ``left`` accepts.

    Examples
    --------
    >>> from fsm.dfa import any_string, literals
    >>> is_subset(literals(["a"]), any_string())
    True
    """
    return is_empty(difference(left, right))


def is_equivalent(left: Dfa, right: Dfa) -> bool:
    """Tell whether both accept the same texts."""
    return is_subset(left, right) and is_subset(right, left)


def shortest_string(dfa: Dfa) -> str | None:
    """Return a shortest accepted text, with readable symbols where there is a choice; None when there is no text."""
    if is_empty(dfa):
        return None
    state = dfa.start
    found: list[str] = []
    for rest in range(dfa.shortest(state) - 1, -1, -1):
        first, last, state = next(edge for edge in dfa.edges(state) if dfa.shortest(edge[2]) == rest)
        found.append(chr(_pick_symbol(first, last)))
    return "".join(found)


def typical_string(dfa: Dfa) -> str | None:
    """Return a short accepted text that goes once around each state that leads to itself; None when there is none.

    Examples
    --------
    >>> from fsm.dfa import any_string
    >>> len(typical_string(any_string()))
    1
    """
    if is_empty(dfa):
        return None
    state = dfa.start
    found: list[str] = []
    turned: set[int] = set()
    while True:
        edges, rest = dfa.edges(state), dfa.shortest(state)
        ways = [edge for edge in edges if edge[2] == state] if state not in turned else []
        if not ways and rest == 0:
            return "".join(found)
        turned.add(state)
        ways = ways or [edge for edge in edges if dfa.shortest(edge[2]) == rest - 1]
        symbols = [(chr(_pick_symbol(first, last)), target) for first, last, target in ways]
        symbol, state = next((way for way in symbols if way[0].isalnum()), symbols[0])
        found.append(symbol)


def count_strings(dfa: Dfa, max_length: int) -> int:
    """Return how many texts of at most ``max_length`` symbols are accepted.

    Cost: one pass over the reachable states for each length.

    Examples
    --------
    >>> from fsm.dfa import literals
    >>> count_strings(literals(["a", "b", "abc"]), 2)
    2
    """
    total = 0
    ways = {} if is_empty(dfa) else {dfa.start: 1}
    for length in range(max_length + 1):
        total += sum(count for state, count in ways.items() if dfa.is_accepting(state))
        if length < max_length:
            ways = _advance(dfa, ways)
    return total


def _advance(dfa: Dfa, ways: dict[int, int]) -> dict[int, int]:
    following: dict[int, int] = {}
    for state, count in ways.items():
        for first, last, target in dfa.edges(state):
            following[target] = following.get(target, 0) + count * (last - first + 1)
    return following


def _pick_symbol(first: int, last: int) -> int:
    for symbol in _READABLE:
        if first <= symbol <= last:
            return symbol
    return _SURROGATES[1] + 1 if _SURROGATES[0] <= first and last > _SURROGATES[1] else first
