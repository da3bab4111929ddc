"""Be a grammar of tokens: a contextual lexer, an LALR parser, lines and their indentation."""

from __future__ import annotations

import weakref

from fsm.compiled import Compiled
from fsm.explanation import remember_source
from fsm.parsing.token_compiled import TokenCompiled
from fsm.parsing.token_tables import ParserTables, TokenTables
from fsm.vocabulary import Vocabulary
from grammars.grammar import Grammar

__all__ = ["TokenGrammar"]


class TokenGrammar(Grammar):
    """Be the texts that a lexer cuts into tokens, and a parser accepts.

    Parameters
    ----------
    tokens, parser : as tables; rows of tokens are written as texts get there, for all that the grammar is compiled for.
    source : what it was made from, for messages.
    """

    __slots__ = ("parser", "source", "tokens")

    def __init__(self, tokens: TokenTables, parser: ParserTables, *, source: str) -> None:
        self.tokens = tokens
        self.parser = parser
        self.source = source

    def __repr__(self) -> str:
        return self.source

    def compile(self, vocabulary: Vocabulary) -> Compiled:
        """Return the grammar ready for matching."""
        compiled = TokenCompiled(self.tokens, self.parser, vocabulary)
        seen = weakref.ref(compiled)  # the explanation must not keep alive what holds it

        def describe_place(text: str) -> str:
            from grammars.places.tokens import describe_tokens

            alive = seen()
            return "" if alive is None else describe_tokens(alive, text)

        remember_source(compiled, describe_place)
        return compiled
