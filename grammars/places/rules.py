"""Say which tokens of a context-free grammar are being read, and which may come next."""

from __future__ import annotations

from collections.abc import Iterable

from fsm.compiled import Compiled
from fsm.layout import BYTE, DEFAULT, KIND, UNBOUNDED
from fsm.parts.regions import close_configuration
from fsm.position import REJECTED
from grammars.context_free.layout import Reading, RuleStates

__all__ = ["describe_rules", "listed_names"]

MAX_SHOWN = 8


def describe_rules(compiled: Compiled, text: str) -> str:
    """Return what a text stands in and what may follow it; empty where the text does not fit."""
    data = text.encode()
    position = compiled.advance_bytes(compiled.start, data, bytes) if data else compiled.start
    if position is REJECTED:
        return ""
    inside: dict[str, None] = {}
    expected: dict[str, None] = {}
    waiting, seen = position.configurations.tolist(), set()
    while waiting:
        row = waiting.pop()
        for way in close_configuration(compiled.network, row):
            if (way[0], way[1]) in seen:
                continue
            seen.add((way[0], way[1]))
            _look(compiled, way[0], inside, expected)
            cells = compiled.network.states[way[0]].tolist()
            if cells[KIND] == BYTE and cells[DEFAULT]:
                waiting.append([cells[DEFAULT], way[1], 0, 0, UNBOUNDED])
    parts = []
    if inside:
        parts.append(f"{listed_names(inside)} is being read")
    if expected:
        parts.append(f"{listed_names(expected)} may come")
    return "by the rules, " + " and ".join(parts) if parts else ""


def _look(compiled: Compiled, state: int, inside: dict[str, None], expected: dict[str, None]) -> None:
    """Note the tokens that are read in a state, or begin there."""
    origin = compiled.network.origins.get(state)
    owner = None if origin is None else compiled.network.owners[origin[0]]
    if origin is None or not isinstance(owner, RuleStates):
        return
    place = owner._arguments[origin[1]]
    terminals = owner.analysis.terminals
    if isinstance(place, Reading):
        inside.update(dict.fromkeys(terminals[item.number].name for item in place.items))
    else:
        leads = owner.leads.at(place)
        expected.update(dict.fromkeys(terminals[item.number].name for item in leads))


def listed_names(names: Iterable[str]) -> str:
    """Return some names in words, and how many there are besides."""
    every = list(names)
    shown = every[:MAX_SHOWN]
    more = f" or {len(every) - MAX_SHOWN} others" if len(every) > MAX_SHOWN else ""
    return " or ".join(shown) + more
