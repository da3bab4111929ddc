"""Read Lark grammars as ``lark`` does with ``parser="lalr"``: a contextual lexer, a parser of tables, indentation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lark.exceptions import GrammarError as ReaderError

from fsm.errors import GrammarError, UnsatisfiableError
from fsm.parsing.token_tables import TokenTables
from grammars.lark.errors import make_lark_error, place_of
from grammars.lark.every_token import EveryToken
from grammars.lark.first_token import FirstToken
from grammars.lark.indenter import Indenter
from grammars.lark.lalr import Automaton, Symbols
from grammars.lark.program import Program, Untranslatable
from grammars.lark.reading import load_rules, pattern_detail, shown_source, translate_error
from grammars.lark.scanner import Scanner
from grammars.lark.spellings import Spellings, Unspellable
from grammars.lark.terminals import Terminals
from grammars.lark.token_grammar import TokenGrammar

__all__ = ["TokenReading", "read_tokens"]


def read_tokens(
    text: str, start: str, path: str, *, import_paths: Iterable[str | Path] = (), indenter: Indenter | None = None
) -> TokenGrammar:
    """Return the grammar.

    Parameters
    ----------
    text : the grammar.
    start : the rule that a whole text is.
    path : where it is from; imports are looked for beside it.
    import_paths : more folders to look for imports in, before that.
    indenter : gives meaning to declared terminals; None = there is no indentation.

    Raises
    ------
    GrammarError : the grammar is malformed or not compiled; the message points at line and column.
    """
    declared = () if indenter is None else (indenter.indent, indenter.dedent)
    kept = () if indenter is None else (indenter.newline,)
    terms, rules, ignored = load_rules(text, start, path, import_paths, declared=declared, kept=kept)
    reader = TokenReading(text, Terminals(terms, dict.fromkeys(ignored)))
    if indenter is not None and indenter.newline not in reader.terminals.numbers:
        raise make_lark_error("undefined", text, 0, got=indenter.newline)
    return reader.grammar(rules, start, indenter)


class TokenReading:
    """Put the parts of a grammar together."""

    def __init__(self, text: str, terminals: Terminals) -> None:
        self.text = text
        self.terminals = terminals

    def grammar(self, rules: list[Any], start: str, indenter: Indenter | None) -> TokenGrammar:
        """Return the grammar; where terminals are not tried in order, no two ways to read may be left to choose from.

        Raises
        ------
        GrammarError : the grammar is not compiled; the message points at line and column.
        """
        token = self._token()
        symbols = Symbols(self.terminals, indenter)
        try:
            automaton = Automaton(rules, start, symbols, is_strict=not self.terminals.is_ordered)
        except ReaderError as error:
            raise translate_error(self.text, error) from error
        contexts = [self.terminals.context(one) for one in automaton.contexts]
        try:
            spellings = Spellings(
                self.terminals,
                token,
                contexts,
                wanted=automaton.wanted,
                followers=automaton.followers,
                newline=symbols.newline,
            )
        except Unspellable as error:
            got = self._shown(error.number) if error.number >= 0 else ""
            raise self._error(error.name, got) from error
        tab_len = 1 if indenter is None else indenter.tab_len
        tried = token if self.terminals.is_ordered else EveryToken(token)
        scanner = Scanner(self.terminals, tried, contexts, newline=symbols.newline, tab_len=tab_len)
        parser = automaton.tables(spellings)
        source = shown_source(self.text)
        if not parser.items[parser.start_state]:
            raise UnsatisfiableError(
                f"{source}: no text can ever be complete, because every way through {start!r} leads back to itself; "
                "give the rule an alternative that ends"
            )
        return TokenGrammar(TokenTables(scanner, symbols.num_texts + 3, len(contexts)), parser, source=source)

    def _token(self) -> FirstToken:
        """Return the patterns of all terminals, in order."""
        program = Program("(?!)")
        starts = []
        for number, term in enumerate(self.terminals.terms):
            pattern = term.pattern.to_regexp()
            try:
                starts.append(program.add(pattern, number))
            except Untranslatable as error:
                raise self._error(str(error), self._shown(number)) from error
            except (re.error, OverflowError) as error:
                raise self._error("terminal_pattern", self._shown(number), pattern_detail(pattern, error)) from error
            if term.pattern.min_width == 0:
                raise self._error("terminal_nullable", self._shown(number))
        return FirstToken(program, starts)

    def _shown(self, number: int) -> str:
        """Return a terminal's name; where it has none of its own in the grammar, its pattern."""
        term = self.terminals.terms[number]
        is_named = re.search(rf"(?<!\w){re.escape(term.name)}(?!\w)", self.text)
        return str(term.name if is_named else term.pattern.raw or term.pattern.value)

    def _error(self, name: str, got: str, detail: str = "") -> GrammarError:
        return make_lark_error(name, self.text, place_of(self.text, got, name), got=got, detail=detail)
