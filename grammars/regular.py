"""Compile regular languages over plain text: patterns, choices, and whatever gives a ``Dfa``."""

from __future__ import annotations

from fsm.automata.dfa import Dfa
from fsm.compiled import Compiled
from fsm.dfa_states import RawStates
from fsm.errors import UnsatisfiableError
from fsm.network import Network
from fsm.regular_compiled import RegularCompiled
from fsm.vocabulary import Vocabulary
from grammars.grammar import Grammar

__all__ = ["RegularGrammar"]


class RegularGrammar(Grammar):
    """Be the texts that an automaton over code points accepts.

    Parameters
    ----------
    dfa : the automaton.
    source : what it was made from, for messages.
    """

    __slots__ = ("dfa", "source")

    def __init__(self, dfa: Dfa, source: str) -> None:
        self.dfa = dfa
        self.source = source

    def __repr__(self) -> str:
        return self.source

    def compile(self, vocabulary: Vocabulary) -> Compiled:
        """Return the grammar ready for matching; lazy, so it returns at once.

        Raises
        ------
        UnsatisfiableError : the language is empty.
        """
        self._check()
        network = Network()
        return RegularCompiled(network, RawStates(network, self.dfa), vocabulary)

    def add_to(self, network: Network) -> int:
        """Lay the automaton.

        Raises
        ------
        UnsatisfiableError : the language is empty.
        """
        self._check()
        return RawStates(network, self.dfa).start(network)

    def _check(self) -> None:
        if self.dfa.start == 0:
            raise UnsatisfiableError(f"{self.source} matches no text; loosen it")
