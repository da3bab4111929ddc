"""Lay unions, sequences and repetitions of any grammars into one network; hold complements for later."""

from __future__ import annotations

from fsm.dfa import complement, literals
from fsm.distance import Distances
from fsm.errors import UnsatisfiableError, UnsupportedFeatureError
from fsm.layout import STATE_POP
from fsm.network import Network
from grammars.algebra.probe import is_nullable
from grammars.algebra.product import ProductGrammar
from grammars.grammar import Grammar
from grammars.regular import RegularGrammar

__all__ = ["ComplementGrammar", "RepeatGrammar", "SequenceGrammar", "UnionGrammar"]


class UnionGrammar(Grammar):
    """Be the texts of any part; parts that have none are left out."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Grammar, ...]) -> None:
        self.parts = parts

    def __repr__(self) -> str:
        return f"({' | '.join(map(repr, self.parts))})"

    def add_to(self, network: Network) -> int:
        """Lay the parts side by side.

        Raises
        ------
        UnsatisfiableError : no part has a text.
        """
        starts = []
        for part in self.parts:
            try:
                starts.append(part.add_to(network))
            except UnsatisfiableError:
                continue
        if not starts:
            raise UnsatisfiableError(f"{self}: no alternative matches any text; loosen one")
        return network.add_fork(starts)


class SequenceGrammar(Grammar):
    """Be a text of each part, one after the other."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Grammar, ...]) -> None:
        self.parts = parts

    def __repr__(self) -> str:
        return f"({' + '.join(map(repr, self.parts))})"

    def add_to(self, network: Network) -> int:
        """Lay the parts as calls that return to the next one."""
        state = 0
        for part in reversed(self.parts):
            start = part.add_to(network)
            state = network.add_call(start, state) if state else start
        return state


class RepeatGrammar(Grammar):
    """Be ``least`` to ``most`` texts of a part one after the other; ``most`` None = no bound."""

    __slots__ = ("least", "most", "part")

    def __init__(self, part: Grammar, least: int, most: int | None) -> None:
        self.part = part
        self.least = least
        self.most = most

    def __repr__(self) -> str:
        return f"{self.part}.repeat({self.least}, {self.most})"

    def add_to(self, network: Network) -> int:
        """Lay the part once, and the counting states where a text gets to."""
        part, least = self.part, self.least
        if is_nullable(part):
            # Nothing, read again and again, would be read forever.
            part, least = ProductGrammar(part, RegularGrammar(complement(literals([""])), "~''")), 0
        if self.most == 0:
            return STATE_POP
        try:
            start = part.add_to(network)
        except UnsatisfiableError:
            if least:
                raise
            return STATE_POP
        return _RepeatStates(network, start, least, self.most).state(network, 0)


class ComplementGrammar(Grammar):
    """Be every text that a grammar rejects; serves inside ``&`` and ``-`` only."""

    __slots__ = ("part",)

    def __init__(self, part: Grammar) -> None:
        self.part = part

    def __repr__(self) -> str:
        return f"~{self.part}"

    def add_to(self, network: Network) -> int:
        """Refuse.

        Raises
        ------
        UnsupportedFeatureError : always.
        """
        raise UnsupportedFeatureError(
            f"{self}: all texts that do not match, those that are no JSON included, are no grammar here; "
            "say within what: json_schema(True) - schema, or json_schema({'not': ...})"
        )


class _RepeatStates:
    """Own the states between the texts of a repetition: each stands for how many were read."""

    __slots__ = ("_distances", "_least", "_most", "_number", "_start", "_states")

    def __init__(self, network: Network, start: int, least: int, most: int | None) -> None:
        self._start = start
        self._least = least
        self._most = most
        self._states: dict[int, int] = {}
        self._distances = Distances(network)
        self._number = network.add_owner(self)

    def state(self, network: Network, count: int) -> int:
        """Return the state after ``count`` texts; counts that make no difference are one."""
        if self._most is None:
            count = min(count, self._least)
        known = self._states.get(count)
        if known is None:
            known = self._states[count] = network.add_stub(self._number, count)
        return known

    def expand(self, network: Network, state: int, argument: int) -> None:
        """Write the ways on: one more text, and the end where enough were read."""
        ends = [STATE_POP] if argument >= self._least else []
        if self._most is None or argument < self._most:
            ends.append(network.add_call(self._start, self.state(network, argument + 1)))
        network.write_fork(state, ends)

    def shortest(self, argument: int) -> int:
        """Return the bytes of the texts still owed."""
        return max(0, self._least - argument) * self._distances.of_state(self._start)

    def release(self) -> None:
        """Let go of the network."""
        self._distances = Distances(Network())
