"""Read Lark grammars; `lark` is the entry.

reading.py      rules and terminals, as the ``lark`` package reads them      errors.py   what can be wrong
program.py      a terminal's pattern as a program      threads.py  its threads, stepped as backtracking would try them
first_match.py  where its first match ends, as an automaton      follows.py  what that says about the text after it
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fsm.errors import GrammarError
from grammars.context_free.grammar import ContextFreeGrammar

__all__ = ["lark"]


def lark(
    text_or_path: str | Path, *, start: str = "start", import_paths: Iterable[str | Path] = ()
) -> ContextFreeGrammar:
    """Return the grammar that a Lark grammar describes.

    A text is accepted where ``lark.Lark(text, parser="earley").parse`` accepts it: no lexer runs ahead; each terminal
    is tried where a rule may use it and ends where Python's ``re`` would end its match. Recursion of every kind and
    ambiguity are fine; priorities choose between parses and so change nothing here.

    Parameters
    ----------
    text_or_path : the grammar, or its file: a ``Path``, or a string of one line that ends in ``.lark``.
    start : the rule that a whole text is.
    import_paths : folders where ``%import`` looks before the grammar's own folder and ``lark``'s grammars.

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
    from grammars.lark.reading import read_lark  # the reader takes 50 ms to import

    text, path = _read(text_or_path)
    return read_lark(text, start, path, import_paths)


def _read(text_or_path: str | Path) -> tuple[str, str]:
    if isinstance(text_or_path, str) and not ("\n" not in text_or_path and text_or_path.endswith(".lark")):
        return text_or_path, "<string>"
    path = Path(text_or_path)
    try:
        return path.read_text(encoding="utf-8"), str(path.resolve())
    except OSError as error:
        raise GrammarError(
            f"lark grammar: cannot read {path}: {error.strerror}; pass the text or a readable file"
        ) from error
