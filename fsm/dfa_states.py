"""Lay the states of a lazy automaton into a network, each when a text gets there.

Input: a ``Dfa`` over characters or bytes. Output: network states of kind CHAR (inside a JSON string), RAW (plain text)
or BYTE (bytes, ending where nothing fits). Cost: one row per state reached.
"""

from __future__ import annotations

from fsm.automata.dfa import Dfa, Ranges
from fsm.expansion_time import check_expansion_time
from fsm.layout import BASE, LONGEST, SHORTEST, STATE_POP, UNBOUNDED
from fsm.network import Edge, Network
from fsm.text_widths import text_widths

__all__ = ["ByteStates", "CharStates", "RawStates"]

# An automaton state counts as heavy when it allows at least so many ASCII characters: then it gets a summary.
HEAVY_CHARACTERS = 20


class _DfaStates:
    """Map automaton states to network states; the owner of their stubs."""

    __slots__ = ("dfa", "number", "states")

    def __init__(self, network: Network, dfa: Dfa) -> None:
        self.dfa = dfa
        self.number = network.add_owner(self)
        self.states: dict[int, int] = {}

    def start(self, network: Network) -> int:
        """Return the network state of the automaton's start (0 where its language is empty)."""
        return self.state(network, self.dfa.start) if self.dfa.start else 0

    def state(self, network: Network, automaton_state: int) -> int:
        """Return the network state of an automaton state, a stub at first."""
        known = self.states.get(automaton_state)
        if known is None:
            known = self.states[automaton_state] = network.add_stub(self.number, automaton_state)
        return known

    def edges(self, network: Network, automaton_state: int) -> list[Edge]:
        """List the edges with network targets."""
        states, found = self.states, []
        for first, last, target in self.dfa.edges(automaton_state):
            known = states.get(target)
            found.append((first, last, self.state(network, target) if known is None else known))
        return found

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write the row of one automaton state."""
        raise NotImplementedError

    def shortest(self, argument: int) -> int:
        """Return the bytes of a shortest way to acceptance; the symbols are bytes."""
        return self.dfa.shortest(argument)


class ByteStates(_DfaStates):
    """Lay an automaton over ASCII bytes that returns where no edge fits.

    Parameters
    ----------
    is_common : whether many grammars have this automaton; its tokens are then looked up (``fsm.tokens.numerals``).
    """

    __slots__ = ("is_common",)

    def __init__(self, network: Network, dfa: Dfa, *, is_common: bool = False) -> None:
        super().__init__(network, dfa)
        self.is_common = is_common

    def state(self, network: Network, automaton_state: int) -> int:
        """Return the network state of an automaton state; a common one is marked already as a stub."""
        known = self.states.get(automaton_state)
        if known is None:
            known = super().state(network, automaton_state)
            if self.is_common:
                network.states[known, BASE] = 1
                network.numerals[known] = (self.dfa.key, automaton_state)
        return known

    def copied(self) -> ByteStates:
        """Return the owner of the same stubs in a copy of the network."""
        twin = ByteStates.__new__(ByteStates)
        twin.dfa, twin.number, twin.states, twin.is_common = self.dfa, self.number, self.states.copy(), self.is_common
        return twin

    def edges_of_start(self, network: Network) -> list[Edge]:
        """List the edges of the start, to be merged into another row."""
        return self.edges(network, self.dfa.start)

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write a BYTE row; accepting states return without consuming."""
        default = STATE_POP if self.dfa.is_accepting(argument) else 0
        network.write_byte(state, self.edges(network, argument), default=default, base=int(self.is_common))


class RawStates(_DfaStates):
    """Lay an automaton over plain UTF-8 text; accepting states may end there."""

    __slots__ = ()

    def shortest(self, argument: int) -> int:
        """Return the bytes of a shortest way to acceptance."""
        known = self.dfa.narrowest(argument, _utf8_width)
        if known is not None:
            return known
        total, state = 0, argument
        for rest in range(self.dfa.shortest(argument) - 1, -1, -1):
            check_expansion_time()
            ways = [
                (len(chr(first).encode("utf-8", "surrogatepass")), target)
                for first, _, target in self.dfa.edges(state)
                if self.dfa.shortest(target) == rest
            ]
            width, state = min(ways)
            total += width
        return total

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write a RAW row."""
        close = STATE_POP if self.dfa.is_accepting(argument) else 0
        network.write_raw(state, self.edges(network, argument), close=close)


def _utf8_width(ranges: Ranges) -> int:
    return len(chr(ranges[0][0]).encode("utf-8", "surrogatepass"))


def _num_printable(edges: list[Edge]) -> int:
    """Count the printable ASCII characters that sorted edges allow."""
    count = 0
    for first, last, _ in edges:
        if first > 126:
            break
        if last >= 32:
            count += min(last, 126) - max(first, 32) + 1
    return count


class CharStates(_DfaStates):
    """Lay an automaton over the characters of a JSON string.

    Parameters
    ----------
    close : network state after the closing quote; by default it returns to the caller.
    counted : whether length counters run, so that rows must carry the shortest and longest way to acceptance.
    """

    __slots__ = ("close", "counted")

    def __init__(
        self,
        network: Network,
        dfa: Dfa,
        *,
        close: int = STATE_POP,
        counted: bool = False,
    ) -> None:
        super().__init__(network, dfa)
        self.close = close
        self.counted = counted

    def state(self, network: Network, automaton_state: int) -> int:
        """Return the network state; where counters run it carries its distances already as a stub."""
        known = self.states.get(automaton_state)
        if known is None:
            known = self.states[automaton_state] = network.add_stub(self.number, automaton_state)
            if self.counted:
                network.states[known, SHORTEST], network.states[known, LONGEST] = self.distances(automaton_state)
        return known

    def shortest(self, argument: int) -> int:
        """Return the bytes of a shortest way to acceptance, and of the closing quote."""
        return self.shortest_counted(argument, 0) if self.counted else text_widths(self.dfa).shortest(argument) + 1

    def shortest_counted(self, argument: int, low: int) -> int:
        """Return the bytes of the same with at least so many characters."""
        return text_widths(self.dfa).at_least(argument, low) + 1

    def distances(self, automaton_state: int) -> tuple[int, int]:
        """Return the fewest and most characters to acceptance, the latter ``UNBOUNDED`` where there is no end."""
        longest = self.dfa.longest(automaton_state)
        return min(self.dfa.shortest(automaton_state), UNBOUNDED), UNBOUNDED if longest is None else longest

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write a CHAR row; register it as heavy where many characters may follow."""
        close = self.close if self.dfa.is_accepting(argument) else 0
        shortest, longest = self.distances(argument) if self.counted else (0, UNBOUNDED)
        edges = self.edges(network, argument)
        network.write_char(state, edges, close=close, shortest=shortest, longest=longest)
        if _num_printable(edges) >= HEAVY_CHARACTERS:
            network.heavy[state] = (self, argument)
