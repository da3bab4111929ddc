"""Compile regular languages over plain text: patterns, choices, and whatever gives a ``Dfa``."""

from __future__ import annotations

from fsm.automata.dfa import Dfa
from fsm.automata.literals import LiteralsDfa
from fsm.compiled import Compiled
from fsm.dfa_states import RawStates
from fsm.errors import UnsatisfiableError
from fsm.explanation import remember_source
from fsm.network import Network
from fsm.patterns.literal_compiled import LiteralCompiled
from fsm.patterns.pattern_compiled import PatternCompiled
from fsm.patterns.position_table import position_table_of
from fsm.patterns.regular_compiled import RegularCompiled
from fsm.vocabulary import Vocabulary
from grammars.grammar import Grammar
from grammars.regex.compile import Dialect

__all__ = ["RegularGrammar"]


class RegularGrammar(Grammar):
    """Be the texts that an automaton over code points accepts.

    Parameters
    ----------
    dfa : the automaton.
    source : what it was made from, for messages.
    pattern : the regular expression it was made from, with its dialect, if it was.
    """

    __slots__ = ("dfa", "pattern", "source")

    def __init__(self, dfa: Dfa, source: str, *, pattern: tuple[str, Dialect] | None = None) -> None:
        self.dfa = dfa
        self.source = source
        self.pattern = pattern

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
        states = RawStates(network, self.dfa)
        compiled: Compiled
        if isinstance(self.dfa, LiteralsDfa):
            compiled = LiteralCompiled(network, states, vocabulary)
        elif (table := position_table_of(vocabulary, self.dfa)) is not None:
            compiled = PatternCompiled(network, states, vocabulary, table)
        else:
            compiled = RegularCompiled(network, states, vocabulary)
        remember_source(compiled, self.describe_place)
        return compiled

    def describe_place(self, text: str) -> str:
        """Return what in the source governs the place after a text; empty where nothing can be said."""
        from grammars.places import describe_choices, describe_pattern

        if self.pattern is not None:
            return describe_pattern(*self.pattern, text)
        return describe_choices(self.dfa.texts, text) if isinstance(self.dfa, LiteralsDfa) else ""

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
