"""Lay the states of a lazy automaton into a network, each when a text gets there.

Input: a ``Dfa`` over characters or bytes. Output: network states of kind CHAR (inside a JSON string), RAW (plain text)
or BYTE (bytes, ending where nothing fits). Cost: one row per state reached.
"""

from __future__ import annotations

from fsm.automata.dfa import Dfa
from fsm.distance import escape_width
from fsm.layout import BASE, LONGEST, SHORTEST, STATE_POP, UNBOUNDED
from fsm.network import Network

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

    def edges(self, network: Network, automaton_state: int) -> list[tuple[int, int, int]]:
        """List the edges with network targets."""
        state = self.state
        return [(first, last, state(network, target)) for first, last, target in self.dfa.edges(automaton_state)]

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write the row of one automaton state."""
        raise NotImplementedError

    def shortest(self, argument: int) -> int:
        """Return the bytes of a shortest way to acceptance, and of what follows it."""
        total, state = 0, argument
        for rest in range(self.dfa.shortest(argument) - 1, -1, -1):
            ways = [
                (self.width(first, last), target)
                for first, last, target in self.dfa.edges(state)
                if self.dfa.shortest(target) == rest
            ]
            width, state = min(ways)
            total += width
        return total + self.tail(state)

    def width(self, first: int, last: int) -> int:
        """Return the fewest bytes that write one of the symbols."""
        return len(chr(first).encode("utf-8", "surrogatepass"))

    def tail(self, state: int) -> int:
        """Return the bytes that follow acceptance before returning."""
        return 0


class ByteStates(_DfaStates):
    """Lay an automaton over ASCII bytes that returns where no edge fits.

    Parameters
    ----------
    is_common : whether many grammars have this automaton; its tokens are then looked up (``fsm.numerals``).
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

    def edges_of_start(self, network: Network) -> list[tuple[int, int, int]]:
        """List the edges of the start, to be merged into another row."""
        return self.edges(network, self.dfa.start)

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write a BYTE row; accepting states return without consuming."""
        default = STATE_POP if self.dfa.is_accepting(argument) else 0
        network.write_byte(state, self.edges(network, argument), default=default, base=int(self.is_common))


class RawStates(_DfaStates):
    """Lay an automaton over plain UTF-8 text; accepting states may end there."""

    __slots__ = ()

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write a RAW row."""
        close = STATE_POP if self.dfa.is_accepting(argument) else 0
        network.write_raw(state, self.edges(network, argument), close=close)


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

    def width(self, first: int, last: int) -> int:
        """Return the fewest bytes that write one of the characters inside a JSON string."""
        return escape_width(first, last)

    def tail(self, state: int) -> int:
        """Count the closing quote."""
        return 1

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
        if sum(max(0, min(last, 126) - max(first, 32) + 1) for first, last, _ in edges) >= HEAVY_CHARACTERS:
            network.heavy[state] = (self, argument)
