"""Be the texts of any grammar that an automaton accepts too."""

from __future__ import annotations

from fsm.automata.dfa import Dfa
from fsm.dfa_states import RawStates
from fsm.errors import UnsatisfiableError, UnsupportedFeatureError
from fsm.network import Network
from fsm.parts.regions import marks_of
from fsm.parts.special_tokens import special_tokens_of
from fsm.product import Product, ProductStates
from fsm.pushdown import Pushdown
from grammars.grammar import Grammar
from grammars.regular import RegularGrammar

__all__ = ["ProductGrammar"]


class ProductGrammar(Grammar):
    """Be the texts of ``part`` that a regular grammar has too.

    Compiling looks at every place of the grammar beside every state of the automaton that a text can meet there.
    """

    __slots__ = ("part", "regular")

    def __init__(self, part: Grammar, regular: RegularGrammar) -> None:
        self.part = part
        self.regular = regular

    def __repr__(self) -> str:
        return f"({self.part} & {self.regular})"

    @property
    def dfa(self) -> Dfa:
        """The automaton of the regular side."""
        return self.regular.dfa

    def product(self) -> Product | None:
        """Return every pair of places, None where one side has no text.

        Raises
        ------
        LimitError : there are too many.
        UnsupportedFeatureError : the grammar remembers what was read.
        """
        if self.dfa.start == 0:
            return None
        grammar, automaton = Network(), Network()
        try:
            start = self.part.lay(grammar)
        except UnsatisfiableError:
            return None
        if marks_of(grammar) is not None or special_tokens_of(grammar) is not None:
            raise UnsupportedFeatureError(
                f"{self.part}: it has captures or special tokens, which no intersection keeps (nor a repetition of "
                "what may be empty); intersect what stands inside them instead"
            )
        places, states = Pushdown(grammar), Pushdown(automaton)
        begin = states.node(RawStates(automaton, self.dfa).start(automaton))
        return Product(places, places.node(start), states, automaton_start=begin)

    def add_to(self, network: Network) -> int:
        """Lay the product.

        Raises
        ------
        UnsatisfiableError : no text fits both.
        """
        product = self.product()
        start = 0 if product is None else ProductStates(network, product).start(network)
        if not start:
            raise UnsatisfiableError(f"{self} matches no text: no text of the one fits the other; loosen one")
        return start
