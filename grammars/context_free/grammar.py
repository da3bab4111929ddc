"""Compile context-free grammars: rules become a network when a text gets to them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence

from fsm.automata.texts import ALL_TEXTS
from fsm.compiled import Compiled
from fsm.errors import UnsatisfiableError
from fsm.explanation import remember_source
from fsm.network import Network
from fsm.rules.rules_compiled import RulesCompiled
from fsm.vocabulary import Vocabulary
from grammars.context_free.analysis import Analysis
from grammars.context_free.following import carry_debts
from grammars.context_free.layout import RuleStates
from grammars.context_free.repetitions import fold_repetitions
from grammars.context_free.rewriting import (
    drop_aliases,
    keep_reachable,
    remove_left_recursion,
    remove_unproductive,
)
from grammars.context_free.symbols import Alternative, Terminal
from grammars.grammar import Grammar
from grammars.regular import RegularGrammar

__all__ = ["ContextFreeGrammar"]


class ContextFreeGrammar(Grammar):
    """Be the texts that a rule of a context-free grammar derives.

    Parameters
    ----------
    rules : alternatives by rule; changed by nobody afterwards.
    start : the rule that a whole text is.
    source : what it was made from, for messages.
    ignored : the terminals that the rules allow after every terminal.

    Raises
    ------
    UnsatisfiableError : no text can be derived.
    """

    __slots__ = ("analysis", "source")

    def __init__(
        self,
        rules: Mapping[str, Sequence[Alternative]],
        start: str,
        *,
        source: str,
        ignored: Iterable[Terminal] = (),
    ) -> None:
        self.source = source
        skipped = list(ignored)
        productive = remove_unproductive(rules)
        self._check(start, productive)
        rules = keep_reachable(fold_repetitions(drop_aliases(productive, start)), start)
        analysis = Analysis(rules, start, skipped)
        carried = carry_debts(analysis, skipped)
        if carried is not None:
            productive = remove_unproductive(carried)
            self._check(start, productive)
            rules = keep_reachable(productive, start)
        rewritten = remove_left_recursion(rules, start)
        self.analysis = analysis if rewritten == analysis.rules else Analysis(rewritten, start, skipped)

    def _check(self, start: str, rules: Mapping[str, object]) -> None:
        if start not in rules:
            raise UnsatisfiableError(
                f"{self.source}: no text can ever be complete, because every way through {start!r} leads back to "
                "itself, or to where nothing may follow; give the rule an alternative that ends"
            )

    def __repr__(self) -> str:
        return self.source

    def compile(self, vocabulary: Vocabulary) -> Compiled:
        """Return the grammar ready for matching; what a text does not reach is never laid out."""
        network = Network()
        compiled = RulesCompiled(network, self.lay(network), vocabulary)
        seen = weakref.ref(compiled)  # the explanation must not keep alive what holds it

        def describe_place(text: str) -> str:
            from grammars.places.rules import describe_rules

            alive = seen()
            return "" if alive is None else describe_rules(alive, text)

        remember_source(compiled, describe_place)
        return compiled

    def lay(self, network: Network) -> int:
        """Lay the rules where nothing follows them."""
        return RuleStates(network, self.analysis).start()

    def add_to(self, network: Network) -> int:
        """Lay the rules where anything may follow: every place that a text can meet, the ends left open."""
        from grammars.algebra.product import ProductGrammar

        return ProductGrammar(self, RegularGrammar(ALL_TEXTS(), "any text")).add_to(network)
