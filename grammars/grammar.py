"""Define what every grammar is: a frozen value that compiles against a vocabulary and combines with others."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING

from fsm.ahead import fill_ahead
from fsm.compiled import Compiled
from fsm.errors import GuidanceError, UnsupportedFeatureError
from fsm.expansion_time import ExpansionTime
from fsm.network import Network
from fsm.parts.special_tokens import resolve_special_tokens
from fsm.parts.text_compiled import TextCompiled
from fsm.vocabulary import Vocabulary

if TYPE_CHECKING:
    from grammars.algebra.report import GrammarReport

__all__ = ["Grammar"]


class Grammar:
    """Be a language of texts; frozen.

    Grammars combine: ``a | b``, ``a + b``, ``a & b``, ``~a``, ``a - b``, ``a.repeat(m, n)``, ``a.optional()``. A string
    stands for itself on either side. What cannot be done exactly is refused (``grammars.algebra``).

    Examples
    --------
    >>> from grammars import regex
    >>> ("no. " + regex("[0-9]+") - "no. 13").count(6)
    109
    """

    __slots__ = ()

    def add_to(self, network: Network) -> int:
        """Lay the grammar into a network that may hold others; return the state that, called, reads one text of it.

        It must be able to return wherever a text may end, whatever byte follows.

        Raises
        ------
        UnsupportedFeatureError : this kind of grammar stands alone.
        """
        raise UnsupportedFeatureError(f"{self} cannot be part of another grammar; use it alone")

    def lay(self, network: Network) -> int:
        """Lay the grammar where nothing follows it, so that it may read as much as it can; ``add_to`` by default."""
        return self.add_to(network)

    def compile(self, vocabulary: Vocabulary) -> Compiled:
        """Return the grammar ready for matching; lazy, so it returns at once.

        Raises
        ------
        GrammarError : the grammar is malformed, unsupported, or nothing can match it.
        """
        network = Network()
        start = self.lay(network)
        return TextCompiled(network, start, resolve_special_tokens(network, vocabulary))

    def compile_ahead(self, vocabulary: Vocabulary, *, seconds: float, samples: Iterable[str] = ()) -> Compiled:
        """Compile, and use what is left of some time to make the masks that a text will ask for.

        The masks are those that ``compile`` makes when a text gets there; making them first helps whoever compiles away
        from the decoding thread, or can wait before the first token but not between tokens.

        Parameters
        ----------
        vocabulary : the tokens.
        seconds : how long all of it may take, from the call on; compiling and the last mask may outlast it.
        samples : texts like those to come, walked as far as the grammar allows them; none, a text that the grammar
            makes up: for a JSON Schema one with every declared key, else the beginning of a shortest text.

        Raises
        ------
        GrammarError : as ``compile``.
        ValueError : ``seconds`` is negative or not a number.

        Examples
        --------
        >>> from fsm import Vocabulary
        >>> from grammars import regex
        >>> vocabulary = Vocabulary([b"</s>", b"a", b"b"], eos_token_ids=[0])
        >>> regex("ab*").compile_ahead(vocabulary, seconds=0.002).matcher().try_advance(1)
        True
        """
        until = perf_counter() + seconds
        if not seconds >= 0:
            raise ValueError(f"compile_ahead: got seconds={seconds}, expected 0 or more")
        compiled = self.compile(vocabulary)
        texts = [sample.encode("utf-8", "surrogatepass") for sample in samples]
        if not texts and perf_counter() < until:
            with suppress(GuidanceError), ExpansionTime():
                texts.append(self.sample(compiled))
        for text in texts:
            fill_ahead(compiled, text, until=until)
        return compiled

    def sample(self, compiled: Compiled) -> bytes:
        """Return a text that is typical of the grammar, or the beginning of one."""
        return compiled.matcher().way_out()

    # -- algebra ---------------------------------------------------------------------------------------------------

    def __or__(self, other: Grammar | str) -> Grammar:
        """Return the texts of either."""
        from grammars.algebra import unite

        return unite(self, other)

    def __ror__(self, other: str) -> Grammar:
        from grammars.algebra import unite

        return unite(other, self)

    def __add__(self, other: Grammar | str) -> Grammar:
        """Return a text of one, then a text of the other."""
        from grammars.algebra import concatenate

        return concatenate(self, other)

    def __radd__(self, other: str) -> Grammar:
        from grammars.algebra import concatenate

        return concatenate(other, self)

    def __and__(self, other: Grammar | str) -> Grammar:
        """Return the texts of both."""
        from grammars.algebra import intersect

        return intersect(self, other)

    def __rand__(self, other: str) -> Grammar:
        from grammars.algebra import intersect

        return intersect(other, self)

    def __sub__(self, other: Grammar | str) -> Grammar:
        """Return the texts of one that are none of the other's."""
        from grammars.algebra import complement, intersect

        return intersect(self, complement(other))

    def __rsub__(self, other: str) -> Grammar:
        from grammars.algebra import complement, intersect

        return intersect(other, complement(self))

    def __invert__(self) -> Grammar:
        """Return every other text."""
        from grammars.algebra import complement

        return complement(self)

    def repeat(self, least: int = 0, most: int | None = None) -> Grammar:
        """Return ``least`` to ``most`` texts one after the other; ``most`` None = no bound.

        Raises
        ------
        GrammarError : not 0 <= least <= most.
        """
        from grammars.algebra import repetition

        return repetition(self, least, most)

    def optional(self) -> Grammar:
        """Return a text of it, or nothing."""
        return self.repeat(0, 1)

    # -- questions -------------------------------------------------------------------------------------------------

    def is_empty(self) -> bool:
        """Tell whether no text fits."""
        from grammars.algebra.questions import is_empty

        return is_empty(self)

    def is_finite(self) -> bool:
        """Tell whether finitely many texts fit.

        Raises
        ------
        LimitError : deciding it takes more than ``fsm.pushdown.MAX_NODES`` places.
        """
        from grammars.algebra.questions import is_finite

        return is_finite(self)

    def equals(self, other: Grammar | str) -> bool:
        """Tell whether both have the same texts; decidable, and answered, for regular grammars.

        Raises
        ------
        UnsupportedFeatureError : one is not regular.
        """
        from grammars.algebra.questions import is_equivalent

        return is_equivalent(self, other)

    def shortest(self) -> str | None:
        """Return a shortest text, None where there is none: fewest characters of a regular grammar, else bytes."""
        from grammars.algebra.questions import shortest_text

        return shortest_text(self)

    def example(self, *, seed: int = 0) -> str | None:
        """Return some text that fits, None where there is none; equal seeds give equal texts."""
        from grammars.algebra.questions import example_text

        return example_text(self, seed=seed)

    def count(self, max_length: int) -> int:
        """Return how many texts of at most ``max_length`` characters fit.

        Raises
        ------
        LimitError : counting them takes more than ``fsm.pushdown.MAX_NODES`` places.
        """
        from grammars.algebra.questions import count_texts

        return count_texts(self, max_length)

    def report(self) -> GrammarReport:
        """Say what the grammar enforces, what is unreachable, endless or ambiguous, and how large it is."""
        from grammars.algebra.report import report_grammar

        return report_grammar(self)
