"""Say what a grammar enforces, what in it is unreachable, endless or ambiguous, and how large it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fsm.errors import LimitError, UnsatisfiableError, UnsupportedFeatureError
from fsm.freezing.byte_automaton import ByteAutomaton
from fsm.network import Network
from fsm.pushdown import Pushdown
from grammars.algebra.findings import findings_of
from grammars.grammar import Grammar

__all__ = ["GrammarReport", "report_grammar"]

MAX_STATES = 2_000
"""As many states over bytes as a report looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrammarReport:
    """Hold what there is to say about a grammar.

    Parameters
    ----------
    enforced : what a text must meet, one line per rule or keyword.
    unreachable : parts that no text can use.
    unbounded : where a text may go on for ever.
    ambiguous : where one text can be read in several ways at once.
    num_states : states of the network laid so far; num_byte_states : states over bytes reached from the start.
    is_whole : whether all states were looked at; False: there are more, and what is said holds for those seen.
    """

    grammar: str
    enforced: tuple[str, ...]
    unreachable: tuple[str, ...]
    unbounded: tuple[str, ...]
    ambiguous: tuple[str, ...]
    num_states: int
    num_byte_states: int
    is_whole: bool

    def __str__(self) -> str:
        lines = []
        for name in ("enforced", "unreachable", "unbounded", "ambiguous"):
            values: tuple[str, ...] = getattr(self, name)
            lines += [f"{name:<12}{value}" for value in values] or [f"{name:<12}nothing"]
        more = "" if self.is_whole else " or more"
        lines.append(f"{'states':<12}{self.num_byte_states}{more} over bytes, {self.num_states} in the network")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the findings by name."""
        return asdict(self)


def report_grammar(grammar: Grammar) -> GrammarReport:
    """Look at a grammar's source, and at its first ``MAX_STATES`` states, the nearest first."""
    findings = findings_of(grammar)
    network = Network()
    survey = _Survey()
    try:
        survey.look(network, grammar.lay(network))
    except UnsatisfiableError as error:
        findings.unreachable.append(f"everything: {error}")
        survey.is_whole = True
    except UnsupportedFeatureError as error:
        findings.enforced.append(f"states are not counted: {error}")
    return GrammarReport(
        grammar=repr(grammar),
        enforced=tuple(findings.enforced),
        unreachable=tuple(findings.unreachable),
        unbounded=tuple(findings.unbounded or survey.loops),
        ambiguous=tuple(findings.ambiguous + survey.forks),
        num_states=network.num_states,
        num_byte_states=survey.num_states,
        is_whole=survey.is_whole,
    )


class _Survey:
    """Walk the states over bytes, the nearest first."""

    def __init__(self) -> None:
        self.loops: list[str] = []
        self.forks: list[str] = []
        self.num_states = 0
        self.is_whole = False

    def look(self, network: Network, start: int) -> None:
        places = Pushdown(network)
        automaton = ByteAutomaton(places, places.node(start), max_states=4 * MAX_STATES)
        prefixes = {automaton.start: b""}
        order = [automaton.start]
        most = 1
        try:
            for state in order[:]:
                self._visit(automaton, state, prefixes, order)
            place = 1
            while place < len(order) and place < MAX_STATES:
                state = order[place]
                place += 1
                size = automaton.num_readings(state)
                if size > most:
                    most = size
                    self.forks = [f"up to {size} readings side by side, as after {_show(prefixes[state])}"]
                self._visit(automaton, state, prefixes, order)
            self.is_whole = place >= len(order)
        except LimitError:
            self.is_whole = False
        self.num_states = len(order)

    def _visit(self, automaton: ByteAutomaton, state: int, prefixes: dict[int, bytes], order: list[int]) -> None:
        for first, last, target in automaton.edges(state):
            byte = next((b for b in b'a0A "' if first <= b <= last), first)
            if target not in prefixes:
                prefixes[target] = prefixes[state] + bytes([byte])
                order.append(target)
            elif target == state and len(self.loops) < 5:
                self.loops.append(f"any number of {_show(bytes([byte]))} and the like after {_show(prefixes[state])}")


def _show(data: bytes) -> str:
    return repr(data[-40:])[1:]
