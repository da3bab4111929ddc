"""Read Lark grammars into rules and terminals.

Input: the text of a grammar, read by the ``lark`` package itself, imports included. Output: a grammar that accepts what
``lark.Lark(text, parser="earley")`` accepts: without a lexer, every terminal tried where a rule may use it, and ending
where its pattern's first match ends. Priorities choose between parses, so they do not change what is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from lark.exceptions import GrammarError as ReaderError
from lark.exceptions import UnexpectedInput
from lark.lexer import PatternStr
from lark.load_grammar import load_grammar

from fsm.errors import GrammarError
from fsm.expansion_time import check_expansion_time
from grammars.context_free.grammar import ContextFreeGrammar
from grammars.context_free.symbols import Alternative, Star, Symbol, Terminal
from grammars.grammar import Grammar
from grammars.lark.errors import PROBLEMS, make_lark_error, place_of
from grammars.lark.exact_text import ExactText
from grammars.lark.first_match import first_match
from grammars.lark.limits import check_alternatives, check_size, make_depth_error
from grammars.lark.plain_notation import read_plain
from grammars.lark.program import Untranslatable
from grammars.regex import parse_regex

__all__ = ["load_rules", "pattern_detail", "read_lark", "shown_source", "translate_error"]


def read_lark(text: str, start: str, path: str, import_paths: Iterable[str | Path] = ()) -> Grammar:
    """Return the grammar: places in rules, or, where these would be many side by side, tokens and a parser.

    Parameters
    ----------
    text : the grammar.
    start : the rule that a whole text is.
    path : where it is from; imports are looked for beside it.
    import_paths : more folders to look for imports in, before that.

    Raises
    ------
    GrammarError : the grammar is malformed or not compiled; the message points at line and column.
    LimitError : it is too large, or too much must be worked out to read it.
    """
    plain = read_plain(text, start, None if list(import_paths) else _common_pattern)
    terms, compiled, ignored = plain or load_rules(text, start, path, import_paths)
    reader = _Reader(text, terms)
    grammar = reader.grammar(compiled, start, list(dict.fromkeys(ignored)))
    written = len({rule.origin for rule in compiled})
    if len(grammar.analysis.rules) <= max(MANY_RULES, MANY_TIMES * written):
        return grammar
    from grammars.lark.terminals import Terminals
    from grammars.lark.token_reading import TokenReading

    if plain is not None:
        terms, compiled, ignored = load_rules(text, start, path, import_paths)
    terminals = Terminals(terms, dict.fromkeys(ignored), is_ordered=False)
    try:
        return TokenReading(text, terminals).grammar(compiled, start, None)
    except GrammarError:  # some token does not tell which rule was meant
        return grammar


@lru_cache(maxsize=64)
def _common_pattern(name: str) -> Any:
    """Return the pattern of one of the terminals that ``lark`` brings along."""
    terms, _, _ = load_rules(f"start: {name}\n%import common.{name}\n", "start", "<string>", ())
    return next(term.pattern for term in terms if term.name == name)


MANY_RULES, MANY_TIMES = 300, 8
"""With more rules, and so many times more than were written, once they say what tokens forbid after them, a parser is
tried instead."""

read_grammar: Any = load_grammar  # lark types neither this nor what it returns


def load_rules(
    text: str,
    start: str,
    path: str,
    import_paths: Iterable[str | Path],
    *,
    declared: Iterable[str] = (),
    kept: Iterable[str] = (),
) -> tuple[list[Any], list[Any], list[str]]:
    """Return the terminals, the rules and the names of the ignored terminals, as ``lark`` compiles them.

    Parameters
    ----------
    declared : terminals without a text that have a meaning all the same.
    kept : terminals that are kept though no rule uses them.

    Raises
    ------
    GrammarError : the grammar is malformed; the message points at line and column.
    """
    check_size(text)
    try:
        loaded, _ = read_grammar(text, path, [str(one) for one in import_paths], False)  # noqa: FBT003
        check_alternatives(loaded.rule_defs)
        check_expansion_time()
        if not any(name == start for name, *_ in loaded.rule_defs):
            raise make_lark_error("start_undefined", text, 0, got=start)
        meaningless = {name for name, (tree, _) in loaded.term_defs if tree is None} - set(declared)
        terms, rules, ignored = loaded.compile([start], set(kept))
    except RecursionError as error:
        raise make_depth_error() from error
    except ReaderError as error:
        raise translate_error(text, error) from error
    except UnexpectedInput as error:
        raise make_lark_error("syntax", text, _offset(text, error), detail=_expectation(error)) from error
    except OSError as error:
        got = str(error.filename or error)
        raise make_lark_error("import_missing", text, place_of_import(text, got), got=got) from error
    for rule in rules:
        for symbol in rule.expansion:
            if symbol.is_term and symbol.name in meaningless:
                place = place_of(text, symbol.name, "declared")
                match = re.search(rf"%declare[^\n]*?\b({symbol.name})\b", text)
                raise make_lark_error("declared", text, match.start(1) if match else place, got=symbol.name)
    return terms, rules, ignored


def place_of_import(text: str, file: str) -> int:
    """Return where a grammar file is imported."""
    stem = Path(file).stem
    match = re.search(rf"%import\s+([\w.]*\b{re.escape(stem)}\b)", text)
    return match.start(1) if match else 0


def translate_error(text: str, error: ReaderError) -> GrammarError:
    """Return our error for one of ``lark``'s."""
    inner: object = error.__context__
    message = str(error)
    if isinstance(inner, UnexpectedInput):
        detail = message.partition(", at line")[0] if ", at line" in message else _expectation(inner)
        return make_lark_error("syntax", text, _offset(text, inner), detail=detail)
    for name, problem in PROBLEMS.items():
        match = problem.pattern and re.search(problem.pattern, message)
        if match:
            got = next((group for group in match.groups() if group), "")
            return make_lark_error(name, text, place_of(text, got, name), got=got)
    return make_lark_error("other", text, 0, detail=message)


