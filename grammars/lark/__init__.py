"""Read Lark grammars; `lark` is the entry.

reading.py      rules and terminals, as the ``lark`` package reads them      errors.py   what can be wrong
program.py      a terminal's pattern as a program      threads.py  its threads, stepped as backtracking would try them
first_match.py  where its first match ends, as an automaton      follows.py  what that says about the text after it
plain_notation.py  what is read without the package             exact_text.py  a string as an automaton

With ``parser="lalr"`` a lexer cuts the text into tokens first:

token_reading.py  the parts put together           token_grammar.py  the grammar      indenter.py  lines and blocks
terminals.py    which terminals are tried where   first_token.py  which of them matches first      scanner.py  its rows
lalr.py         the parser                         spellings.py  a text for every terminal
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fsm.errors import GrammarError
from fsm.expansion_time import ExpansionTime
from grammars.grammar import Grammar
from grammars.lark.indenter import Indenter, read_indenter

if TYPE_CHECKING:
    from lark.indenter import Indenter as LarkIndenter

__all__ = ["Indenter", "lark"]


def lark(
    text_or_path: str | Path,
    *,
    start: str = "start",
    import_paths: Iterable[str | Path] = (),
    parser: Literal["earley", "lalr"] | None = None,
    indenter: Indenter | LarkIndenter | type[LarkIndenter] | None = None,
) -> Grammar:
    """Return the grammar that a Lark grammar describes.

    A text is accepted where ``lark.Lark(text, parser="earley").parse`` accepts it: no lexer runs ahead; each terminal
    is tried where a rule may use it and ends where Python's ``re`` would end its match. Recursion of every kind and
    ambiguity are fine; priorities choose between parses and so change nothing here.

    With ``parser="lalr"`` a text is accepted where ``lark.Lark(text, parser="lalr").parse`` accepts it: its contextual
    lexer cuts the text into tokens, of which the one that it tries first wins, and its parser decides by the next
    token. So a keyword is no name where both may come, priorities of terminals count, and rules may not collide.
    Indentation needs this: an indenter gives the terminals of ``%declare`` their meaning.

    Parameters
    ----------
    text_or_path : the grammar, or its file: a ``Path``, or a string of one line that ends in ``.lark``. A relative path
        that is not there is looked for where ``%import`` looks.
    start : the rule that a whole text is.
    import_paths : folders where ``%import`` looks before the grammar's own folder and ``lark``'s grammars.
    parser : ``"earley"`` or ``"lalr"``; None = what the indenter needs, ``"earley"`` without one.
    indenter : how lines are indented, as ``lark``'s ``postlex``: an `Indenter`, or one of ``lark``'s, such as
        ``lark.indenter.PythonIndenter()``.

    Raises
    ------
    GrammarError : the grammar cannot be read or compiled; the message points at line and column, and names the cure.

    Examples
    --------
    >>> from fsm import Vocabulary
    >>> grammar = lark('start: "(" start ")" | "x"')
    >>> matcher = grammar.compile(Vocabulary([b"</s>", b"(", b"x", b")", b"))"], eos_token_ids=[0])).matcher()
    >>> [matcher.try_advance(token) for token in (1, 2, 4, 3)]
    [True, True, False, True]
    """
    with ExpansionTime(times=3):
        return _lark(text_or_path, start, parser, indenter, list(import_paths))


def _lark(
    text_or_path: str | Path,
    start: str,
    parser: Literal["earley", "lalr"] | None,
    indenter: Indenter | LarkIndenter | type[LarkIndenter] | None,
    folders: list[str | Path],
) -> Grammar:
    text, path = _read(text_or_path, folders)
    if parser is None:
        parser = "earley" if indenter is None else "lalr"
    if parser == "lalr":
        from grammars.lark.token_reading import read_tokens

        read = None if indenter is None else read_indenter(indenter)
        return read_tokens(text, start, path, import_paths=folders, indenter=read)
    if parser != "earley":
        raise GrammarError(f"lark grammar: got parser={parser!r}, expected 'earley' or 'lalr'")
    if indenter is not None:
        raise GrammarError(
            "lark grammar: got an indenter with parser='earley', which has no lexer that could count lines; pass "
            "parser='lalr', or no parser"
        )
    from grammars.lark.reading import read_lark  # the reader takes 50 ms to import

    return read_lark(text, start, path, folders)


def _read(text_or_path: str | Path, import_paths: Iterable[str | Path]) -> tuple[str, str]:
    if isinstance(text_or_path, str) and not ("\n" not in text_or_path and text_or_path.endswith(".lark")):
        return text_or_path, "<string>"
    path = Path(text_or_path)
    if not path.exists() and not path.is_absolute():
        found = [folder / path for folder in [*map(Path, import_paths), _bundled()] if (folder / path).exists()]
        path = found[0] if found else path
    try:
        return path.read_text(encoding="utf-8"), str(path.resolve())
    except OSError as error:
        raise GrammarError(
            f"lark grammar: cannot read {path}: {error.strerror}; pass the text or a readable file"
        ) from error


def _bundled() -> Path:
    """Return the folder of the grammars that ``lark`` brings along."""
    found = find_spec("lark")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "grammars"
