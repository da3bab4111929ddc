"""Be free text: anything, up to and with the first of some stop texts."""

from __future__ import annotations

from collections.abc import Iterable

from fsm.automata.dfa import Dfa
from fsm.distance import FAR
from fsm.errors import GrammarError
from fsm.layout import STATE_POP
from fsm.network import Network
from grammars.constructors import check_characters
from grammars.grammar import Grammar
from grammars.regex import regex_dfa
from grammars.regular import RegularGrammar
from grammars.tags.triggers import TriggerFreeDfa, TriggerMachine, check_triggers

__all__ = ["FreeText", "free_text"]


class FreeText(Grammar):
    """Be any text that ends with the first stop in it; made by ``free_text``."""

    __slots__ = ("stops",)

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.stops = stops

    def __repr__(self) -> str:
        return f"free_text(until={list(self.stops)!r})"

    def add_to(self, network: Network) -> int:
        """Lay the states of a machine that watches for the stops."""
        return _FreeStates(network, TriggerMachine(self.stops)).state(network, 0)


class _FreeStates:
    """Own the states of free text: each stands for how much of a stop was written."""

    __slots__ = ("_dfa", "_machine", "_number", "_states")

    def __init__(self, network: Network, machine: TriggerMachine) -> None:
        self._machine = machine
        self._dfa = TriggerFreeDfa(machine)
        self._states: dict[int, int] = {}
        self._number = network.add_owner(self)

    def state(self, network: Network, place: int) -> int:
        known = self._states.get(place)
        if known is None:
            known = self._states[place] = network.add_stub(self._number, place)
        return known

    def expand(self, network: Network, state: int, argument: int) -> None:
        edges = [
            (first, last, STATE_POP if target < 0 else self.state(network, target))
            for first, last, target in self._machine.edges(argument)
        ]
        network.write_raw(state, edges)

    def text_place(self, argument: int) -> tuple[Dfa, int]:
        """Return the automaton of the text before the stop, and its state here."""
        return self._dfa, argument + 1

    def shortest(self, argument: int) -> int:
        machine = self._machine
        return min((machine.distance(argument, k) for k in range(len(machine.triggers))), default=FAR)


def free_text(*, until: str | Iterable[str] = ()) -> Grammar:
    r"""Return the grammar of any text; with stops, of any text up to and with the first of them.

    In a `capture`, the stop is read but not captured.

    Parameters
    ----------
    until : the text or texts that end it.

    Raises
    ------
    GrammarError : a stop is empty, stands inside another, or is no text.

    Examples
    --------
    >>> free_text(until="</think>") + "\n"
    (free_text(until=['</think>']) + '\n')
    """
    stops = (until,) if isinstance(until, str) else tuple(dict.fromkeys(until))
    if not all(isinstance(stop, str) for stop in stops):
        raise GrammarError(f"free_text: got until={until!r}, expected a string or several")
    if not stops:
        return RegularGrammar(regex_dfa("(?s).*"), "free_text()")
    check_triggers(stops, "free_text")
    check_characters("free_text", stops)
    return FreeText(stops)