def _offset(text: str, error: UnexpectedInput) -> int:
    place: Any = error.pos_in_stream  # None at the end of the text, whatever its type says
    return len(text) if place is None or place < 0 else min(place, len(text))


def _expectation(error: UnexpectedInput) -> str:
    expected = sorted(getattr(error, "accepts", None) or getattr(error, "expected", None) or ())
    names = ", ".join([str(one) for one in expected][:8])
    return f"expected one of {names}" if names else "this character has no meaning here"


class _Reader:
    """Translate what ``lark`` compiled; owned by `read_lark`."""

    def __init__(self, text: str, terms: list[Any]) -> None:
        self.text = text
        self.terminals = {term.name: self._terminal(term) for term in terms}

    def grammar(self, compiled: list[Any], start: str, ignored: list[str]) -> ContextFreeGrammar:
        skip: Alternative = (Star("ignored text"),) if ignored else ()
        rules: dict[str, list[Alternative]] = {"whole text": [(*skip, start)]}
        # Terminals of their own: one that rules ask for, too, is something else there.
        skipped = [Terminal(name, self.terminals[name].automaton) for name in ignored]
        if ignored:
            rules["ignored text"] = [(one,) for one in skipped]
        for rule in compiled:
            symbols: list[Symbol] = []
            for symbol in rule.expansion:
                symbols += (self.terminals[symbol.name], *skip) if symbol.is_term else (str(symbol.name),)
            rules.setdefault(str(rule.origin.name), []).append(tuple(symbols))
        return ContextFreeGrammar(rules, "whole text", source=shown_source(self.text), ignored=skipped)

    def _terminal(self, term: Any) -> Terminal:
        check_expansion_time()
        if isinstance(term.pattern, PatternStr) and not term.pattern.flags:
            return Terminal(term.name, ExactText(term.pattern.value))
        pattern = term.pattern.to_regexp()
        try:
            automaton = first_match(pattern)
        except Untranslatable as error:
            raise self._error(str(error), term) from error
        except (re.error, OverflowError) as error:
            raise self._error("terminal_pattern", term, pattern_detail(pattern, error)) from error
        if automaton.start == 0 or automaton.program.distances[automaton.program.start] == 0:
            raise self._error("terminal_nullable", term)
        return Terminal(term.name, automaton)

    def _error(self, name: str, term: Any, detail: str = "") -> GrammarError:
        got = term.name
        if re.search(rf"(?<!\w){re.escape(term.name)}(?!\w)", self.text) is None and term.pattern.raw:
            got = term.pattern.raw
        return make_lark_error(name, self.text, place_of(self.text, got, name), got=got, detail=detail)


def pattern_detail(pattern: str, error: Exception) -> str:
    """Return what is wrong with a pattern, in the words of the regex reader where it sees it too."""
    try:
        parse_regex(pattern)
    except GrammarError as better:
        return better.message.partition("\n")[0]
    return str(error)


def shown_source(text: str) -> str:
    """Return how a grammar is shown in messages."""
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    return f"lark({shown!r})"
