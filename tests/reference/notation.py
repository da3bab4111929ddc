"""Recognise texts of GBNF and EBNF the slow, obvious way: every rule at every place, until nothing new is found."""

from __future__ import annotations

from fsm.automata.expression_dfa import ExpressionDfa
from grammars.gbnf.nodes import Choice, Leaf, Node, Reference, Sequence

__all__ = ["derives"]


def derives(nodes: dict[str, Node], start: str, text: str) -> bool:
    """Tell whether a rule derives the whole text; left recursion is a fixpoint like any other."""
    known = {(name, place): set() for name in nodes for place in range(len(text) + 1)}
    before = -1
    while before != (before := sum(map(len, known.values()))):
        for name, place in known:
            known[name, place] |= ends(nodes[name], text, place, known)
    return len(text) in known[start, 0]


def ends(node: Node, text: str, place: int, known: dict[tuple[str, int], set[int]]) -> set[int]:
    """Return where the texts of a node that begin at a place may end, as far as is known."""
    if isinstance(node, Reference):
        return known[node.name, place]
    if isinstance(node, Leaf):
        dfa = ExpressionDfa(node.expression)
        return {end for end in range(place, len(text) + 1) if dfa.accepts(text[place:end])}
    if isinstance(node, Choice):
        return set().union(*[ends(option, text, place, known) for option in node.options])
    if isinstance(node, Sequence):
        here = {place}
        for item in node.items:
            here = {after for one in here for after in ends(item, text, one, known)}
        return here
    found, here, count = set(), {place}, 0
    seen = []
    while here and here not in seen[node.least :] and (node.most is None or count <= node.most):
        if count >= node.least:
            found |= here
        seen.append(here)
        here = {after for one in here for after in ends(node.body, text, one, known)}
        count += 1
    return found
